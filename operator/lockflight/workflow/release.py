"""Reconcile a Release: resolve its charts once, say its digest, keep the proof of passing, promote by itself."""

from collections.abc import Mapping
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import API_VERSION, Tier
from lockflight.api.conditions import condition, find, merge
from lockflight.api.environment import Environment
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release, ReleaseStatus, ReleaseType, ResolvedComponent
from lockflight.policy.auto import automatic
from lockflight.policy.backmerge import back_merge, back_merged
from lockflight.policy.digest import release_digest
from lockflight.policy.model import Effective
from lockflight.policy.passage import passages
from lockflight.ports import ChartError, PortError, Severity
from lockflight.workflow.calendars import boarded, calendar_of
from lockflight.workflow.dependents import is_open, of_application
from lockflight.workflow.deps import Deps
from lockflight.workflow.drafting import draft_changes
from lockflight.workflow.gather import stack_effective
from lockflight.workflow.indexes import Index
from lockflight.workflow.planning import too_large
from lockflight.workflow.status import write


async def reconcile(deps: Deps, release: Release) -> datetime | None:
    """One pass; when to look again. Raises PortError."""
    stack, now = release.metadata.namespace, deps.clock.now()
    status, retry_at = await _resolved(deps, release)
    promotions = deps.store.by(Promotion, Index.PROMOTIONS_OF_RELEASE, stack, release.metadata.name)
    environments = {e.metadata.name: e for e in deps.store.of(Environment, stack)}
    around = _around(deps, release)
    governed = {name: stack_effective(deps, e) for name, e in environments.items()}
    needs = {name: tuple(e.spec.exit.sign_offs) if e.spec.exit else () for name, e in governed.items()}
    rows = passages(status.environments, release, around, environments, now, needs)
    running = any(row.running_since is not None for row in rows)
    passed = ", ".join(row.name for row in rows if row.signed)
    in_use = running or any(is_open(p) for p in promotions)
    trains, leaves_at = boarded(deps, release, promotions, governed)
    status = status.model_copy(
        update={
            "environments": rows,
            "passed": passed or None,
            "trains": trains,
            "train": ", ".join(dict.fromkeys(row.name for row in trains)) or None,
            "in_use": in_use,
        }
    )
    status, due_by = _back_merge(deps, release.model_copy(update={"status": status}), governed)
    # Guarded: the digest is frozen by it, and proofs of passing are folded into what was read.
    written = await write(deps, release, status, guarded=True)
    _tell_overdue(deps, release, written)
    times = (retry_at, leaves_at, due_by, await _promote(deps, written, governed), await draft_changes(deps, written))
    return min((t for t in times if t is not None), default=None)


def _back_merge(
    deps: Deps, release: Release, governed: Mapping[str, Effective]
) -> tuple[ReleaseStatus, datetime | None]:
    """Its status with the way back of a hotfix, and when that is overdue."""
    if release.spec.type is not ReleaseType.HOTFIX:
        return release.status, None
    stack, now = release.metadata.namespace, deps.clock.now()
    production = {n: calendar_of(deps, stack, e) for n, e in governed.items() if e.spec.tier is Tier.PRODUCTION}
    status = release.status.model_copy(
        update={"back_merge": back_merge(release, production, {r.metadata.name: r for r in _releases(deps, release)})}
    )
    met = back_merged(release.model_copy(update={"status": status}), now)
    if met is not None:
        status = status.model_copy(update={"conditions": merge(status.conditions, [met])})
    found = status.back_merge
    waits = found is not None and found.merged_by is None and found.due_by is not None and now < found.due_by
    return status, found.due_by if waits and found is not None else None


def _tell_overdue(deps: Deps, before: Release, after: Release) -> None:
    """Once, when the deadline goes by."""
    old, new = find(before.status.conditions, reasons.BACK_MERGED), find(after.status.conditions, reasons.BACK_MERGED)
    overdue = reasons.BACK_MERGE_OVERDUE
    if new is not None and new.reason == overdue and (old is None or old.reason != overdue):
        deps.events.emit(after, Severity.WARNING, overdue, new.message)


