"""Look for drift as often as each Environment asks for it, and write down what is found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.conditions import Condition, condition, find, merge
from lockflight.api.drift import DriftMode, DriftState, DriftStatus, PutBack
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Promotion
from lockflight.policy.comparison import Difference
from lockflight.policy.drift import Drift, FieldDrift, rows
from lockflight.policy.driftrules import interval_of, mode_of
from lockflight.policy.model import Effective, PlanProblem
from lockflight.policy.putback import over
from lockflight.ports import PortError, Severity
from lockflight.workflow import drifting
from lockflight.workflow.deps import Deps
from lockflight.workflow.puttingback import put_back
from lockflight.workflow.status import write

_SOON: Final = timedelta(minutes=1)
"""How often a target is looked at that is not as it should be."""
_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in a target, and when."""

    at: datetime
    promotion_uid: str
    drift: Drift | PlanProblem


async def look_around(
    deps: Deps, environment: Environment, governed: Effective, free: Sequence[TargetStatus]
) -> Environment:
    """Look at the targets that are ``free`` and due, and say what was found; the environment as it is then.

    Raises PortError where it could not be written.
    """
    if mode_of(governed.spec) is DriftMode.OFF:
        return await _say(deps, environment, (), on=False)
    for row in free:
        if _due(deps, environment, governed, row):
            found = await _look(deps, environment, governed, row)
            deps.drift[environment.metadata.uid, row.application] = Look(deps.clock.now(), row.promotion_uid, found)
    environment = await _say(deps, environment, _rows(deps, environment, governed), on=True)
    for row in free:
        seen = deps.drift.get((environment.metadata.uid, row.application))
        if seen is not None and isinstance(seen.drift, Drift) and seen.drift.digest:
            environment = await put_back(deps, environment, governed, row, seen.drift)
    return environment


def differences(
    deps: Deps, environment: Environment, application: str, told: Iterable[Difference]
) -> Sequence[Difference]:
    """What was last seen in a target, as a record of unauthorised changes holds it; what is ``told`` already is not."""
    seen = deps.drift.get((environment.metadata.uid, application))
    if seen is None or isinstance(seen.drift, PlanProblem):
        return ()
    objects = {each.where for each in told}
    return tuple(
        Difference(str(f.ref), f.path, f"{f.what}{f', field manager {f.manager}' if f.manager else ''}")
        for f in seen.drift.found
        if not (str(f.ref) in objects and _compared_each_minute(f))
    )


def looked(deps: Deps, environment: Environment, target: TargetStatus) -> bool:
    """Whether what runs there now was compared in full by this process."""
    seen = deps.drift.get((environment.metadata.uid, target.application))
    known = any(
        p.metadata.uid == target.promotion_uid for p in deps.store.of(Promotion, environment.metadata.namespace)
    )
    return seen is not None and isinstance(seen.drift, Drift) and seen.promotion_uid == target.promotion_uid and known


def _compared_each_minute(found: FieldDrift) -> bool:
    """Whether the comparison of what runs speaks of it, too."""
    first = found.path.split("/")[1:2]
    return (
        not found.path
        or first in (["data"], ["binaryData"], ["rules"], ["subjects"], ["roleRef"])
        or any(part in found.path for part in ("/containers/", "/initContainers/", "/volumes/"))
    )


def _due(deps: Deps, environment: Environment, governed: Effective, row: TargetStatus) -> bool:
    seen = deps.drift.get((environment.metadata.uid, row.application))
    if seen is None or seen.promotion_uid != row.promotion_uid:
        return True
    unsettled = isinstance(seen.drift, PlanProblem) or bool(seen.drift.digest)
    return deps.clock.now() - seen.at >= (_SOON if unsettled else interval_of(governed.spec))


async def _look(deps: Deps, environment: Environment, governed: Effective, row: TargetStatus) -> Drift | PlanProblem:
    try:
        revisions = await drifting.storage(deps, environment, row.application, row.release)
    except PortError as problem:
        return PlanProblem("HelmStorageUnreadable", f"Helm's storage in {row.namespace}: {problem}")
    return await drifting.look(deps, environment, governed, row.application, revisions)


