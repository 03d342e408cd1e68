"""ChangeWindow: a standard change runs inside a change window, a normal one inside its own schedule."""

from datetime import UTC, datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.policy.backout import back_out
from lockflight.policy.changewindows import Open, Windows, windows_for
from lockflight.policy.model import Verdict
from lockflight.policy.time.zones import InvalidTime, both_clocks, zone
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/changewindow.md."""
    control = on.effective.spec.change_control
    if control is None and not _required(on):
        return not_applicable("this environment asks for no change and no window")
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return not_applicable(f"{way_back.message}, whatever its schedule")
    change = on.snapshot.change
    if control is not None and change is None:
        return waiting(reasons.NO_CHANGE, "the schedule is part of the change: see gate ChangeControl")
    over = _over(change, now)
    if over is not None:
        return over
    try:
        return _judged(on, change, now)
    except InvalidTime as problem:
        return waiting(reasons.WINDOW_INVALID, f"{problem}; until mended no window of it opens")


def _required(on: Subject) -> bool:
    entry = on.effective.spec.entry
    return entry is not None and bool(entry.require_window)


def _over(change: ChangeRequest | None, now: datetime) -> Verdict | None:
    schedule = change.spec.schedule if change else None
    if change is None or schedule is None or now < schedule.end:
        return None
    name, end = change.metadata.name, _both(schedule.end)
    return denied(reasons.SCHEDULE_OVER, f"the schedule of change {name} ended {end}: raise another change")


def _judged(on: Subject, change: ChangeRequest | None, now: datetime) -> Verdict:
    """Where no change is asked for, what comes is pre-approved: windows for standard changes."""
    kind = change.spec.type if change else ChangeType.STANDARD
    windows, schedule = _windows(on, kind, now), change.spec.schedule if change else None
    required = _required(on) and (kind is ChangeType.STANDARD or schedule is None)
    if required and (windows is None or not windows.names):
        ref = on.effective.spec.calendar_ref
        where = f"calendar {ref.name} has none" if ref else f"environment {on.effective.name} follows no calendar"
        advice = "" if kind is ChangeType.STANDARD else ", or give the change a schedule"
        return waiting(
            reasons.WINDOW_MISSING,
            f"nothing starts here without a change window for type {kind}, and {where}: "
            f"add one to spec.changeWindows of its calendar{advice}",
        )
    if change is not None and schedule is not None and now < schedule.start:
        name, start, end = change.metadata.name, _both(schedule.start), _both(schedule.end)
        message = f"change {name} is scheduled from {start} to {end}"
        return waiting(reasons.SCHEDULE_NOT_BEGUN, message, schedule.start)
    closed = _closed(on, change, windows)
    if closed is not None:
        return closed
    words, ends = [], []
    if change is not None and schedule is not None:
        words.append(f"inside the schedule of change {change.metadata.name}, until {_both(schedule.end)}")
        ends.append(schedule.end)
    if windows is not None and windows.current is not None:
        words.append(f"inside change window {windows.current.name}, until {_clocks(on, windows.current.span.end)}")
        ends.append(windows.current.span.end)
    if not words:
        name = change.metadata.name if change else ""
        return not_applicable(f"change {name} has no schedule, and no change window lists type {kind}")
    return passed("; ".join(words), retry_at=min(ends))


def _closed(on: Subject, change: ChangeRequest | None, windows: Windows | None) -> Verdict | None:
    """None where a window that lists the type is open, or there is none to be held to."""
    if windows is None or not windows.names or windows.current is not None:
        return None
    names, following = ", ".join(windows.names), windows.next
    if following is None:
        return waiting(reasons.WINDOW_CLOSED, f"change windows {names} do not open any more: mend the calendar")
    message = f"change windows {names} are closed: {following.name} opens {_clocks(on, following.span.start)}"
    schedule = change.spec.schedule if change else None
    if schedule is not None and following.span.start >= schedule.end:
        message += f", after the schedule of the change ends: move it {_slot(on, following)}"
    return waiting(reasons.WINDOW_CLOSED, message, following.span.start)


def _slot(on: Subject, window: Open) -> str:
    return f"into {_clocks(on, window.span.start)} to {_clocks(on, window.span.end)}"


def _windows(on: Subject, kind: ChangeType, now: datetime) -> Windows | None:
    calendar = on.snapshot.calendar
    return windows_for(calendar, kind, now) if calendar is not None else None


def _clocks(on: Subject, when: datetime) -> str:
    calendar = on.snapshot.calendar
    return both_clocks(when, zone(calendar.spec.time_zone)) if calendar is not None else _both(when)


def _both(when: datetime) -> str:
    """As the change says it, and in UTC."""
    return f"{when:%Y-%m-%d %H:%M %Z} ({when.astimezone(UTC):%Y-%m-%d %H:%MZ})"
