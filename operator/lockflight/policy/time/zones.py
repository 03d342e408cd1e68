"""Wall clock in a zone to instants, with the rules for daylight saving.

A reading inside a gap moves forward by the gap; in a repeated hour it is the first one (RFC 5545, section 3.3.5).
"""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NO_PLACE: Final = ("localtime", "posixrules", "Factory")
"""Names that mean another zone on every machine."""


class InvalidTime(ValueError):  # noqa: N818
    """A time that cannot be judged; the message names the field, what was found and what is allowed."""


@lru_cache(maxsize=1024)
def zone(name: str, field: str = "spec.timeZone") -> ZoneInfo:
    """An IANA time zone. Raises InvalidTime for one that does not exist, never falls back to UTC."""
    try:
        if name in _NO_PLACE:
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        msg = f"{field} {name!r} is no IANA time zone: write one such as Europe/Berlin"
        raise InvalidTime(msg) from problem


def wall(text: str, field: str = "the time") -> datetime:
    """A reading of a wall clock, naive. Raises InvalidTime for a day or time that does not exist."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            raise ValueError(text)
    except ValueError as problem:
        msg = f"{field} {text!r} is no date and time: write one such as 2026-12-18T18:00:00"
        raise InvalidTime(msg) from problem
    return found


def day(text: str, field: str) -> date:
    """A day of the calendar. Raises InvalidTime for one that does not exist."""
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        msg = f"{field} {text!r} is no day: write one such as 2026-11-02"
        raise InvalidTime(msg) from problem


def instant(reading: datetime, where: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a wall clock in ``where`` first shows ``reading``, a naive time."""
    # fold=0: zoneinfo takes the first of a repeated hour, and the offset before a gap, which shifts forward by the gap.
    return reading.replace(tzinfo=where, fold=0).astimezone(UTC)


def both_clocks(when: datetime, where: ZoneInfo) -> str:
    """An instant in the window's zone and in UTC."""
    return f"{when.astimezone(where):%Y-%m-%d %H:%M %Z} ({when.astimezone(UTC):%Y-%m-%d %H:%MZ})"
