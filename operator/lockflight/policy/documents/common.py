"""What several documents show: deployments, decisions, verification, audit records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.changerequest import Approval, ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release, ReleaseType
from lockflight.policy.documents.model import Block, Section, section, table, text
from lockflight.policy.voices import on_behalf_of

MEANING = {
    ChangeType.STANDARD: "pre-approved pattern, inside agreed windows",
    ChangeType.NORMAL: "change board, risk assessment, rollback plan",
    ChangeType.EMERGENCY: "incident, review afterwards",
}
"""The change types of the reference model."""


@dataclass(frozen=True, slots=True)
class Material:
    """The objects of a stack that a document is made of. ``records`` None: they could not be read."""

    stack: str
    now: datetime
    environments: Sequence[Environment] = ()
    baselines: Sequence[Environment] = ()
    releases: Sequence[Release] = ()
    promotions: Sequence[Promotion] = ()
    changes: Sequence[ChangeRequest] = ()
    freezes: Sequence[FreezeWindow] = ()
    records: Sequence[AuditRecord] | None = None
    tiers: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Look up what is asked for often."""
        object.__setattr__(self, "tiers", {e.metadata.name: e.spec.tier.value for e in self.environments})

    @property
    def subtitle(self) -> str:
        """Where it was read, and when."""
        return f"Stack {self.stack}, as of {self.now:%Y-%m-%d %H:%M}Z"

    def version(self, release: str) -> str:
        """Application and version of a release; its name where it is not there any more."""
        found = next((r for r in self.releases if r.metadata.name == release), None)
        return f"{found.spec.application} {found.spec.version}" if found else release

    def change(self, name: str | None) -> ChangeRequest | None:
        """The change that a promotion names: of the stack, or a bulk change with its namespace."""
        return next((c for c in self.changes if name in _called(c, self.stack)), None)

    def where(self, environment: str) -> str:
        """An environment with its tier."""
        tier = self.tiers.get(environment)
        return f"{environment} ({tier})" if tier else environment


def _called(change: ChangeRequest, stack: str) -> tuple[str, ...]:
    qualified = f"{change.metadata.namespace}/{change.metadata.name}"
    return (change.metadata.name, qualified) if change.metadata.namespace == stack else (qualified,)


def began(promotion: Promotion) -> datetime | None:
    """When it began to change its target."""
    return promotion.status.execution.started_at if promotion.status.execution else None


def in_order(promotions: Iterable[Promotion]) -> list[Promotion]:
    """By when they began, then by when they were made."""
    return sorted(promotions, key=lambda p: (str(began(p) or p.metadata.creation_timestamp or ""), p.metadata.name))


def kind_of(change: ChangeRequest | None) -> str:
    """The type of a change; empty where there is none."""
    return change.spec.type.value if change else ""


def kind_of_release(release: Release) -> str:
    """Scheduled, Hotfix or Config."""
    return (release.spec.type or ReleaseType.SCHEDULED).value


def deployments(material: Material, promotions: Iterable[Promotion], empty: str) -> Block:
    """What was tried where, under which change, and how it ended."""
    rows = [
        (
            p.metadata.name,
            material.version(p.spec.release_ref.name),
            material.where(p.spec.environment_ref.name),
            p.spec.action.value,
            began(p),
            p.status.finished_at,
            p.status.change,
            kind_of(material.change(p.status.change)),
            (p.status.phase or Phase.WAITING).value,
        )
        for p in in_order(promotions)
    ]
    headers = ("Promotion", "Release", "Environment", "Action", "Began", "Ended", "Change", "Type", "Outcome")
    return table(headers, rows, empty)


def verification(promotions: Iterable[Promotion]) -> Block:
    """The results of every verification, and of the steps that others took."""
    found = in_order(promotions)
    rows: list[tuple[object, ...]] = [
        (p.spec.environment_ref.name, p.metadata.name, v.name, v.state, v.finished_at, v.message)
        for p in found
        for v in p.status.verification
    ]
    rows += [
        (p.spec.environment_ref.name, p.metadata.name, f"step {s.name} ({s.role})", s.state, None, s.message)
        for p in found
        for s in p.status.steps
    ]
    headers = ("Environment", "Promotion", "Verification", "Result", "Ended", "Said")
    return table(headers, rows, "Nothing was verified.")


def attestations(promotions: Iterable[Promotion]) -> Block | None:
    """What others said of steps and verifications that Lockflight does not do; None where nobody said anything."""
    rows = [
        (p.spec.environment_ref.name, p.metadata.name, a.step or a.verification, a.role, a.result, a.by, a.comment)
        for p in in_order(promotions)
        for a in p.status.attestations
    ]
    headers = ("Environment", "Promotion", "Attested", "Role", "Result", "By", "Comment")
    return table(headers, rows, "") if rows else None


def sign_offs(promotions: Iterable[Promotion]) -> Block:
    """Who said that an environment's purpose was met."""
    rows = [
        (p.spec.environment_ref.name, p.metadata.name, s.role, s.decision, s.by, s.comment, s.plan_digest)
        for p in in_order(promotions)
        for s in p.status.sign_offs
    ]
    headers = ("Environment", "Promotion", "Role", "Decision", "By", "Comment", "Plan")
    return table(headers, rows, "Nobody signed anything off.")


def decisions(changes: Iterable[ChangeRequest]) -> Block:
    """Every decision on changes, with when it was first seen and whether it speaks of the plan that stands now."""
    rows = [
        (
            change.metadata.name,
            entry.role,
            entry.decision,
            entry.by,
            on_behalf_of(entry),
            seen.get(index),
            "current" if _current(change, entry) else "another",
            entry.plan_digest,
            entry.comment,
        )
        for change in changes
        for seen in ({o.index: o.at for o in change.status.observed},)
        for index, entry in enumerate(change.status.approvals)
    ]
    headers = ("Change", "Role", "Decision", "By", "For", "First seen", "Spoke of", "Plan", "Comment")
    return table(headers, rows, "Nobody decided.")


def _current(change: ChangeRequest, entry: Approval) -> bool:
    return entry.generation == change.metadata.generation and entry.plan_digest == change.status.plan_digest


def trail(records: Sequence[AuditRecord] | None) -> Section | None:
    """The sealed records; that they could not be read is said too."""
    if records is None:
        return section("Audit trail", text("The audit records could not be read with the rights of the reader."))
    rows = [
        (
            r.metadata.name,
            r.spec.at,
            r.spec.action.value,
            f"{r.spec.subject.kind} {r.spec.subject.name}",
            r.spec.by,
            r.spec.hash,
        )
        for r in records
    ]
    headers = ("Record", "Sealed", "Action", "Of", "By", "Hash")
    return section("Audit trail", table(headers, rows, "No audit record speaks of it."))
