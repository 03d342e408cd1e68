"""Promotion: one attempt to bring one Release into one Environment."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockflight.api.common import (
    API_VERSION,
    LABEL,
    Cel,
    Comment,
    Digest,
    Image,
    Label,
    Meta,
    Name,
    ObjectName,
    Ref,
    Schema,
    Time,
    fixed,
    keyed,
    rules,
)
from lockflight.api.conditions import Conditions
from lockflight.api.release import Beside


class Action(StrEnum):
    """What a promotion does."""

    DEPLOY = "Deploy"
    ROLLBACK = "Rollback"
    REMOVE = "Remove"


class Phase(StrEnum):
    """A summary for people; conditions are what programs read."""

    WAITING = "Waiting"
    ON_HOLD = "OnHold"
    DEPLOYING = "Deploying"
    VERIFYING = "Verifying"
    AWAITING_VERIFICATION = "AwaitingVerification"
    AWAITING_SIGN_OFF = "AwaitingSignOff"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"

    @property
    def final(self) -> bool:
        """Nothing follows it."""
        return self not in _OPEN

    @property
    def executing(self) -> bool:
        """It holds its target exclusively."""
        return self in (Phase.DEPLOYING, Phase.VERIFYING)


_OPEN = (
    Phase.WAITING,
    Phase.ON_HOLD,
    Phase.DEPLOYING,
    Phase.VERIFYING,
    Phase.AWAITING_VERIFICATION,
    Phase.AWAITING_SIGN_OFF,
)


class ChangeRef(Ref):
    """A change of the same namespace, or a bulk change of the operator's."""

    name: Name = Field(description="Its name.")
    namespace: Annotated[str, Field(pattern=LABEL, max_length=63)] | None = Field(
        None, description="The operator's namespace, for a bulk change. Default: the promotion's own."
    )


class PromotionSpec(Schema):
    """What to bring where. Immutable, except abort."""

    model_config = rules(
        *(
            fixed(f, f"a promotion is one attempt: {f} cannot change, create another promotion")
            for f in ("releaseRef", "environmentRef", "changeRequestRef", "action")
        ),
        Cel(
            "!(has(oldSelf.abort) && oldSelf.abort) || (has(self.abort) && self.abort)",
            "an abort cannot be taken back: create another promotion",
            "abort",
        ),
    )

    release_ref: Ref = Field(description="The Release to bring.")
    environment_ref: Ref = Field(description="The Environment to bring it to.")
    change_request_ref: ChangeRef | None = Field(
        None, description="Default: the one open change that names release and environment."
    )
    action: Action = Field(
        Action.DEPLOY, description="Deploy it, Rollback to what ran before, or Remove it from there. Default Deploy."
    )
    abort: bool = Field(
        False, description="true ends the attempt; a running Helm action is cancelled. Cannot be taken back."
    )


class Outcome(StrEnum):
    """What a gate says."""

    PASSED = "Passed"
    WAITING = "Waiting"
    DENIED = "Denied"
    NOT_APPLICABLE = "NotApplicable"


class GateStatus(Schema):
    """The verdict of one gate."""

    name: Annotated[str, Field(max_length=32)] = Field(description="The gate.")
    outcome: Outcome
    reason: Annotated[str, Field(max_length=64)] = Field(description="Why, in one word for programs.")
    message: Annotated[str, Field(max_length=4096)] = Field("", description="Why, in a sentence for people.")
    retry_at: Time | None = Field(None, description="When time alone may change it.")


class WaitingFor(Schema):
    """Someone or something the promotion waits for."""

    who: Annotated[str, Field(max_length=128)] = Field(description="A role, a person or a thing.")
    what: Annotated[str, Field(max_length=1024)] = Field(description="What is missing.")


class Forecast(Schema):
    """The earliest start as far as it is known now."""

    earliest_start: Time | None = Field(
        None,
        description="Not before then, even if everybody acts now. Absent: as soon as they act, or nobody can tell.",
    )
    waiting_for: Annotated[tuple[WaitingFor, ...], Field(max_length=32)] = ()


