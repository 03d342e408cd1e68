"""The status of a ChangeRequest, from what people wrote and what promotions did under it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest, ChangeRequestStatus, Observed, Use
from lockflight.api.common import RoleCount, parse_duration
from lockflight.api.conditions import condition, merge
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy.effective import DEFAULT_VALID_FOR
from lockflight.policy.lifecycle import state
from lockflight.policy.model import Effective
from lockflight.policy.standing import standing


@dataclass(frozen=True, slots=True)
class Assessment:
    """The status as it should be, and when time alone may change it."""

    status: ChangeRequestStatus
    retry_at: datetime | None = None


def assess(
    change: ChangeRequest,
    governed: Mapping[str, Effective],
    release: Release | None,
    promotions: Sequence[Promotion],
    problems: Sequence[str],
    now: datetime,
) -> Assessment:
    """Judge a change whose status holds the current plans; ``problems`` are what is in the way of a plan.

    ``promotions`` are those that ran under it.
    """
    observed = _observed(change, now)
    used = _used(change, promotions)
    change = change.model_copy(
        update={"status": change.status.model_copy(update={"observed": observed, "used_by": used})}
    )
    needs = required(change, governed)
    found = standing(
        change,
        needs,
        _valid_for(change, governed),
        release=release,
        plan_digest=change.status.plan_digest,
        now=now,
    )
    verdict = state(change, found, promotions, problems, now)
    generation = change.metadata.generation
    ready = verdict.phase in (ChangePhase.SCHEDULED, ChangePhase.IMPLEMENT, ChangePhase.REVIEW)
    conditions = merge(
        change.status.conditions,
        [
            condition(
                reasons.APPROVED, verdict.approved, verdict.reason, verdict.message, generation=generation, now=now
            ),
            condition(reasons.READY, ready, verdict.phase.value, verdict.message, generation=generation, now=now),
        ],
    )
    open_for_approval = not verdict.phase.ended and change.status.plan_digest is not None
    return Assessment(
        change.status.model_copy(
            update={
                "observed_generation": generation,
                "conditions": conditions,
                "phase": verdict.phase,
                "how_to_approve": how_to_approve(change, needs) if open_for_approval and not verdict.approved else None,
                "approvals_summary": found.count.summary or None,
                "waits_for": verdict.message[:512] if not verdict.phase.ended else None,
                "in_use": verdict.phase in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW),
            }
        ),
        verdict.retry_at,
    )


def required(change: ChangeRequest, governed: Mapping[str, Effective]) -> tuple[RoleCount, ...]:
    """The union of the roles of all environments named, each with its largest count."""
    counts: dict[str, int] = {}
    for name in change.spec.environments:
        control = governed[name].spec.change_control if name in governed else None
        for need in control.normal.approvals if control and control.normal else ():
            counts[need.role] = max(need.count, counts.get(need.role, 0))
    return tuple(RoleCount(role=role, count=n) for role, n in counts.items())


def _valid_for(change: ChangeRequest, governed: Mapping[str, Effective]) -> str:
    """The shortest validity among the environments named."""
    rules = [
        control.normal.valid_for or DEFAULT_VALID_FOR
        for name in change.spec.environments
        if name in governed
        and (control := governed[name].spec.change_control) is not None
        and control.normal is not None
    ]
    return min(rules, key=parse_duration, default=DEFAULT_VALID_FOR)


def how_to_approve(change: ChangeRequest, needs: Sequence[RoleCount]) -> str:
    """A command ready to paste, bound to the plan it was shown with."""
    role = needs[0].role if needs else "cab"
    entry = {"role": role, "decision": "Approved", "planDigest": change.status.plan_digest}
    patch = json.dumps([{"op": "add", "path": "/status/approvals/-", "value": entry}], separators=(",", ":"))
    meta = change.metadata
    return f"kubectl patch lfchg {meta.name} -n {meta.namespace} --subresource=status --type=json -p '{patch}'"


def _observed(change: ChangeRequest, now: datetime) -> tuple[Observed, ...]:
    known = {o.index: o for o in change.status.observed}
    return tuple(known.get(i) or Observed(index=i, at=now) for i in range(len(change.status.approvals)))


def _used(change: ChangeRequest, promotions: Sequence[Promotion]) -> tuple[Use, ...]:
    succeeded = {p.metadata.uid for p in promotions if p.status.phase in (Phase.SUCCEEDED, Phase.AWAITING_SIGN_OFF)}
    return tuple(
        use.model_copy(update={"finished": True}) if use.promotion_uid in succeeded else use
        for use in change.status.used_by
    )
