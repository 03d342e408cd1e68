"""Access for a time: what an approved emergency asks for, and when it begins and ends."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.access import AccessLevel, BoxedAccess
from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.common import ChangeType, parse_duration
from lockflight.api.conditions import find
from lockflight.policy.grants import Grant, who
from lockflight.policy.rbac import Who


def grants(changes: Iterable[ChangeRequest], environment: str, now: datetime) -> tuple[Grant, ...]:
    """The bindings that stand at ``now``."""
    return tuple(
        Grant(AccessLevel(box.level), named, change.metadata.name, until)
        for change in changes
        for box, start, until in _boxes(change, environment)
        if start <= now < until and (named := _subjects(change, box))
    )


def next_turn(changes: Iterable[ChangeRequest], environment: str, now: datetime) -> datetime | None:
    """When the next one begins or ends by time alone."""
    times = (t for change in changes for _, start, until in _boxes(change, environment) for t in (start, until))
    return min((t for t in times if t > now), default=None)


def _boxes(change: ChangeRequest, environment: str) -> Iterator[tuple[BoxedAccess, datetime, datetime]]:
    """Each entry with the time in which it stands: from the approval on, within the change's schedule."""
    spec, phase = change.spec, change.status.phase
    said = find(change.status.conditions, reasons.APPROVED)
    if spec.type is not ChangeType.EMERGENCY or spec.unauthorised is not None or said is None or said.status != "True":
        return
    # What was approved is the spec as it is: an edit is approved anew.
    if change.status.observed_generation != change.metadata.generation or spec.cancel is not None:
        return
    if phase is None or phase.ended or phase is ChangePhase.ON_HOLD or spec.hold is not None:
        return
    begin = max(filter(None, (said.last_transition_time, spec.schedule.start if spec.schedule else None)))
    for box in spec.access:
        if box.environment == environment:
            until = begin + parse_duration(box.duration)
            yield box, begin, min(until, spec.schedule.end) if spec.schedule else until


def _subjects(change: ChangeRequest, box: BoxedAccess) -> frozenset[Who]:
    """Whom it names, without users who approved it: nobody lets themselves in."""
    approved = {name for row in change.status.approvals for name in (row.by, row.on_behalf_of) if name}
    named = (who(subject) for subject in box.subjects)
    return frozenset(each for each in named if each.kind != "User" or each.name not in approved)
