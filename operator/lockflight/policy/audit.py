"""The audit trail as a chain of records: what is hashed, what comes next, and whether a chain is whole. Pure.

Canonical JSON is RFC 8785 (JCS), the hash SHA-256. A record covers the hash of the one before, so that no record can be
edited, left out, moved or put in between without breaking every later one. What a chain cannot tell by itself is
whether its end was cut off: for that, ``verify`` takes the last place that is known from elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import rfc8785

from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditRecordSpec, AuditSubject, record_name
from lockflight.policy.digest import canonical_digest


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A decision to be sealed, once for each (``subject.uid``, ``action``, ``key``)."""

    action: AuditAction
    subject: AuditSubject
    key: str = ""
    by: str | None = None
    groups: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON types only; no secret values."""

    @property
    def id(self) -> bytes:
        """What makes it the same entry, however often it is sealed."""
        return identity(self.subject.uid, self.action, self.key)


@dataclass(frozen=True, slots=True)
class Head:
    """A place in a chain: the record up to which it is known."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class SealedRule:
    """What the last record of a rule object says, without its content."""

    kind: str
    namespace: str
    name: str
    uid: str
    key: str
    sequence: int


class Flaw(StrEnum):
    """What is wrong with a chain, or with what stands beside it."""

    GAP = "Gap"
    """Records are missing."""
    EDITED = "Edited"
    """A record's hash is not that of its content."""
    UNLINKED = "Unlinked"
    """A record does not follow the one before it."""
    OUT_OF_ORDER = "OutOfOrder"
    """A record stands where its number does not belong, or its number occurs twice."""
    MISNAMED = "Misnamed"
    """The object's name is not its place in the chain, or the record belongs to another stack."""
    REPEATED = "Repeated"
    """The same decision was sealed twice."""
    CUT_OFF = "CutOff"
    """The chain ends before a place that is known to have existed."""
    UNREADABLE = "Unreadable"
    """An object is no record, so somebody went past the API server."""
    DEPLOYMENT_WITHOUT_RECORD = "DeploymentWithoutRecord"
    """Helm's storage holds a revision that was not sealed."""
    RECORD_WITHOUT_DEPLOYMENT = "RecordWithoutDeployment"
    """What was sealed as running is not in Helm's storage."""
    DECISION_WITHOUT_RECORD = "DecisionWithoutRecord"
    """An object shows a decision that was not sealed."""
    OBJECT_DIFFERS = "ObjectDiffers"
    """An object says something else than what was sealed of it."""
    NOT_COMPARED = "NotCompared"
    """Something could not be read, so nobody knows whether it fits."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One flaw, the record that shows it, and a sentence for people."""

    flaw: Flaw
    record: str
    message: str


def identity(uid: str, action: AuditAction, key: str) -> bytes:
    """What is sealed at most once in a chain, in 16 bytes."""
    return hashlib.sha256(rfc8785.dumps([uid, action.value, key])).digest()[:16]


def genesis(stack: str) -> Head:
    """The place before the first record of a stack."""
    return Head(0, canonical_digest({"stack": stack}))


def head_of(spec: AuditRecordSpec) -> Head:
    """The place of a record."""
    return Head(spec.sequence, spec.hash)


def hash_of(spec: AuditRecordSpec) -> str:
    """The hash that a record's content has. Fields that are absent or empty are left out, so that a field that a
    later version adds does not change the hash of what was sealed before.
    """
    content = {key: value for key, value in spec.dump().items() if key != "hash" and value not in ("", [], {})}
    return canonical_digest(content)


def following(stack: str, head: Head, entry: AuditEntry, now: datetime) -> AuditRecordSpec:
    """The record that seals ``entry`` after ``head``. Raises ValueError where facts cannot be canonical JSON."""
    open_one = AuditRecordSpec(
        stack=stack,
        sequence=head.sequence + 1,
        at=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        action=entry.action,
        subject=entry.subject,
        key=entry.key,
        by=entry.by,
        groups=entry.groups,
        facts=dict(entry.facts),
        previous=head.hash,
        hash=head.hash,
    )
    return open_one.model_copy(update={"hash": hash_of(open_one)})


def verify(
    stack: str, records: Iterable[AuditRecord], *, after: Head | None = None, until: Head | None = None
) -> tuple[Finding, ...]:
    """Every flaw of a stack's records, given in the order in which they are said to have been sealed.

    ``after`` is where they begin, for a chain whose first part was archived; ``until`` a place that must be in it,
    such as a checkpoint kept elsewhere. No findings: the chain is whole.
    """
    return tuple(_flaws(stack, records, after or genesis(stack), until))


def _flaws(stack: str, records: Iterable[AuditRecord], start: Head, until: Head | None) -> Iterator[Finding]:
    head, seen = start, set[bytes]()
    reached = until is None or until == start
    for record in records:
        name, spec = record.metadata.name, record.spec
        if spec.stack != stack or name != record_name(spec.stack, spec.sequence):
            yield Finding(Flaw.MISNAMED, name, f"holds number {spec.sequence} of {spec.stack}")
        actual = hash_of(spec)
        if actual != spec.hash:
            yield Finding(Flaw.EDITED, name, f"its content has the hash {actual}, sealed was {spec.hash}")
        if spec.action is AuditAction.IMPORTED:
            # In another cluster every decision is another one.
            seen = set()
            head = _imported(spec) or head
        if spec.sequence > head.sequence + 1:
            yield Finding(Flaw.GAP, name, f"missing before it: {_range(stack, head.sequence + 1, spec.sequence - 1)}")
        elif spec.sequence <= head.sequence:
            yield Finding(Flaw.OUT_OF_ORDER, name, f"comes after {record_name(stack, head.sequence)}")
        elif spec.previous != head.hash:
            yield Finding(Flaw.UNLINKED, name, f"was sealed after {spec.previous}, before it stands {head.hash}")
        same = identity(spec.subject.uid, spec.action, spec.key)
        if same in seen:
            yield Finding(Flaw.REPEATED, name, f"{spec.action} of {spec.subject.kind} {spec.subject.name} again")
        seen.add(same)
        head = head_of(spec)
        reached = reached or head == until
    if not reached and until is not None:
        yield Finding(
            Flaw.CUT_OFF,
            record_name(stack, until.sequence),
            f"the chain does not hold this record with hash {until.hash}; it ends with number {head.sequence}",
        )


def _imported(spec: AuditRecordSpec) -> Head | None:
    """The head that an Imported record says it goes on from, where it stands right behind it."""
    told = spec.facts.get("upTo")
    found = Head(spec.sequence - 1, spec.previous)
    return found if told == {"sequence": found.sequence, "hash": found.hash} else None


def _range(stack: str, first: int, last: int) -> str:
    return record_name(stack, first) if first == last else f"{record_name(stack, first)} to {record_name(stack, last)}"
