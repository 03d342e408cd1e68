"""Honest stand-ins for the ports: they refuse what the real ones refuse (tests/contract holds both to that)."""

from tests.fakes.admission import FakeAdmission
from tests.fakes.archive import FakeArchive
from tests.fakes.charts import FakeCharts
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.helm import FakeHelm
from tests.fakes.leadership import FakeLeadership
from tests.fakes.recording import Emitted, RecordingEvents, RecordingMetrics

__all__ = [
    "Emitted",
    "FakeAdmission",
    "FakeArchive",
    "FakeCharts",
    "FakeClock",
    "FakeCluster",
    "FakeHelm",
    "FakeLeadership",
    "RecordingEvents",
    "RecordingMetrics",
]
