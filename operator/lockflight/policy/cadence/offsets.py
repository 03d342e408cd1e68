"""Days and business days on a wall clock: from ``-3bd 17:00`` to an instant."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

BusinessDay = Callable[[date], bool]
"""Whether people work on that day."""

_LONGEST: Final = 400
"""More days without a business day between them are a calendar without any."""


class InvalidCalendar(ValueError):  # noqa: N818
    """A calendar that cannot be judged; the message names the field, what was found and what is allowed."""


def at(day: date, clock: time, where: ZoneInfo) -> datetime:
    """The instant, in UTC, of a wall clock reading.

    Inside the gap of a clock change it moves forward by the gap; in the repeated hour it is the first one
    (RFC 5545, section 3.3.5).
    """
    return datetime.combine(day, clock, tzinfo=where).astimezone(UTC)


def business(day: date, count: int, works: BusinessDay) -> date:
    """``count`` business days from ``day``.

    0 is ``day`` itself or the first business day after it; 1 the next after that; -1 the last before ``day``.
    Raises InvalidCalendar where there is none for more than a year.
    """
    step = timedelta(days=-1 if count < 0 else 1)
    left, found, idle = abs(count), day, 0
    if count < 0:
        found += step
        left -= 1
    while True:
        if works(found):
            if left == 0:
                return found
            left, idle = left - 1, 0
        else:
            idle += 1
            if idle > _LONGEST:
                msg = f"spec.holidays leave no business day around {day}: leave some out"
                raise InvalidCalendar(msg)
        found += step


def offset(text: str, day: date, where: ZoneInfo, works: BusinessDay) -> datetime:
    """The instant that ``text`` (such as ``-3bd 17:00``) is from ``day``. Raises InvalidCalendar."""
    found = re.fullmatch(r"([+-][0-9]+)(bd|d) ([0-9]{2}):([0-9]{2})", text)
    if found is None:
        msg = f"{text!r} is no offset: write one such as -3bd 17:00 or +1d 09:00"
        raise InvalidCalendar(msg)
    count, unit, hour, minute = int(found[1]), found[2], int(found[3]), int(found[4])
    meant = business(day, count, works) if unit == "bd" else day + timedelta(days=count)
    return at(meant, time(hour, minute), where)


def after(start: datetime, span: str, where: ZoneInfo, works: BusinessDay) -> datetime:
    """``start`` plus ``span`` (``2bd``, ``3d``, ``48h``): the same time of day, or so many elapsed hours."""
    found = re.fullmatch(r"([0-9]+)(bd|d|h)", span)
    if found is None:
        msg = f"{span!r} is no span: write one such as 2bd, 3d or 48h"
        raise InvalidCalendar(msg)
    count, unit = int(found[1]), found[2]
    if unit == "h":
        return start + timedelta(hours=count)
    local = start.astimezone(where)
    if unit == "d":
        return at(local.date() + timedelta(days=count), local.time(), where)
    return at(business(local.date(), count, works), local.time(), where)
