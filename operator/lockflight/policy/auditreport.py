"""Questions that an auditor asks of the records. Pure, over any records: those of a cluster or of an archive."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockflight.api.auditrecord import AuditAction, AuditRecord
from lockflight.policy.rulebook import GONE


@dataclass(frozen=True, slots=True)
class Deployment:
    """One change of a target: what the population consists of."""

    applied: AuditRecord
    outcome: str
    """The last phase; empty: not finished."""
    approvers: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """As an auditor's list has it."""
        spec, facts = self.applied.spec, self.applied.spec.facts
        return {
            "at": spec.at,
            "stack": spec.stack,
            "environment": facts.get("environment"),
            "tier": facts.get("tier"),
            "application": facts.get("application"),
            "version": facts.get("version"),
            "action": facts.get("action"),
            "promotion": spec.subject.name,
            "change": facts.get("changeName"),
            "approvers": list(self.approvers),
            "outcome": self.outcome,
            "record": self.applied.metadata.name,
            "hash": spec.hash,
        }


def population(
    records: Iterable[AuditRecord], start: datetime, end: datetime, tier: str | None = None
) -> tuple[Deployment, ...]:
    """Every deployment that was begun in [start, end), in the order of time; ``tier`` None: in any."""
    found = sorted(records, key=lambda r: (r.spec.at, r.spec.stack, r.spec.sequence))
    ends = {
        (r.spec.stack, r.spec.subject.uid): str(r.spec.facts.get("phase", ""))
        for r in found
        if r.spec.action is AuditAction.FINISHED and r.spec.subject.kind == "Promotion"
    }
    return tuple(
        Deployment(r, ends.get((r.spec.stack, r.spec.subject.uid), ""), _approvers(r))
        for r in found
        if r.spec.action is AuditAction.APPLIED
        and start <= r.spec.instant < end
        and tier in (None, r.spec.facts.get("tier"))
    )


def _approvers(applied: AuditRecord) -> tuple[str, ...]:
    """Who approved what was applied, and did not take it back."""
    said: dict[tuple[str, str], bool] = {}
    change = applied.spec.facts.get("change") or {}
    for entry in change.get("approvals") or ():
        if entry.get("planDigest") == change.get("planDigest"):
            said[str(entry.get("by")), str(entry.get("role"))] = entry.get("decision") == "Approved"
    return tuple(f"{by} ({role})" for (by, role), yes in said.items() if yes)


def story(records: Iterable[AuditRecord], namespace: str, change: str) -> tuple[AuditRecord, ...]:
    """Everything about a change and about the promotions that ran under it, in the order in which it was sealed.

    Of a bulk change give the records of all stacks: their order is that of time.
    """
    known = sorted(records, key=lambda r: (r.spec.at, r.spec.stack, r.spec.sequence))
    uids = {
        r.spec.subject.uid
        for r in known
        if r.spec.facts.get("changeName") == (change if r.spec.stack == namespace else f"{namespace}/{change}")
        or (r.spec.subject.kind, r.spec.subject.namespace, r.spec.subject.name) == ("ChangeRequest", namespace, change)
    }
    return tuple(r for r in known if r.spec.subject.uid in uids)


def rules_on(records: Iterable[AuditRecord], instant: datetime) -> tuple[AuditRecord, ...]:
    """The version of each rule object that was in force at ``instant``, by kind, namespace and name."""
    last: dict[tuple[str, str, str], AuditRecord] = {}
    for r in sorted(records, key=lambda r: (r.spec.stack, r.spec.sequence)):
        if r.spec.action is AuditAction.RULES_CHANGED and r.spec.instant <= instant:
            last[r.spec.subject.kind, r.spec.subject.namespace, r.spec.subject.name] = r
    return tuple(r for _, r in sorted(last.items()) if r.spec.key != GONE)
