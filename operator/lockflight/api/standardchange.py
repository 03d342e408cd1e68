"""StandardChange: a pre-approved pattern of change, from the change board's catalogue."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockflight.api.changerequest import Approval
from lockflight.api.common import (
    API_VERSION,
    SET,
    Cel,
    Digest,
    Label,
    Meta,
    ObjectName,
    RiskLevel,
    Schema,
    Time,
    Uid,
    rules,
)
from lockflight.api.conditions import Conditions

MOST_USES = 500
"""The largest ``maxUses``, and how many uses status remembers."""


class VersionBump(StrEnum):
    """By how much a version rises, by Semantic Versioning, smallest first."""

    PATCH = "Patch"
    MINOR = "Minor"
    MAJOR = "Major"

    @property
    def rank(self) -> int:
        """0 for Patch up to 2 for Major."""
        return list(VersionBump).index(self)


Pointer = Annotated[str, Field(pattern=r"^(/([^/~]|~[01])+)+$", max_length=512)]
"""A JSON pointer (RFC 6901) into Helm values; it covers everything below it, too."""

KindName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=63)]
"""The kind of a Kubernetes object."""


class Pattern(Schema):
    """What may differ between what runs and what would run; anything else takes a normal change."""

    applications: Annotated[tuple[Label, ...], Field(min_length=1, max_length=32, json_schema_extra=SET)] = Field(
        description="The applications it is for."
    )
    environments: Annotated[tuple[Label, ...], Field(min_length=1, max_length=16, json_schema_extra=SET)] = Field(
        description="The environments it is for."
    )
    version_bump: VersionBump = Field(
        VersionBump.PATCH, description="The largest rise of the application's and of each chart's version."
    )
    may_change: Annotated[tuple[Pointer, ...], Field(max_length=64, json_schema_extra=SET)] = Field(
        (), description="Helm values that may change, by JSON pointer, such as /image/tag; each with all below it."
    )
    kinds: Annotated[tuple[KindName, ...], Field(min_length=1, max_length=32, json_schema_extra=SET)] = Field(
        description="Kinds of objects that may change, appear or go."
    )
    max_risk: RiskLevel = Field(RiskLevel.LOW, description="The highest computed risk. Default Low.")


class StandardChangeSpec(Schema):
    """What is pre-approved. Every edit makes a new generation, which the change board approves again."""

    model_config = rules(
        Cel(
            "!has(self.pattern.maxRisk) || self.pattern.maxRisk != 'High'",
            "what is of high risk is no standard change: pattern.maxRisk is Low or Medium",
            "pattern.maxRisk",
        )
    )

    title: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="One line for the catalogue.")
    pattern: Pattern
    max_uses: Annotated[int, Field(ge=1, le=MOST_USES)] | None = Field(
        None, description="How often it may be used in all, counted over every generation. Default: no limit."
    )
    valid_until: date = Field(description="The last day on which it may be used, to its end in UTC.")


class StandardUse(Schema):
    """A promotion that ran under a change of this pattern."""

    stack: ObjectName = Field(description="Its namespace.")
    change: ObjectName = Field(description="The ChangeRequest.")
    promotion_uid: Uid = Field(alias="promotionUID", description="UID of the Promotion.")
    generation: int = Field(description="The generation of this object that it followed.")
    at: Time = Field(description="When it began.")
    outcome: Literal["Running", "Succeeded", "Failed", "Unknown"] = Field(
        "Running", description="How it ended; Unknown: the promotion is gone."
    )


class StandardChangeStatus(Schema):
    """Where it stands. People write approvals, the operator everything else."""

    model_config = ConfigDict(json_schema_extra={"default": {"approvals": []}})

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    plan_digest: Digest | None = Field(None, description="Digest of spec: what approvals bind to.")
    how_to_approve: Annotated[str, Field(max_length=2048)] | None = Field(
        None, description="The command that approves it, ready to paste."
    )
    approvals: Annotated[tuple[Approval, ...], Field(max_length=32, json_schema_extra={"default": []})] = ()
    approvals_summary: Annotated[str, Field(max_length=256)] | None = Field(None, description="Such as '1/2 cab'.")
    uses: Annotated[tuple[StandardUse, ...], Field(max_length=MOST_USES)] = Field(
        (), description="What was done under it, oldest first; the newest 500."
    )
    used: int = Field(0, description="How often it was used in all.")


class StandardChange(Schema):
    """A pre-approved pattern of change. In the operator's namespace: for every stack."""

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["StandardChange"] = "StandardChange"
    metadata: Meta
    spec: StandardChangeSpec
    status: StandardChangeStatus = StandardChangeStatus()
