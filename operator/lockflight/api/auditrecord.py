"""AuditRecord: one sealed entry of the hash-chained audit trail, in the root namespace."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from lockflight.api.common import API_VERSION, Cel, Digest, Meta, ObjectName, Schema, Uid, rules

LAST_SEQUENCE = 9_999_999_999
"""The highest number that ten digits hold."""

ACTION_LABEL = "lockflight.dev/action"

_INSTANT = r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


class AuditAction(StrEnum):
    """What was decided or found."""

    SUBMITTED = "Submitted"
    APPROVED = "Approved"
    REFUSED = "Refused"
    WITHDRAWN = "Withdrawn"
    OVERRIDDEN = "Overridden"
    APPLIED = "Applied"
    TAKEN_BACK = "TakenBack"
    PUT_BACK = "PutBack"
    ATTESTED = "Attested"
    VERIFIED = "Verified"
    SIGNED_OFF = "SignedOff"
    REVIEWED = "Reviewed"
    FINISHED = "Finished"
    UNAUTHORISED = "Unauthorised"
    RULES_CHANGED = "RulesChanged"
    POLICY_TAMPERED = "PolicyTampered"
    ARCHIVED = "Archived"
    IMPORTED = "Imported"
    HELD = "Held"
    RELEASED = "Released"
    ACCESS_GIVEN = "AccessGiven"
    ACCESS_ENDED = "AccessEnded"


class AuditSubject(Schema):
    """The object that a record speaks of."""

    kind: Annotated[str, Field(min_length=1, max_length=63)] = Field(description="Its kind, such as Promotion.")
    namespace: Annotated[str, Field(max_length=63)] = Field(description="Its namespace; empty: it has none.")
    name: ObjectName = Field(description="Its name.")
    uid: Uid = Field(description="Its UID: another object of that name is another one.")


class AuditRecordSpec(Schema):
    """What was sealed. ``hash`` covers everything else here, ``previous`` chains it to the record before."""

    stack: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Whose chain: the namespace of the stack, or the operator's own."
    )
    sequence: Annotated[int, Field(ge=1, le=LAST_SEQUENCE)] = Field(description="Its place in the chain, from 1.")
    at: Annotated[
        str,
        Field(pattern=_INSTANT, max_length=20, description="When it was sealed: RFC 3339, UTC, whole seconds."),
    ]
    action: AuditAction
    subject: AuditSubject
    key: Annotated[str, Field(max_length=256)] = Field(
        "", description="What tells it from the subject's other records of that action; together they occur once."
    )
    by: ObjectName | None = Field(
        None, description="The person who decided, as the API server stamped it; absent: the operator, by its rules."
    )
    groups: Annotated[tuple[ObjectName, ...], Field(max_length=256)] = Field(
        (), description="The person's groups then, as stamped."
    )
    facts: Annotated[dict[str, Any], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})] = Field(
        default_factory=dict, description="What the decision rested on; which facts an action has is in docs/audit.md."
    )
    previous: Digest = Field(description="The hash of the record before; of the first one, the digest of the stack.")
    hash: Digest = Field(description="SHA-256 over the canonical JSON (RFC 8785) of the fields above.")

    @property
    def instant(self) -> datetime:
        """When it was sealed, timezone-aware."""
        return datetime.strptime(self.at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


class AuditRecord(Schema):
    """One sealed entry of a stack's audit trail. The operator creates it; nobody edits it."""

    model_config = rules(
        Cel("self.spec == oldSelf.spec", "an audit record is never edited", "spec"),
        # The name is the place in the chain, so that the API server itself refuses a second record with that number.
        Cel(
            "self.metadata.name.matches('^.+-[0-9]{10}$') && "
            "self.metadata.name.substring(0, size(self.metadata.name) - 11) == self.spec.stack && "
            "int(self.metadata.name.substring(size(self.metadata.name) - 10)) == self.spec.sequence",
            "an audit record is called <stack>-<sequence as ten digits>",
        ),
    )

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["AuditRecord"] = "AuditRecord"
    metadata: Meta
    spec: AuditRecordSpec


def record_name(stack: str, sequence: int) -> str:
    """The name of the record at that place of a stack's chain."""
    return f"{stack}-{sequence:010}"
