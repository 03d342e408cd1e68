"""Emergency changes: what an environment asks of one, what it may skip, and what is owed for that."""

from typing import Annotated, Literal

from pydantic import Field

from lockflight.api.changerecords import Bypass, IncidentSeverity
from lockflight.api.common import SET, Cel, ObjectName, RoleCount, Schema, Tier, Time, Timeout, keyed, rules

Approvals = Annotated[tuple[RoleCount, ...], Field(min_length=1, max_length=8, json_schema_extra=keyed("role"))]


class Ratify(Schema):
    """Who ratifies an emergency after the fact; those who let it through do not count."""

    approvals: Approvals | None = Field(None, description="Default: those of normal.approvals.")
    within: Timeout | None = Field(None, description="How long after the first use. Default 72h.")


class EmergencyControl(Schema):
    """What an emergency change needs here, and what it may skip."""

    model_config = rules(
        Cel(
            "has(self.orderDownTo) == (has(self.bypass) && self.bypass.exists(b, b == 'Order'))",
            "Order is bypassed down to a tier: give orderDownTo with Order in bypass, and only then",
            "orderDownTo",
        )
    )

    approvals: Approvals = Field(description="Who approves it before it runs.")
    severities: (
        Annotated[tuple[IncidentSeverity, ...], Field(min_length=1, max_length=4, json_schema_extra=SET)] | None
    ) = Field(None, description="Of which incidents. Default Sev1, which is all that tier Production accepts.")
    bypass: Annotated[tuple[Bypass, ...], Field(max_length=7, json_schema_extra=SET)] | None = Field(
        None, description="What it may skip, and then owes. Default: nothing."
    )
    order_down_to: Literal[Tier.INTEGRATION, Tier.SYSTEM_TEST, Tier.UAT] | None = Field(
        None, description="With Order: environments of this tier and below are not skipped."
    )
    ratify: Ratify | None = None
    review_within: Timeout | None = Field(
        None, description="How long after the first use its review, and whatever it skipped, is due. Default 120h."
    )


class Debt(Schema):
    """What is owed: something that an emergency skipped, its ratification, a review."""

    gate: Annotated[str, Field(max_length=32)] = Field(
        description="Soak, Cadence, ChangeWindow, ReviewDebt, SignOffs, Evidence, Order; Ratification; Review."
    )
    environment: ObjectName | None = Field(None, description="Where the gate was bypassed.")
    upstream: ObjectName | None = Field(None, description="SignOffs, Order: the environment that was skipped.")
    skipped: Annotated[str, Field(max_length=1024)] = Field("", description="What the gate said then.")
    since: Time = Field(description="Since when it is owed.")
    due_by: Time = Field(description="By when it is settled; later it keeps other changes out.")
    settled_by: Annotated[str, Field(max_length=512)] | None = Field(None, description="What or who settled it.")
    settled_at: Time | None = Field(None, description="When that was seen.")

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What tells debts of one change apart."""
        return self.gate, self.environment, self.upstream


RATIFICATION = "Ratification"
"""The debt that the change board says yes to what was done."""
REVIEW = "Review"
"""The debt that people say how it went."""
