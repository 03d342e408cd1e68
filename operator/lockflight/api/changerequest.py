"""ChangeRequest: permission to change an environment."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockflight.api.access import BoxedAccess
from lockflight.api.activity import Activity
from lockflight.api.changerecords import FindingStatus, Incident, Review, Submission, Unauthorised
from lockflight.api.common import (
    API_VERSION,
    LABEL,
    SET,
    Cel,
    ChangeType,
    Comment,
    Digest,
    Duration,
    Label,
    Meta,
    Name,
    ObjectName,
    Reason,
    Ref,
    RiskLevel,
    Schema,
    Text,
    Time,
    Uid,
    fixed,
    keyed,
    rules,
)
from lockflight.api.conditions import Conditions
from lockflight.api.drift import PutBackAsked, TakenOver
from lockflight.api.emergency import Debt


class Strategy(StrEnum):
    """How the change is taken back."""

    HELM_ROLLBACK = "HelmRollback"
    UNINSTALL = "Uninstall"
    ROLL_FORWARD = "RollForward"
    RESTORE = "Restore"
    MANUAL = "Manual"


class RollbackPlan(Schema):
    """How, and until when, this change may be taken back under its own approval."""

    model_config = rules(
        Cel(
            "self.strategy in ['HelmRollback', 'Uninstall'] || size(self.steps) > 0",
            "RollForward, Restore and Manual are done by people: write down the steps",
            "steps",
        )
    )

    strategy: Strategy
    steps: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=1024)], ...],
        Field(max_length=32, json_schema_extra={"default": []}, description="What people do, in order."),
    ] = ()
    until: Time | None = Field(
        None, description="Until when a rollback needs no new change. Default: schedule end + 24h."
    )


class Schedule(Schema):
    """When the change may start; [start, end)."""

    model_config = rules(Cel("self.start < self.end", "schedule.end must lie after schedule.start", "end"))

    start: Time = Field(description="Not before then.")
    end: Time = Field(description="Nothing starts from then on.")


class Impact(Schema):
    """Who feels it."""

    services: Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=32)] = Field(
        (), description="Business services that feel it."
    )
    downtime: Duration | None = Field(None, description="Expected downtime.")
    security: Comment | None = Field(None, description="Effect on security.")
    customers: Comment | None = Field(None, description="What customers notice.")


class DeclaredRisk(Schema):
    """What people say may go wrong. The higher of this and the computed risk counts."""

    model_config = rules(
        Cel(
            "has(self.impact) == has(self.likelihood)",
            "a declared risk is impact by likelihood: give both or neither",
            "impact",
        )
    )

    impact: RiskLevel | None = Field(None, description="How bad it would be.")
    likelihood: RiskLevel | None = Field(None, description="How likely it is.")
    assessment: Comment | None = Field(
        None, description="What may go wrong, and how that was looked into; a normal change needs it."
    )


class FreezeOverride(Schema):
    """Freezes that this change asks to go past; each must have an override, whose approvals it then needs too."""

    windows: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8, json_schema_extra=SET)] = Field(
        description="FreezeWindows of this stack or of the operator's namespace, by name."
    )
    justification: Text = Field(description="Why it cannot wait; it stays on the record.")


class HotfixClaim(Schema):
    """Says that the release is a hotfix: it is one only while this change names it and has the calendar's approvals."""

    defect: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="The defect that it mends, as the tracker calls it."
    )


class StackRelease(Schema):
    """A release of one stack, in a bulk change."""

    stack: Annotated[str, Field(pattern=LABEL, min_length=1, max_length=63)] = Field(
        description="The stack: its namespace."
    )
    name: Name = Field(description="The Release there.")


class ChangePhase(StrEnum):
    """ITIL's life cycle as a summary for people."""

    NEW = "New"
    ASSESS = "Assess"
    AUTHORIZE = "Authorize"
    SCHEDULED = "Scheduled"
    IMPLEMENT = "Implement"
    REVIEW = "Review"
    CLOSED = "Closed"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    CANCELLED = "Cancelled"
    ON_HOLD = "OnHold"

    @property
    def ended(self) -> bool:
        """No promotion starts under it any more."""
        return self in (ChangePhase.CLOSED, ChangePhase.REJECTED, ChangePhase.EXPIRED, ChangePhase.CANCELLED)


