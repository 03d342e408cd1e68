"""What lies between now and a start that is forecast: meetings, trains, windows, freezes, the life of approvals."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lockflight.api.common import Tier, parse_duration
from lockflight.policy.assume import NEW_CHANGE
from lockflight.policy.cadence.agenda import agenda
from lockflight.policy.cadence.boarding import UnknownTrain, seat
from lockflight.policy.cadence.entries import What
from lockflight.policy.cadence.meetings import meeting_for
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.effective import DEFAULT_VALID_FOR
from lockflight.policy.forecast import Foreseen
from lockflight.policy.model import Snapshot

_MOST_NOTES = 12


@dataclass(frozen=True, slots=True)
class Note:
    """Something of the calendar that lies on the way."""

    at: datetime
    what: str


def waypoints(s: Snapshot, found: Foreseen, reached: datetime, start: datetime, now: datetime) -> tuple[Note, ...]:
    """Trains, windows, freezes and meetings between now and the start, and how long approvals last."""
    rows: list[Note] = []
    governed, calendar = s.effective, s.calendar
    change = found.assumed.change
    control = governed.spec.change_control if governed else None
    if control is not None and control.normal is not None and change is not None and change.spec.schedule is None:
        lasts = control.normal.valid_for or DEFAULT_VALID_FOR
        if start - parse_duration(lasts) > now:
            rows.append(
                Note(start - parse_duration(lasts), f"approvals last {lasts}: not before then, or they run out")
            )
    if calendar is not None and governed is not None:
        try:
            raised = now if change is None or change.metadata.name == NEW_CHANGE else change.metadata.creation_timestamp
            meeting = meeting_for(calendar, raised or now) if control is not None else None
            if meeting is not None and meeting.at >= now:
                rows.append(
                    Note(meeting.at, f"CAB meeting {meeting.name}, for changes raised before {_z(meeting.submit_by)}")
                )
            if s.release is not None and governed.spec.tier.rank >= Tier.UAT.rank:
                taken = seat(s.release, calendar, start).row
                opens = taken.production if governed.spec.tier is Tier.PRODUCTION else taken.candidate
                rows.append(Note(opens, f"train {taken.name} opens, until {_z(taken.production_until)}"))
            entries = agenda([calendar], (), (), reached, start + timedelta(seconds=1)).entries
            rows += [
                Note(e.start, f"{e.title}{f', until {_z(e.end)}' if e.end else ''}")
                for e in entries
                # Of the windows the one that it starts in: those before were of no use.
                if e.what is What.FREEZE
                or (e.what is What.WINDOW and control is not None and e.end is not None and e.start <= start < e.end)
            ]
        except (InvalidCalendar, UnknownTrain):
            pass
    ordered = sorted(dict.fromkeys(rows), key=lambda note: note.at)
    return tuple(ordered[-_MOST_NOTES:])


def _z(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%MZ}"
