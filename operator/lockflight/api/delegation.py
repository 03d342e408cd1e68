"""Delegation: a deputy who decides for somebody, in named roles, for a time."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from lockflight.api.common import API_VERSION, SET, Cel, Label, Meta, Reason, Schema, Text, Time, fixed, rules
from lockflight.api.conditions import Conditions

User = Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=253)]
"""A user as the API server knows them: kubectl auth whoami."""

_FIXED = "a delegation is fixed: revoke it and make another one"


class DelegationSpec(Schema):
    """Who decides for whom. Fixed, except that it may be revoked."""

    model_config = rules(
        Cel("self.start < self.end", "end must lie after start", "end"),
        Cel(
            "self.end - self.start <= duration('720h')",
            "a delegation lasts at most 30 days: make another one when it is over",
            "end",
        ),
        Cel(
            "self.from != self.to && !self.to.startsWith('system:') && !self.to.startsWith('lockflight:')",
            "the deputy is another person",
            "to",
        ),
        *(Cel(f"self.{name} == oldSelf.{name}", _FIXED, name) for name in ("from", "to", "roles", "start", "end")),
        fixed("reason", _FIXED),
        Cel("!has(oldSelf.revoke) || has(self.revoke)", "a revoked delegation stays revoked", "revoke"),
    )

    from_: User = Field(alias="from", description="Who hands over: the authenticated user who creates it.")
    to: User = Field(description="The deputy.")
    roles: Annotated[tuple[Label, ...], Field(min_length=1, max_length=4, json_schema_extra=SET)] = Field(
        description="The roles in which the deputy may decide."
    )
    start: Time = Field(description="From then on.")
    end: Time = Field(description="No more from then on; at most 30 days after start.")
    reason: Text = Field(description="Why, such as leave.")
    revoke: Reason | None = Field(None, description="Ends it now; the object stays as the record.")


class DelegationPhase(StrEnum):
    """A summary for people."""

    UPCOMING = "Upcoming"
    ACTIVE = "Active"
    ENDED = "Ended"
    REVOKED = "Revoked"


class DelegationStatus(Schema):
    """What the operator made of it. Advisory: gates judge the spec."""

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    phase: DelegationPhase | None = None


class Delegation(Schema):
    """A deputy for roles, for a time. Made by the person who hands over, and not passed on."""

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["Delegation"] = "Delegation"
    metadata: Meta
    spec: DelegationSpec
    status: DelegationStatus = DelegationStatus()
