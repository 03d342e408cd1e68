"""Which days and times a rule meets: the expansion of RFC 5545, a period at a time, from anywhere in the calendar.

``dateutil`` is not asked: it starts at the rule's start each time and runs to the year 9999 where a rule meets nothing,
which would stop the operator for seconds (ADR 0052). That both say the same is a property that the tests hold.
"""

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from lockflight.policy.time.rrule import Frequency, Rule

HORIZON_YEARS: Final = 100
"""How many years after its start a rule is looked at."""
DAY: Final = timedelta(days=1)


def readings(rule: Rule, start: datetime, since: datetime) -> Iterator[datetime]:
    """Readings that the rule meets, in order, from ``start`` and not before ``since``; COUNT is not looked at."""
    end = horizon(start)
    for first, last in _periods(rule, start.date(), max(start, since).date()):
        if first > end:
            return
        for reading in _met(rule, start, first, last):
            if reading >= start and reading >= since and reading.date() <= end:
                yield reading


def horizon(start: datetime) -> date:
    """The last day on which a rule from ``start`` is looked at."""
    return date(min(start.year + HORIZON_YEARS, date.max.year - 1), 12, 31)


def _periods(rule: Rule, anchor: date, since: date) -> Iterator[tuple[date, date]]:
    """First and last day of the periods the rule counts, in order, without end, from the one that ``since`` lies in."""
    match rule.frequency:
        case Frequency.YEARLY:
            year = _aligned(anchor.year, since.year, rule.interval)
            while True:
                yield date(year, 1, 1), date(year, 12, 31)
                year += rule.interval
        case Frequency.MONTHLY:
            month = _aligned(_month(anchor), _month(since), rule.interval)
            while True:
                year, index = divmod(month, 12)
                yield date(year, index + 1, 1), date(year, index + 1, calendar.monthrange(year, index + 1)[1])
                month += rule.interval
        case Frequency.WEEKLY:
            week = _week_of(anchor, rule.week_start).toordinal()
            step = 7 * rule.interval
            day = _aligned(week, _week_of(since, rule.week_start).toordinal(), step)
            while True:
                yield date.fromordinal(day), date.fromordinal(day + 6)
                day += step
        case Frequency.DAILY:
            day = _aligned(anchor.toordinal(), since.toordinal(), rule.interval)
            while True:
                yield date.fromordinal(day), date.fromordinal(day)
                day += rule.interval
        case Frequency.HOURLY:
            for day in range(since.toordinal(), date.max.toordinal()):
                yield date.fromordinal(day), date.fromordinal(day)


def _aligned(anchor: int, since: int, step: int) -> int:
    """The last of anchor, anchor + step, … that is not after ``since``; the anchor where all are."""
    return anchor + max(0, (since - anchor) // step) * step


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _week_of(day: date, week_start: int) -> date:
    return day - timedelta(days=(day.weekday() - week_start) % 7)


def _met(rule: Rule, start: datetime, first: date, last: date) -> list[datetime]:
    """The readings of one period."""
    day, found = first, []
    while day <= last:
        if rule.months and day.month not in rule.months:
            # Whole months that do not count are leapt over: a rule of every year looks at few days.
            day = min(last, day.replace(day=calendar.monthrange(day.year, day.month)[1])) + DAY
            continue
        if _meets(rule, day):
            found += [datetime.combine(day, t) for t in rule.times]
        day += DAY
    if rule.frequency is Frequency.HOURLY:
        hour = start.replace(minute=0, second=0)
        return [r for r in found if (r.replace(minute=0, second=0) - hour) // timedelta(hours=1) % rule.interval == 0]
    if rule.positions:
        n = len(found)
        places = {p - 1 if p > 0 else n + p for p in rule.positions}
        return [found[place] for place in sorted(places) if 0 <= place < n]
    return found


def _meets(rule: Rule, day: date) -> bool:
    """Every kind of part that the rule has holds for ``day``; its month was looked at."""
    if rule.month_days:
        length = calendar.monthrange(day.year, day.month)[1]
        if day.day not in rule.month_days and day.day - length - 1 not in rule.month_days:
            return False
    if rule.year_days:
        number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
        if number not in rule.year_days and number - length - 1 not in rule.year_days:
            return False
    if rule.weeks:
        number, length = _week_number(day, rule.week_start)
        if number not in rule.weeks and number - length - 1 not in rule.weeks:
            return False
    if rule.weekdays or rule.nth_weekdays:
        return day.weekday() in rule.weekdays or _meets_nth(rule, day)
    return True


def _meets_nth(rule: Rule, day: date) -> bool:
    """The nth such weekday of the month; of the year, where the rule is yearly and names no months."""
    if not rule.nth_weekdays:
        return False
    if rule.frequency is Frequency.YEARLY and not rule.months:
        number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
    else:
        number, length = day.day, calendar.monthrange(day.year, day.month)[1]
    weekday = day.weekday()
    return ((number - 1) // 7 + 1, weekday) in rule.nth_weekdays or (
        -((length - number) // 7) - 1,
        weekday,
    ) in rule.nth_weekdays


def _week_number(day: date, week_start: int) -> tuple[int, int]:
    """The number of the day's week and how many weeks its year has: week 1 is the first with four days in the year."""
    week = _week_of(day, week_start)
    year = (week + timedelta(days=3)).year
    first, after = _first_week(year, week_start), _first_week(year + 1, week_start)
    return (week - first).days // 7 + 1, (after - first).days // 7


def _first_week(year: int, week_start: int) -> date:
    return _week_of(date(year, 1, 4), week_start)
