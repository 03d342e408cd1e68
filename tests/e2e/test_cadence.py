"""A release rides its train, on the clock of the machine."""

from datetime import UTC, datetime, timedelta

from lockflight.api import reasons
from tests.e2e.stack import Stack, eventually

UAT = [{"name": "uat", "tier": "UAT", "spec": {"promotesFrom": [], "calendarRef": {"name": "daily"}}}]


def _next_minute() -> datetime:
    """A full minute that is near, and far enough away to do something before."""
    return (datetime.now(UTC) + timedelta(seconds=70)).replace(second=0, microsecond=0)


def test_a_release_waits_for_its_train_and_goes_with_it_by_itself(stack: Stack) -> None:
    stack.install(UAT)
    stack.chart("1.0.0")
    leaves = _next_minute()
    # Trains of one day; the first one ended yesterday, and everything happens at one minute of today.
    at = f"+0d {leaves:%H:%M}"
    calendar = {
        "timeZone": "UTC",
        "sprint": {"start": f"{leaves.date() - timedelta(days=1)}", "length": "1d"},
        "train": {"sprints": 1, "cutOff": at, "candidate": at, "production": at, "productionFor": "1h"},
    }
    stack.create("ReleaseCalendar", "daily", calendar, person="petra")
    train = eventually(lambda: stack.status("lfcal", "daily").get("train"), "the calendar's train")
    release = stack.release("1.0.0")

    promotion = stack.promote(release, "uat")

    message = stack.says(promotion, "Cadence", reasons.TRAIN_NOT_DUE)
    assert message.startswith(f"{release} is on train {train}: it enters tier UAT from {leaves:%Y-%m-%d %H:%M}")
    assert stack.gate(promotion, "Cadence")["retryAt"] == f"{leaves:%Y-%m-%dT%H:%M:%SZ}"
    (row,) = eventually(lambda: stack.status("lfrel", release).get("trains"), "the release's train")
    assert (row["calendar"], row["name"]) == (f"{stack.name}/daily", train)

    status = stack.reaches(promotion, "AwaitingSignOff")
    assert datetime.fromisoformat(status["execution"]["startedAt"]) >= leaves
