"""ChangeWindow: a normal change runs inside its own schedule."""

from datetime import UTC, datetime

from lockflight.policy.gates._verdicts import denied, is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/change-window.md."""
    lacking = missing(s)
    if lacking is not None or s.effective is None:
        return lacking or waiting("CannotTell", "the environment cannot be read")
    if is_rollback(s) or s.effective.spec.change_control is None:
        return not_applicable("no schedule applies")
    if s.change is None or s.change.spec.schedule is None:
        return not_applicable("the change has no schedule")
    schedule, name = s.change.spec.schedule, s.change.metadata.name
    if now < schedule.start:
        return waiting("ScheduleNotBegun", f"{name} is scheduled for {_utc(schedule.start)}", schedule.start)
    if now >= schedule.end:
        return denied("ScheduleOver", f"the schedule of {name} ended {_utc(schedule.end)}: raise another change")
    return passed(f"inside the schedule of {name}, until {_utc(schedule.end)}")


def _utc(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%MZ}"
