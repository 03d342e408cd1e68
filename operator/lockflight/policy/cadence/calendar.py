"""A ReleaseCalendar object as something that can be asked."""

from lockflight.api.releasecalendar import HolidayRule, ReleaseCalendar
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.cadence.trains import Trains
from lockflight.policy.time.holidays import holidays
from lockflight.policy.time.zones import InvalidTime, zone


def trains(calendar: ReleaseCalendar) -> Trains:
    """The trains of ``calendar``. Raises InvalidCalendar naming the field, what was found and what is allowed."""
    given = calendar.spec.holidays or HolidayRule()
    try:
        days = holidays(given.country, given.subdivision, given.dates)
        return Trains(calendar.spec, zone(calendar.spec.time_zone), days.is_business_day)
    except InvalidTime as problem:
        raise InvalidCalendar(str(problem)) from problem
