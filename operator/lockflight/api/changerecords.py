"""Parts of a ChangeRequest: who put it forward, how it went, the incident behind it, and what was found unasked for."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from lockflight.api.common import SET, Comment, Label, ObjectName, Schema, Text, Time


class IncidentSeverity(StrEnum):
    """How bad an incident is; Sev1 is the worst."""

    SEV1 = "Sev1"
    SEV2 = "Sev2"
    SEV3 = "Sev3"
    SEV4 = "Sev4"


class Incident(Schema):
    """The incident that an emergency change mends."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S+$")] = Field(
        description="Its number where incidents are kept, such as INC-77."
    )
    severity: IncidentSeverity
    opened_at: Time = Field(description="When it was opened; not in the future.")


class Unauthorised(Schema):
    """Marks a change that happened without permission. The operator alone writes it."""

    application: Label = Field(description="The application that was changed; the environment is in environments.")


class FindingStatus(Schema):
    """One thing that is not as it was promoted."""

    object: Annotated[str, Field(max_length=512)] = Field(description="Kind and name of what was changed.")
    what: Annotated[str, Field(max_length=1024)] = Field(description="What is different.")
    changed_by: ObjectName | None = Field(None, description="Who did it, where that is known.")
    revision: Annotated[str, Field(max_length=64)] = Field(
        "", description="The object's generation then, or since when it differs."
    )
    first_seen: Time = Field(description="When it was first found.")
    settled: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="How it ended: put back, taken over by a change, gone over by a promotion, or undone."
    )
    settled_at: Time | None = Field(None, description="When it was seen to have ended.")


class Submission(Schema):
    """A person puts the change forward, which a robot created. ``by`` and ``groups`` are stamped by the API server."""

    role: Label = Field(description="The role in which the person submits it.")
    comment: Comment | None = Field(None, description="Anything the person wants to add.")
    by: ObjectName | None = Field(None, description="Who: stamped by the API server.")
    groups: Annotated[tuple[ObjectName, ...], Field(max_length=256)] = Field(
        (), description="The person's groups then: stamped by the API server."
    )
    generation: int | None = Field(
        None, description="The generation that was submitted: filled in, or must be the current one."
    )


class ReviewOutcome(StrEnum):
    """How a change went, in ITIL's words."""

    SUCCESSFUL = "Successful"
    WITH_ISSUES = "WithIssues"
    BACKED_OUT = "BackedOut"
    FAILED = "Failed"


class Bypass(StrEnum):
    """What an emergency may skip. Whatever keeps the wrong bytes, people or places out is not among it."""

    SOAK = "Soak"
    CADENCE = "Cadence"
    CHANGE_WINDOW = "ChangeWindow"
    REVIEW_DEBT = "ReviewDebt"
    SIGN_OFFS = "SignOffs"
    EVIDENCE = "Evidence"
    ORDER = "Order"


class Review(Schema):
    """One person's judgement afterwards. ``by`` and ``groups`` are stamped by the API server."""

    role: Label = Field(description="The role in which the person reviews.")
    outcome: ReviewOutcome
    summary: Text = Field(description="What happened, and what is learnt from it.")
    accepts: Annotated[tuple[Bypass, ...], Field(max_length=7, json_schema_extra=SET)] = Field(
        (), description="Debts that are accepted for good, in a role that ratifies emergencies there; summary says why."
    )
    by: ObjectName | None = Field(None, description="Who: stamped by the API server.")
    groups: Annotated[tuple[ObjectName, ...], Field(max_length=256)] = Field(
        (), description="The person's groups then: stamped by the API server."
    )
    generation: int | None = Field(
        None, description="The generation that was reviewed: filled in, or must be the current one."
    )