def _rows(deps: Deps, environment: Environment, governed: Effective) -> tuple[DriftStatus, ...]:
    before = {row.application: row for row in environment.status.drift}
    found: list[DriftStatus] = []
    for target in environment.status.targets:
        seen = deps.drift.get((environment.metadata.uid, target.application))
        was = before.get(target.application)
        if was is not None and was.put_back is not None and _forgotten(deps, governed, target, was, was.put_back):
            was = was.model_copy(update={"put_back": None})
        row = was if seen is None else _row(deps, target, seen.drift, was)
        if row is not None:
            found.append(row)
    return tuple(found[:_ROWS])


def _forgotten(deps: Deps, governed: Effective, target: TargetStatus, was: DriftStatus, done: PutBack) -> bool:
    """Whether what was put back is of no matter any more: it stayed so, or something else runs."""
    calm = was.state is DriftState.UNCHANGED and over(was, interval_of(governed.spec), deps.clock.now())
    return calm or done.promotion_uid != target.promotion_uid


def _row(deps: Deps, target: TargetStatus, seen: Drift | PlanProblem, was: DriftStatus | None) -> DriftStatus | None:
    """The target's row; None where nothing is to be said of it."""
    put_back = was.put_back if was else None
    if isinstance(seen, PlanProblem):
        state = DriftState.UNKNOWN
    elif seen.digest:
        state = DriftState.DRIFTED
    elif put_back is not None:
        state = DriftState.UNCHANGED
    else:
        return None
    row = DriftStatus(
        application=target.application,
        namespace=target.namespace,
        state=state,
        since=was.since if was is not None and was.state is state else deps.clock.now(),
        put_back=put_back,
    )
    if isinstance(seen, PlanProblem):
        return row.model_copy(
            update={"message": seen.message[:1024], "revisions": was.revisions if was is not None else ""}
        )
    return row.model_copy(
        update={
            "digest": seen.digest or None,
            "revisions": seen.revisions,
            "objects": rows(seen.found),
            "count": seen.count,
        }
    )


async def _say(deps: Deps, environment: Environment, found: tuple[DriftStatus, ...], *, on: bool) -> Environment:
    before = find(environment.status.conditions, reasons.DRIFTED)
    if not on and before is None and not environment.status.drift:
        return environment
    said = _condition(deps, environment, found, on=on)
    same = before is not None and (before.status, before.reason, before.message) == (
        said.status,
        said.reason,
        said.message,
    )
    if same and found == environment.status.drift:
        return environment
    conditions = environment.status.conditions if same else merge(environment.status.conditions, [said])
    status = environment.status.model_copy(update={"drift": found, "conditions": conditions})
    known = {row.application: row.digest for row in environment.status.drift}
    environment = await write(deps, environment, status, guarded=True)
    for row in found:
        deps.metrics.gauge(
            "drifted_fields", row.count, environment=environment.metadata.name, application=row.application
        )
        if row.digest is not None and row.digest != known.get(row.application):
            deps.events.emit(environment, Severity.WARNING, reasons.DRIFTED, f"{row.application}: {_words(row)}")
    for application in known.keys() - {row.application for row in found}:
        deps.metrics.gauge("drifted_fields", 0, environment=environment.metadata.name, application=application)
    return environment


def _condition(deps: Deps, environment: Environment, found: Sequence[DriftStatus], *, on: bool) -> Condition:
    drifted = [row for row in found if row.state is DriftState.DRIFTED]
    unknown = [row for row in found if row.state is DriftState.UNKNOWN]
    if not on:
        reason, message = reasons.NOT_APPLICABLE, "spec.drift.mode is Off"
    elif drifted:
        name = environment.metadata.name
        reason = reasons.DRIFT_FOUND
        message = "; ".join(f"{row.application}: {_words(row)}" for row in drifted)
        message += f"; see lockflight drift show {name}"
    elif unknown:
        reason, message = reasons.CANNOT_TELL, "; ".join(f"{row.application}: {row.message}" for row in unknown)
    else:
        reason, message = reasons.UNCHANGED, ""
    status = True if drifted else None if unknown else False
    return condition(
        reasons.DRIFTED,
        status,
        reason,
        message,
        generation=environment.metadata.generation,
        now=deps.clock.now(),
    )


def _words(row: DriftStatus) -> str:
    kept = f" (put back {row.put_back.tries} times; {row.put_back.message})" if row.put_back else ""
    fields = [f"{o.kind} {o.name}{f' {f.path}' if f.path else ''} {f.what}" for o in row.objects for f in o.fields]
    more = row.count - 3
    return "; ".join(fields[:3]) + (f"; and {more} more" if more > 0 else "") + kept
