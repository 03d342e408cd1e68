"""The change record: what was asked for, who decided on what, what was done, and how it went."""

from lockflight.api.access import BoxedAccess
from lockflight.api.changerequest import ChangeRequest
from lockflight.policy.auditreport import story
from lockflight.policy.documents.common import (
    MEANING,
    Material,
    attestations,
    decisions,
    deployments,
    sign_offs,
    trail,
    verification,
)
from lockflight.policy.documents.model import (
    Block,
    Document,
    Facts,
    Listed,
    Section,
    clean,
    document,
    facts,
    section,
    table,
)


def change_record(change: ChangeRequest, m: Material) -> Document:
    """Everything that the objects and the records say about ``change``."""
    uses = {use.promotion_uid for use in change.status.used_by}
    name = change.metadata.name
    ran = [
        p
        for p in m.promotions
        if p.metadata.uid in uses or (p.metadata.namespace == change.metadata.namespace and p.status.change == name)
    ]
    records = None if m.records is None else story(m.records, change.metadata.namespace, name)
    return document(
        f"Change {name}: {change.spec.title}",
        m.subtitle,
        section("Summary", _summary(change, m)),
        section("What is asked for", _asked(change, m)),
        section("Impact and risk", _impact(change), _risk(change)),
        section("Rollback plan", *_way_back(change)),
        section("What is approved", *_plans(change)),
        section("Decisions", _submissions(change), decisions([change])),
        section("Deployments", deployments(m, ran, "Nothing was deployed under it."), _uses(change)),
        section("Verification", verification(ran), attestations(ran), sign_offs(ran)),
        _emergency(change),
        _findings(change),
        section("Review", _review(change)),
        trail(records),
    )


def _summary(change: ChangeRequest, m: Material) -> Facts:
    spec, status = change.spec, change.status
    return facts(
        ("Type", f"{spec.type.value}: {MEANING[spec.type]}"),
        ("Phase", status.phase.value if status.phase else "New"),
        ("Action", "Remove: takes the release away" if spec.removes else None),
        ("Environments", [m.where(e) for e in spec.environments]),
        ("Release", _brings(change, m)),
        ("Approvals", status.approvals_summary),
        ("Waits for", status.waits_for),
        ("Unauthorised", "found by the operator: nobody permitted it" if spec.unauthorised else None),
        ("Held", spec.hold.reason if spec.hold else None),
        ("Cancelled", spec.cancel.reason if spec.cancel else None),
        ("Generation", change.metadata.generation),
        ("UID", change.metadata.uid),
    )


def _brings(change: ChangeRequest, m: Material) -> str | None:
    if change.spec.releases is not None:
        return ", ".join(f"{row.stack}/{row.name}" for row in change.spec.releases)
    return f"{change.spec.release} ({m.version(change.spec.release)})" if change.spec.release else None


def _asked(change: ChangeRequest, m: Material) -> Facts:
    spec, meta = change.spec, change.metadata
    schedule, incident, activity = spec.schedule, spec.incident, spec.activity
    return facts(
        ("Title", spec.title),
        ("Reason", spec.reason),
        ("Expected outcome", spec.expected_outcome),
        ("Requested by (claimed)", spec.requested_by),
        ("Created by (stamped)", meta.creator),
        ("Edited by (stamped)", sorted(meta.editors)),
        ("Created", meta.creation_timestamp),
        ("Implementer", spec.implementer),
        ("Scheduled from", schedule.start if schedule else None),
        ("Scheduled until", schedule.end if schedule else None),
        ("Activity", f"{activity.kind.value}, {activity.duration}: {activity.description}" if activity else None),
        ("Pattern", f"standard change {spec.standard_change_ref.name}" if spec.standard_change_ref else None),
        ("Hotfix for", spec.hotfix.defect if spec.hotfix else None),
        (
            "Incident",
            f"{incident.id}, {incident.severity.value}, opened {clean(incident.opened_at)}" if incident else None,
        ),
        ("Goes past freezes", spec.freeze_override.windows if spec.freeze_override else None),
        ("Because", spec.freeze_override.justification if spec.freeze_override else None),
        ("Access for a time", [f"{a.level} in {a.environment} for {a.duration}: {_names(a)}" for a in spec.access]),
        ("Puts back drift", spec.put_back.drift if spec.put_back else None),
        ("Takes over drift", [f"{row.environment} {row.drift}" for row in spec.takes_over]),
        ("Elsewhere", [f"{r.system} {r.id} {r.url or ''}".strip() for r in spec.external_refs]),
        ("Scope", _scope(change, m)),
    )


