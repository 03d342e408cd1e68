"""The archive of the audit trail: how a record is kept there, what may leave the cluster, what keeps the link. Pure.

A record that leaves the cluster is sealed first as Archived: that record says up to which place the chain is in the
archive, and keeps what the operator still has to know of what left. The chain goes on behind it unbroken.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final

import rfc8785

from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditRecordSpec, AuditSubject, record_name
from lockflight.api.common import API_VERSION, GROUP
from lockflight.policy.audit import AuditEntry, Head, SealedRule, genesis, hash_of, head_of, identity
from lockflight.policy.rulebook import GONE

MOST_KEPT: Final = 16_384
"""Identities that an Archived record lists: about half a megabyte, which etcd takes."""

ALL: Final = "*"
LEGAL_HOLD_PREFIX: Final = f"legal-hold.{GROUP}/"
RESTORE_PREFIX: Final = f"restore.{GROUP}/"
HOLD_ALL: Final = "all.stacks"
"""No stack is called so: a namespace has no dot."""

_END: Final = ".jsonl"
_LINKS: Final = (AuditAction.ARCHIVED, AuditAction.IMPORTED)


class TooMuchKeptError(ValueError):
    """More than an Archived record can hold would have to be known of what leaves; the message says how much."""


class NotWholeError(ValueError):
    """A record does not follow the one before it, or is not as it was sealed."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What was sealed last of a legal hold on a chain."""

    sequence: int = 0
    text: str = ""
    """Who holds it, and why; empty: nobody."""


@dataclass(frozen=True, slots=True)
class Link:
    """What joins a chain in the cluster to its part in the archive."""

    up_to: Head
    began: datetime
    """When the first record of the whole chain was sealed."""
    kept: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """By UID: what was sealed of objects that are not at their end, as ``audit.identity``."""
    rules: tuple[SealedRule, ...] = ()
    """The last record of each rule object that was not sealed as gone."""
    hold: Hold = Hold()

    @property
    def identities(self) -> frozenset[bytes]:
        """All that is kept."""
        return frozenset(one for many in self.kept.values() for one in many)


@dataclass(frozen=True, slots=True)
class Orders:
    """What people asked of the trail, by annotations on the operator's namespace that a policy guards."""

    holds: Mapping[str, str] = field(default_factory=dict)
    """By stack, ``*`` for all: who holds its records, and why. Held records stay in the cluster."""
    restores: Mapping[str, str] = field(default_factory=dict)
    """By stack: who wants its chain to go on from the archive, and from which head."""

    def held(self, stack: str) -> str | None:
        """Who holds the stack's records, and why; None: nobody."""
        return self.holds.get(stack, self.holds.get(ALL))


def orders(annotations: Mapping[str, str]) -> Orders:
    """What the annotations of the operator's namespace say."""

    def under(prefix: str) -> dict[str, str]:
        return {key.removeprefix(prefix): text for key, text in annotations.items() if key.startswith(prefix)}

    holds = under(LEGAL_HOLD_PREFIX)
    if HOLD_ALL in holds:
        holds[ALL] = holds.pop(HOLD_ALL)
    return Orders(holds, under(RESTORE_PREFIX))


def order(who: str, head: Head) -> str:
    """The text of an order to restore."""
    return f"{who}: {head.sequence} {head.hash}"


def ordered(text: str) -> tuple[str, Head]:
    """Who ordered it, and the head. Raises ValueError."""
    found = re.fullmatch(r"(.{1,253}): ([0-9]{1,10}) (sha256:[0-9a-f]{64})", text)
    if found is None:
        msg = f"{text!r} is not written as '<user>: <sequence> sha256:<hash>'"
        raise ValueError(msg)
    return found[1], Head(int(found[2]), found[3])


def folder(stack: str) -> str:
    """Where the archive has a stack's records."""
    return f"records/{stack}/"


def place(stack: str, sequence: int) -> str:
    """The name of a record in the archive."""
    return f"{folder(stack)}{record_name(stack, sequence)}{_END}"


