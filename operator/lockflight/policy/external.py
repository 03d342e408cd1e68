"""Steps of a bundle and verifications that others do: whose word on them counts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lockflight.api.common import CANARY
from lockflight.api.promotion import Attestation, Promotion, StepStatus, VerificationStatus
from lockflight.policy.model import PlannedStep
from lockflight.policy.rights import Question, Rights

ATTEST: Final = "attest"
TYPES: Final = "evidencetypes"


@dataclass(frozen=True, slots=True)
class Word:
    """The latest word on a step that counts; None: nobody has given one. ``ignored`` are those that do not, and why."""

    entry: Attestation | None = None
    ignored: tuple[str, ...] = ()


def asked(promotion: Promotion) -> Iterator[Question]:
    """What has to be known to judge the words on its steps."""
    for entry in promotion.status.attestations:
        yield from _right(entry)


def word(promotion: Promotion, step: PlannedStep, rights: Rights) -> Word:
    """What was said of ``step``, bound to this generation and plan, by holders of the right; the last word holds."""
    return _word(promotion, [e for e in promotion.status.attestations if e.step == step.name], step.role, rights)


def verdict(promotion: Promotion, row: VerificationStatus, rights: Rights) -> Word:
    """What was said of a verification that others do, likewise."""
    entries = [e for e in promotion.status.attestations if e.verification == row.name]
    return _word(promotion, entries, row.role or "", rights)


def _word(promotion: Promotion, entries: Sequence[Attestation], role: str, rights: Rights) -> Word:
    plan, generation = promotion.status.plan, promotion.metadata.generation
    found: Attestation | None = None
    ignored: list[str] = []
    for entry in entries:
        why = _why_not(entry, role, generation, plan.digest if plan else None, rights)
        if why is None:
            found = entry
        else:
            ignored.append(f"{entry.by or 'an entry without a stamped identity'} {why}")
    return Word(found, tuple(ignored))


def pending(steps: Sequence[PlannedStep]) -> tuple[StepStatus, ...]:
    """The rows of a promotion that begins."""
    return tuple(StepStatus(name=step.name, state="Pending", role=step.role) for step in steps)


def open_step(rows: Sequence[StepStatus]) -> StepStatus | None:
    """The step that may be taken now."""
    return next((row for row in rows if row.state == "Authorized"), None)


def authorized(row: StepStatus, step: PlannedStep, now: datetime) -> StepStatus:
    """The row from now on; its time runs from the first time that it might be taken."""
    return row.model_copy(update={"state": "Authorized", "authorized_at": now, "due_by": now + step.timeout})


def _why_not(entry: Attestation, role: str, generation: int, plan_digest: str | None, rights: Rights) -> str | None:
    if not entry.by:
        return "does not say who"
    if entry.role != role:
        return f"spoke as {entry.role}, asked for is {role}"
    if entry.generation != generation or plan_digest is None or entry.plan_digest != plan_digest:
        return "spoke of another plan"
    held, *wildcards = (rights.may(question) for question in _right(entry))
    right = f"{ATTEST} on {TYPES}/{entry.role}"
    if held is None or None in wildcards:
        return f"could not be asked about: {right}"
    if not held:
        return f"holds {right} no longer"
    return f"holds {right} by a wildcard only" if any(wildcards) else None


def _right(entry: Attestation) -> tuple[Question, Question, Question]:
    """The right itself, and two canaries that only the holder of a wildcard passes."""
    who = entry.by or "", entry.groups
    return (
        Question(*who, ATTEST, TYPES, entry.role),
        Question(*who, CANARY, TYPES, entry.role),
        Question(*who, ATTEST, CANARY, entry.role),
    )
