"""What people give when they act now, as objects: the forecast hands these to the very same gates. Pure.

Nothing of it ever reaches a decision: a decision is made on what was gathered, and this only on a copy of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.changerecords import Submission
from lockflight.api.changerequest import (
    Approval,
    ChangePlan,
    ChangeRequest,
    DeclaredRisk,
    RollbackPlan,
    Schedule,
    Strategy,
)
from lockflight.api.common import CANARY, CREATOR_ANNOTATION, Meta
from lockflight.api.release import Passage, Release
from lockflight.policy.digest import canonical_digest, change_digest
from lockflight.policy.drafting import draft, rollback_plan
from lockflight.policy.model import Plan, Snapshot, Verdict
from lockflight.policy.override import frozen, target_of
from lockflight.policy.rights import Question, Rights
from lockflight.policy.time.zones import InvalidTime
from lockflight.policy.upstream import passage
from lockflight.policy.windows import FOREVER

NEW_CHANGE: Final = "new-change"
"""What a change is called that nobody has raised yet."""
_LONG: Final = timedelta(days=800)
_PEOPLE: Final = 32
"""More than any quorum asks for in one role."""
_SOMEBODY: Final = "somebody"
_ASSESSED: Final = DeclaredRisk(assessment=_SOMEBODY)


@dataclass(frozen=True, slots=True)
class Willing(Rights):
    """The answers that are known, and that whoever is assumed to decide may do so."""

    known: Rights = field(default_factory=Rights)

    def may(self, question: Question) -> bool | None:
        """As the API server would say of somebody who holds the role by name and nothing else."""
        if question.user.startswith(f"{_SOMEBODY} "):
            return CANARY not in (question.verb, question.resource) and question.verb != "create"
        return self.known.may(question)


def assume(gate: str, s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot | None:
    """The snapshot once people gave ``gate`` at ``at`` what it asks for at ``now``; None where nobody can."""
    give = _GIVEN.get(gate)
    changed = give(s, verdict, at, now) if give is not None else None
    return None if changed == s else changed


def renewed(s: Snapshot) -> Snapshot:
    """As though another change was raised in place of the one that opens nothing any more."""
    return replace(s, changes=(), whole=None, standard=None, standard_uses=())


def _passed(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot | None:
    """Order: it passes everything upstream at ``at``."""
    release = s.release
    if release is None or release.status.digest is None:
        return None
    for name, governed in s.upstream.items():
        row = passage(s, name)
        # What is retired is passed by nobody any more.
        if not governed.spec.retired and (row is None or row.verified_at is None or not row.signed):
            release = with_passage(release, _row(s, name, row, at)) if name in s.upstream_uids else release
    return replace(s, release=release)


def _soaks(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot | None:
    """Soak: it runs upstream again from ``at`` on."""
    release = s.release
    if release is None or verdict.reason != reasons.NOT_SOAKING:
        return None
    for name in s.upstream:
        row = passage(s, name)
        if row is not None and row.running_since is None:
            release = with_passage(release, row.model_copy(update={"running_since": at}))
    return replace(s, release=release)


def _row(s: Snapshot, name: str, known: Passage | None, at: datetime) -> Passage:
    digest = s.release.status.digest if s.release else None
    row = known or Passage(
        name=name, environment_uid=s.upstream_uids[name], digest=digest or "", deployed_at=at, running_since=at
    )
    images = s.plan.images if isinstance(s.plan, Plan) else ()
    return row.model_copy(
        update={
            "verified_at": row.verified_at or at,
            "signed_off_at": at,
            "withdrawn": None,
            "running_since": row.running_since or (at if row.verified_at is None else None),
            "images": row.images or images,
        }
    )


def with_passage(release: Release, row: Passage) -> Release:
    """The release with that proof in place of what it had for the environment."""
    rows = (*(r for r in release.status.environments if r.name != row.name), row)
    return release.model_copy(update={"status": release.status.model_copy(update={"environments": rows})})


def _unheld(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot:
    """Hold: whoever holds it lets it go on."""
    release = s.release
    if release is not None and release.spec.hold is not None:
        release = release.model_copy(update={"spec": release.spec.model_copy(update={"hold": None})})
    changes = tuple(c.model_copy(update={"spec": c.spec.model_copy(update={"hold": None})}) for c in s.changes)
    return replace(s, release=release, changes=changes)


def _lifted(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot | None:
    """Freeze: what has no end of its own, or cannot be read, is lifted. What time ends is waited for."""
    target = target_of(s)
    if target is None:
        return None
    try:
        found = frozen(s, target, now)
    except InvalidTime:
        return None
    held = [spell.freeze for spell in found.active if spell.span.end == FOREVER]
    gone = {freeze.metadata.uid for freeze in (*held, *(each.freeze for each in found.broken))}
    return replace(s, freezes=tuple(f for f in s.freezes if f.metadata.uid not in gone))


def _settled(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot:
    """ReviewDebt: whatever is overdue by then is settled."""
    return replace(s, owing=tuple(_without_debts(c, now) for c in s.owing))


def _without_debts(change: ChangeRequest, now: datetime) -> ChangeRequest:
    debts = tuple(
        row if row.settled_by is not None or row.due_by > now else row.model_copy(update={"settled_by": _SOMEBODY})
        for row in change.status.debts
    )
    return change.model_copy(update={"status": change.status.model_copy(update={"debts": debts})})


def _permitted(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot | None:
    """ChangeControl: somebody raises the change, a person puts it forward, enough people approve what it brings."""
    if verdict.reason == reasons.NO_CHANGE:
        return _raised(s, at)
    change = s.change
    if change is None:
        return None
    if verdict.reason == reasons.NOT_SUBMITTED:
        entry = Submission(role="requester", by=f"{_SOMEBODY} else", generation=change.metadata.generation)
        return _with_status(s, change, submissions=(*change.status.submissions, entry))
    plan = s.plan if isinstance(s.plan, Plan) else some_plan(s, change)
    if not isinstance(s.plan, Plan):
        return replace(s, plan=plan)
    if verdict.reason == reasons.PLAN_CHANGED:
        return _planned(s, change, plan)
    if verdict.reason == reasons.APPROVALS_MISSING and s.whole is None:
        return _approved(s, change, verdict)
    return None


def _raised(s: Snapshot, at: datetime) -> Snapshot | None:
    """A normal change, raised at ``at``; None where the environment accepts none, or another one was named."""
    control = s.effective.spec.change_control if s.effective else None
    release, promotion = s.release, s.promotion
    if control is None or control.normal is None or release is None or s.effective is None:
        return None
    plan = s.plan if isinstance(s.plan, Plan) else None
    spec = draft(
        release,
        s.effective.name,
        None,
        first=not s.revisions,
        irreversible=bool(plan and plan.irreversible),
        pattern=None,
    )
    change = ChangeRequest(
        metadata=Meta(
            name=NEW_CHANGE,
            namespace=promotion.metadata.namespace,
            uid=NEW_CHANGE,
            creation_timestamp=at,
            annotations={CREATOR_ANNOTATION: _SOMEBODY},
        ),
        spec=spec,
    )
    return replace(s, changes=(_edited(change, s),), whole=None)


def some_plan(s: Snapshot, change: ChangeRequest) -> Plan:
    """The plan that people saw; where there is none yet, one of the release's bytes."""
    here = s.effective.name if s.effective else ""
    known = next((row.digest for row in change.status.plans if row.environment == here), None)
    digest = s.release.status.digest if s.release else None
    namespace = s.namespace.name if s.namespace else ""
    return Plan(namespace, (), known or canonical_digest({"environment": here, "release": digest or ""}))


