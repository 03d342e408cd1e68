"""Cadence: a release rides its train, and a change is raised early enough."""

from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.common import ChangeType, Tier
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.backout import back_out
from lockflight.policy.cadence.boarding import Seat, UnknownTrain, key, seat
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.offsets import InvalidCalendar, after
from lockflight.policy.cadence.trains import Trains
from lockflight.policy.hotfix import hotfix, shorter_path
from lockflight.policy.model import Verdict
from lockflight.policy.time.zones import both_clocks
from lockflight.policy.verdicts import Subject, given, not_applicable, passed, waiting

_BOUND: Final = (Tier.UAT, Tier.PRODUCTION)


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/cadence.md."""
    ref, calendar = on.effective.spec.calendar_ref, on.snapshot.calendar
    if ref is None:
        return not_applicable("this environment follows no calendar")
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return not_applicable(f"{way_back.message}, which waits for no train")
    if calendar is None:
        where = (
            "the operator's namespace" if on.effective.calendar_in_root else "this stack or the operator's namespace"
        )
        return waiting(
            reasons.CALENDAR_MISSING, f"spec.calendarRef {ref.name}: no such ReleaseCalendar in {where}: create it"
        )
    try:
        return _judged(on, calendar, now)
    except InvalidCalendar as problem:
        return waiting(reasons.CALENDAR_INVALID, f"calendar {key(calendar)}: {problem}")
    except UnknownTrain as problem:
        return waiting(reasons.TRAIN_UNKNOWN, f"release {on.release.metadata.name} {problem}")


def _judged(on: Subject, calendar: ReleaseCalendar, now: datetime) -> Verdict:
    found = trains(calendar)
    if shorter_path(on.snapshot, now) is not None:
        known = hotfix(on.snapshot, now)
        why, until = (known.why, known.until) if known is not None else ("", None)
        return passed(f"a hotfix, which calendar {key(calendar)} lets go without a train: {why}", retry_at=until)
    lead = _lead_time(on, calendar, found, now)
    if on.snapshot.change is not None and on.snapshot.change.spec.activity is not None:
        return lead or not_applicable("an activity rides no train")
    if on.removal:
        return lead or not_applicable("a removal rides no train")
    if on.effective.spec.tier not in _BOUND:
        return lead or not_applicable(f"the trains of calendar {key(calendar)} bind tiers UAT and Production")
    ride = _by_window(on) or _ride(on, seat(on.release, calendar, now), found, now)
    if lead is None:
        return ride
    if ride.open:
        return lead
    times = [v.retry_at for v in (ride, lead) if v.retry_at is not None]
    return waiting(ride.reason, f"{ride.message}; {lead.message}", max(times))


def _by_window(on: Subject) -> Verdict | None:
    """A standard change goes in its change windows, where this environment judges it against its pattern."""
    change, control = on.snapshot.change, on.effective.spec.change_control
    if change is None or change.spec.type is not ChangeType.STANDARD or control is None or control.standard is None:
        return None
    return not_applicable(f"standard change {change.metadata.name} goes in its change windows, not by train")


def _ride(on: Subject, taken: Seat, found: Trains, now: datetime) -> Verdict:
    row, production = taken.row, on.effective.spec.tier is Tier.PRODUCTION
    opens = row.production if production else row.candidate
    words = f"{on.release.metadata.name} is on train {row.name}"
    if row.missed:
        words = f"{on.release.metadata.name} missed train {row.missed[-1]} and is on the next, {row.name}"
    elif taken.late_for is not None:
        late = taken.late_for
        words += f", for it was made after the cut-off of {late.name} ({both_clocks(late.cut_off, found.zone)})"
    if taken.ignored:
        words += f" (spec.train {taken.ignored} is earlier and does not count)"
    until = both_clocks(row.production_until, found.zone)
    if now >= opens:
        return passed(f"{words}, until {until}", retry_at=row.production_until)
    times = f"{both_clocks(opens, found.zone)} until {until}"
    claim = hotfix(on.snapshot, now)
    lacks = f" (no hotfix that goes without it: {claim.why})" if claim is not None and not claim.counts else ""
    message = f"{words}: it enters tier {on.effective.spec.tier} from {times}{lacks}"
    return waiting(reasons.TRAIN_MISSED if row.missed else reasons.TRAIN_NOT_DUE, message, opens)


def _lead_time(on: Subject, calendar: ReleaseCalendar, found: Trains, now: datetime) -> Verdict | None:
    """None where the change was raised early enough, or nothing is asked for."""
    change = on.snapshot.change
    if on.effective.spec.change_control is None or change is None or calendar.spec.cab is None:
        return None
    needed, raised = calendar.spec.cab.min_lead_time.get(change.spec.type), change.metadata.creation_timestamp
    if needed is None or raised is None:
        return None
    earliest = after(raised, needed, found.zone, found.works)
    if now >= earliest:
        return None
    schedule, name = change.spec.schedule, change.metadata.name
    message = (
        f"change {name} was raised {both_clocks(raised, found.zone)}; {change.spec.type} changes need {needed}, "
        f"so it starts at {both_clocks(earliest, found.zone)} or later"
    )
    if schedule is not None and schedule.end <= earliest:
        message += f": its schedule ends before, move spec.schedule of {name}"
    return waiting(reasons.LEAD_TIME, message, earliest)
