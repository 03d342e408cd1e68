"""Occurrences of a rule in a zone as spans of time: start on the wall clock, duration elapsed, half-open."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from lockflight.policy.time.days import horizon, readings
from lockflight.policy.time.rrule import Rule, parse
from lockflight.policy.time.zones import InvalidTime, instant, wall, zone

LONGEST: Final = timedelta(days=366)
"""The longest that one occurrence may last."""
_SHIFT: Final = timedelta(days=2)
"""More than a clock is ever off UTC or put forward; Samoa skipped a whole day in 2011."""


class Span(NamedTuple):
    """[start, end) as instants."""

    start: datetime
    end: datetime

    def covers(self, now: datetime) -> bool:
        """Its start is inside, its end is not."""
        return self.start <= now < self.end


class Around(NamedTuple):
    """What lies around an instant."""

    current: Span | None
    """The occurrence that covers it; of several the one that ends last."""
    next: Span | None
    """The first one that starts after it; None: there is no further one."""


@dataclass(slots=True)
class _Known:
    """Between ``since`` and ``until`` no occurrence starts; so what lies around any instant there is the same."""

    since: datetime
    until: datetime
    last: datetime | None
    next: datetime | None


class Recurrence:
    """A rule that holds. Make one with ``recurrence``, which refuses what is out of bounds."""

    __slots__ = ("_counted", "_known", "_rule", "_start", "duration", "where")

    def __init__(self, rule: Rule, start: datetime, where: ZoneInfo, duration: timedelta) -> None:
        self.duration = duration
        self.where = where
        self._rule = rule
        self._start = start
        self._known: _Known | None = None
        self._counted: tuple[datetime, ...] | None = None
        if rule.count is not None:
            self._counted = tuple(sorted(set(map(self._instant, islice(readings(rule, start, start), rule.count)))))

    def around(self, now: datetime) -> Around:
        """The occurrence that covers ``now`` and the one that follows."""
        known = self._known
        if known is None or not known.since <= now < known.until:
            known = self._known = self._look(now)
        current = self._span(known.last) if known.last is not None else None
        return Around(
            current if current is not None and current.covers(now) else None,
            self._span(known.next) if known.next is not None else None,
        )

    def between(self, after: datetime, before: datetime) -> Iterator[Span]:
        """The occurrences that start in [after, before), in order."""
        for start in takewhile(lambda s: s < before, self._from(after)):
            yield self._span(start)

    def _span(self, start: datetime) -> Span:
        return Span(start, start + self.duration)

    def _look(self, now: datetime) -> _Known:
        last, following = None, None
        for start in self._from(now - self.duration):
            if start > now:
                following = start
                break
            last = start
        end = datetime.max.replace(tzinfo=UTC)
        return _Known(last or now, following or end, last, following)

    def _from(self, after: datetime) -> Iterator[datetime]:
        """Instants at which it starts, each once, in order, from ``after``."""
        if self._counted is not None:
            yield from self._counted[bisect_left(self._counted, after) :]
            return
        # Clocks that are put forward may bring readings out of order, within a day.
        waiting: list[datetime] = []
        for reading in self._readings(after):
            start = self._instant(reading)
            if start >= after and self._in_time(reading, start) and start not in waiting:
                waiting.insert(bisect_right(waiting, start), start)
            while waiting and waiting[0] < self._instant(reading - _SHIFT):
                yield waiting.pop(0)
        yield from waiting

    def _readings(self, after: datetime) -> Iterator[datetime]:
        naive = after.astimezone(UTC).replace(tzinfo=None)
        since = naive - _SHIFT if naive > self._start else self._start
        for reading in readings(self._rule, self._start, since):
            if self._rule.until is not None and self._over(reading):
                return
            yield reading

    def _over(self, reading: datetime) -> bool:
        """So long after UNTIL that nothing else is in time."""
        until = self._rule.until
        return until is not None and reading > until.replace(tzinfo=None) + _SHIFT

    def _in_time(self, reading: datetime, start: datetime) -> bool:
        until = self._rule.until
        if until is None:
            return True
        return start <= until if until.tzinfo is not None else reading <= until

    def _instant(self, reading: datetime) -> datetime:
        return instant(reading, self.where)


def recurrence(
    rrule: str, start: str, time_zone: str, duration: timedelta, field: str = "spec.recurrence"
) -> Recurrence:
    """The occurrences of ``rrule``, none before the wall clock reading ``start``. Raises InvalidTime.

    The same arguments give the same object, which remembers what it was last asked.
    """
    found = _recurrence(rrule, start, time_zone, duration, field)
    if isinstance(found, InvalidTime):
        raise found
    return found


@lru_cache(maxsize=8192)
def _recurrence(rrule: str, start: str, time_zone: str, duration: timedelta, field: str) -> Recurrence | InvalidTime:
    try:
        if not timedelta(0) < duration <= LONGEST:
            msg = f"{field}.duration is {duration}: allowed is longer than nothing, up to {LONGEST.days}d"
            return InvalidTime(msg)
        first = wall(start, "spec.start")
        made = Recurrence(parse(rrule, first, f"{field}.rrule"), first, zone(time_zone), duration)
        if next(made.between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)), None) is None:
            msg = f"{field}.rrule {rrule} meets no day from {start} to {horizon(first)}: write one that does"
            return InvalidTime(msg)
    except InvalidTime as problem:
        return problem
    return made
