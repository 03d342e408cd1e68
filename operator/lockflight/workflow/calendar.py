"""Reconcile a ReleaseCalendar: show the sprint, the train and the next six. Gates judge the spec themselves."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.conditions import condition, merge
from lockflight.api.releasecalendar import (
    MeetingStatus,
    ReleaseCalendar,
    ReleaseCalendarStatus,
    SprintStatus,
    TrainStatus,
)
from lockflight.policy.cadence import view
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.meetings import Meeting, next_meeting
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.cadence.trains import Train
from lockflight.policy.time.zones import both_clocks
from lockflight.workflow.deps import Deps
from lockflight.workflow.status import write


async def reconcile(deps: Deps, calendar: ReleaseCalendar) -> datetime | None:
    """One pass; the next instant at which what it shows changes. Raises PortError."""
    now, generation = deps.clock.now(), calendar.metadata.generation
    again: datetime | None = None
    try:
        seen, meeting = view.at(trains(calendar), now), next_meeting(calendar, now)
        shown, again = _shown(seen, meeting), seen.changes_at
        if meeting is not None:
            again = min(again, meeting.at)
        zone = trains(calendar).zone
        boarding = seen.boarding
        ready, reason = True, "Valid"
        message = f"releases made before {both_clocks(boarding.cut_off, zone)} are on train {boarding.name}"
    except InvalidCalendar as problem:
        shown, ready, reason = ReleaseCalendarStatus(), False, reasons.CALENDAR_INVALID
        message = f"{problem}; until mended no train of this calendar leaves"
    met = condition(reasons.READY, ready, reason, message, generation=generation, now=now)
    status = shown.model_copy(
        update={"observed_generation": generation, "conditions": merge(calendar.status.conditions, [met])}
    )
    await write(deps, calendar, status)
    return again


def _shown(seen: view.Now, meeting: Meeting | None) -> ReleaseCalendarStatus:
    sprint = seen.sprint
    return ReleaseCalendarStatus(
        sprint=SprintStatus(
            number=seen.sprint_number,
            start=sprint.start.isoformat(),
            end=sprint.end.isoformat(),
            train=seen.sprint_train.name,
        )
        if sprint and seen.sprint_train
        else None,
        train=seen.boarding.name,
        cut_off=seen.boarding.cut_off,
        trains=tuple(map(_row, seen.upcoming)),
        next_meeting=MeetingStatus(name=meeting.name, at=meeting.at, submit_by=meeting.submit_by) if meeting else None,
    )


def _row(train: Train) -> TrainStatus:
    return TrainStatus(
        name=train.name,
        cut_off=train.cut_off,
        candidate=train.candidate,
        production=train.production,
        production_until=train.until,
    )