ENDED = (ChangePhase.CLOSED, ChangePhase.REJECTED, ChangePhase.CANCELLED)
"""Whatever is observed, a change stays there."""
BEGUN = (ChangePhase.IMPLEMENT, ChangePhase.REVIEW)
"""From there a change only gets on to being closed. From every other phase all phases can be reached."""


def _names(phases: Iterable[ChangePhase]) -> str:
    return str([phase.value for phase in phases])


class ExternalRef(Schema):
    """The same change in a system of record."""

    system: Label = Field(description="The system, such as servicenow.")
    id: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="Its number there.")
    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=1024)] | None = Field(
        None, description="Where people read it."
    )


class ChangeRequestSpec(Schema):
    """What is asked for. Every edit makes a new generation, which voids approvals."""

    model_config = rules(
        Cel(
            "(has(self.releaseRef) ? 1 : 0) + (has(self.activity) ? 1 : 0) + (has(self.unauthorised) ? 1 : 0) + "
            "(has(self.releases) ? 1 : 0) == 1",
            "a change brings a release, those of several stacks, or is an activity: give exactly one of releaseRef, "
            "releases and activity",
            "releaseRef",
        ),
        Cel(
            "!has(self.activity) || self.type == 'Normal'",
            "an activity is a Normal change: no pattern and no emergency speaks of what Lockflight does not apply",
            "type",
        ),
        Cel(
            "!has(self.activity) || has(self.schedule)",
            "an activity is carried out inside its schedule: give schedule.start and schedule.end",
            "schedule",
        ),
        Cel(
            "!has(self.activity) || !has(self.rollbackPlan) || "
            "!(self.rollbackPlan.strategy in ['HelmRollback', 'Uninstall'])",
            "Helm takes no activity back: choose RollForward, Restore or Manual",
            "rollbackPlan.strategy",
        ),
        Cel(
            "has(self.standardChangeRef) == (self.type == 'Standard')",
            "a Standard change, and no other, names its pattern: give standardChangeRef with type Standard only",
            "standardChangeRef",
        ),
        Cel(
            "!(self.type == 'Emergency' && !has(self.unauthorised)) || has(self.incident)",
            "an emergency has an incident: give incident.id, severity and openedAt",
            "incident",
        ),
        Cel(
            "!has(self.incident) || self.type == 'Emergency'",
            "an incident goes with type Emergency: leave it out",
            "incident",
        ),
        Cel(
            "!has(self.hotfix) || (self.type == 'Normal' && has(self.releaseRef))",
            "hotfix goes with a Normal change of a release: an emergency has its incident, a standard one its pattern",
            "hotfix",
        ),
        fixed("releaseRef", "releaseRef is fixed: raise another change for another release"),
        Cel(
            "!has(self.releases) || self.type == 'Normal'",
            "a bulk change is a Normal change: patterns and incidents are each stack's own",
            "type",
        ),
        fixed("action", "action is fixed: raise another change to do something else"),
        Cel(
            "!has(self.action) || self.action != 'Remove' || (has(self.releaseRef) && self.type != 'Standard')",
            "what is removed is a release, by a Normal change or an Emergency: no pattern is one of removing",
            "action",
        ),
        Cel(
            "!has(self.access) || size(self.access) == 0 || self.type == 'Emergency'",
            "access for a time goes with type Emergency: lasting access stands in the Environment",
            "access",
        ),
        Cel(
            "!has(self.access) || self.access.all(a, a.environment in self.environments)",
            "access is to environments that the change names",
            "access",
        ),
        fixed("releases", "releases are fixed: raise another change for other releases"),
        fixed("unauthorised", "unauthorised is the operator's mark: it is neither added nor taken away"),
        Cel(
            "!has(self.putBack) || has(self.unauthorised)",
            "putBack goes with what was changed without permission: promote what ran before instead",
            "putBack",
        ),
        Cel(
            "!has(oldSelf.cancel) || has(self.cancel)",
            "a cancelled change stays cancelled: raise another one",
            "cancel",
        ),
        Cel(
            "!has(self.schedule) || !has(self.rollbackPlan) || !has(self.rollbackPlan.until) || "
            "self.rollbackPlan.until > self.schedule.start",
            "rollbackPlan.until must lie after schedule.start: there is nothing to take back before it",
            "rollbackPlan.until",
        ),
    )

    type: ChangeType = Field(description="Standard, Normal or Emergency.")
    title: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="One line for the board's agenda.")
    reason: Text = Field(description="Why the change is needed.")
    expected_outcome: Comment | None = Field(None, description="What is better afterwards.")
    requested_by: ObjectName | None = Field(
        None, description="Claimed; the authenticated creator is stamped by the API server."
    )
    implementer: ObjectName | None = Field(None, description="Who carries it out.")
    release_ref: Ref | None = Field(None, description="The Release that the change brings.")
    action: Literal["Deploy", "Remove"] | None = Field(
        None, description="Remove: takes the release away from its environments. Default Deploy, and the way back."
    )
    releases: (
        Annotated[tuple[StackRelease, ...], Field(min_length=1, max_length=16, json_schema_extra=keyed("stack"))] | None
    ) = Field(None, description="Bulk change, in the operator's namespace: the release of each stack that it brings.")
    activity: Activity | None = Field(None, description="What is done, where the change brings no release.")
    environments: Annotated[tuple[Label, ...], Field(min_length=1, max_length=8, json_schema_extra=SET)] = Field(
        description="The environments it is for."
    )
    impact: Impact | None = None
    risk: DeclaredRisk | None = None
    rollback_plan: RollbackPlan | None = None
    schedule: Schedule | None = None
    standard_change_ref: Ref | None = Field(
        None, description="Standard: the StandardChange it follows, in this namespace or the operator's."
    )
    external_refs: Annotated[tuple[ExternalRef, ...], Field(max_length=8, json_schema_extra=keyed("system"))] = Field(
        (), description="The same change in systems of record."
    )
    freeze_override: FreezeOverride | None = Field(
        None, description="Asks to go past freezes; they stay in force for everything else."
    )
    hotfix: HotfixClaim | None = Field(
        None, description="Normal: says that the release is a hotfix, which the calendar's hotfix approvals confirm."
    )
    incident: Incident | None = Field(None, description="Emergency: the incident that it mends.")
    unauthorised: Unauthorised | None = Field(
        None, description="Set by the operator alone: this was changed without permission, and owes a review."
    )
    put_back: PutBackAsked | None = Field(
        None, description="Of an unauthorised change: put back exactly this drift, as the operator found it."
    )
    takes_over: Annotated[tuple[TakenOver, ...], Field(max_length=16, json_schema_extra=keyed("drift"))] = Field(
        (), description="Drift that it knows of: its release is applied over what was changed by another way."
    )
    access: Annotated[
        tuple[BoxedAccess, ...],
        Field(
            max_length=8,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["environment", "level"],
            },
        ),
    ] = Field((), description="Emergency: who may do more for a time, while it is approved.")
    hold: Reason | None = Field(None, description="Holds the change's promotions until it is taken out.")
    cancel: Reason | None = Field(None, description="Ends the change; cannot be taken back.")

    @property
    def removes(self) -> bool:
        """It takes its release away."""
        return self.action == "Remove"

    @property
    def release(self) -> str:
        """The name of the Release that it brings; empty where it brings none."""
        return self.release_ref.name if self.release_ref else ""


