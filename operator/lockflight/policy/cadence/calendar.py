"""A ReleaseCalendar object as something that can be asked."""

from functools import lru_cache

from lockflight.api.releasecalendar import HolidayRule, ReleaseCalendar, Sprint, TrainRule
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.cadence.trains import Trains
from lockflight.policy.time.holidays import Holidays, holidays
from lockflight.policy.time.zones import InvalidTime, day, zone


def trains(calendar: ReleaseCalendar) -> Trains:
    """The trains of ``calendar``. Raises InvalidCalendar naming the field, what was found and what is allowed.

    The same rules give the same object, which remembers the trains it was asked for.
    """
    spec = calendar.spec
    return _trains(spec.time_zone, spec.sprint, spec.train or TrainRule(), spec.holidays or HolidayRule())


@lru_cache(maxsize=1024)
def _trains(time_zone: str, sprint: Sprint, train: TrainRule, free: HolidayRule) -> Trains:
    try:
        days = holidays(free.country, free.subdivision, free.dates)
        day(sprint.start, "spec.sprint.start")
        return Trains(sprint, train, zone(time_zone), days.is_business_day)
    except InvalidTime as problem:
        raise InvalidCalendar(str(problem)) from problem


def business_days(calendar: ReleaseCalendar) -> Holidays:
    """On which days of ``calendar`` people work. Raises InvalidTime."""
    free = calendar.spec.holidays or HolidayRule()
    return holidays(free.country, free.subdivision, free.dates)
