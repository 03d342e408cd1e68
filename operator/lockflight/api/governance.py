"""What people decide about rule objects: the rule, the list that they write, and where it stands."""

from typing import Annotated

from pydantic import ConfigDict, Field

from lockflight.api.changerequest import Approval
from lockflight.api.common import Digest, RoleCount, Schema, keyed

LONGEST = 128
"""Entries that the list of a rule object holds: it lives through many edits, and entries are never taken out."""


class Governance(Schema):
    """Who approves the rules of an environment before they count."""

    approvals: Annotated[
        tuple[RoleCount, ...],
        Field(
            min_length=1,
            max_length=8,
            json_schema_extra=keyed("role"),
            description="Whose approvals the environment, its baseline, its calendar and each edited freeze need.",
        ),
    ]


class RuleStatus(Schema):
    """Where the approvals of a rule object stand. People write approvals, the operator everything else."""

    model_config = ConfigDict(json_schema_extra={"default": {"approvals": []}})

    approvals: Annotated[tuple[Approval, ...], Field(max_length=LONGEST, json_schema_extra={"default": []})] = Field(
        (), description="What people decided about it."
    )
    plan_digest: Digest | None = Field(None, description="Digest of the rule as it is now: what approvals bind to.")
    approvals_summary: Annotated[str, Field(max_length=256)] | None = Field(None, description="Such as '1/2 cab'.")
    how_to_approve: Annotated[str, Field(max_length=2048)] | None = Field(
        None, description="The command that approves it, ready to paste."
    )
    governance: Governance | None = Field(
        None,
        description="Who approves it. Of a baseline: the rule in force, which approves its own change and its end.",
    )
