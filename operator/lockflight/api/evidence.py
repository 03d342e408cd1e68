"""Evidence: what the build brings along, and what people and pipelines attest afterwards."""

from typing import Annotated, Final, Literal

from pydantic import Field

from lockflight.api.common import Cel, Digest, Label, ObjectName, Schema, Text, rules

PULL_REQUEST: Final = "pull-request"
"""The evidence type that says who reviewed what is released."""

MOST_WORDS: Final = 48
"""Entries of status.evidence."""
MOST_SIGNED: Final = 24576
"""Characters of a signed attestation: with all entries the object stays below what etcd takes."""

_PERSON = Annotated[str, Field(min_length=1, max_length=256)]
_PEOPLE = Annotated[tuple[_PERSON, ...], Field(max_length=16)]

_REVIEWED = Cel(
    f"self.type != '{PULL_REQUEST}' || self.result != 'Passed' || has(self.reviewers) && size(self.reviewers) > 0",
    "a pull request passed by somebody's review: name the reviewers",
    "reviewers",
)
_ONLY_REVIEWED = Cel(
    f"self.type == '{PULL_REQUEST}' || !has(self.reviewers) && !has(self.authors)",
    "reviewers and authors belong to a pull request: leave them out of other types",
    "type",
)


class Evidence(Schema):
    """A result that the build brings along: a claim of whoever created the release."""

    model_config = rules(_REVIEWED, _ONLY_REVIEWED)

    type: Label = Field(description="What was checked, such as unit-tests.")
    result: Literal["Passed", "Failed"] = Field(description="How it came out.")
    url: Annotated[str, Field(max_length=1024)] | None = Field(None, description="Where the report is.")
    digest: Digest | None = Field(None, description="Digest of the report.")
    reviewers: _PEOPLE | None = Field(None, description="pull-request: who reviewed it.")
    authors: _PEOPLE | None = Field(None, description="pull-request: who wrote it, besides source.authors.")


class EvidenceWord(Schema):
    """Somebody's word on a release. ``by``, ``groups`` and ``releaseDigest`` are stamped by the API server."""

    model_config = rules(
        _REVIEWED,
        _ONLY_REVIEWED,
        Cel(
            "self.result != 'NotApplicable' || has(self.role) && has(self.reason)",
            "NotApplicable is a waiver: it takes the role in which it is given, and a reason",
            "result",
        ),
        Cel(
            "!has(self.role) || self.result in ['NotApplicable', 'Withdrawn']",
            "role goes with a waiver: leave it out, the right to attest is for the type",
            "role",
        ),
    )

    type: Label = Field(description="What was checked, such as integration-tests.")
    result: Literal["Passed", "Failed", "NotApplicable", "Withdrawn"] = Field(
        description="How it came out; NotApplicable waives it, Withdrawn takes the own entry back."
    )
    role: Label | None = Field(None, description="Of a waiver: the role in which it is given.")
    reason: Text | None = Field(None, description="Why; a waiver takes one.")
    url: Annotated[str, Field(max_length=1024)] | None = Field(None, description="Where the report is.")
    digest: Digest | None = Field(None, description="Digest of the report.")
    reviewers: _PEOPLE | None = Field(None, description="pull-request: who reviewed it.")
    authors: _PEOPLE | None = Field(None, description="pull-request: who wrote it, besides source.authors.")
    attestation: Annotated[str, Field(min_length=2, max_length=MOST_SIGNED)] | None = Field(
        None,
        description="The same, signed: an in-toto test-result statement in a DSSE envelope or a Sigstore bundle, as "
        "JSON text.",
    )
    by: ObjectName | None = Field(None, description="Who: stamped by the API server.")
    groups: Annotated[tuple[ObjectName, ...], Field(max_length=256)] = Field(
        (), description="The groups then: stamped by the API server."
    )
    generation: int | None = Field(None, description="Filled in, or must be the current one.")
    release_digest: Digest | None = Field(
        None, description="The release's digest, which the word is bound to: filled in, or must be the current one."
    )
