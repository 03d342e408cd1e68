"""Meetings of the change board: when they are, and until when a change must be raised to be on the agenda."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lockflight.api.releasecalendar import CabMeeting, ReleaseCalendar
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.offsets import InvalidCalendar, offset
from lockflight.policy.cadence.trains import Trains
from lockflight.policy.time.recurrence import Recurrence, recurrence
from lockflight.policy.time.zones import InvalidTime

LENGTH: Final = timedelta(hours=1)
"""How long a meeting is shown to last."""
_FAR: Final = timedelta(days=1500)
"""A meeting further away is none: four years reach a 29 February from anywhere but around 1900 and 2100."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting."""

    name: str
    at: datetime
    submit_by: datetime
    """Changes raised before then are on its agenda."""


def meetings(calendar: ReleaseCalendar, since: datetime, until: datetime) -> list[Meeting]:
    """Those that begin in [since, until), the earliest first. Raises InvalidCalendar."""
    found = trains(calendar)
    every = [
        _meeting(found, rule, span.start)
        for rule in _rules(calendar)
        for span in _recurrence(calendar, rule).between(since, until)
    ]
    return sorted(every, key=lambda m: (m.at, m.name))


def next_meeting(calendar: ReleaseCalendar, now: datetime) -> Meeting | None:
    """The first that begins after ``now``; None where there is none for years. Raises InvalidCalendar."""
    found = trains(calendar)
    coming = [_recurrence(calendar, rule).around(now).next for rule in _rules(calendar)]
    ahead = [
        _meeting(found, rule, span.start)
        for rule, span in zip(_rules(calendar), coming, strict=True)
        if span is not None and span.start < now + _FAR
    ]
    return min(ahead, key=lambda m: (m.at, m.name), default=None)


def meeting_for(calendar: ReleaseCalendar, raised: datetime) -> Meeting | None:
    """The first meeting on whose agenda a change raised at ``raised`` is. Raises InvalidCalendar."""
    return next((m for m in meetings(calendar, raised, raised + _FAR) if raised < m.submit_by), None)


def _rules(calendar: ReleaseCalendar) -> tuple[CabMeeting, ...]:
    return calendar.spec.cab.meetings if calendar.spec.cab else ()


def _recurrence(calendar: ReleaseCalendar, rule: CabMeeting) -> Recurrence:
    start = f"{calendar.spec.sprint.start}T{rule.at}:00"
    try:
        return recurrence(rule.rrule, start, calendar.spec.time_zone, LENGTH, f"spec.cab.meetings[{rule.name}]")
    except InvalidTime as problem:
        raise InvalidCalendar(str(problem)) from problem


def _meeting(found: Trains, rule: CabMeeting, start: datetime) -> Meeting:
    day = start.astimezone(found.zone).date()
    submit_by = offset(rule.submit_by, day, found.zone, found.works) if rule.submit_by else start
    return Meeting(rule.name, start, min(submit_by, start))
