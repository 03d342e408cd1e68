"""The change windows of a calendar: whether one is open for a type of change, and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from lockflight.api.common import ChangeType, parse_duration
from lockflight.api.releasecalendar import ChangeWindow, OnHolidays, ReleaseCalendar
from lockflight.policy.cadence.calendar import business_days
from lockflight.policy.time.recurrence import Around, Recurrence, Span, recurrence
from lockflight.policy.time.zones import InvalidTime

_LOOKED_AT = 64
"""Occurrences in a row that may fall on holidays before the window counts as one without a next time."""


@dataclass(frozen=True, slots=True)
class Open:
    """A window by name, and one of its times."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Windows:
    """Those that list a type of change. Several are alternatives."""

    names: tuple[str, ...]
    current: Open | None
    """What is open now, to the end of all that follow it without a gap."""
    next: Open | None


def windows_for(calendar: ReleaseCalendar, kind: ChangeType, now: datetime) -> Windows:
    """What the windows that list ``kind`` say at ``now``. Raises InvalidTime naming the field."""
    listed = [window for window in calendar.spec.change_windows if kind in window.types]
    found = [(window.name, around(calendar, window, now)) for window in listed]
    current = max(
        (Open(name, each.current) for name, each in found if each.current), key=lambda o: o.span.end, default=None
    )
    ahead = sorted((Open(name, each.next) for name, each in found if each.next), key=lambda o: o.span.start)
    for following in ahead:
        if current is not None and following.span.start <= current.span.end < following.span.end:
            current = Open(current.name, Span(current.span.start, following.span.end))
    return Windows(tuple(window.name for window in listed), current, ahead[0] if ahead else None)


def around(calendar: ReleaseCalendar, window: ChangeWindow, now: datetime) -> Around:
    """When ``window`` is open around ``now``. Raises InvalidTime."""
    times = _times(calendar, window)
    if window.on_holidays is not OnHolidays.CLOSED:
        return times.around(now)
    days, where = business_days(calendar), times.where
    works = [span for span in _from(times, now) if days.holiday(span.start.astimezone(where).date()) is None]
    current = [span for span in works if span.covers(now)]
    return Around(
        max(current, key=lambda span: span.end, default=None), next((span for span in works if span.start > now), None)
    )


def openings(calendar: ReleaseCalendar, window: ChangeWindow, since: datetime, until: datetime) -> Iterator[Span]:
    """The times of ``window`` of which any part lies in [since, until), in order. Raises InvalidTime."""
    times = _times(calendar, window)
    closed = business_days(calendar) if window.on_holidays is OnHolidays.CLOSED else None
    for span in times.between(since - times.duration, until):
        day = span.start.astimezone(times.where).date()
        if span.end > since and (closed is None or closed.holiday(day) is None):
            yield span


def _from(times: Recurrence, now: datetime) -> Iterator[Span]:
    """Those that are on, and a number of those that follow."""
    begin = now - times.duration
    over = now + timedelta(days=366 * 5)
    on = [span for span in times.between(begin, now + timedelta(microseconds=1)) if span.covers(now)]
    yield from on
    yield from islice(times.between(now + timedelta(microseconds=1), over), _LOOKED_AT)


def _times(calendar: ReleaseCalendar, window: ChangeWindow) -> Recurrence:
    spec, field = calendar.spec, f"spec.changeWindows[{window.name}]"
    start = f"{spec.sprint.start}T00:00:00"
    try:
        return recurrence(window.rrule, start, spec.time_zone, parse_duration(window.duration), field)
    except InvalidTime as problem:
        msg = f"calendar {calendar.metadata.namespace}/{calendar.metadata.name}: {problem}"
        raise InvalidTime(msg) from problem