def _names(access: BoxedAccess) -> str:
    return ", ".join(f"{subject.kind} {subject.name}" for subject in access.subjects)


def _scope(change: ChangeRequest, m: Material) -> list[str]:
    found = next((r for r in m.releases if r.metadata.name == change.spec.release), None)
    return [f"{item.id} {item.title}" for item in found.spec.scope] if found else []


def _impact(change: ChangeRequest) -> Facts | None:
    impact = change.spec.impact
    if impact is None:
        return None
    return facts(
        ("Services", impact.services),
        ("Downtime", impact.downtime),
        ("Security", impact.security),
        ("Customers", impact.customers),
    )


def _risk(change: ChangeRequest) -> Facts:
    declared, found = change.spec.risk, change.status.risk
    stated = declared is not None and declared.impact is not None and declared.likelihood is not None
    return facts(
        ("Risk that counts", found.effective.value if found else None),
        ("Computed", found.computed.value if found else None),
        ("Computed from", found.reasons if found else None),
        ("Declared", f"impact {declared.impact}, likelihood {declared.likelihood}" if declared and stated else None),
        ("Assessment", declared.assessment if declared else None),
    )


def _way_back(change: ChangeRequest) -> tuple[Block, ...]:
    plan = change.spec.rollback_plan
    if plan is None:
        return (facts(("Strategy", "none is written down")),)
    return facts(("Strategy", plan.strategy.value), ("Until", plan.until)), Listed(tuple(map(clean, plan.steps)))


def _plans(change: ChangeRequest) -> tuple[Block, ...]:
    rows = [(p.environment, p.digest, p.summary, p.risk.value if p.risk else None) for p in change.status.plans]
    return (
        facts(("Plan digest, which approvals bind to", change.status.plan_digest)),
        table(("Environment", "Plan", "What would change", "Risk"), rows, "There is no plan."),
    )


def _submissions(change: ChangeRequest) -> Block | None:
    rows = [("submitted", s.role, s.by, s.comment) for s in change.status.submissions]
    return table(("Put forward", "Role", "By", "Comment"), rows, "") if rows else None


def _uses(change: ChangeRequest) -> Block | None:
    rows = [(u.environment, u.at, u.plan_digest, u.freezes, u.finished) for u in change.status.used_by]
    return table(("Used for", "At", "Plan applied", "Freezes gone past", "Used up"), rows, "") if rows else None


def _emergency(change: ChangeRequest) -> Section | None:
    rows = [
        (d.gate, d.environment, d.upstream, d.skipped, d.since, d.due_by, d.settled_by, d.settled_at)
        for d in change.status.debts
    ]
    headers = ("Owed", "Environment", "Upstream", "Skipped", "Since", "Due", "Settled by", "Settled")
    return section("What is owed", table(headers, rows, "")) if rows else None


def _findings(change: ChangeRequest) -> Section | None:
    rows = [(f.object, f.what, f.changed_by, f.first_seen) for f in change.status.findings]
    headers = ("Object", "What differs", "Changed by", "First seen")
    return section("What was changed without permission", table(headers, rows, "")) if rows else None


def _review(change: ChangeRequest) -> Block:
    rows = [(r.role, r.outcome.value, r.by, r.summary, tuple(a.value for a in r.accepts)) for r in change.status.review]
    return table(("Role", "Outcome", "By", "Summary", "Accepts for good"), rows, "It was not reviewed.")
