"""The Clock, Events and Metrics ports."""

from datetime import UTC, timedelta

import pytest

from lockflight.adapters.clock import SystemClock
from lockflight.adapters.metrics import PrometheusMetrics
from lockflight.ports import Clock, Metrics
from tests.fakes import FakeClock, RecordingMetrics


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["real", "fake"])
async def test_time_is_in_utc_and_no_sleep_returns_at_once(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC
    await clock.sleep(timedelta(0))
    await clock.sleep(timedelta(seconds=-1))


@pytest.mark.parametrize("metrics", [PrometheusMetrics(), RecordingMetrics()], ids=["real", "fake"])
def test_a_metric_that_is_not_declared_is_a_mistake(metrics: Metrics) -> None:
    metrics.count("promotion_transitions_total", environment="uat", phase="Succeeded")
    metrics.gauge("queue_depth", 3)
    metrics.observe("reconcile_duration_seconds", 0.1, kind="Promotion")
    with pytest.raises(KeyError):
        metrics.count("promotions_total")
    with pytest.raises(ValueError, match="label"):
        metrics.count("promotion_transitions_total", stage="uat")