class PlannedComponentStatus(Schema):
    """What would be applied for one component, by digest."""

    name: ObjectName = Field(description="The component.")
    chart_digest: Digest = Field(description="The bytes of its chart.")
    values_digest: Digest = Field(description="Its values, layered.")
    manifest_digest: Digest = Field(description="What they render to, Secret contents left out.")
    images: Annotated[tuple[Image, ...], Field(max_length=64)] = Field((), description="The images it names.")
    values_from: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...],
        Field(max_length=32, description="Where its values come from, lowest precedence first."),
    ] = ()
    unstable: bool = Field(
        False, description="true: it renders differently each time, so chart and values alone are bound."
    )


class RemovedStatus(Schema):
    """A Helm release that a removal takes away, as it is bound."""

    helm_release: ObjectName = Field(description="The Helm release.")
    revision: int = Field(description="Its newest revision.")
    release: ObjectName | None = Field(None, description="The Release that it is part of; absent where that is gone.")
    version: ObjectName | None = Field(None, description="The version that it is of.")
    release_digest: ObjectName | None = Field(None, description="The first 40 digits of the release digest.")
    plan: ObjectName | None = Field(None, description="The first 40 digits of the plan that put it there.")


class PlanStatus(Schema):
    """Exactly what would be applied."""

    digest: Digest = Field(description="Over everything below but secretsDigest: what approvals bind to.")
    secrets_digest: Digest | None = Field(None, description="Keyed digest of Secret contents: recorded, not binding.")
    namespace: ObjectName = Field(description="The target namespace.")
    components: Annotated[tuple[PlannedComponentStatus, ...], Field(max_length=16)] = ()
    removes: Annotated[tuple[RemovedStatus, ...], Field(max_length=32)] = Field(
        (), description="Action Remove: what is taken away."
    )


class Execution(Schema):
    """The intent, written before Helm starts."""

    attempt: int = Field(1, description="1, and one more each time an operator took it up again.")
    holder: ObjectName = Field(description="The operator process that acts.")
    fencing: int = Field(description="The number of its leadership; a lower one may not act any more.")
    started_at: Time = Field(description="When it began.")
    finished_at: Time | None = Field(None, description="When it ended.")
    remediation: Literal["None", "Rollback", "Uninstall", "Hold"] | None = Field(
        None, description="Set when something failed: what is being, or was, done about it."
    )


class ComponentStatus(Schema):
    """One Helm release of the bundle during this promotion."""

    name: ObjectName = Field(description="The component.")
    helm_release: ObjectName = Field(description="The Helm release.")
    previous_revision: int = Field(0, description="The verified revision to go back to; 0: none.")
    revision: int = Field(0, description="The Helm revision this promotion made; 0: none yet.")
    state: Annotated[str, Field(max_length=32)] = Field(description="What Helm's storage says.")
    message: Annotated[str, Field(max_length=2048)] = Field("", description="What Helm said, when it failed.")


class VerificationStatus(Schema):
    """The result of one verification."""

    name: ObjectName = Field(description="The verification.")
    state: Literal["Pending", "Running", "Passed", "Failed", "Cancelled"] = Field(
        description="How it stands. Cancelled: the promotion ended before anybody said."
    )
    attempt: int = Field(1, description="Which run of it this is: a check may be given several attempts.")
    role: ObjectName | None = Field(
        None, description="Of one that others do: who says how it went, holders of attest on evidencetypes/<role>."
    )
    due_by: Time | None = Field(None, description="Until when they have to say so; without a word it has failed.")
    started_at: Time | None = Field(None, description="When it began.")
    finished_at: Time | None = Field(None, description="When it ended.")
    message: Annotated[str, Field(max_length=2048)] = Field("", description="How it came out.")
    log: Annotated[str, Field(max_length=4096)] = Field(
        "",
        description="The end of what its pods wrote, at most 4096 characters. Whoever may read the Promotion sees it.",
    )


class SignOff(Schema):
    """One person's word that the environment's purpose was met. ``by`` and ``groups`` are stamped by the API server."""

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


