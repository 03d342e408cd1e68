"""Reconcile a ReleaseCalendar: show the sprint, the train and the next six. Gates judge the spec themselves."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.conditions import condition, merge
from lockflight.api.release import Release
from lockflight.api.releasecalendar import (
    MeetingStatus,
    Period,
    ReleaseCalendar,
    ReleaseCalendarStatus,
    SprintStatus,
    TrainStatus,
)
from lockflight.policy.backmerge import counted
from lockflight.policy.cadence import view
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.meetings import Meeting, next_meeting
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.cadence.trains import Train
from lockflight.policy.changewindows import around
from lockflight.policy.critical import critical_freezes
from lockflight.policy.time.recurrence import Around
from lockflight.policy.time.zones import InvalidTime, both_clocks
from lockflight.policy.windows import occurrences
from lockflight.workflow.deps import Deps
from lockflight.workflow.ruling import of_scope
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
        extra, soon = _allowed(calendar, now)
        shown = shown.model_copy(update=extra)
        again = min((t for t in (again, soon) if t is not None), default=None)
    except (InvalidCalendar, InvalidTime) as problem:
        shown, ready, reason = ReleaseCalendarStatus(), False, reasons.CALENDAR_INVALID
        message = f"{problem}; until mended no train of this calendar leaves"
    shown = shown.model_copy(update={"hotfixes": counted(calendar, deps.store.of(Release))})
    met = condition(reasons.READY, ready, reason, message, generation=generation, now=now)
    approvals, approved = await of_scope(deps, calendar)
    conditions = merge(calendar.status.conditions, [met, *approved])
    status = shown.model_copy(update={"observed_generation": generation, "conditions": conditions} | approvals)
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


def _allowed(calendar: ReleaseCalendar, now: datetime) -> tuple[dict[str, tuple[Period, ...]], datetime | None]:
    """Freezes around critical dates, change windows, and when the first of them begins or ends. Raises InvalidTime."""
    spells = [(f.metadata.name, occurrences(f).around(now)) for f in critical_freezes(calendar, now)]
    windows = [(w.name, around(calendar, w, now)) for w in calendar.spec.change_windows]
    freezes = sorted((_period(name, found) for name, found in spells if any(found)), key=lambda p: p.start)[:6]
    opens = tuple(_period(name, found) for name, found in windows if any(found))
    times = [t for p in (*freezes, *opens) for t in (p.start, p.end) if t > now]
    return {"freezes": tuple(freezes), "windows": opens}, min(times, default=None)


def _period(name: str, found: Around) -> Period:
    span = found.current or found.next
    if span is None:
        msg = f"{name} never is"
        raise ValueError(msg)
    return Period(name=name, start=span.start, end=span.end)


def _row(train: Train) -> TrainStatus:
    return TrainStatus(
        name=train.name,
        cut_off=train.cut_off,
        candidate=train.candidate,
        production=train.production,
        production_until=train.until,
    )
