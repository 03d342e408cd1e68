"""Changes that are scheduled for the same target at the same time, and when the target is free."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from lockflight.api.changerequest import ChangeRequest, Conflict, Schedule, Slot

_FAR: Final = datetime.max.replace(tzinfo=UTC)


def conflicts(
    change: ChangeRequest, others: Sequence[ChangeRequest], applications: Mapping[str, str]
) -> tuple[Conflict, ...]:
    """Every other change that overlaps with this one on a target; ``applications`` by name of the release.

    Half-open: one that begins when the other ends does not overlap. The earlier start goes first, then the older.
    """
    found = [
        Conflict(
            change=other.metadata.name,
            environment=environment,
            start=other.spec.schedule.start,
            end=other.spec.schedule.end,
            goes_first=_turn(other) < _turn(change),
        )
        for other, environment in _same_target(change, others, applications)
        if change.spec.schedule and other.spec.schedule and _overlap(change.spec.schedule, other.spec.schedule)
    ]
    return tuple(sorted(found, key=lambda c: (c.start, c.change, c.environment)))


def next_free(
    change: ChangeRequest, others: Sequence[ChangeRequest], applications: Mapping[str, str], now: datetime
) -> Slot | None:
    """The earliest time of the same length, from its own start on, at which none of its targets is taken."""
    mine = change.spec.schedule
    if mine is None:
        return None
    taken = [o.spec.schedule for o, _ in _same_target(change, others, applications) if o.spec.schedule is not None]
    length, earliest = mine.end - mine.start, max(mine.start, now).astimezone(UTC)
    starts = sorted({earliest, *(s.end.astimezone(UTC) for s in taken if s.end > earliest)})
    slots = (Slot(start=start, end=start + length) for start in starts)
    return next(slot for slot in slots if not any(_overlap(slot, other) for other in taken))


def _same_target(
    change: ChangeRequest, others: Sequence[ChangeRequest], applications: Mapping[str, str]
) -> Iterator[tuple[ChangeRequest, str]]:
    for other in others:
        ended = other.status.phase is not None and other.status.phase.ended
        if ended or other.metadata.uid == change.metadata.uid or not same_applications(change, other, applications):
            continue
        for environment in change.spec.environments:
            if environment in other.spec.environments:
                yield other, environment


def same_applications(one: ChangeRequest, other: ChangeRequest, applications: Mapping[str, str]) -> bool:
    """Whether both touch an application; ``applications`` by name of the release. An activity may touch all."""
    mine, theirs = _applications(one, applications), _applications(other, applications)
    return mine is None or theirs is None or bool(mine & theirs)


def _applications(change: ChangeRequest, applications: Mapping[str, str]) -> frozenset[str] | None:
    """None: all. A release that does not exist is an application of its own."""
    if change.spec.activity is not None:
        return frozenset(change.spec.activity.applications) or None
    if change.spec.unauthorised is not None:
        return frozenset({change.spec.unauthorised.application})
    name = change.spec.release
    return frozenset({applications.get(name, f"release {name}")})


def _overlap(one: Schedule | Slot, other: Schedule) -> bool:
    return one.start < other.end and other.start < one.end


def _turn(change: ChangeRequest) -> tuple[datetime, datetime, str]:
    start = change.spec.schedule.start if change.spec.schedule else _FAR
    return start, change.metadata.creation_timestamp or _FAR, change.metadata.name
