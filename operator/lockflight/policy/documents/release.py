"""The release note: what a release brings, what it is made of, and how it came through the environments."""

from collections.abc import Sequence

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.documents.common import (
    MEANING,
    Material,
    attestations,
    decisions,
    deployments,
    kind_of_release,
    sign_offs,
    trail,
    verification,
)
from lockflight.policy.documents.model import Block, Document, Facts, Listed, clean, document, facts, section, table


def release_note(release: Release, m: Material) -> Document:
    """Everything that the objects and the records say about ``release``."""
    name = release.metadata.name
    ran = [p for p in m.promotions if p.spec.release_ref.name == name]
    changes = [c for c in m.changes if _names(c, m.stack, name)]
    subjects = {p.metadata.uid for p in ran} | {c.metadata.uid for c in changes} | {release.metadata.uid}
    records = None if m.records is None else [r for r in m.records if r.spec.subject.uid in subjects]
    return document(
        f"Release {release.spec.application} {release.spec.version}",
        m.subtitle,
        section("Summary", _summary(release, m)),
        section("Scope", _scope(release)),
        section("What it is made of", _source(release), _components(release), _needs(release), _data(release)),
        section("Evidence", _evidence(release)),
        section("Way through the environments", _passages(release, m), _beside(release)),
        section("Changes and approvals", _changes(changes), decisions(changes)),
        section("Verification and sign-offs", verification(ran), attestations(ran), sign_offs(ran)),
        section("Deployments", deployments(m, ran, "It was not deployed anywhere."), _images(ran)),
        section("Rollback plan", *_way_back(release)),
        trail(records),
    )


def _names(change: ChangeRequest, stack: str, release: str) -> bool:
    bulk = change.spec.releases or ()
    return change.spec.release == release or any((row.stack, row.name) == (stack, release) for row in bulk)


def _summary(release: Release, m: Material) -> Facts:
    spec, status = release.spec, release.status
    back = status.back_merge
    return facts(
        ("Application", spec.application),
        ("Version", spec.version),
        ("Type", kind_of_release(release)),
        ("Based on", spec.based_on.name if spec.based_on else None),
        ("Contains the hotfixes", spec.includes),
        ("Runs in", [m.where(e.metadata.name) for e in m.environments if _runs(e.status.targets, release)]),
        ("Train", [f"{t.name} ({t.calendar}), production from {clean(t.production)}" for t in status.trains]),
        ("Missed trains", [name for t in status.trains for name in t.missed]),
        ("Held", spec.hold.reason if spec.hold else None),
        ("Back in development by", back.due_by if back else None),
        ("Back in development with", back.merged_by if back else None),
        ("Created", release.metadata.creation_timestamp),
        ("Created by (stamped)", release.metadata.creator),
        ("Digest", status.digest),
    )


def _runs(targets: Sequence[object], release: Release) -> bool:
    return any(getattr(t, "release", None) == release.metadata.name for t in targets)


def _scope(release: Release) -> Block:
    rows = [(item.id, item.title) for item in release.spec.scope]
    return table(("Number", "Title"), rows, "The release says nothing about its scope.")


def _source(release: Release) -> Facts | None:
    source = release.spec.source
    if source is None:
        return None
    return facts(
        ("Repository", source.repository),
        ("Revision", source.revision),
        ("Branch", source.branch),
        ("Tag", source.tag),
        ("Authors", source.authors),
    )


def _components(release: Release) -> Block:
    resolved = {c.name: c.chart_digest for c in release.status.components}
    rows: list[tuple[object, ...]] = [
        (
            part.name,
            part.chart.oci or f"{part.chart.repository} {part.chart.name}",
            part.chart.version,
            resolved.get(part.name) or part.chart.digest,
            part.reversible,
        )
        for part in release.spec.parts()
    ]
    rows += [
        (step.name, f"step of {step.external.role}: {step.external.description}", None, None, step.reversible)
        for _, step in release.spec.steps()
        if step.external is not None
    ]
    return table(("Component", "Chart", "Version", "Digest", "Can be taken back"), rows, "It has no component.")


def _evidence(release: Release) -> Block:
    """What the build brought, then every word that was given afterwards."""
    creator, digest = release.metadata.creator, release.status.digest
    rows: list[tuple[object, ...]] = [
        (e.type, e.result, "the build", creator, None, e.reviewers, e.url, e.digest) for e in release.spec.evidence
    ]
    rows += [
        (
            e.type,
            e.result,
            "attested" if e.release_digest == digest else "attested of another digest",
            e.by,
            ": ".join(filter(None, (e.role, e.reason))),
            e.reviewers,
            e.url,
            e.digest,
        )
        for e in release.status.evidence
    ]
    headers = ("Evidence", "Result", "Given", "By", "Why", "Reviewers", "Report", "Digest")
    return table(headers, rows, "There is no evidence.")


def _needs(release: Release) -> Block | None:
    rows = [(r.application, r.version) for r in release.spec.requires]
    return table(("Requires", "Version"), rows, "") if rows else None


def _data(release: Release) -> Block | None:
    rows = [(component, each.name, each.class_.value) for component, each in release.spec.data()]
    return table(("Component", "Brings data", "Class"), rows, "") if rows else None


def _beside(release: Release) -> Block | None:
    rows = [(p.name, b.application, b.version, b.digest) for p in release.status.environments for b in p.beside]
    return table(("Environment", "Verified beside", "Version", "Digest"), rows, "") if rows else None


def _passages(release: Release, m: Material) -> Block:
    order = {e.metadata.name: (e.spec.tier.rank, e.metadata.name) for e in m.environments}
    rows = [
        (m.where(p.name), p.deployed_at, p.verified_at, p.signed_off_at, p.longest_soak, p.running_since, p.digest)
        for p in sorted(release.status.environments, key=lambda p: order.get(p.name, (99, p.name)))
    ]
    headers = ("Environment", "Deployed", "Verified", "Passed", "Longest stay", "Runs since", "Digest")
    return table(headers, rows, "It has not been in any environment yet.")


def _changes(changes: Sequence[ChangeRequest]) -> Block:
    rows = [
        (
            c.metadata.name,
            f"{c.spec.type.value}: {MEANING[c.spec.type]}",
            c.spec.environments,
            c.status.phase.value if c.status.phase else "New",
            c.status.risk.effective.value if c.status.risk else None,
            c.status.approvals_summary,
        )
        for c in changes
    ]
    headers = ("Change", "Type", "Environments", "Phase", "Risk", "Approvals")
    return table(headers, rows, "No change names it.")


def _images(ran: Sequence[Promotion]) -> Block | None:
    found = sorted({i for p in ran for c in (p.status.plan.components if p.status.plan else ()) for i in c.images})
    return table(("Images",), [(image,) for image in found], "") if found else None


def _way_back(release: Release) -> tuple[Block, ...]:
    plan = release.spec.rollback_plan
    irreversible = release.spec.irreversible()
    said = facts(
        ("Strategy", plan.strategy.value if plan else "the one of each change"),
        ("Cannot be taken back", irreversible),
    )
    return said, Listed(tuple(map(clean, plan.steps if plan else ())))
