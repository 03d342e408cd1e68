"""What a calendar says at an instant, for its status and for people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from lockflight.policy.cadence.trains import Sprint, Train, Trains

SHOWN = 6
"""How many trains are shown."""


@dataclass(frozen=True, slots=True)
class Now:
    """The state of a calendar at an instant."""

    sprint: Sprint | None
    """The sprint that is on; None before the first."""
    sprint_number: int
    """Its number in its train, from 1."""
    sprint_train: Train | None
    """The train it works for."""
    boarding: Train
    """The train that a release made now would be on."""
    upcoming: tuple[Train, ...]
    """The next trains that have not left for good, the earliest first."""
    changes_at: datetime
    """When any of this will be different."""


def at(trains: Trains, now: datetime) -> Now:
    """What ``trains`` says at ``now``. Raises InvalidCalendar."""
    today = now.astimezone(trains.zone).date()
    upcoming = tuple(islice((t for t in trains.since(today) if now < t.until), SHOWN))
    boarding = next(t for t in trains.since(today) if now < t.cut_off)
    sprint = trains.sprint(today) if today >= trains.first_day else None
    train = trains.train(trains.of_sprint(sprint)) if sprint else None
    number = (sprint.start - train.start).days // trains.sprint_days + 1 if sprint and train else 0
    following = trains.sprint(sprint.end + timedelta(days=1) if sprint else trains.first_day)
    return Now(
        sprint=sprint,
        sprint_number=number,
        sprint_train=train,
        boarding=boarding,
        upcoming=upcoming,
        changes_at=min(boarding.cut_off, upcoming[0].until, trains.begins(following)),
    )