class Approval(Schema):
    """One person's decision. ``by`` and ``groups`` are stamped by the API server; entries are only ever appended."""

    role: Label = Field(description="The role in which the person decides.")
    decision: Literal["Approved", "Rejected", "Withdrawn"] = Field(
        description="Approved, Rejected, or Withdrawn (takes the person's own entry back)."
    )
    comment: Comment | None = Field(None, description="Anything the person wants to add.")
    by: ObjectName | None = Field(None, description="Who: stamped by the API server.")
    groups: Annotated[tuple[ObjectName, ...], Field(max_length=256)] = Field(
        (), description="The person's groups then: stamped by the API server."
    )
    generation: int | None = Field(
        None, description="The generation that was decided on: filled in, or must be the current one."
    )
    plan_digest: Digest | None = Field(
        None, description="The plan that was decided on: filled in, or must be the current one."
    )
    on_behalf_of: ObjectName | None = Field(
        None, description="Whose decision it is, where a deputy or a relay account writes it down."
    )


class Observed(Schema):
    """When the operator first saw the approval at ``index``; validity runs from there."""

    index: int = Field(description="Which entry of approvals, from 0.")
    at: Time = Field(description="When it was first seen.")
    risk: RiskLevel | None = Field(None, description="The risk of the change then.")
    base: Digest | None = Field(None, description="What ran in its targets then, as one digest.")


