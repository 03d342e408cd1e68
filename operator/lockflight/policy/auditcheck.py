"""Whether a chain fits what runs and what the objects say. Pure; whether it is whole is ``policy.audit.verify``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditRecordSpec
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.archiving import latest_link
from lockflight.policy.audit import AuditEntry, Finding, Flaw, identity
from lockflight.policy.labels import short
from lockflight.policy.model import HelmStatus, Revision
from lockflight.policy.records import ended_at, of_change, of_promotion

_Place = tuple[str, str]
"""Namespace and Helm release."""

_LASTING: Final = {AuditAction.VERIFIED: ("planDigest",), AuditAction.FINISHED: ("phase",)}
"""What stays of an object as it was sealed, where that is not all: a list's entries are never edited."""

_PLACE: Final = {"list", "index"}
"""Which entry it is: the key says so too."""

_ENDED: Final = (AuditAction.VERIFIED, AuditAction.FINISHED)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A revision in Helm's storage, and when the API server created its Secret."""

    namespace: str
    revision: Revision
    created: datetime

    @property
    def place(self) -> _Place:
        """Where it is."""
        return self.namespace, self.revision.helm_release


@dataclass(frozen=True, slots=True)
class Observed:
    """What was found beside the records of a stack."""

    deployed: Sequence[Deployed] = ()
    namespaces: frozenset[str] = frozenset()
    """The namespaces whose Helm storage was read."""
    promotions: Sequence[Promotion] = ()
    changes: Sequence[ChangeRequest] = ()


@dataclass(slots=True)
class _Known:
    """The records, as far as Helm and the objects are concerned."""

    applied: dict[str, AuditRecord] = field(default_factory=dict)
    """By UID of the promotion."""
    ended: set[str] = field(default_factory=set)
    accounted: dict[_Place, int] = field(default_factory=dict)
    """The highest revision that a record names."""
    last: dict[_Place, tuple[AuditRecord, Mapping[str, Any]]] = field(default_factory=dict)
    """The last end of a promotion there, with its row of the component."""
    sealed: dict[bytes, AuditRecord] = field(default_factory=dict)
    kept: frozenset[bytes] = frozenset()
    """Sealed, and only in the archive: that it was can be told, not with which words."""


def compare(records: Sequence[AuditRecord], observed: Observed) -> tuple[Finding, ...]:
    """Every disagreement between the records of one stack and what was found beside them.

    What was there before the trail began is no part of it; nor is, where its start is only in the archive, what was
    over by then. Raises ValueError where a record does not say what was archived.
    """
    if not records:
        return tuple(_unrecorded(_Known(), observed, None))
    began, known = min(r.spec.instant for r in records), _known(records)
    first, link = began, latest_link(records) if records[0].spec.sequence > 1 else None
    if link is not None:
        first, known.kept = link.began, link.identities
    return (
        *_unrecorded(known, observed, began),
        *_missing(known, observed),
        *_objects(known, observed, began, first),
    )


def _known(records: Iterable[AuditRecord]) -> _Known:
    known = _Known()
    for record in records:
        spec = record.spec
        known.sealed[identity(spec.subject.uid, spec.action, spec.key)] = record
        if spec.subject.kind != "Promotion":
            continue
        if spec.action is AuditAction.APPLIED:
            known.applied[spec.subject.uid] = record
            for name in spec.facts.get("removes") or ():
                known.last.pop((_namespace(spec), name), None)
        if spec.action in _ENDED:
            known.ended.add(spec.subject.uid)
            for row in spec.facts.get("components") or ():
                place = (_namespace(spec), str(row.get("helmRelease")))
                known.accounted[place] = max(known.accounted.get(place, 0), int(row.get("revision") or 0))
                if spec.action is AuditAction.FINISHED:
                    known.last[place] = (record, row)
    return known


def _namespace(spec: AuditRecordSpec) -> str:
    return str(spec.facts.get("namespace", ""))


