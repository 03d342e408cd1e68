"""What is sealed of promotions and changes: from an object, every entry that is due by now. Pure.

Level-triggered: the same object gives the same entries, so that whoever comes after a crash seals what is missing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from lockflight.api.auditrecord import AuditAction, AuditSubject
from lockflight.api.changerecords import Review, Submission
from lockflight.api.changerequest import Approval, ChangeRequest
from lockflight.api.common import Schema
from lockflight.api.conditions import find
from lockflight.api.kinds import Living
from lockflight.api.promotion import Attestation, Phase, Promotion, SignOff, VerificationStatus
from lockflight.api.reasons import APPROVED, SUCCEEDED
from lockflight.policy.audit import AuditEntry
from lockflight.policy.bulk import called
from lockflight.policy.model import Snapshot
from lockflight.policy.rulebook import rule_rows

_DECISIONS: Final = {
    ("approvals", "Approved"): AuditAction.APPROVED,
    ("signOffs", "Approved"): AuditAction.SIGNED_OFF,
    ("approvals", "Rejected"): AuditAction.REFUSED,
    ("signOffs", "Rejected"): AuditAction.REFUSED,
    ("approvals", "Withdrawn"): AuditAction.WITHDRAWN,
    ("signOffs", "Withdrawn"): AuditAction.WITHDRAWN,
}


def subject_of(obj: Living) -> AuditSubject:
    """The object as a record names it."""
    meta = obj.metadata
    return AuditSubject(kind=obj.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid)


def applied(snapshot: Snapshot, rules: Iterable[Living], removes: Sequence[str] = ()) -> AuditEntry:
    """What is sealed before the first Helm action of a promotion: what, on which verdicts, under which rules.

    The verdicts are those that its intent was written with.
    """
    promotion, release, change = snapshot.promotion, snapshot.release, snapshot.change
    status, stack = promotion.status, promotion.metadata.namespace
    facts = _promotion_facts(promotion) | {
        "tier": snapshot.environment.spec.tier.value if snapshot.environment else None,
        "application": release.spec.application if release else None,
        "version": release.spec.version if release else None,
        "evidence": _dumped(release.spec.evidence or ()) if release else None,
        "attested": _dumped(release.status.evidence) if release else None,
        "authors": list(release.spec.source.authors) if release and release.spec.source else None,
        "plan": status.plan.dump() if status.plan else None,
        "components": _dumped(status.components),
        "removes": list(removes),
        "verdicts": _verdicts(promotion),
        "change": _change_facts(change) if change is not None and status.change == called(change, stack) else None,
        "rules": rule_rows(rules),
        "holder": status.execution.holder if status.execution else None,
        "fencing": status.execution.fencing if status.execution else None,
    }
    return AuditEntry(AuditAction.APPLIED, subject_of(promotion), facts=_known(facts))


def taken_back(promotion: Promotion, way: str, why: str) -> AuditEntry:
    """What is sealed before a bundle is taken back."""
    facts = _promotion_facts(promotion) | {
        "way": way,
        "why": why,
        "components": _dumped(promotion.status.components),
    }
    return AuditEntry(AuditAction.TAKEN_BACK, subject_of(promotion), facts=_known(facts))


def of_promotion(promotion: Promotion) -> Iterator[AuditEntry]:
    """Everything but its Helm actions that is due: attested, verified, signed off, finished; in this order."""
    status, subject = promotion.status, subject_of(promotion)
    for index, attestation in enumerate(status.attestations):
        yield _word(AuditAction.ATTESTED, subject, "attestations", index, attestation)
    asked = any(step.phase is Phase.AWAITING_SIGN_OFF for step in status.history)
    if status.verified_at is not None and (status.verification or asked):
        facts = _promotion_facts(promotion) | {
            "verification": [_result(row) for row in status.verification],
            "components": _dumped(status.components),
        }
        yield AuditEntry(AuditAction.VERIFIED, subject, facts=_known(facts))
    for index, entry in enumerate(status.sign_offs):
        yield _decision(subject, "signOffs", index, entry)
    if status.phase is not None and status.phase.final:
        said = find(status.conditions, SUCCEEDED)
        facts = _promotion_facts(promotion) | {
            "phase": status.phase.value,
            "reason": said.reason if said else None,
            "message": said.message if said else None,
            "components": _dumped(status.components),
            "steps": _dumped(status.steps),
            "attestations": _dumped(status.attestations),
            "history": _dumped(status.history),
            # With an Applied record, the verdicts stand there.
            "verdicts": None if status.execution else _verdicts(promotion),
        }
        yield AuditEntry(AuditAction.FINISHED, subject, facts=_known(facts))


def due_of_promotion(promotion: Promotion) -> Iterator[tuple[AuditAction, str]]:
    """Action and key of what may be lacking of one that ended: its end is sealed last, but a no may come after it."""
    for index, entry in enumerate(promotion.status.sign_offs):
        if entry.decision != "Approved":
            yield _DECISIONS["signOffs", entry.decision], f"signOffs/{index}"
    yield AuditAction.FINISHED, ""


def of_change(change: ChangeRequest) -> Iterator[AuditEntry]:
    """Everything that is due of a change: what was found unasked for, each person's word, and how it ended."""
    status, subject = change.status, subject_of(change)
    for index, row in enumerate(status.findings):
        # Who did it is what managed fields or the glass say: nobody's word, so it is no ``by``.
        as_found = row.model_copy(update={"settled": None, "settled_at": None})
        facts = {"list": "findings", "index": index, **as_found.dump()}
        yield AuditEntry(AuditAction.UNAUTHORISED, subject, key=f"findings/{index}", facts=facts)
    for index, submission in enumerate(status.submissions):
        yield _word(AuditAction.SUBMITTED, subject, "submissions", index, submission)
    for index, entry in enumerate(status.approvals):
        yield _decision(subject, "approvals", index, entry)
    for index, review in enumerate(status.review):
        yield _word(AuditAction.REVIEWED, subject, "review", index, review)
    if status.phase is not None and status.phase.ended:
        said = find(status.conditions, APPROVED)
        facts = _change_facts(change) | {
            "phase": status.phase.value,
            "reason": said.reason if said else None,
            "message": said.message if said else None,
            "usedBy": _dumped(status.used_by),
        }
        yield AuditEntry(AuditAction.FINISHED, subject, key=_end(change), facts=_known(facts))