class ChangePlan(Schema):
    """What would be applied to one environment."""

    environment: ObjectName = Field(description="The environment; of a bulk change stack/environment.")
    digest: Digest = Field(description="The plan's digest.")
    summary: Annotated[str, Field(max_length=2048)] = Field("", description="What would change, on a few lines.")
    risk: RiskLevel | None = Field(None, description="The computed risk there.")
    risk_reasons: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=16)] = Field(
        (), description="What it follows from."
    )
    base: Digest | None = Field(None, description="What runs there, as one digest; not part of what is approved.")


class Use(Schema):
    """An environment that a promotion changed under this approval."""

    environment: ObjectName = Field(description="The environment; of a bulk change stack/environment.")
    promotion_uid: Uid = Field(alias="promotionUID", description="UID of the Promotion.")
    plan_digest: Digest = Field(description="The plan it applied.")
    at: Time = Field(description="When.")
    freezes: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=64)] = Field(
        (), description="Freezes in force then that it went past by their override, namespace/name."
    )
    finished: bool = Field(False, description="True once the promotion succeeded: the approval is used up there.")


class Slot(Schema):
    """A time that is free."""

    start: Time = Field(description="From then on.")
    end: Time = Field(description="Until then.")


class Conflict(Schema):
    """Another change that is scheduled for the same target at the same time."""

    change: ObjectName = Field(description="The other change.")
    environment: ObjectName = Field(description="Where both go.")
    start: Time = Field(description="When the other begins.")
    end: Time = Field(description="When the other ends.")
    goes_first: bool = Field(description="True: the other one goes first, and this one is planned anew after it.")


class ChangeRisk(Schema):
    """The risk of a change: the higher of what is computed and declared."""

    effective: RiskLevel = Field(description="What counts.")
    computed: RiskLevel = Field(description="The highest over all environments.")
    declared: RiskLevel | None = Field(None, description="Impact by likelihood.")
    reasons: Annotated[tuple[Annotated[str, Field(max_length=640)], ...], Field(max_length=64)] = Field(
        (), description="What the computed risk follows from, by environment."
    )


class ChangeRequestStatus(Schema):
    """Where it stands. People write submissions, approvals and review, the operator everything else."""

    model_config = ConfigDict(json_schema_extra={"default": {"submissions": [], "approvals": [], "review": []}})

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    phase: ChangePhase | None = None
    subject: Annotated[str, Field(max_length=256)] | None = Field(
        None, description="What it brings, on one line for the printer column: a release, several, or an activity."
    )
    plans: Annotated[tuple[ChangePlan, ...], Field(max_length=128)] = ()
    plan_digest: Digest | None = Field(None, description="Over all plans: what approvals bind to.")
    risk: ChangeRisk | None = None
    conflicts: Annotated[tuple[Conflict, ...], Field(max_length=64)] = Field(
        (), description="Changes with an overlapping schedule on a target of this one."
    )
    next_free_slot: Slot | None = Field(
        None, description="Where there are conflicts: the earliest time of the same length with none."
    )
    plan_digest_demanded: bool = Field(
        False, description="True for high risk in production: an approval is sent with the planDigest that was seen."
    )
    how_to_approve: Annotated[str, Field(max_length=2048)] | None = Field(
        None, description="The command that approves it, ready to paste."
    )
    submissions: Annotated[tuple[Submission, ...], Field(max_length=32, json_schema_extra={"default": []})] = ()
    approvals: Annotated[tuple[Approval, ...], Field(max_length=32, json_schema_extra={"default": []})] = ()
    observed: Annotated[tuple[Observed, ...], Field(max_length=32)] = ()
    used_by: Annotated[tuple[Use, ...], Field(max_length=256)] = ()
    debts: Annotated[
        tuple[Debt, ...],
        Field(max_length=64, description="What an emergency skipped and still owes, its ratification, its review."),
    ] = ()
    review: Annotated[tuple[Review, ...], Field(max_length=32, json_schema_extra={"default": []})] = ()
    findings: Annotated[
        tuple[FindingStatus, ...],
        Field(max_length=64, description="What is not as it was promoted, where the change is unauthorised."),
    ] = ()
    approvals_summary: Annotated[str, Field(max_length=256)] | None = Field(None, description="Such as '1/2 cab'.")
    waits_for: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="One line for the printer column."
    )
    in_use: bool = Field(False, description="True in Implement and Review: it cannot be deleted then.")


