"""Dependencies on fakes, with whatever a test replaces."""

from typing import Any

from lockflight.workflow.deps import Deps
from lockflight.workflow.store import Store
from lockflight.workflow.trail import AuditTrail
from tests.fakes import (
    FakeAdmission,
    FakeCharts,
    FakeClock,
    FakeCluster,
    FakeHelm,
    FakeLeadership,
    RecordingEvents,
    RecordingMetrics,
)


def make_deps(**given: Any) -> Deps:
    """Fakes for everything that is not ``given``."""
    cluster = given.get("cluster") or FakeCluster()
    fakes: dict[str, Any] = {
        "clock": FakeClock(),
        "cluster": cluster,
        "admission": FakeAdmission(),
        "helm": FakeHelm(),
        "charts": FakeCharts(),
        "events": RecordingEvents(),
        "metrics": RecordingMetrics(),
        "leadership": FakeLeadership(),
        "audit": AuditTrail(cluster, FakeClock(), "lockflight-system"),
        "store": Store(),
    }
    return Deps(**{**fakes, **given})