def _around(deps: Deps, release: Release) -> tuple[Promotion, ...]:
    """All promotions of the application: another release ends this one's stay."""
    return tuple(of_application(deps.store, release.metadata.namespace, release.spec.application))


async def _resolved(deps: Deps, release: Release) -> tuple[ReleaseStatus, datetime | None]:
    """Status with chart digests and release digest; frozen once written."""
    now, generation, status = deps.clock.now(), release.metadata.generation, release.status
    known = {c.name: c.chart_digest for c in status.components}
    problem: ChartError | None = None
    if status.digest is None:
        try:
            for part in release.spec.parts():
                too_large(part.values, f"spec.components[{part.name}].values", deps.options.values_max_bytes)
                if part.name not in known:
                    digest = await deps.charts.resolve(part.chart)
                    await deps.charts.pull(part.chart, digest)
                    known[part.name] = digest
        except ChartError as error:
            problem = error
        status = status.model_copy(
            update={"components": tuple(ResolvedComponent(name=n, chart_digest=d) for n, d in known.items())}
        )
    frozen = status.digest
    if problem is None and frozen is None:
        try:
            frozen = release_digest(release, known)
        except ValueError as error:
            problem = ChartError("ValuesNotCanonical", str(error), final=True)
    if problem is not None:
        return _unready(deps, release, status, problem)
    hold = release.spec.hold
    message = f"held: {hold.reason}" if hold else f"{len(known)} component(s) resolved"
    ready = condition(reasons.READY, not hold, "Held" if hold else "Resolved", message, generation=generation, now=now)
    calm = [
        condition(kind, status=False, reason="Resolved", message="", generation=generation, now=now)
        for kind in (reasons.RECONCILING, reasons.STALLED)
    ]
    return (
        status.model_copy(
            update={
                "digest": frozen,
                "observed_generation": generation,
                "conditions": merge(status.conditions, [ready, *calm]),
            }
        ),
        None,
    )


def _unready(
    deps: Deps, release: Release, status: ReleaseStatus, problem: ChartError
) -> tuple[ReleaseStatus, datetime | None]:
    now, generation = deps.clock.now(), release.metadata.generation
    parts = [
        condition(kind, value, problem.reason, str(problem), generation=generation, now=now)
        for kind, value in (
            (reasons.READY, False),
            (reasons.RECONCILING, not problem.final),
            (reasons.STALLED, problem.final),
        )
    ]
    old = {(c.type, c.status, c.reason) for c in release.status.conditions}
    if (reasons.READY, "False", problem.reason) not in old:
        deps.events.emit(release, Severity.WARNING, problem.reason, str(problem))
    status = status.model_copy(
        update={"observed_generation": generation, "conditions": merge(status.conditions, parts)}
    )
    return status, None if problem.final else now + deps.options.plan_retry


async def _promote(deps: Deps, release: Release, governed: Mapping[str, Effective]) -> datetime | None:
    """Create the promotions that the environments ask for by themselves; existing ones are left alone.

    When to try again, where one could not be created.
    """
    again: datetime | None = None
    stack = release.metadata.namespace
    environments = tuple(deps.store.of(Environment, stack))
    uids = {e.metadata.name: e.metadata.uid for e in environments}
    for wanted in automatic(release, governed, uids, _around(deps, release), _releases(deps, release)):
        manifest = {
            "apiVersion": API_VERSION,
            "kind": "Promotion",
            "metadata": {"name": wanted.name, "namespace": stack},
            "spec": {
                "releaseRef": {"name": release.metadata.name},
                "environmentRef": {"name": wanted.environment},
            },
        }
        try:
            created = await deps.cluster.create(manifest)
        except PortError as problem:
            deps.events.emit(release, Severity.WARNING, "AutoPromotionRefused", f"{wanted.environment}: {problem}")
            again = deps.clock.now() + deps.options.plan_retry
            continue
        if created is not None:
            deps.store.put(created)
            deps.events.emit(
                release, Severity.NORMAL, "AutoPromoted", f"promotion {wanted.name} to {wanted.environment}"
            )
    return again


def _releases(deps: Deps, release: Release) -> tuple[Release, ...]:
    return tuple(deps.store.siblings(release.metadata.namespace, release.spec.application).values())
