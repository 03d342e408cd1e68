"""ChangeControl: a change of an allowed type names this release and environment and has its approvals."""

from collections.abc import Sequence
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.api.environment import ChangeControl, NormalChange
from lockflight.api.promotion import WaitingFor
from lockflight.policy.assessment import base_of, change_base, effective_risk, risk_of, used
from lockflight.policy.backout import back_out
from lockflight.policy.bulk import unapproved
from lockflight.policy.digest import change_digest
from lockflight.policy.effective import DEFAULT_ATTEMPTS, DEFAULT_VALID_FOR, accepts, quorum_rule
from lockflight.policy.emergency import is_emergency, unfit
from lockflight.policy.emergencyrules import Terms, terms
from lockflight.policy.entitlement import APPROVE, by_function, unentitled
from lockflight.policy.hotfix import hotfix_roles
from lockflight.policy.model import Plan, Verdict
from lockflight.policy.putforward import lacks_submission
from lockflight.policy.quorum import union
from lockflight.policy.standing import standing
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed, utc, waiting
from lockflight.policy.voices import Voices


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/changecontrol.md."""
    control = on.effective.spec.change_control
    if control is None:
        return not_applicable("this environment asks for no change")
    changes = on.snapshot.changes
    if not changes:
        return _no_change(on)
    if len(changes) > 1:
        return _ambiguous(changes)
    change = changes[0]
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return passed(way_back.message, reasons.BACK_OUT, way_back.until)
    wrong = _wrong_change(on, change, control)
    if wrong is not None and way_back is not None:
        return waiting(reasons.BACK_OUT_NOT_COVERED, way_back.message)
    if wrong is not None:
        return wrong
    spent = _used(on, change, control.attempts or DEFAULT_ATTEMPTS)
    if spent is not None:
        return spent
    if change.spec.type is ChangeType.STANDARD:
        return _pre_approved(on, change, now)
    if control.normal is None:
        return denied(reasons.CHANGE_TYPE_NOT_ALLOWED, f"{on.effective.name} accepts no normal change")
    emergency = terms(control) if is_emergency(change) else None
    unaccepted = unfit(change, on.effective.name, emergency, now) if emergency is not None else None
    if unaccepted is not None:
        return unaccepted
    return _approved(on, change, control.normal, frozenset(control.relays), now, emergency)


def _no_change(on: Subject) -> Verdict:
    named, stack = on.snapshot.promotion.spec.change_request_ref, on.snapshot.stack
    if named is not None:
        message = f"spec.changeRequestRef: change {named.name} does not exist in {stack}: raise it, or name another"
        return waiting(reasons.CHANGE_MISSING, message)
    release, environment = on.release.metadata.name, on.effective.name
    command = (
        f"lockflight change create -n {stack} --release {release} --environment {environment} --title … --reason … "
        "--assessment …"
    )
    requester = WaitingFor(who="requester", what=f"a change that names {release} and {environment}")
    return waiting(
        reasons.NO_CHANGE, f"no open change names {release} and {environment}: {command}", waiting_for=[requester]
    )


def _ambiguous(changes: Sequence[ChangeRequest]) -> Verdict:
    names = ", ".join(sorted(change.metadata.name for change in changes))
    message = f"{names} all qualify: name one in the promotion's spec.changeRequestRef, or cancel the others"
    return waiting(reasons.AMBIGUOUS_CHANGE, message)


def _wrong_change(on: Subject, change: ChangeRequest, control: ChangeControl) -> Verdict | None:
    """Why this change gives no permission here, whoever approved it."""
    name, environment, spec = change.metadata.name, on.effective.name, change.spec
    if spec.release != on.release.metadata.name:
        return denied(
            reasons.CHANGE_FOR_ANOTHER_RELEASE,
            f"change {name} spec.releaseRef is {spec.release or 'absent'}, needed is {on.release.metadata.name}",
        )
    if spec.removes is not on.removal:
        words = "removes, and the promotion does not" if spec.removes else "does not say action: Remove"
        return denied(reasons.CHANGE_FOR_ANOTHER_ACTION, f"change {name} {words}: raise another change")
    if environment not in spec.environments:
        found = ", ".join(spec.environments)
        return waiting(
            reasons.CHANGE_FOR_OTHER_ENVIRONMENTS,
            f"change {name} spec.environments is {found}: add {environment}, or name another change",
        )
    accepted = accepts(control)
    if spec.type not in accepted:
        allowed = ", ".join(accepted) or "none: its changeControl names no approvals"
        return denied(
            reasons.CHANGE_TYPE_NOT_ALLOWED,
            f"change {name} spec.type is {spec.type}: allowed in {environment} is {allowed}",
        )
    if spec.cancel is not None:
        return denied(reasons.CHANGE_ENDED, f"change {name} was cancelled: {spec.cancel.reason}")
    if change.metadata.deletion_timestamp is not None:
        return denied(reasons.CHANGE_ENDED, f"change {name} is being deleted: raise another change")
    ended = _ended(change)
    if ended is not None:
        return ended
    if change.metadata.creator is None:
        # Four eyes cannot be shown to hold.
        message = f"who created change {name} is not stamped: install the admission policies, then create it again"
        return waiting(reasons.CREATOR_UNKNOWN, message)
    if lacks_submission(change):
        # Also where nobody approves it: at least somebody must have put it forward.
        message = (
            f"{change.metadata.creator} created change {name}, which is no person: a person puts it forward, "
            f"lockflight change submit {name}"
        )
        submitter = WaitingFor(who="requester", what=f"submit change {name}")
        return waiting(reasons.NOT_SUBMITTED, message, waiting_for=[submitter])
    return None


def _pre_approved(on: Subject, change: ChangeRequest, now: datetime) -> Verdict:
    """The change board approved the pattern; whether the change keeps to it is the gate StandardPattern's part."""
    name = change.metadata.name
    # Rejections alone are looked for, and a no needs no right.
    found = standing(
        change,
        (),
        DEFAULT_VALID_FOR,
        release=on.release,
        plan_digest=change.status.plan_digest,
        unentitled={},
        now=now,
    )
    if found.count.rejected_by:
        message = f"change {name} was rejected by {found.count.rejected_by}: raise another"
        return denied(reasons.CHANGE_REJECTED, message)
    ref = change.spec.standard_change_ref
    return passed(f"change {name} follows standard change {ref.name if ref else '?'}: see gate StandardPattern")


