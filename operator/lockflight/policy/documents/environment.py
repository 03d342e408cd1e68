"""The history of an environment: what it asks for, what ran in it, what changed it, and what was frozen."""

from collections.abc import Sequence
from datetime import datetime

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType, RoleCount
from lockflight.api.environment import ChangeControl, Environment, Item
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.auditreport import population
from lockflight.policy.documents.common import (
    MEANING,
    Material,
    attestations,
    began,
    decisions,
    deployments,
    sign_offs,
    trail,
    verification,
)
from lockflight.policy.documents.model import Block, Document, Facts, Section, document, facts, section, table
from lockflight.policy.effective import effective
from lockflight.policy.evidence import wanted
from lockflight.policy.ruleasked import baseline_of


def environment_history(environment: Environment, m: Material, start: datetime | None, end: datetime) -> Document:
    """What happened in ``environment`` in [start, end); ``start`` None: from the beginning."""
    name = environment.metadata.name

    def inside(when: datetime | None) -> bool:
        return when is not None and (start is None or start <= when) and when < end

    ran = [p for p in m.promotions if p.spec.environment_ref.name == name and inside(_when(p))]
    used = {p.status.change for p in ran}
    there = [c for c in m.changes if name in c.spec.environments]
    changes = [c for c in there if c.metadata.name in used or inside(c.metadata.creation_timestamp)]
    records = None if m.records is None else [r for r in m.records if inside(r.spec.instant) and _of(r, name, ran)]
    return document(
        f"Environment {name}",
        f"{m.subtitle}; {f'from {start:%Y-%m-%d %H:%M}Z' if start else 'from the beginning'} to {end:%Y-%m-%d %H:%M}Z",
        section("What it is", _summary(environment, m), *_items(environment)),
        section("Who has access", _access(environment)),
        section("What runs", _running(environment)),
        section("Figures", _figures(ran, changes, m)),
        section("Deployments", deployments(m, ran, "Nothing was deployed in that time.")),
        _sealed(name, m, ran, start, end),
        section("Verification and sign-offs", verification(ran), attestations(ran), sign_offs(ran)),
        section("Changes", _changes(changes), decisions(changes)),
        section("Freezes", _freezes(environment, m.freezes)),
        trail(records),
    )


def _when(promotion: Promotion) -> datetime | None:
    return began(promotion) or promotion.metadata.creation_timestamp


def _of(record: AuditRecord, name: str, ran: Sequence[Promotion]) -> bool:
    subject, said = record.spec.subject, record.spec.facts
    return (
        (subject.kind == "Environment" and subject.name == name)
        or said.get("environment") == name
        or subject.uid in {p.metadata.uid for p in ran}
    )


def _summary(environment: Environment, m: Material) -> Facts:
    """What it asks for, with the defaults of its tier and the organisation's baseline filled in."""
    governed = effective(environment, baseline_of(m.baselines, environment.spec.tier), tuple(m.environments))
    spec, entry, out = governed.spec, governed.spec.entry, governed.spec.exit
    return facts(
        ("Tier", spec.tier.value),
        ("Comes after", governed.promotes_from or "it is an entry"),
        ("Soak", spec.soak),
        ("Tagged builds only", entry.tagged_only if entry else None),
        ("Branches", entry.branches if entry else None),
        ("Evidence asked for", wanted(spec)),
        ("Of that, signed", entry.signed if entry else None),
        ("Verification", [v.name for v in out.verification] if out else None),
        ("Sign-offs", _counts(out.sign_offs) if out else None),
        *_changes_accepted(spec.change_control),
        ("Calendar", spec.calendar_ref.name if spec.calendar_ref else None),
        ("Data allowed", [c.value for c in spec.data.allowed] if spec.data else None),
        ("Drift", spec.drift.mode.value if spec.drift and spec.drift.mode else None),
        ("Promotes by itself", bool(spec.auto_promote)),
        ("Retired", spec.retired),
        ("Held", spec.hold.reason if spec.hold else None),
        ("Below the floor of its tier", governed.problems),
        ("UID", environment.metadata.uid),
    )


def _changes_accepted(control: ChangeControl | None) -> list[tuple[str, object]]:
    if control is None:
        return [("Changes", "none is asked for")]
    normal, emergency = control.normal, control.emergency
    return [
        (f"{kind.value} changes", f"{MEANING[kind]}: {words}")
        for kind, words in (
            (ChangeType.STANDARD, "as the catalogue permits" if control.standard else ""),
            (ChangeType.NORMAL, _counts(normal.approvals) if normal else ""),
            (ChangeType.EMERGENCY, _counts(emergency.approvals) if emergency else ""),
        )
        if words
    ]


