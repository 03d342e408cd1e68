"""What a verified signature says: an in-toto test-result statement, for which bytes, by whom. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from lockflight.api.release import Release
from lockflight.policy.signature import Signature, Signed, Signer, Unsigned
from lockflight.policy.verdicts import utc

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"


class _Configuration(BaseModel):
    name: str = ""


class _Predicate(BaseModel):
    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: Annotated[list[_Configuration], Field(min_length=1, max_length=64)]


class _Subject(BaseModel):
    digest: dict[str, str]


class _Statement(BaseModel):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    predicate_type: Literal["https://in-toto.io/attestation/test-result/v0.1"] = Field(alias="predicateType")
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=256)]
    predicate: _Predicate


def says(payload: bytes) -> tuple[str, tuple[str, ...]]:
    """Result and configurations of a test-result statement. Raises ValueError where it is none."""
    found = _parsed(payload)
    return found.predicate.result, tuple(row.name for row in found.predicate.configuration)


def objection(signature: Signature | None, release: Release, kind: str, now: datetime) -> str | None:
    """Why the signature does not make the release's evidence of that type a signed one. None: it does."""
    if signature is None:
        return "could not be verified"
    if isinstance(signature, Unsigned):
        return signature.why
    if signature.payload_type != PAYLOAD_TYPE:
        return f"signed a payload of type {signature.payload_type[:64]}, not {PAYLOAD_TYPE}"
    try:
        statement = _parsed(signature.payload)
    except ValueError as problem:
        return f"signed no test-result statement: {problem}"
    if not any(row.name == kind for row in statement.predicate.configuration):
        return f"signed the result of something else: predicate.configuration names no {kind}"
    if statement.predicate.result != "PASSED":
        return f"signed the result {statement.predicate.result}"
    subjects = {row.digest.get("sha256", "") for row in statement.subject}
    other = [
        part.name for part in release.status.components if part.chart_digest.removeprefix("sha256:") not in subjects
    ]
    if other or not release.status.components:
        return f"signed other bytes: the chart of {', '.join(other) or 'no component'} is none of the subjects"
    may = [row for row in signature.signers if row.types is None or kind in row.types]
    if not may:
        return f"is signed by {', '.join(row.name for row in signature.signers)}, who may not sign {kind}"
    if not _alive(tuple(may), now):
        over = ", ".join(f"{row.name} since {utc(row.not_after)}" for row in may if row.not_after)
        return f"is signed by what is trusted no longer: {over}"
    return None


def holds_until(signature: Signed, kind: str, now: datetime) -> datetime | None:
    """When time alone makes the signature worthless; None: never."""
    alive = _alive(tuple(row for row in signature.signers if row.types is None or kind in row.types), now)
    ends = [row.not_after for row in alive]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


def _alive(signers: tuple[Signer, ...], now: datetime) -> tuple[Signer, ...]:
    return tuple(row for row in signers if row.not_after is None or now < row.not_after)


def _parsed(payload: bytes) -> _Statement:
    try:
        found: Any = json.loads(payload)
        if not isinstance(found, Mapping):
            msg = "it is no object"
            raise ValueError(msg)
        return _Statement.model_validate(found)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        msg = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ValueError(msg) from problem
    except (ValueError, RecursionError) as problem:
        msg = "it is no JSON object"
        raise ValueError(msg) from problem