def _ended(change: ChangeRequest) -> Verdict | None:
    phase, name = change.status.phase, change.metadata.name
    if phase is None or not phase.ended:
        return None
    if phase is ChangePhase.EXPIRED and change.status.observed_generation != change.metadata.generation:
        # It was edited since, which gives it another schedule or another round of approvals.
        return None
    reason = {
        ChangePhase.REJECTED: reasons.CHANGE_REJECTED,
        ChangePhase.EXPIRED: reasons.APPROVAL_EXPIRED,
    }.get(phase, reasons.CHANGE_ENDED)
    return denied(reason, f"change {name} is {phase}: raise another change")


def _used(on: Subject, change: ChangeRequest, attempts: int) -> Verdict | None:
    environment, uid = on.effective.name, on.snapshot.promotion.metadata.uid
    others = [u for u in change.status.used_by if u.environment == environment and u.promotion_uid != uid]
    name = change.metadata.name
    if any(use.finished for use in others):
        return denied(reasons.APPROVAL_USED, f"change {name} was used for {environment} already: raise another change")
    if len(others) >= attempts:
        return denied(
            reasons.ATTEMPTS_EXHAUSTED,
            f"{len(others)} promotions ran under change {name}, allowed are {attempts}: raise another change",
        )
    return None


def _approved(
    on: Subject,
    change: ChangeRequest,
    rule: NormalChange,
    relays: frozenset[str],
    now: datetime,
    emergency: Terms | None = None,
) -> Verdict:
    name, status, plan = change.metadata.name, change.status, on.snapshot.plan
    if not isinstance(plan, Plan):
        return waiting(reasons.PLAN_MISSING, "there is no plan that approvals could be bound to: see gate Binding")
    # What people saw is what the change's status held; it must be what would be applied now.
    plans, whole = {row.environment: row.digest for row in status.plans}, on.snapshot.whole or change
    bound = plans.get(on.effective.name) == plan.digest and status.plan_digest == change_digest(whole.status.plans)
    here = on.effective.name
    taken = here in used(change)
    risk = effective_risk(change, {} if taken else {here: risk_of(on).level})
    found = standing(
        change,
        emergency.approvals
        if emergency is not None
        else union([quorum_rule(rule, risk), hotfix_roles(change, [on.snapshot.calendar])]),
        rule.valid_for or DEFAULT_VALID_FOR,
        release=on.release,
        plan_digest=status.plan_digest if bound else None,
        unentitled=unentitled(status.approvals, APPROVE, on.snapshot.rights, function=by_function([on.effective])),
        now=now,
        risk=risk,
        base=change_base(status.plans, {} if taken else {here: base_of(on.snapshot.revisions)}),
        voices=Voices(on.snapshot.delegations, relays),
    )
    count = found.count
    ignored = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
    if count.rejected_by:
        return denied(reasons.CHANGE_REJECTED, f"change {name} was rejected by {count.rejected_by}: raise another")
    if not bound:
        return waiting(
            reasons.PLAN_CHANGED,
            f"the plan of change {name} is not what would be applied now and is being made anew; "
            f"approvals of another plan do not count{ignored}",
        )
    if found.expired:
        return denied(
            reasons.APPROVAL_EXPIRED, f"the approvals of change {name} were not used in time{ignored}: raise another"
        )
    if not count.complete:
        return waiting(
            reasons.APPROVALS_MISSING,
            f"change {name} has {count.summary}, needs {count.missing}{ignored}",
            waiting_for=[
                WaitingFor(who=role, what=f"{have} approvals of {name}") for role, have in count.missing_roles()
            ],
        )
    bulk = on.snapshot.whole is not None
    short = unapproved(whole) if bulk or len(change.spec.environments) > 1 else None
    if short is not None:
        words = (
            f"bulk change {name}, as far as all its stacks go" if bulk else f"change {name} for all its environments"
        )
        return waiting(reasons.APPROVALS_MISSING, f"{words}: {short}")
    until = f", until {utc(found.until)}" if found.until else ""
    return passed(f"change {name} is approved by {', '.join(count.people)}{until}", retry_at=found.until)
