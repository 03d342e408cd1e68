"""Freeze windows: when they are, and what they speak of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from lockflight.api.common import Tier, parse_duration
from lockflight.api.freezewindow import FreezeWindow, FreezeWindowSpec
from lockflight.policy.time.recurrence import Around, Recurrence, Span, recurrence
from lockflight.policy.time.zones import InvalidTime, instant, wall, zone

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
"""The end of what only a person ends."""


@dataclass(frozen=True, slots=True)
class Once:
    """A window that comes once."""

    span: Span

    def around(self, now: datetime) -> Around:
        """As ``Recurrence.around``."""
        return Around(self.span if self.span.covers(now) else None, self.span if now < self.span.start else None)


Occurrences = Once | Recurrence


@dataclass(frozen=True, slots=True)
class Target:
    """Where one application runs in one environment, as windows select it."""

    environment: str
    tier: Tier
    application: str


def occurrences(freeze: FreezeWindow) -> Occurrences:
    """When it is in force; a lifted one is asked too, and says when it would have been. Raises InvalidTime."""
    spec: FreezeWindowSpec = freeze.spec
    if spec.recurrence is not None:
        duration = parse_duration(spec.recurrence.duration)
        return recurrence(spec.recurrence.rrule, spec.start, spec.time_zone, duration)
    return Once(_span(spec.start, spec.end, spec.time_zone))


@lru_cache(maxsize=8192)
def _span(start: str, end: str | None, time_zone: str) -> Span:
    where = zone(time_zone)
    begins = instant(wall(start, "spec.start"), where)
    ends = instant(wall(end, "spec.end"), where) if end else FOREVER
    if ends <= begins:
        msg = f"spec.end {end} does not lie after spec.start {start}"
        raise InvalidTime(msg)
    return Span(begins, ends)


def selects(freeze: FreezeWindow, target: Target) -> bool:
    """Whether the window speaks of this target: AND between kinds of selector, OR inside a list, empty is all."""
    where = freeze.spec.environments
    if where is not None and where.tiers and target.tier not in where.tiers:
        return False
    if where is not None and where.names and target.environment not in where.names:
        return False
    return not freeze.spec.applications or target.application in freeze.spec.applications