def _unrecorded(known: _Known, observed: Observed, began: datetime | None) -> Iterator[Finding]:
    """Deployments without a record."""
    under_way = {
        (_namespace(record.spec), str(row.get("helmRelease")))
        for uid, record in known.applied.items()
        if uid not in known.ended
        for row in record.spec.facts.get("components") or ()
    }
    for one in observed.deployed:
        if began is not None and one.created < began:
            continue
        revision, where = one.revision, f"{one.namespace}/{one.revision.helm_release} revision {one.revision.revision}"
        record = known.applied.get(revision.promotion_uid)
        if not revision.promotion_uid:
            words = "was not made by Lockflight"
        elif record is None and identity(revision.promotion_uid, AuditAction.APPLIED, "") in known.kept:
            continue
        elif record is None:
            words = f"names promotion {revision.promotion_uid}, for which nothing is sealed"
        elif _plan(record) != revision.plan:
            words = f"carries the plan {revision.plan}, sealed in {record.metadata.name} was {_plan(record)}"
        elif revision.revision > known.accounted.get(one.place, 0) and one.place not in under_way:
            words = f"was made after the last sealed one, which is {known.accounted.get(one.place, 0)}"
        else:
            continue
        yield Finding(Flaw.DEPLOYMENT_WITHOUT_RECORD, record.metadata.name if record else "", f"{where} {words}")


def _plan(record: AuditRecord) -> str:
    return short(str(record.spec.facts.get("planDigest", "")))


def _missing(known: _Known, observed: Observed) -> Iterator[Finding]:
    """Records of what should run and does not."""
    there = {(one.place, one.revision.revision): one.revision.status for one in observed.deployed}
    for place, (record, row) in known.last.items():
        if place[0] not in observed.namespaces or record.spec.facts.get("phase") != Phase.SUCCEEDED.value:
            continue
        if known.accounted.get(place, 0) > int(row.get("revision") or 0):
            continue
        status = there.get((place, int(row.get("revision") or 0)))
        later = any(where == place and number > int(row.get("revision") or 0) for where, number in there)
        if status is HelmStatus.DEPLOYED or (status is not None and later):
            continue
        found = f"is {status.value}" if status else "is not in Helm's storage"
        words = f"{place[0]}/{place[1]} revision {row.get('revision')} {found}, sealed as what runs there"
        yield Finding(Flaw.RECORD_WITHOUT_DEPLOYMENT, record.metadata.name, words)


def _objects(known: _Known, observed: Observed, began: datetime, first: datetime) -> Iterator[Finding]:
    """Objects that say something else than what was sealed of them, or of which something is missing."""
    for promotion in observed.promotions:
        if (promotion.status.finished_at or began) < began:
            continue
        if promotion.status.deployed_at is not None and promotion.status.deployed_at >= began:
            yield from _due(known, promotion, [AuditAction.APPLIED])
        yield from _entries(known, promotion, of_promotion(promotion))
    for change in observed.changes:
        created = change.metadata.creation_timestamp
        if (created is None or created >= first) and (ended_at(change) or began) >= began:
            yield from _entries(known, change, of_change(change))


def _due(known: _Known, promotion: Promotion, actions: Iterable[AuditAction]) -> Iterator[Finding]:
    for action in actions:
        if identity(promotion.metadata.uid, action, "") not in known.sealed.keys() | known.kept:
            yield _without(promotion, action, "")


def _entries(known: _Known, obj: Promotion | ChangeRequest, due: Iterable[AuditEntry]) -> Iterator[Finding]:
    for entry in due:
        record = known.sealed.get(entry.id)
        if record is None and entry.id in known.kept:
            continue
        if record is None:
            yield _without(obj, entry.action, entry.key)
            continue
        sealed = record.spec
        differing = [name for name in ("by", "groups") if getattr(sealed, name) != getattr(entry, name)]
        names = _LASTING.get(entry.action) or sorted((sealed.facts.keys() | entry.facts.keys()) - _PLACE)
        differing += [name for name in names if sealed.facts.get(name) != entry.facts.get(name)]
        if differing:
            words = f"{obj.kind} {obj.metadata.name} says something else than what was sealed: {', '.join(differing)}"
            yield Finding(Flaw.OBJECT_DIFFERS, record.metadata.name, words)


def _without(obj: Promotion | ChangeRequest, action: AuditAction, key: str) -> Finding:
    what = f"{action.value} {key}".strip()
    return Finding(Flaw.DECISION_WITHOUT_RECORD, "", f"{obj.kind} {obj.metadata.name}: {what} is not sealed")
