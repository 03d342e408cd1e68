"""``diff``: what exactly is being approved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import PlanStatus, Promotion
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.errors import NotFoundError
from lockflight.cli.names import change_argument
from lockflight.cli.objects import get, list_all
from lockflight.policy.approvals import count, excluded
from lockflight.policy.bulk import widened


@dataclass(frozen=True, slots=True)
class EnvironmentDiff:
    """One environment: what runs there, and what would."""

    name: str
    digest: str | None
    summary: str
    running: TargetStatus | None
    running_plan: PlanStatus | None
    planned: PlanStatus | None
    """The plan in full, where a promotion shows it; its digest equals ``digest``."""


@dataclass(frozen=True, slots=True)
class ChangeDiff:
    """A change and all that an approver looks at."""

    change: ChangeRequest
    release: Release | None
    environments: tuple[EnvironmentDiff, ...]


@click.command()
@change_argument
@command_options
@pass_app
def diff(app: App, change: str) -> None:
    """What exactly a change would change: what is being approved.

    Running and planned are compared by digest, component by component. Values of Secrets are never shown.
    """
    found = read(app, get(app, ChangeRequest, change))
    if app.as_data:
        output.show_data(app, _data(found))
    else:
        show(found)


def read(app: App, change: ChangeRequest) -> ChangeDiff:
    """Gather it."""
    promotions = list_all(app, Promotion, change.metadata.namespace)
    release = _maybe_release(app, change)
    plans = {p.environment: p for p in change.status.plans}
    rows = []
    for name in widened(change).spec.environments:
        plan = plans.get(name)
        running = _running(app, name, release)
        rows.append(
            EnvironmentDiff(
                name,
                plan.digest if plan else None,
                plan.summary if plan else "",
                running,
                _plan_of(promotions, uid=running.promotion_uid) if running else None,
                _plan_of(promotions, digest=plan.digest) if plan else None,
            )
        )
    return ChangeDiff(change, release, tuple(rows))


def _maybe_release(app: App, change: ChangeRequest) -> Release | None:
    if not change.spec.release:
        return None
    try:
        return get(app, Release, change.spec.release)
    except NotFoundError:
        return None


def _running(app: App, environment: str, release: Release | None) -> TargetStatus | None:
    if release is None:
        return None
    try:
        targets = get(app, Environment, environment).status.targets
    except NotFoundError:
        return None
    return next((t for t in targets if t.application == release.spec.application), None)


def _plan_of(
    promotions: Sequence[Promotion], *, uid: str | None = None, digest: str | None = None
) -> PlanStatus | None:
    for promotion in promotions:
        plan = promotion.status.plan
        if plan and (promotion.metadata.uid == uid if uid else plan.digest == digest):
            return plan
    return None


def show(found: ChangeDiff) -> None:
    """Print it for a person."""
    change = found.change
    spec, status = change.spec, change.status
    output.heading(
        f"{change.metadata.name}: {spec.title} ({spec.type.value}, {status.phase.value if status.phase else 'New'})"
    )
    output.line(f"reason: {spec.reason}", 2)
    asked = change.metadata.creator or spec.requested_by or "unknown"
    output.line(f"raised by: {asked}{_claimed(change)}", 2)
    if spec.schedule:
        output.line(f"schedule: {output.when(spec.schedule.start)} to {output.when(spec.schedule.end)}", 2)
    for ref in spec.external_refs:
        output.line(f"{ref.system}: {ref.id}{f' {ref.url}' if ref.url else ''}", 2)
    _show_release(found)
    if spec.hotfix:
        output.line(f"hotfix: {spec.hotfix.defect}, confirmed by the calendar's hotfix approvals", 2)
    _show_risk(change)
    _show_rollback(change)
    output.line(f"plan digest: {status.plan_digest or 'none yet: ' + (status.waits_for or 'not planned')}", 2)
    for row in found.environments:
        click.echo()
        _show_environment(row, deploys=change.spec.activity is None and change.spec.releases is None)
    click.echo()
    _show_approvals(found)


def _claimed(change: ChangeRequest) -> str:
    claimed = change.spec.requested_by
    return f", for {claimed}" if claimed and claimed != change.metadata.creator else ""


def _show_release(found: ChangeDiff) -> None:
    release, activity = found.release, found.change.spec.activity
    if activity is not None:
        touched = ", ".join(activity.applications) or "all applications"
        output.line(f"activity: {activity.kind.value} of {touched}, takes {activity.duration}", 2)
        for text in activity.description.splitlines():
            output.line(text, 4)
        return
    for row in found.change.spec.releases or ():
        output.line(f"release: {row.name} of stack {row.stack}", 2)
    if found.change.spec.releases:
        return
    if release is None:
        words = f"{found.change.spec.release}, which does not exist" if found.change.spec.release else "none"
        output.line(f"release: {words}", 2)
        return
    output.line(f"release: {release.metadata.name}, digest {output.short(release.status.digest)}", 2)
    source = release.spec.source
    if source:
        parts = [part for part in (source.repository, source.revision, source.branch, source.tag) if part]
        output.line(f"source: {' '.join(parts)}{' by ' + ', '.join(source.authors) if source.authors else ''}", 2)
    said = [f"{e.type} {e.result}" for e in release.spec.evidence]
    said += [f"{e.type} {e.result} by {e.by}" for e in release.status.evidence]
    output.line(f"evidence: {', '.join(said) or 'none'}", 2)
    done = ", ".join(p.name for p in release.status.environments if p.signed)
    output.line(f"passed: {done or 'nothing yet'}", 2)


def _show_risk(change: ChangeRequest) -> None:
    risk, said = change.status.risk, change.spec.risk
    if risk is not None:
        declared = f", declared {risk.declared.value}" if risk.declared else ""
        output.line(f"risk: {risk.effective.value} (computed {risk.computed.value}{declared})", 2)
        for reason in risk.reasons:
            output.line(reason, 4)
    if said and said.assessment:
        output.line(f"assessment: {said.assessment}", 2)


def _show_rollback(change: ChangeRequest) -> None:
    plan = change.spec.rollback_plan
    if plan is None:
        output.line("rollback: not documented", 2)
        return
    until = f", until {output.when(plan.until)}" if plan.until else ""
    output.line(f"rollback: {plan.strategy.value}{until}", 2)
    for number, step in enumerate(plan.steps, 1):
        output.line(f"{number}. {step}", 4)


def _show_environment(row: EnvironmentDiff, *, deploys: bool) -> None:
    runs = f"{row.running.version} runs there ({row.running.release})" if row.running else "nothing runs there"
    output.heading(f"{row.name}: {f'{runs}, ' if deploys else ''}plan {row.digest or 'none yet'}")
    if row.planned is None:
        if row.summary:
            output.line(row.summary, 2)
        return
    lines = component_rows(row.running_plan, row.planned)
    output.show_table(output.table(["component", "what", "running", "planned"], lines))
    before, after = (p.secrets_digest if p else None for p in (row.running_plan, row.planned))
    if before or after:
        output.line(
            f"Secret values, by digest: {output.short(before)} -> {output.short(after)} (recorded, not binding)", 2
        )


def component_rows(running: PlanStatus | None, planned: PlanStatus) -> list[tuple[str, str, str, str]]:
    """What differs, a row each; a component in which nothing differs gets one row that says so."""
    before = {c.name: c for c in running.components} if running else {}
    rows: list[tuple[str, str, str, str]] = []
    for component in planned.components:
        old = before.pop(component.name, None)
        pairs = [
            ("chart", old.chart_digest if old else None, component.chart_digest),
            ("values", old.values_digest if old else None, component.values_digest),
            ("manifest", old.manifest_digest if old else None, component.manifest_digest),
        ]
        changed = [(component.name, what, output.short(a), output.short(b)) for what, a, b in pairs if a != b]
        images = set(old.images) if old else set()
        changed += [(component.name, "image", image, "-") for image in sorted(images - set(component.images))]
        changed += [(component.name, "image", "-", image) for image in sorted(set(component.images) - images)]
        rows += changed or [(component.name, "nothing", "same", "same")]
    rows += [(name, "component", "runs", "removed") for name in sorted(before)]
    return rows


def _show_approvals(found: ChangeDiff) -> None:
    change = found.change
    output.heading(f"Approvals: {change.status.approvals_summary or 'none yet'}")
    for given in change.status.approvals:
        named = f" for {given.on_behalf_of}" if given.on_behalf_of else ""
        comment = f": {given.comment}" if given.comment else ""
        output.line(f"{given.role}: {given.decision} by {given.by or '?'}{named}{comment}", 2)
    tally = count(
        change.status.approvals,
        (),
        generation=change.metadata.generation,
        plan_digest=change.status.plan_digest,
        barred=excluded(change, found.release),
        # Only the operator may ask about the rights of others: the gate says who lost theirs.
        unentitled={},
    )
    for ignored in tally.ignored:
        output.line(f"does not count: {ignored}", 2)


def _data(found: ChangeDiff) -> Mapping[str, object]:
    change = found.change
    return {
        "change": change.metadata.name,
        "type": change.spec.type.value,
        "phase": change.status.phase.value if change.status.phase else None,
        "generation": change.metadata.generation,
        "planDigest": change.status.plan_digest,
        "creator": change.metadata.creator,
        "requestedBy": change.spec.requested_by,
        "release": {
            "name": change.spec.release,
            "digest": found.release.status.digest if found.release else None,
            "source": found.release.spec.source.dump() if found.release and found.release.spec.source else None,
            "evidence": [e.dump() for e in found.release.spec.evidence] if found.release else [],
            "attested": [e.dump() for e in found.release.status.evidence] if found.release else [],
        },
        "releases": [row.dump() for row in change.spec.releases or ()],
        "activity": change.spec.activity.dump() if change.spec.activity else None,
        "risk": change.status.risk.dump() if change.status.risk else None,
        "assessment": change.spec.risk.assessment if change.spec.risk else None,
        "rollbackPlan": change.spec.rollback_plan.dump() if change.spec.rollback_plan else None,
        "externalRefs": [ref.dump() for ref in change.spec.external_refs],
        "schedule": change.spec.schedule.dump() if change.spec.schedule else None,
        "environments": [
            {
                "name": row.name,
                "planDigest": row.digest,
                "summary": row.summary,
                "running": row.running.dump() if row.running else None,
                "runningPlan": row.running_plan.dump() if row.running_plan else None,
                "planned": row.planned.dump() if row.planned else None,
            }
            for row in found.environments
        ],
        "approvals": [a.dump() for a in change.status.approvals],
    }