class ChangeRequest(Schema):
    """Permission to change an environment: standard, normal or emergency."""

    model_config = rules(
        Cel(
            "self.spec == oldSelf.spec || !has(oldSelf.status) || !has(oldSelf.status.phase) || "
            f"!(oldSelf.status.phase in {_names(ENDED)})",
            "this change has ended and stays as it was: raise another one",
            "spec",
        ),
        Cel(
            f"!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in {_names(ENDED)}) || "
            "has(self.status) && has(self.status.phase) && self.status.phase == oldSelf.status.phase",
            "what has ended stays as it ended: raise another change",
            "status.phase",
        ),
        Cel(
            f"!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in {_names(BEGUN)}) || "
            f"has(self.status) && has(self.status.phase) && self.status.phase in {_names((*BEGUN, ENDED[0]))}",
            "what was begun can only be implemented, reviewed and closed",
            "status.phase",
        ),
        Cel(
            "!has(self.spec.cancel) || has(oldSelf.spec.cancel) || !has(oldSelf.status) || "
            "!has(oldSelf.status.phase) || oldSelf.status.phase != 'Review'",
            "what is done cannot be cancelled: review it (lockflight change review)",
            "spec.cancel",
        ),
        Cel(
            "self.spec.type == oldSelf.spec.type || !has(oldSelf.status) || size(oldSelf.status.approvals) == 0 && "
            "(!has(oldSelf.status.usedBy) || size(oldSelf.status.usedBy) == 0)",
            "type is fixed once somebody decided on the change or a promotion used it: raise another one",
            "spec.type",
        ),
        # The way back needs no approval, so nobody gives it more time once the board's word was used.
        Cel(
            "!has(oldSelf.status) || !has(oldSelf.status.usedBy) || size(oldSelf.status.usedBy) == 0 || "
            "(has(self.spec.rollbackPlan) == has(oldSelf.spec.rollbackPlan) && (!has(self.spec.rollbackPlan) || "
            "self.spec.rollbackPlan == oldSelf.spec.rollbackPlan) && has(self.spec.schedule) == "
            "has(oldSelf.spec.schedule) && (!has(self.spec.schedule) || self.spec.schedule == oldSelf.spec.schedule))",
            "rollbackPlan and schedule are fixed once a promotion used the change: raise another one",
            "spec",
        ),
        Cel(
            "!has(oldSelf.spec.activity) || !has(oldSelf.status) || !has(oldSelf.status.phase) || "
            "!(oldSelf.status.phase in ['Implement', 'Review']) || has(self.spec.activity) && "
            "self.spec.activity == oldSelf.spec.activity && self.spec.environments == oldSelf.spec.environments && "
            "has(self.spec.schedule) && self.spec.schedule == oldSelf.spec.schedule",
            "what may have begun already stays as it was approved: cancel this change and raise another one",
            "spec",
        ),
    )

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["ChangeRequest"] = "ChangeRequest"
    metadata: Meta
    spec: ChangeRequestSpec
    status: ChangeRequestStatus = ChangeRequestStatus()
