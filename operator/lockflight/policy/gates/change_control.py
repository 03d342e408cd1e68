"""ChangeControl: a change of an allowed type names this release and environment and has its approvals, all still bound."""

from datetime import UTC, datetime

from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.api.environment import NormalChange
from lockflight.policy import approvals
from lockflight.policy.digest import change_digest
from lockflight.policy.effective import DEFAULT_ATTEMPTS
from lockflight.policy.gates._verdicts import denied, is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import Plan, Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/change-control.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    control, environment = s.effective.spec.change_control, s.effective.name
    if control is None:
        return not_applicable("this environment asks for no change")
    if not s.changes:
        return _no_change(s, environment)
    if len(s.changes) > 1:
        names = ", ".join(sorted(c.metadata.name for c in s.changes))
        return waiting(
            "AmbiguousChange", f"{names} all qualify: name one in spec.changeRequestRef, or cancel the others"
        )
    change = s.changes[0]
    if is_rollback(s):
        covered = _back_out(s, change, now)
        if covered is not None:
            return covered
    wrong = _wrong_change(s, change)
    if wrong is not None:
        return wrong
    if control.normal is None:
        return denied("ChangeTypeNotAllowed", f"{environment} accepts no normal change")
    used = _used(s, change, control.attempts or DEFAULT_ATTEMPTS)
    if used is not None:
        return used
    return _approved(s, change, control.normal, now)


def _no_change(s: Snapshot, environment: str) -> Verdict:
    named = s.promotion.spec.change_request_ref
    if named is not None:
        return waiting("ChangeMissing", f"change {named.name} does not exist in {s.stack}")
    release = s.promotion.spec.release_ref.name
    command = f"lockflight -n {s.stack} change create --release {release} --environment {environment}"
    return waiting("NoChange", f"no open change names {release} and {environment}: {command} …")


def _back_out(s: Snapshot, change: ChangeRequest, now: datetime) -> Verdict | None:
    """A way back belongs to the change that was approved, for a while; None: it needs approvals of its own."""
    here = s.effective.name if s.effective else ""
    brought = {p.metadata.uid: p for p in s.peers}
    used = [
        u
        for u in change.status.used_by
        if u.environment == here
        and (p := brought.get(u.promotion_uid)) is not None
        and p.status.deployed_at is not None
    ]
    until = approvals.back_out_until(change)
    if not used or change.status.phase not in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW):
        return None
    if until is None or now >= until:
        return None
    return passed(f"the way back of {change.metadata.name}, until {until.astimezone(UTC):%Y-%m-%d %H:%MZ}", "BackOut")


def _wrong_change(s: Snapshot, change: ChangeRequest) -> Verdict | None:
    name, release = change.metadata.name, s.promotion.spec.release_ref.name
    environment = s.effective.name if s.effective else ""
    if change.spec.release_ref.name != release:
        return denied("ChangeForAnotherRelease", f"{name} is about {change.spec.release_ref.name}, not {release}")
    if environment not in change.spec.environments:
        return denied("ChangeForOtherEnvironments", f"{name} is about {', '.join(change.spec.environments)}")
    if change.spec.type is not ChangeType.NORMAL:
        return denied("ChangeTypeNotAllowed", f"{name} is of type {change.spec.type}: {environment} accepts Normal")
    if change.spec.cancel is not None:
        return denied("ChangeCancelled", f"{name} was cancelled: {change.spec.cancel.reason}")
    if change.status.phase in (ChangePhase.CLOSED, ChangePhase.EXPIRED):
        return denied(f"Change{change.status.phase}", f"{name} is {change.status.phase}: raise another change")
    if change.metadata.creator is None:
        message = f"who created {name} is not stamped: install the admission policies, then create it again"
        return waiting("CreatorUnknown", message)
    return None


def _used(s: Snapshot, change: ChangeRequest, attempts: int) -> Verdict | None:
    environment, uid = s.effective.name if s.effective else "", s.promotion.metadata.uid
    others = [u for u in change.status.used_by if u.environment == environment and u.promotion_uid != uid]
    if any(use.finished for use in others):
        return denied(
            "ApprovalUsed", f"{change.metadata.name} was used for {environment} already: raise another change"
        )
    if len(others) >= attempts:
        return denied(
            "AttemptsExhausted", f"{len(others)} promotions ran under {change.metadata.name}: raise another change"
        )
    return None


def _approved(s: Snapshot, change: ChangeRequest, rule: NormalChange, now: datetime) -> Verdict:
    name, status = change.metadata.name, change.status
    if not isinstance(s.plan, Plan):
        return waiting("PlanMissing", "there is no plan that approvals could be bound to")
    plans = {p.environment: p.digest for p in status.plans}
    environment = s.effective.name if s.effective else ""
    # What people saw is what the change's status held; it must be what would be applied now.
    bound = plans.get(environment) == s.plan.digest and status.plan_digest == change_digest(status.plans)
    count = approvals.count(
        status.approvals,
        rule.approvals,
        generation=change.metadata.generation,
        plan_digest=status.plan_digest if bound else None,
        barred=approvals.excluded(change, s.release),
    )
    if count.rejected_by:
        return denied("ChangeRejected", f"{name} was rejected by {count.rejected_by}: raise another change")
    ignored = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
    if not bound:
        return waiting(
            "PlanChanged", f"the plan of {name} is being made anew; approvals of older plans do not count{ignored}"
        )
    if not count.complete:
        return waiting("ApprovalsMissing", f"{name} has {count.summary}, needs {count.missing}{ignored}")
    people = [person for names in count.by_role.values() for person in names]
    until = approvals.valid_until(change, rule, people, now)
    if now >= until:
        return denied("ApprovalExpired", f"the approvals of {name} ended {until.astimezone(UTC):%Y-%m-%d %H:%MZ}")
    return passed(f"{name} approved by {', '.join(sorted(set(people)))}, until {until.astimezone(UTC):%Y-%m-%d %H:%MZ}")
