"""A ReleaseCalendar object as something that can be asked."""

from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.cadence.offsets import InvalidCalendar, weekday
from lockflight.policy.cadence.trains import Trains
from lockflight.policy.time.zones import InvalidTime, zone


def trains(calendar: ReleaseCalendar) -> Trains:
    """The trains of ``calendar``. Raises InvalidCalendar naming the field, what was found and what is allowed."""
    try:
        return Trains(calendar.spec, zone(calendar.spec.time_zone), weekday)
    except InvalidTime as problem:
        raise InvalidCalendar(str(problem)) from problem