def sequence_of(name: str) -> int:
    """The number of the record that has this name in the archive. Raises ValueError where it is none."""
    number = name.removesuffix(_END)[-10:]
    if not name.endswith(_END) or not number.isdigit():
        msg = f"{name} is no record's name"
        raise ValueError(msg)
    return int(number)


def line(record: AuditRecord) -> bytes:
    """A record as it is archived: one line of canonical JSON (RFC 8785), the same whoever writes it."""
    kept: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "AuditRecord",
        "metadata": {"name": record.metadata.name, "namespace": record.metadata.namespace},
        "spec": record.spec.dump(),
    }
    return rfc8785.dumps(kept) + b"\n"


def read(name: str, content: bytes) -> AuditRecord:
    """The record of an archived line. Raises ValueError naming the object."""
    try:
        return AuditRecord.model_validate(json.loads(content))
    except ValueError as problem:
        msg = f"{name} is no audit record: {str(problem).splitlines()[0]}"
        raise ValueError(msg) from problem


def follows(before: Head, spec: AuditRecordSpec) -> Head:
    """The place of a record that comes right behind ``before`` and is as it was sealed. Raises NotWholeError."""
    name = record_name(spec.stack, spec.sequence)
    if hash_of(spec) != spec.hash:
        msg = f"{name} is not as it was sealed"
        raise NotWholeError(msg)
    if spec.sequence != before.sequence + 1 or spec.previous != before.hash:
        msg = f"{name} does not follow number {before.sequence} with hash {before.hash}"
        raise NotWholeError(msg)
    return head_of(spec)