def _counts(needs: Sequence[RoleCount]) -> str:
    return ", ".join(f"{need.count} {need.role}" for need in needs)


def _items(environment: Environment) -> tuple[Block | None, Block | None]:
    def rows(title: str, items: Sequence[Item]) -> Block | None:
        return table((title, "Given by"), [(i.name, i.given_by) for i in items], "") if items else None

    return rows("Input", environment.status.inputs), rows("Output", environment.status.outputs)


def _access(environment: Environment) -> Block | None:
    """Who may do what in the target namespaces, as RBAC said when the operator looked last."""
    rows = [(h.namespace, h.subject, h.level.value, h.via, h.foreign) for h in environment.status.access]
    return table(("Namespace", "Who", "Level", "By", "Nobody asked for it"), rows, "") if rows else None


def _running(environment: Environment) -> Block:
    rows = [
        (t.application, t.version, t.release, t.namespace, t.state, t.deployed_at, t.verified_at, t.digest)
        for t in environment.status.targets
    ]
    headers = ("Application", "Version", "Release", "Namespace", "State", "Deployed", "Verified", "Digest")
    return table(headers, rows, "Nothing runs here.")


def _figures(ran: Sequence[Promotion], changes: Sequence[ChangeRequest], m: Material) -> Facts:
    begun = [p for p in ran if began(p) is not None]
    types = [found.spec.type for p in begun if (found := m.change(p.status.change)) is not None]

    def count(*phases: Phase) -> int:
        return sum(p.status.phase in phases for p in begun)

    return facts(
        ("Deployments begun", len(begun)),
        ("Succeeded", count(Phase.SUCCEEDED)),
        ("Failed or taken back", count(Phase.FAILED, Phase.ROLLED_BACK)),
        *((f"Under {kind.value} changes", sum(t is kind for t in types)) for kind in ChangeType),
        ("Ended before they began", len(ran) - len(begun)),
        ("Unauthorised changes found", sum(c.spec.unauthorised is not None for c in changes)),
    )


def _sealed(name: str, m: Material, ran: Sequence[Promotion], start: datetime | None, end: datetime) -> Section | None:
    """Deployments that the trail knows and whose objects have left the cluster."""
    mine = [r for r in m.records or () if r.spec.stack == m.stack]
    since = start or min((r.spec.instant for r in mine), default=end)
    kept = {p.metadata.uid for p in ran}
    gone = [d for d in population(mine, since, end) if d.applied.spec.subject.uid not in kept]
    keys = ("application", "version", "action", "at", "change", "approvers", "outcome", "record")
    rows = [
        (d.applied.spec.subject.name, *(row[key] for key in keys))
        for d in gone
        if (row := d.row())["environment"] == name
    ]
    headers = ("Promotion", "Application", "Version", "Action", "Sealed", "Change", "Approvers", "Outcome", "Record")
    return section("Deployments known from the audit trail alone", table(headers, rows, "")) if rows else None


def _changes(changes: Sequence[ChangeRequest]) -> Block:
    rows = [
        (
            c.metadata.name,
            c.spec.type.value,
            c.spec.title,
            c.spec.release or None,
            c.status.phase.value if c.status.phase else "New",
            c.spec.unauthorised is not None,
            [d.gate for d in c.status.debts if d.settled_by is None],
            [r.outcome.value for r in c.status.review],
        )
        for c in changes
    ]
    headers = ("Change", "Type", "Title", "Release", "Phase", "Unauthorised", "Still owes", "Review")
    return table(headers, rows, "There were no changes.")


def _freezes(environment: Environment, freezes: Sequence[FreezeWindow]) -> Block:
    tier, name = environment.spec.tier, environment.metadata.name
    rows = [
        (
            f"{f.metadata.namespace}/{f.metadata.name}",
            f.spec.reason,
            f.spec.start,
            f.spec.end or (f.spec.recurrence.rrule if f.spec.recurrence else "until it is lifted"),
            f.spec.time_zone,
            f.spec.lift.reason if f.spec.lift else None,
        )
        for f in freezes
        if (where := f.spec.environments) is None
        or ((not where.tiers or tier in where.tiers) and (not where.names or name in where.names))
    ]
    headers = ("Freeze", "Reason", "From", "Until", "Time zone", "Lifted because")
    return table(headers, rows, "No freeze speaks of it.")
