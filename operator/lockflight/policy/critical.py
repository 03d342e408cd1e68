"""Critical dates of a calendar as the freezes that they make."""

import calendar as months
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final

from lockflight.api.common import Meta
from lockflight.api.freezewindow import FreezeWindow, FreezeWindowSpec, Selector
from lockflight.api.releasecalendar import CriticalDate, ReleaseCalendar
from lockflight.policy.cadence.calendar import business_days
from lockflight.policy.time.holidays import Holidays
from lockflight.policy.time.zones import zone

_DAY: Final = timedelta(days=1)
_KNOWN: OrderedDict[tuple[int, int], tuple[ReleaseCalendar, tuple[FreezeWindow, ...]]] = OrderedDict()
"""By id of the calendar, which is kept so that its id is not given to another, and year."""
_MOST: Final = 256


def critical_freezes(calendar: ReleaseCalendar, now: datetime) -> tuple[FreezeWindow, ...]:
    """The freezes around the critical dates of last year, this one and the next; the same tuple for the same year.

    Each is called like its date. Raises InvalidTime, naming the field, where zone or holidays do not exist.
    """
    key = id(calendar), now.year
    known = _KNOWN.get(key)
    if known is None or known[0] is not calendar:
        zone(calendar.spec.time_zone)
        years = range(now.year - 1, now.year + 2)
        made = tuple(frozen_around(calendar, critical, day) for critical, day in critical_dates(calendar, years))
        known = _KNOWN[key] = calendar, made
        while len(_KNOWN) > _MOST:
            _KNOWN.popitem(last=False)
    return known[1]


def critical_dates(calendar: ReleaseCalendar, years: Iterable[int]) -> Iterator[tuple[CriticalDate, date]]:
    """Each critical date with the days that it means in ``years``; one that names its year comes in any case."""
    for critical in calendar.spec.critical_dates:
        for day in _days(critical.date, years):
            yield critical, day


def _days(text: str, years: Iterable[int]) -> list[date]:
    """The days that ``12-31`` or ``2027-03-15`` means; 29 February in leap years only."""
    if len(text) > 5:
        years, (month, day) = [int(text[:4])], map(int, text[5:].split("-"))
    else:
        month, day = map(int, text.split("-"))
    return [date(y, month, day) for y in years if day <= months.monthrange(y, month)[1]]


def frozen_around(calendar: ReleaseCalendar, critical: CriticalDate, day: date) -> FreezeWindow:
    """The freeze that ``critical`` makes around ``day``. Raises InvalidTime where holidays do not exist."""
    works = business_days(calendar)
    first = _moved(day, critical.freeze.before, -1, works)
    last = _moved(day, critical.freeze.after, 1, works)
    meta = calendar.metadata
    return FreezeWindow(
        metadata=Meta(name=critical.name, namespace=meta.namespace, uid=f"{meta.uid}/{critical.name}/{day}"),
        spec=FreezeWindowSpec(
            reason=f"critical date {day} of calendar {meta.name}",
            time_zone=calendar.spec.time_zone,
            start=f"{first}T00:00:00",
            end=f"{last + _DAY}T00:00:00",
            environments=Selector(tiers=critical.tiers) if critical.tiers else None,
            exempt=critical.exempt,
            override=critical.override,
        ),
    )


def _moved(day: date, by: str | None, sign: int, works: Holidays) -> date:
    if by is None:
        return day
    if by.endswith("bd"):
        return works.shift(day, sign * int(by[:-2]))
    return day + sign * int(by[:-1]) * _DAY