def _planned(s: Snapshot, change: ChangeRequest, plan: Plan) -> Snapshot:
    """The change is planned anew, as what would be applied now."""
    here = s.effective.name if s.effective else ""
    rows = (
        *(row for row in change.status.plans if row.environment != here),
        ChangePlan(environment=here, digest=plan.digest),
    )
    return _with_status(s, change, plans=rows, plan_digest=change_digest(rows))


def _approved(s: Snapshot, change: ChangeRequest, verdict: Verdict) -> Snapshot | None:
    """As many people as anybody could ask for approve it, in each role that lacks somebody."""
    roles = dict.fromkeys(row.who for row in verdict.waiting_for)
    if not roles:
        return None
    entries = tuple(
        Approval(
            role=role,
            decision="Approved",
            by=f"{_SOMEBODY} {number} of {role}",
            generation=change.metadata.generation,
            plan_digest=change.status.plan_digest,
        )
        for role in roles
        for number in range(1, _PEOPLE + 1)
    )
    if any(
        entry.by == entries[0].by and entry.generation == entries[0].generation for entry in change.status.approvals
    ):
        # They did not count: whatever is wrong, more of the same does not mend it.
        return None
    s = _with_status(s, change, approvals=(*change.status.approvals, *entries))
    return replace(s, rights=Willing(known=s.rights))


def _described(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot | None:
    """Risk, RollbackPlan: the requester writes it into the change, which voids what was approved before."""
    change = s.change
    if change is None or verdict.reason in (reasons.NO_CHANGE, reasons.PLAN_MISSING, reasons.CANNOT_TELL):
        return None
    return replace(s, changes=(_edited(change, s),)) if s.whole is None else None


def _edited(change: ChangeRequest, s: Snapshot) -> ChangeRequest:
    """The change as the gates Risk and RollbackPlan want it."""
    plan = s.plan if isinstance(s.plan, Plan) else None
    way_back = s.release and rollback_plan(
        s.release, first=not s.revisions, irreversible=bool(plan and plan.irreversible)
    )
    said = change.spec.risk.model_copy(update={"assessment": _SOMEBODY}) if change.spec.risk else None
    spec = change.spec.model_copy(
        update={
            "risk": said or _ASSESSED,
            "rollback_plan": way_back or RollbackPlan(strategy=Strategy.MANUAL, steps=(_SOMEBODY,)),
        }
    )
    meta = change.metadata.model_copy(update={"generation": change.metadata.generation + 1})
    return change.model_copy(update={"spec": spec, "metadata": meta})


def _scheduled(s: Snapshot, verdict: Verdict, at: datetime, now: datetime) -> Snapshot | None:
    """ChangeWindow: where no window lists its type, a change that nobody raised yet brings a schedule of its own."""
    change = s.change
    if verdict.reason != reasons.WINDOW_MISSING or change is None or change.metadata.name != NEW_CHANGE:
        return None
    spec = change.spec.model_copy(update={"schedule": Schedule(start=at, end=at + _LONG)})
    return replace(s, changes=(change.model_copy(update={"spec": spec}),))


def _with_status(s: Snapshot, change: ChangeRequest, **update: object) -> Snapshot:
    return replace(s, changes=(change.model_copy(update={"status": change.status.model_copy(update=update)}),))


_Give = Callable[[Snapshot, Verdict, datetime, datetime], Snapshot | None]
_GIVEN: Final[Mapping[str, _Give]] = {
    reasons.ORDER: _passed,
    reasons.SOAK: _soaks,
    reasons.HOLD: _unheld,
    reasons.FREEZE: _lifted,
    reasons.REVIEW_DEBT: _settled,
    reasons.CHANGE_CONTROL: _permitted,
    reasons.RISK: _described,
    reasons.ROLLBACK_PLAN: _described,
    reasons.CHANGE_WINDOW: _scheduled,
}
