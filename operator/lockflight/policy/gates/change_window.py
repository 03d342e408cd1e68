"""ChangeWindow: a normal change runs inside its own schedule."""

from datetime import UTC, datetime

from lockflight.api import reasons
from lockflight.policy.backout import back_out
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/changewindow.md."""
    if on.effective.spec.change_control is None:
        return not_applicable("this environment asks for no change")
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return not_applicable(f"{way_back.message}, whatever its schedule")
    change = on.snapshot.change
    if change is None:
        return waiting(reasons.NO_CHANGE, "the schedule is part of the change: see gate ChangeControl")
    name, schedule = change.metadata.name, change.spec.schedule
    if schedule is None:
        return not_applicable(f"change {name} has no schedule")
    start, end = _both(schedule.start), _both(schedule.end)
    if now < schedule.start:
        return waiting(reasons.SCHEDULE_NOT_BEGUN, f"change {name} is scheduled from {start} to {end}", schedule.start)
    if now >= schedule.end:
        return denied(reasons.SCHEDULE_OVER, f"the schedule of change {name} ended {end}: raise another change")
    return passed(f"inside the schedule of change {name}, until {end}", retry_at=schedule.end)


def _both(when: datetime) -> str:
    """As the change says it, and in UTC."""
    return f"{when:%Y-%m-%d %H:%M %Z} ({when.astimezone(UTC):%Y-%m-%d %H:%MZ})"
