"""Which train a release is on: by when it was made, later if it says so, and the next one if it missed its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice, takewhile
from typing import Final

from lockflight.api.release import Boarded, Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.trains import Train, Trains

_FAR: Final = 150
"""How many trains ahead a release may name."""
_MISSED: Final = 16


class UnknownTrain(ValueError):  # noqa: N818
    """A release names a train that the calendar does not have; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Seat:
    """The train a release is on by one calendar, and what a person should know about it."""

    row: Boarded
    late_for: Train | None = None
    """A train that has not left for good, whose cut-off the release did not make."""
    ignored: str | None = None
    """spec.train, where it names an earlier train than the one that the release made."""


def key(calendar: ReleaseCalendar) -> str:
    """What a calendar is called in a release's status."""
    return f"{calendar.metadata.namespace}/{calendar.metadata.name}"


def seat(release: Release, calendar: ReleaseCalendar, now: datetime) -> Seat:
    """The train of ``release`` at ``now``: what its status says stands until that train has left.

    Raises InvalidCalendar, and UnknownTrain where spec.train names none.
    """
    found, made = trains(calendar), release.metadata.creation_timestamp or now
    known = next((row for row in release.status.trains if row.calendar == key(calendar)), None)
    ignored = None
    if known is None:
        train, ignored = _chosen(found, release.spec.train, _made(found, made))
        known = _row(calendar, train)
    if now >= known.production_until:
        following = next(t for t in found.since(_day(found, now)) if now < t.until)
        known = _row(calendar, following, (*known.missed, known.name)[-_MISSED:])
    return Seat(known, _late_for(found, made, now), ignored)


def _made(found: Trains, made: datetime) -> Train:
    """The first train whose cut-off lies after ``made``."""
    return next(train for train in found.since(_day(found, made)) if made < train.cut_off)


def _chosen(found: Trains, wanted: str | None, made: Train) -> tuple[Train, str | None]:
    """The train named, where it is not earlier than ``made``; else ``made``, and the name that was ignored."""
    if wanted is None:
        return made, None
    for train in islice(_from(found, made.index), _FAR):
        if train.name == wanted:
            return train, None
    earlier = takewhile(lambda t: t.index < made.index, found.since(found.first_day))
    if any(train.name == wanted for train in earlier):
        return made, wanted
    names = ", ".join(t.name for t in islice(_from(found, made.index), 6))
    msg = f"spec.train {wanted} is no train of this calendar: allowed are {names} and later ones"
    raise UnknownTrain(msg)


def _late_for(found: Trains, made: datetime, now: datetime) -> Train | None:
    running = takewhile(lambda t: t.cut_off <= made, found.since(_day(found, now)))
    return next((train for train in running if now < train.until), None)


def _from(found: Trains, index: int) -> Iterator[Train]:
    while True:
        yield found.train(index)
        index += 1


def _day(found: Trains, when: datetime) -> date:
    return when.astimezone(found.zone).date()


def _row(calendar: ReleaseCalendar, train: Train, missed: tuple[str, ...] = ()) -> Boarded:
    return Boarded(
        calendar=key(calendar),
        name=train.name,
        cut_off=train.cut_off,
        candidate=train.candidate,
        production=train.production,
        production_until=train.until,
        missed=missed,
    )
