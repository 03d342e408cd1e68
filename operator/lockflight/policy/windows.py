"""Freeze windows in time: wall clock in a zone to instants, half-open, with the rules for daylight saving.

A start inside the gap moves forward by the gap; in the repeated hour it is the first one (RFC 5545, section 3.3.5).
"""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lockflight.api.common import Tier
from lockflight.api.freezewindow import FreezeWindow

_NO_PLACE: Final = ("localtime", "posixrules", "Factory")
"""Names that mean another zone on every machine."""


class InvalidWindow(ValueError):  # noqa: N818
    """A window that cannot be judged; the message names the field, what was found and what is allowed."""


def zone(name: str) -> ZoneInfo:
    """An IANA time zone. Raises InvalidWindow for one that does not exist, never falls back to UTC."""
    try:
        if name in _NO_PLACE:
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        msg = f"spec.timeZone {name!r} is no IANA time zone: write one such as Europe/Berlin"
        raise InvalidWindow(msg) from problem


def instant(wall: str, where: ZoneInfo) -> datetime:
    """The instant, in UTC, of a wall clock reading."""
    try:
        local = datetime.fromisoformat(wall).replace(tzinfo=where)
    except ValueError as problem:
        msg = f"{wall!r} is no date and time: write one such as 2026-12-18T18:00:00"
        raise InvalidWindow(msg) from problem
    # fold=0: zoneinfo takes the first of a repeated hour, and the offset before a gap, which shifts forward by the gap.
    return local.astimezone(UTC)


def span(freeze: FreezeWindow) -> tuple[datetime, datetime | None]:
    """[start, end) in UTC; end None: until lifted. Raises InvalidWindow."""
    where = zone(freeze.spec.time_zone)
    start = instant(freeze.spec.start, where)
    end = instant(freeze.spec.end, where) if freeze.spec.end else None
    if end is not None and end <= start:
        msg = f"spec.end {freeze.spec.end} does not lie after spec.start {freeze.spec.start}"
        raise InvalidWindow(msg)
    return start, end


def selects(freeze: FreezeWindow, *, environment: str, tier: Tier, application: str) -> bool:
    """Whether the window speaks of this target: AND between kinds of selector, OR inside a list, empty is all."""
    where = freeze.spec.environments
    if where is not None and where.tiers and tier not in where.tiers:
        return False
    if where is not None and where.names and environment not in where.names:
        return False
    return not freeze.spec.applications or application in freeze.spec.applications


def both_clocks(when: datetime, where: ZoneInfo) -> str:
    """An instant in the window's zone and in UTC."""
    return f"{when.astimezone(where):%Y-%m-%d %H:%M %Z} ({when.astimezone(UTC):%Y-%m-%d %H:%MZ})"
