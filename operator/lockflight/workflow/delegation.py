"""Reconcile a Delegation: show its phase. Counting judges the spec itself."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.conditions import condition, merge
from lockflight.api.delegation import Delegation, DelegationPhase
from lockflight.policy.voices import same_person
from lockflight.workflow.deps import Deps
from lockflight.workflow.status import write


async def reconcile(deps: Deps, delegation: Delegation) -> datetime | None:
    """One pass; the next instant at which its phase changes. Raises PortError."""
    now, generation, spec = deps.clock.now(), delegation.metadata.generation, delegation.spec
    creator = delegation.metadata.creator
    phase = _phase(delegation, now)
    if same_person(creator or "") != same_person(spec.from_):
        ready, reason = False, reasons.CREATOR_UNKNOWN
        message = f"spec.from is {spec.from_}, created by {creator or 'nobody that is stamped'}: it counts for nothing"
    else:
        ready, reason = phase is DelegationPhase.ACTIVE, phase.value
        message = f"{spec.to} decides for {spec.from_} as {', '.join(spec.roles)}: {spec.reason}"
    status = delegation.status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": merge(
                delegation.status.conditions,
                [condition(reasons.READY, ready, reason, message, generation=generation, now=now)],
            ),
            "phase": phase,
        }
    )
    await write(deps, delegation, status)
    if phase is DelegationPhase.REVOKED:
        return None
    return next((at for at in (spec.start, spec.end) if at > now), None)


def _phase(delegation: Delegation, now: datetime) -> DelegationPhase:
    spec = delegation.spec
    if spec.revoke is not None:
        return DelegationPhase.REVOKED
    if now < spec.start:
        return DelegationPhase.UPCOMING
    return DelegationPhase.ACTIVE if now < spec.end else DelegationPhase.ENDED
