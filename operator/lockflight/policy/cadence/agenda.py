"""What stands in the calendar of a stack: trains, meetings, windows, freezes, changes, each from when until when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy import windows
from lockflight.policy.cadence.boarding import key
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.entries import Entry, What
from lockflight.policy.cadence.meetings import LENGTH, meetings
from lockflight.policy.cadence.offsets import InvalidCalendar, at
from lockflight.policy.cadence.trains import Trains
from lockflight.policy.changewindows import openings
from lockflight.policy.critical import critical_dates, frozen_around
from lockflight.policy.lifting import lifted
from lockflight.policy.time.zones import InvalidTime, both_clocks


@dataclass(frozen=True, slots=True)
class Agenda:
    """The entries of a time, the earliest first, and what could not be read into it."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()


def agenda(
    calendars: Iterable[ReleaseCalendar],
    freezes: Iterable[FreezeWindow],
    changes: Iterable[ChangeRequest],
    since: datetime,
    until: datetime,
) -> Agenda:
    """Everything in [since, until). Lifted freezes and changes that ended without being carried out are left out."""
    found: list[Entry] = []
    problems: list[str] = []
    for calendar in calendars:
        try:
            found += _of_calendar(calendar, since, until)
            found += _of_critical_dates(calendar, since, until)
            found += _of_windows(calendar, since, until)
        except (InvalidCalendar, InvalidTime) as problem:
            problems.append(f"calendar {key(calendar)}: {problem}")
    for freeze in freezes:
        try:
            found += _of_freeze(freeze, since, until)
        except ValueError as problem:
            problems.append(f"freeze {freeze.metadata.namespace}/{freeze.metadata.name}: {problem}")
    for change in changes:
        found += _of_change(change)
    kept = {entry.uid: entry for entry in found if entry.within(since, until)}
    return Agenda(tuple(sorted(kept.values(), key=lambda e: (e.start, e.what, e.uid))), tuple(problems))


def _of_calendar(calendar: ReleaseCalendar, since: datetime, until: datetime) -> Iterator[Entry]:
    found, uid = trains(calendar), f"{calendar.metadata.namespace}.{calendar.metadata.name}"
    yield from _sprints(found, uid, since, until)
    for meeting in meetings(calendar, since, until):
        yield Entry(
            What.MEETING, f"{uid}.cab.{meeting.name}.{meeting.at.astimezone(found.zone):%Y%m%d}",
            f"CAB meeting {meeting.name}", meeting.at, meeting.at + LENGTH,
            f"Changes raised before {both_clocks(meeting.submit_by, found.zone)} are on the agenda.",
        )  # fmt: skip
    for train in found.since(since.astimezone(found.zone).date()):
        # Nothing of a train lies before its cut-off, and the cut-offs follow one another.
        if train.cut_off >= until:
            return
        name = train.name
        yield Entry(
            What.CUT_OFF, f"{uid}.{name}.cut-off", f"Cut-off of train {name}", train.cut_off,
            detail="Releases made before this time are on the train.",
        )  # fmt: skip
        yield Entry(
            What.CANDIDATE, f"{uid}.{name}.candidate", f"Train {name} to UAT", train.candidate,
            detail="Its releases may enter tier UAT from now on.",
        )  # fmt: skip
        yield Entry(
            What.PRODUCTION, f"{uid}.{name}.production", f"Train {name} to production", train.production, train.until,
            "Its releases may enter tier Production; what has not started by the end takes the next train.",
        )  # fmt: skip


def _sprints(found: Trains, uid: str, since: datetime, until: datetime) -> Iterator[Entry]:
    sprint = found.sprint(max(found.first_day, since.astimezone(found.zone).date()))
    while (start := found.begins(sprint)) < until:
        train = found.train(found.of_sprint(sprint))
        number = (sprint.start - train.start).days // found.sprint_days + 1
        after = sprint.end + timedelta(days=1)
        yield Entry(
            What.SPRINT, f"{uid}.sprint.{sprint.start}", f"Sprint {number} of train {train.name}",
            start, at(after, time(0), found.zone), days=True,
        )  # fmt: skip
        sprint = found.sprint(after)


def _of_critical_dates(calendar: ReleaseCalendar, since: datetime, until: datetime) -> Iterator[Entry]:
    where, uid = trains(calendar).zone, f"{calendar.metadata.namespace}.{calendar.metadata.name}"
    for critical, day in critical_dates(calendar, range(since.year - 1, until.year + 2)):
        name, freeze = f"{uid}.{critical.name}.{day}", frozen_around(calendar, critical, day)
        yield Entry(
            What.CRITICAL, name, f"Critical date: {critical.name}",
            at(day, time(0), where), at(day + timedelta(days=1), time(0), where), days=True,
        )  # fmt: skip
        found = windows.occurrences(freeze)
        if isinstance(found, windows.Once):
            yield Entry(
                What.FREEZE, f"{name}.freeze", f"Freeze: {critical.name}", found.span.start, found.span.end,
                f"Critical date {day}. {_whom(freeze)}",
            )  # fmt: skip


def _of_windows(calendar: ReleaseCalendar, since: datetime, until: datetime) -> Iterator[Entry]:
    for window in calendar.spec.change_windows:
        uid = f"{calendar.metadata.namespace}.{calendar.metadata.name}.window.{window.name}"
        for span in openings(calendar, window, since, until):
            yield Entry(
                What.WINDOW, f"{uid}.{span.start:%Y%m%dT%H%M%SZ}", f"Change window {window.name}", span.start, span.end,
                f"For changes of type {', '.join(window.types)}.",
            )  # fmt: skip


def _of_freeze(freeze: FreezeWindow, since: datetime, until: datetime) -> Iterator[Entry]:
    if lifted(freeze):
        return
    uid, title = f"freeze.{freeze.metadata.namespace}.{freeze.metadata.name}", f"Freeze: {freeze.spec.reason}"
    found = windows.occurrences(freeze)
    if isinstance(found, windows.Once):
        end = None if found.span.end == windows.FOREVER else found.span.end
        yield Entry(What.FREEZE, uid, title, found.span.start, end, _whom(freeze))
        return
    for span in found.between(since - found.duration, until):
        yield Entry(What.FREEZE, f"{uid}.{span.start:%Y%m%dT%H%M%SZ}", title, span.start, span.end, _whom(freeze))


def _whom(freeze: FreezeWindow) -> str:
    where = freeze.spec.environments
    parts = [
        f"{what} {', '.join(names)}"
        for what, names in (
            ("tiers", where.tiers if where else ()),
            ("environments", where.names if where else ()),
            ("applications", freeze.spec.applications),
        )
        if names
    ]
    return f"Holds {'; '.join(parts) or 'everything'}."


def _of_change(change: ChangeRequest) -> Iterator[Entry]:
    schedule, phase = change.spec.schedule, change.status.phase
    if schedule is None or (phase is not None and phase.ended and not change.status.used_by):
        return
    name = f"{change.metadata.namespace}.{change.metadata.name}"
    told = f"{change.spec.type} change, {phase or 'New'}: {change.spec.reason}"
    yield Entry(
        What.CHANGE, f"change.{name}", f"{change.metadata.name}: {change.spec.title}",
        schedule.start, schedule.end, told,
    )  # fmt: skip
