"""Freeze windows: when they are, and what they speak of."""

from datetime import datetime

from lockflight.api.common import Tier
from lockflight.api.freezewindow import FreezeWindow
from lockflight.policy.time.zones import InvalidTime, instant, wall, zone


def span(freeze: FreezeWindow) -> tuple[datetime, datetime | None]:
    """[start, end) in UTC; end None: until lifted. Raises InvalidTime."""
    where = zone(freeze.spec.time_zone)
    start = instant(wall(freeze.spec.start, "spec.start"), where)
    end = instant(wall(freeze.spec.end, "spec.end"), where) if freeze.spec.end else None
    if end is not None and end <= start:
        msg = f"spec.end {freeze.spec.end} does not lie after spec.start {freeze.spec.start}"
        raise InvalidTime(msg)
    return start, end


def selects(freeze: FreezeWindow, *, environment: str, tier: Tier, application: str) -> bool:
    """Whether the window speaks of this target: AND between kinds of selector, OR inside a list, empty is all."""
    where = freeze.spec.environments
    if where is not None and where.tiers and tier not in where.tiers:
        return False
    if where is not None and where.names and environment not in where.names:
        return False
    return not freeze.spec.applications or application in freeze.spec.applications
