"""The life of a ChangeRequest: from what people wrote and what promotions did to phase, conditions and the next look."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest, ChangeRequestStatus, Observed, Use
from lockflight.api.common import ChangeType, RoleCount
from lockflight.api.conditions import condition, merge
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy import approvals
from lockflight.policy.approvals import Count
from lockflight.policy.model import Effective


@dataclass(frozen=True, slots=True)
class Assessment:
    """The status as it should be, and when time alone may change it."""

    status: ChangeRequestStatus
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Standing:
    phase: ChangePhase
    approved: bool | None
    reason: str
    message: str
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
    count = approvals.count(
        change.status.approvals,
        needs,
        generation=change.metadata.generation,
        plan_digest=change.status.plan_digest,
        barred=approvals.excluded(change, release),
    )
    standing = _standing(change, governed, count, promotions, problems, now)
    generation = change.metadata.generation
    ready = standing.phase in (ChangePhase.SCHEDULED, ChangePhase.IMPLEMENT, ChangePhase.REVIEW)
    conditions = merge(
        change.status.conditions,
        [
            condition(
                reasons.APPROVED, standing.approved, standing.reason, standing.message, generation=generation, now=now
            ),
            condition(reasons.READY, ready, standing.phase.value, standing.message, generation=generation, now=now),
        ],
    )
    open_for_approval = not standing.phase.ended and change.status.plan_digest is not None
    return Assessment(
        change.status.model_copy(
            update={
                "observed_generation": generation,
                "conditions": conditions,
                "phase": standing.phase,
                "how_to_approve": how_to_approve(change, needs)
                if open_for_approval and not standing.approved
                else None,
                "approvals_summary": count.summary or None,
                "waits_for": standing.message[:512] if not standing.phase.ended else None,
                "in_use": standing.phase in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW),
            }
        ),
        standing.retry_at,
    )


def required(change: ChangeRequest, governed: Mapping[str, Effective]) -> tuple[RoleCount, ...]:
    """The union of the roles of all environments named, each with its largest count."""
    counts: dict[str, int] = {}
    for name in change.spec.environments:
        control = governed[name].spec.change_control if name in governed else None
        for need in control.normal.approvals if control and control.normal else ():
            counts[need.role] = max(need.count, counts.get(need.role, 0))
    return tuple(RoleCount(role=role, count=n) for role, n in counts.items())


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


def _standing(
    change: ChangeRequest,
    governed: Mapping[str, Effective],
    count: Count,
    promotions: Sequence[Promotion],
    problems: Sequence[str],
    now: datetime,
) -> _Standing:
    spec, status = change.spec, change.status
    was = status.phase
    if was in (ChangePhase.CLOSED, ChangePhase.REJECTED, ChangePhase.CANCELLED):
        # Ended is ended: later entries change nothing.
        old = next((c for c in status.conditions if c.type == reasons.APPROVED), None)
        value = {"True": True, "False": False}.get(old.status) if old else None
        return _Standing(was, value, old.reason if old else was.value, old.message if old else "")
    done = {use.environment for use in status.used_by if use.finished}
    if status.used_by:
        return _running(change, promotions, done, count, now)
    if spec.cancel is not None:
        return _Standing(ChangePhase.CANCELLED, False, "Cancelled", f"cancelled: {spec.cancel.reason}")
    if count.rejected_by:
        return _Standing(ChangePhase.REJECTED, False, "Rejected", f"rejected by {count.rejected_by}")
    if spec.schedule is not None and now >= spec.schedule.end:
        return _Standing(
            ChangePhase.EXPIRED, False, "ScheduleOver", "its schedule ended before it was used: raise another"
        )
    if problems:
        return _Standing(ChangePhase.ASSESS, None, "NoPlan", "; ".join(problems))
    if status.plan_digest is None:
        return _Standing(ChangePhase.NEW, None, "NoPlan", "the plan is being made")
    if spec.type is not ChangeType.NORMAL:
        return _Standing(ChangePhase.ASSESS, None, "ChangeTypeNotAllowed", f"no environment accepts type {spec.type}")
    if spec.rollback_plan is None:
        return _Standing(
            ChangePhase.ASSESS, None, "NoRollbackPlan", "spec.rollbackPlan is missing: how is it taken back?"
        )
    if not count.needs:
        names = ", ".join(spec.environments)
        return _Standing(ChangePhase.ASSESS, None, "NoApprovalRule", f"{names} ask for no approval of a normal change")
    if not count.complete:
        if spec.hold is not None:
            return _Standing(ChangePhase.ON_HOLD, None, "Held", f"held: {spec.hold.reason}")
        stale = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
        end = spec.schedule.end if spec.schedule else None
        return _Standing(
            ChangePhase.AUTHORIZE, None, "ApprovalsMissing", f"{count.summary}: needs {count.missing}{stale}", end
        )
    return _approved(change, governed, count, now)


def _approved(change: ChangeRequest, governed: Mapping[str, Effective], count: Count, now: datetime) -> _Standing:
    people = sorted({person for names in count.by_role.values() for person in names})
    rules = [
        control.normal
        for e in change.spec.environments
        if e in governed and (control := governed[e].spec.change_control) is not None and control.normal is not None
    ]
    until = min(approvals.valid_until(change, rule, people, now) for rule in rules)
    if now >= until:
        return _Standing(ChangePhase.EXPIRED, False, "ApprovalExpired", "its approvals ended before they were used")
    words = f"approved by {', '.join(people)}"
    if change.spec.hold is not None:
        return _Standing(ChangePhase.ON_HOLD, True, "Held", f"{words}; held: {change.spec.hold.reason}", until)
    schedule = change.spec.schedule
    if schedule is not None and now < schedule.start:
        return _Standing(ChangePhase.SCHEDULED, True, "Approved", f"{words}; waits for its schedule", schedule.start)
    return _Standing(ChangePhase.SCHEDULED, True, "Approved", f"{words}; a promotion may use it", until)


def _running(
    change: ChangeRequest, promotions: Sequence[Promotion], done: set[str], count: Count, now: datetime
) -> _Standing:
    until = approvals.back_out_until(change)
    executing = any(p.status.phase is not None and not p.status.phase.final for p in promotions)
    if executing or set(change.spec.environments) - done:
        over = until is not None and now >= until and not executing
        if over:
            return _Standing(ChangePhase.CLOSED, True, "Closed", "not every environment was changed in time")
        left = sorted(set(change.spec.environments) - done)
        approved = True if count.complete else None
        words = f"in implementation; still to come: {', '.join(left)}" if left else "in implementation"
        return _Standing(ChangePhase.IMPLEMENT, approved, "InImplementation", words, until)
    if until is not None and now >= until:
        return _Standing(ChangePhase.CLOSED, True, "Closed", "implemented; the time for taking it back is over")
    return _Standing(ChangePhase.REVIEW, True, "Implemented", "implemented; may still be taken back", until)
