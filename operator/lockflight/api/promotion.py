"""Promotion: one attempt to bring one Release into one Environment."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockflight.api.common import (
    API_VERSION,
    Cel,
    Comment,
    Digest,
    Image,
    Label,
    Meta,
    ObjectName,
    Ref,
    Schema,
    Time,
    fixed,
    keyed,
    rules,
)
from lockflight.api.conditions import Conditions


class Action(StrEnum):
    """What a promotion does."""

    DEPLOY = "Deploy"
    ROLLBACK = "Rollback"


class Phase(StrEnum):
    """A summary for people; conditions are what programs read."""

    WAITING = "Waiting"
    ON_HOLD = "OnHold"
    DEPLOYING = "Deploying"
    VERIFYING = "Verifying"
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


_OPEN = (Phase.WAITING, Phase.ON_HOLD, Phase.DEPLOYING, Phase.VERIFYING, Phase.AWAITING_SIGN_OFF)


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

    release_ref: Ref
    environment_ref: Ref
    change_request_ref: Ref | None = Field(
        None, description="Default: the one open change that names release and environment."
    )
    action: Action = Action.DEPLOY
    abort: bool = False


class Outcome(StrEnum):
    """What a gate says."""

    PASSED = "Passed"
    WAITING = "Waiting"
    DENIED = "Denied"
    NOT_APPLICABLE = "NotApplicable"


class GateStatus(Schema):
    """The verdict of one gate."""

    name: Annotated[str, Field(max_length=32)]
    outcome: Outcome
    reason: Annotated[str, Field(max_length=64)]
    message: Annotated[str, Field(max_length=4096)] = ""
    retry_at: Time | None = None


class WaitingFor(Schema):
    """Someone or something the promotion waits for."""

    who: Annotated[str, Field(max_length=128)]
    what: Annotated[str, Field(max_length=1024)]


class Forecast(Schema):
    """The earliest start as far as it is known now."""

    earliest_start: Time | None = None
    waiting_for: Annotated[tuple[WaitingFor, ...], Field(max_length=32)] = ()


class PlannedComponentStatus(Schema):
    """What would be applied for one component, by digest."""

    name: ObjectName
    chart_digest: Digest
    values_digest: Digest
    manifest_digest: Digest
    images: Annotated[tuple[Image, ...], Field(max_length=64)] = ()
    values_from: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...],
        Field(max_length=32, description="Where its values come from, lowest precedence first."),
    ] = ()


class PlanStatus(Schema):
    """Exactly what would be applied."""

    digest: Digest
    secrets_digest: Digest | None = Field(None, description="Keyed digest of Secret contents: recorded, not binding.")
    namespace: ObjectName
    components: Annotated[tuple[PlannedComponentStatus, ...], Field(max_length=16)] = ()


class Execution(Schema):
    """The intent, written before Helm starts."""

    attempt: int = 1
    holder: ObjectName
    fencing: int
    started_at: Time
    finished_at: Time | None = None
    remediation: Literal["None", "Rollback", "Uninstall", "Hold"] | None = Field(
        None, description="Set when something failed: what is being, or was, done about it."
    )


class ComponentStatus(Schema):
    """One Helm release of the bundle during this promotion."""

    name: ObjectName
    helm_release: ObjectName
    previous_revision: int = Field(0, description="The verified revision to go back to; 0: none.")
    revision: int = 0
    state: Annotated[str, Field(max_length=32)]
    message: Annotated[str, Field(max_length=2048)] = ""


class VerificationStatus(Schema):
    """The result of one verification."""

    name: ObjectName
    state: Literal["Pending", "Running", "Passed", "Failed"]
    started_at: Time | None = None
    finished_at: Time | None = None
    message: Annotated[str, Field(max_length=2048)] = ""


class SignOff(Schema):
    """One person's word that the environment's purpose was met. ``by`` and ``groups`` are stamped by the API server."""

    role: Label
    decision: Literal["Approved", "Rejected", "Withdrawn"]
    comment: Comment | None = None
    by: ObjectName | None = None
    groups: Annotated[tuple[ObjectName, ...], Field(max_length=256)] = ()
    generation: int | None = None
    plan_digest: Digest | None = None


class HistoryEntry(Schema):
    """One step of the promotion's life."""

    phase: Phase
    at: Time
    message: Annotated[str, Field(max_length=512)] = ""


class PromotionStatus(Schema):
    """Where it stands. People write signOffs, the operator everything else."""

    model_config = ConfigDict(json_schema_extra={"default": {"signOffs": []}})

    observed_generation: int = 0
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
    verification: Annotated[tuple[VerificationStatus, ...], Field(max_length=16)] = ()
    sign_offs: Annotated[tuple[SignOff, ...], Field(max_length=32, json_schema_extra={"default": []})] = ()
    waits_for: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="One line for the printer column."
    )
    change: ObjectName | None = Field(None, description="The ChangeRequest it ran under.")
    release_digest: Digest | None = Field(None, description="The digest of the release when it was deployed.")
    deployed_at: Time | None = None
    verified_at: Time | None = None
    finished_at: Time | None = None
    in_use: bool = Field(False, description="True while it executes: it cannot be deleted then.")
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=32)] = ()


class Promotion(Schema):
    """One attempt to bring one Release into one Environment."""

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["Promotion"] = "Promotion"
    metadata: Meta
    spec: PromotionSpec
    status: PromotionStatus = PromotionStatus()