def due_of_change(change: ChangeRequest) -> Iterator[tuple[AuditAction, str]]:
    """Action and key of each entry of ``of_change``, without its facts."""
    status = change.status
    yield from ((AuditAction.UNAUTHORISED, f"findings/{index}") for index in range(len(status.findings)))
    yield from ((AuditAction.SUBMITTED, f"submissions/{index}") for index in range(len(status.submissions)))
    for index, entry in enumerate(status.approvals):
        yield _DECISIONS["approvals", entry.decision], f"approvals/{index}"
    yield from ((AuditAction.REVIEWED, f"review/{index}") for index in range(len(status.review)))
    if status.phase is not None and status.phase.ended:
        yield AuditAction.FINISHED, _end(change)


def _end(change: ChangeRequest) -> str:
    """An expired change whose spec is edited goes on, and may end again."""
    phase = change.status.phase
    return f"{phase.value if phase else ''}/{change.metadata.generation}"


def ended_at(obj: Promotion | ChangeRequest) -> datetime | None:
    """When it ended; of a change, the latest that is known of it. None: it has not."""
    if isinstance(obj, Promotion):
        return obj.status.finished_at
    if obj.status.phase is None or not obj.status.phase.ended:
        return None
    known = [condition.last_transition_time for condition in obj.status.conditions]
    known += [row.at for row in obj.status.observed]
    known += [use.at for use in obj.status.used_by]
    return max([*known, *filter(None, [obj.metadata.creation_timestamp])], default=None)


def of_rule(rule: Living) -> Iterator[AuditEntry]:
    """What people decided about a rule object, where it is of a kind that they approve."""
    for index, entry in enumerate(getattr(rule.status, "approvals", ())):
        yield _decision(subject_of(rule), "approvals", index, entry)


def _result(row: VerificationStatus) -> dict[str, Any]:
    """Of its log the digest: the log itself stands in the Promotion."""
    found = row.dump()
    log = found.pop("log", "")
    return found | ({"logDigest": f"sha256:{sha256(log.encode()).hexdigest()}"} if log else {})


def _decision(subject: AuditSubject, where: str, index: int, entry: Approval | SignOff) -> AuditEntry:
    return _word(_DECISIONS[where, entry.decision], subject, where, index, entry)


def _word(
    action: AuditAction,
    subject: AuditSubject,
    where: str,
    index: int,
    entry: Approval | Attestation | SignOff | Submission | Review,
) -> AuditEntry:
    """A person's entry in a list, as stamped."""
    facts = {key: value for key, value in entry.dump().items() if key not in ("by", "groups", "decision")}
    return AuditEntry(
        action,
        subject,
        key=f"{where}/{index}",
        by=entry.by,
        groups=entry.groups,
        facts={"list": where, "index": index, **facts},
    )


def _promotion_facts(promotion: Promotion) -> dict[str, Any]:
    spec, status = promotion.spec, promotion.status
    return {
        "release": spec.release_ref.name,
        "environment": spec.environment_ref.name,
        "action": spec.action.value,
        "creator": promotion.metadata.creator,
        "namespace": status.plan.namespace if status.plan else None,
        "planDigest": status.plan.digest if status.plan else None,
        "releaseDigest": status.release_digest,
        "changeName": status.change,
    }


def _verdicts(promotion: Promotion) -> list[dict[str, Any]]:
    return [
        {"gate": gate.name, "outcome": gate.outcome.value, "reason": gate.reason, "message": gate.message}
        for gate in promotion.status.gates
    ]


def _change_facts(change: ChangeRequest) -> dict[str, Any]:
    spec, status = change.spec, change.status
    return {
        "name": change.metadata.name,
        "uid": change.metadata.uid,
        "generation": change.metadata.generation,
        "creator": change.metadata.creator,
        "editors": sorted(change.metadata.editors),
        "type": spec.type.value,
        "title": spec.title,
        "release": spec.release,
        "releases": _dumped(spec.releases or ()),
        "activity": spec.activity.dump() if spec.activity else None,
        "environments": list(spec.environments),
        "requestedBy": spec.requested_by,
        "planDigest": status.plan_digest,
        "approvals": _dumped(status.approvals),
        "observed": _dumped(status.observed),
        "incident": spec.incident.dump() if spec.incident else None,
        "debts": _dumped(status.debts),
    }


def _dumped(rows: Iterable[Schema]) -> list[dict[str, Any]]:
    return [row.dump() for row in rows]


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Absent instead of null or empty."""
    return {key: value for key, value in facts.items() if value not in (None, [], {}, "")}