def link_of(spec: AuditRecordSpec) -> Link | None:
    """What an Archived or Imported record says; None of any other. Raises ValueError where it says it wrongly."""
    if spec.action not in _LINKS:
        return None
    facts = spec.facts
    try:
        return Link(
            Head(int(facts["upTo"]["sequence"]), str(facts["upTo"]["hash"])),
            datetime.strptime(facts["began"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
            {uid: tuple(map(base64.b64decode, many)) for uid, many in (facts.get("kept") or {}).items()},
            tuple(SealedRule(**row) for row in facts.get("rules") or ()),
            Hold(**(facts.get("hold") or {})),
        )
    except (KeyError, TypeError) as problem:
        msg = f"{record_name(spec.stack, spec.sequence)} does not say up to where the chain is archived"
        raise ValueError(msg) from problem


def hold_of(spec: AuditRecordSpec) -> Hold | None:
    """What a Held or Released record says; None of any other."""
    if spec.action not in (AuditAction.HELD, AuditAction.RELEASED):
        return None
    return Hold(spec.sequence, str(spec.facts.get("text", "")))


def hold_changed(root: str, known: Hold, text: str) -> AuditEntry | None:
    """What is to be sealed where the hold is another one than was sealed last; None: it is the same.

    Who lifted a hold stands in the API server's audit log alone: an annotation that is gone bears no name.
    """
    if text == known.text:
        return None
    # Held again with the same words it is another hold.
    subject = AuditSubject(kind="Namespace", namespace="", name=root, uid=f"hold-{known.sequence}")
    if not text:
        return AuditEntry(AuditAction.RELEASED, subject, facts={"held": known.text})
    by = text.partition(": ")[0][:253] if ": " in text else None
    return AuditEntry(AuditAction.HELD, subject, by=by, facts={"text": text})


def latest_link(records: Iterable[AuditRecord]) -> Link | None:
    """The link of the last Archived or Imported record. Raises ValueError."""
    found = [record.spec for record in records if record.spec.action in _LINKS]
    return link_of(found[-1]) if found else None


def start_of(stack: str, records: Sequence[AuditRecord]) -> Head:
    """The place behind which records in the cluster may begin: the first of all, or where the archive ends.

    Raises ValueError.
    """
    link = latest_link(records)
    if link is None or not records or records[0].spec.sequence == 1:
        return genesis(stack)
    first = records[0].spec
    if first.sequence <= link.up_to.sequence:
        # The operator had not removed all of them yet: what follows is checked against their own hashes.
        return Head(first.sequence - 1, first.previous)
    return link.up_to


def leaving(records: Sequence[AuditRecord], before: datetime) -> tuple[AuditRecord, ...]:
    """The records at the start of a chain that were sealed before that; never the last one."""
    return tuple(takewhile(lambda record: record.spec.instant < before, records[:-1]))


def archived(
    records: Sequence[AuditRecord], leaves: Sequence[AuditRecord], living: Mapping[str, datetime | None]
) -> AuditEntry:
    """What is sealed before ``leaves`` go. ``living`` are the objects in the cluster by UID, with when they ended.

    Raises TooMuchKeptError, and ValueError where an earlier link cannot be read.
    """
    known, last, rest = latest_link(records), leaves[-1], records[len(leaves) :]
    cut = rest[0].spec.instant
    later = {record.spec.subject.uid for record in rest}
    rules = _rules(known, leaves)

    def stays(uid: str) -> bool:
        ended = living.get(uid)
        return uid in later or (uid in living and (ended is None or ended >= cut))

    kept: dict[str, set[bytes]] = {uid: set(many) for uid, many in (known.kept if known else {}).items() if stays(uid)}
    for record in leaves:
        spec = record.spec
        # A version of a rule that another one followed does not come again.
        if stays(spec.subject.uid) and not (
            spec.action is AuditAction.RULES_CHANGED and spec.sequence not in {rule.sequence for rule in rules}
        ):
            kept.setdefault(spec.subject.uid, set()).add(identity(spec.subject.uid, spec.action, spec.key))
    count = sum(map(len, kept.values()))
    if count > MOST_KEPT:
        msg = f"{count} entries about objects that have not ended would have to be kept, at most {MOST_KEPT} can be"
        raise TooMuchKeptError(msg)
    began = known.began if known else records[0].spec.instant
    facts: dict[str, Any] = {
        "upTo": _place(head_of(last.spec)),
        "records": len(leaves),
        "began": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "kept": {
            uid: [base64.b64encode(one).decode() for one in sorted(many)] for uid, many in sorted(kept.items()) if many
        },
        "rules": [{name: getattr(rule, name) for name in SealedRule.__slots__} for rule in rules],
    }
    held = [found for record in leaves if (found := hold_of(record.spec)) is not None]
    hold = held[-1] if held else known.hold if known else Hold()
    if hold.sequence:
        facts["hold"] = {"sequence": hold.sequence, "text": hold.text}
    return _about(AuditAction.ARCHIVED, last, facts)


def imported(last: AuditRecord, began: datetime, by: str) -> AuditEntry:
    """What a chain begins with that goes on in another cluster: who wanted it, and the head that it goes on from.

    Nothing of what was sealed before binds the operator here: every object is another one, by its UID.
    """
    facts: dict[str, Any] = {"upTo": _place(head_of(last.spec)), "began": f"{began:%Y-%m-%dT%H:%M:%SZ}"}
    entry = _about(AuditAction.IMPORTED, last, facts)
    return AuditEntry(entry.action, entry.subject, entry.key, by=by, facts=facts)


def _about(action: AuditAction, last: AuditRecord, facts: Mapping[str, Any]) -> AuditEntry:
    meta, head = last.metadata, head_of(last.spec)
    # A record read from an archive has no UID of this cluster: its hash tells it from every other.
    subject = AuditSubject(
        kind="AuditRecord", namespace=meta.namespace, name=meta.name, uid=head.hash.removeprefix("sha256:")[:36]
    )
    return AuditEntry(action, subject, key=str(head.sequence), facts=facts)


def _rules(known: Link | None, leaves: Iterable[AuditRecord]) -> tuple[SealedRule, ...]:
    rules = {(r.kind, r.namespace, r.name): r for r in (known.rules if known else ())}
    for spec in (record.spec for record in leaves):
        if spec.action is AuditAction.RULES_CHANGED:
            where = (spec.subject.kind, spec.subject.namespace, spec.subject.name)
            rules[where] = SealedRule(*where, uid=spec.subject.uid, key=spec.key, sequence=spec.sequence)
    return tuple(rule for _, rule in sorted(rules.items()) if rule.key != GONE)


def _place(head: Head) -> dict[str, Any]:
    return {"sequence": head.sequence, "hash": head.hash}
