"""The change windows of a calendar: whether one is open for a type of change, and when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from lockflight.api.common import ChangeType, parse_duration
from lockflight.api.releasecalendar import ChangeWindow, OnHolidays, ReleaseCalendar
from lockflight.policy.cadence.calendar import business_days
from lockflight.policy.time.recurrence import Around, Recurrence, Span, recurrence
from lockflight.policy.time.zones import InvalidTime

_LOOKED_AT: Final = 64
"""Days in a row that may be holidays before the window counts as one without a next time."""
_FAR: Final = timedelta(days=366 * 5)
_MOMENT: Final = timedelta(microseconds=1)


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
    closed, where = business_days(calendar).holiday, times.where
    on = times.between(now - times.duration, now + _MOMENT)
    current = [span for span in on if span.covers(now) and closed(span.start.astimezone(where).date()) is None]
    return Around(max(current, key=lambda span: span.end, default=None), _following(times, now, closed))


def openings(calendar: ReleaseCalendar, window: ChangeWindow, since: datetime, until: datetime) -> Iterator[Span]:
    """The times of ``window`` of which any part lies in [since, until), in order. Raises InvalidTime."""
    times = _times(calendar, window)
    closed = business_days(calendar) if window.on_holidays is OnHolidays.CLOSED else None
    for span in times.between(since - times.duration, until):
        day = span.start.astimezone(times.where).date()
        if span.end > since and (closed is None or closed.holiday(day) is None):
            yield span


def _following(times: Recurrence, now: datetime, closed: Callable[[date], str | None]) -> Span | None:
    """The first one after ``now`` on a day that is not closed."""
    missed: set[date] = set()
    for span in times.between(now + _MOMENT, now + _FAR):
        day = span.start.astimezone(times.where).date()
        if closed(day) is None:
            return span
        missed.add(day)
        if len(missed) > _LOOKED_AT:
            return None
    return None


def _times(calendar: ReleaseCalendar, window: ChangeWindow) -> Recurrence:
    spec, field = calendar.spec, f"spec.changeWindows[{window.name}]"
    start = f"{spec.sprint.start}T00:00:00"
    try:
        return recurrence(window.rrule, start, spec.time_zone, parse_duration(window.duration), field)
    except InvalidTime as problem:
        msg = f"calendar {calendar.metadata.namespace}/{calendar.metadata.name}: {problem}"
        raise InvalidTime(msg) from problem