class StepStatus(Schema):
    """A step of the release that others take."""

    name: ObjectName = Field(description="The component.")
    state: Literal["Pending", "Authorized", "Done", "Failed"] = Field(
        description="Pending, Authorized (it may be taken now), Done or Failed."
    )
    role: ObjectName = Field(description="Who says how it went: holders of attest on evidencetypes/<role>.")
    authorized_at: Time | None = Field(None, description="When it first might be taken.")
    due_by: Time | None = Field(None, description="Until when it has to be done.")
    message: Annotated[str, Field(max_length=2048)] = Field("", description="How it went, and who says so.")


class Attestation(Schema):
    """Somebody's word on a step or a verification of others. ``by`` and ``groups`` are stamped by the API server."""

    model_config = rules(
        Cel(
            "has(self.step) != has(self.verification)",
            "an attestation is about a step or a verification: name exactly one of them",
        )
    )

    role: Label = Field(description="The role in which it is given, as the step or verification names it.")
    step: Label | None = Field(None, description="The component of the release.")
    verification: Label | None = Field(None, description="The external verification of the environment.")
    result: Literal["Passed", "Failed"] = Field(description="How it went.")
    comment: Comment | None = Field(None, description="Anything to add, such as where the log is.")
    by: ObjectName | None = Field(None, description="Who: stamped by the API server.")
    groups: Annotated[tuple[ObjectName, ...], Field(max_length=256)] = Field(
        (), description="The groups then: stamped by the API server."
    )
    generation: int | None = Field(None, description="Filled in, or must be the current one.")
    plan_digest: Digest | None = Field(None, description="The plan that it is part of: filled in, or the current one.")


class HistoryEntry(Schema):
    """One step of the promotion's life."""

    phase: Phase
    at: Time = Field(description="When.")
    message: Annotated[str, Field(max_length=512)] = Field("", description="Why.")


class PromotionStatus(Schema):
    """Where it stands. People write signOffs and attestations, the operator everything else."""

    model_config = ConfigDict(json_schema_extra={"default": {"signOffs": [], "attestations": []}})

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    phase: Phase | None = None
    gates: Annotated[
        tuple[GateStatus, ...],
        Field(
            max_length=32,
            json_schema_extra=keyed("name"),
        ),
    ] = ()
    forecast: Forecast | None = None
    plan: PlanStatus | None = None
    execution: Execution | None = None
    components: Annotated[tuple[ComponentStatus, ...], Field(max_length=32)] = ()
    steps: Annotated[tuple[StepStatus, ...], Field(max_length=16)] = Field(
        (), description="What others do in the course of it, in order."
    )
    attestations: Annotated[tuple[Attestation, ...], Field(max_length=32, json_schema_extra={"default": []})] = ()
    verification: Annotated[tuple[VerificationStatus, ...], Field(max_length=16)] = ()
    sign_offs: Annotated[tuple[SignOff, ...], Field(max_length=32, json_schema_extra={"default": []})] = ()
    waits_for: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="One line for the printer column."
    )
    change: ObjectName | None = Field(None, description="The ChangeRequest it ran under.")
    application: ObjectName | None = Field(None, description="The application that it began to change.")
    release_digest: Digest | None = Field(None, description="The digest of the release when it was deployed.")
    deployed_at: Time | None = Field(None, description="When Helm had applied everything.")
    verified_at: Time | None = Field(None, description="When the verification had passed.")
    beside: Annotated[tuple[Beside, ...], Field(max_length=64)] = Field(
        (), description="What else ran in the environment, verified, when this was verified there."
    )
    finished_at: Time | None = Field(None, description="When it reached a final phase.")
    in_use: bool = Field(False, description="True while it executes: it cannot be deleted then.")
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=32)] = ()


class Promotion(Schema):
    """One attempt to bring one Release into one Environment."""

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["Promotion"] = "Promotion"
    metadata: Meta
    spec: PromotionSpec
    status: PromotionStatus = PromotionStatus()
