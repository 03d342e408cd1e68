"""Reconcile a ChangeRequest: what exactly is being approved, by whom, and where it stands."""

import asyncio
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangePlan, ChangeRequest, Use
from lockflight.api.conditions import find
from lockflight.api.environment import Environment
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.change import assess
from lockflight.policy.digest import change_digest
from lockflight.policy.model import Effective, PlanProblem
from lockflight.policy.ownership import removed
from lockflight.ports import PortError, Severity
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import stack_effective
from lockflight.workflow.plancache import Planned
from lockflight.workflow.planning import plan_for
from lockflight.workflow.status import write


async def reconcile(deps: Deps, change: ChangeRequest) -> datetime | None:
    """One pass; when to look again. Raises PortError."""
    if _over(change):
        # What was approved, and what came of it, stays as it was written.
        return None
    stack, now = change.metadata.namespace, deps.clock.now()
    release = deps.store.get(Release, stack, change.spec.release_ref.name)
    environments = {
        name: found
        for name in change.spec.environments
        if (found := deps.store.get(Environment, stack, name)) is not None
    }
    governed = {name: stack_effective(deps, e) for name, e in environments.items()}
    plans, problems = await _plans(deps, change, release, environments, governed)
    digest = change_digest(plans) if plans and not problems else None
    with_plans = change.model_copy(
        update={"status": change.status.model_copy(update={"plans": plans, "plan_digest": digest})}
    )
    promotions = tuple(p for p in deps.store.of(Promotion, stack) if p.status.change == change.metadata.name)
    verdict = assess(with_plans, governed, release, promotions, problems, now)
    before = find(change.status.conditions, reasons.APPROVED)
    after = find(verdict.status.conditions, reasons.APPROVED)
    await write(deps, change, verdict.status, guarded=True)
    if after is not None and (before is None or before.status != after.status):
        severity = (
            Severity.WARNING if verdict.status.phase is not None and verdict.status.phase.ended else Severity.NORMAL
        )
        deps.events.emit(change, severity, after.reason, after.message)
    if problems and not _over(change.model_copy(update={"status": verdict.status})):
        # A registry that is down or a Secret that is missing: no event tells when it is there.
        again = now + deps.options.plan_retry
        return min(again, verdict.retry_at) if verdict.retry_at else again
    return verdict.retry_at


def _over(change: ChangeRequest) -> bool:
    """Nothing changes it any more; an expired one goes on where its spec was edited."""
    phase = change.status.phase
    if phase is None or not phase.ended:
        return False
    return phase is not ChangePhase.EXPIRED or change.status.observed_generation == change.metadata.generation


async def record_use(deps: Deps, change: ChangeRequest, promotion: Promotion, plan_digest: str) -> ChangeRequest:
    """Write down that ``promotion`` uses the approval, before it acts; once, however often it is tried.

    Raises ConflictError if the change moved on since it was read: an approval withdrawn meanwhile is not used.
    """
    uid = promotion.metadata.uid
    use = Use(
        environment=promotion.spec.environment_ref.name,
        promotion_uid=uid,
        plan_digest=plan_digest,
        at=deps.clock.now(),
    )
    others = tuple(known for known in change.status.used_by if known.promotion_uid != uid)
    return await write(deps, change, change.status.model_copy(update={"used_by": (*others, use)}), guarded=True)


async def _plans(
    deps: Deps,
    change: ChangeRequest,
    release: Release | None,
    environments: dict[str, Environment],
    governed: dict[str, Effective],
) -> tuple[tuple[ChangePlan, ...], tuple[str, ...]]:
    """The plan for every environment named, or what is in the way."""
    if release is None:
        return (), (f"release {change.spec.release_ref.name} does not exist in {change.metadata.namespace}",)
    problems = [
        f"environment {name} does not exist in {change.metadata.namespace}"
        for name in change.spec.environments
        if name not in environments
    ]
    order = change.spec.environments
    done = {use.environment for use in change.status.used_by if use.finished}
    # What was applied stays as it was approved.
    plans = [plan for plan in change.status.plans if plan.environment in done and plan.environment in order]
    open_ones = [name for name in environments if name not in {plan.environment for plan in plans}]
    answers = await asyncio.gather(*(_plan(deps, release, environments[name], governed[name]) for name in open_ones))
    for name, answer in zip(open_ones, answers, strict=True):
        if isinstance(answer, PlanProblem):
            problems.append(f"{name}: {answer.message}")
        else:
            summary = await _summary(deps, release, answer)
            plans.append(ChangePlan(environment=name, digest=answer.plan.digest, summary=summary))
    return tuple(sorted(plans, key=lambda plan: order.index(plan.environment))), tuple(problems)


async def _plan(deps: Deps, release: Release, environment: Environment, governed: Effective) -> Planned | PlanProblem:
    target = environment.target_namespace(release.spec.application)
    try:
        return await plan_for(deps, environment.metadata.namespace, release, environment, governed, target)
    except PortError as problem:
        return PlanProblem("CannotTell", str(problem))


async def _summary(deps: Deps, release: Release, planned: Planned) -> str:
    """One line a component for the board; what runs now is shown, not bound."""
    parts = [
        f"{c.helm_release}: chart {c.chart_digest[7:19]}, {', '.join(c.images) or 'no images'}"
        for c in planned.plan.components
    ]
    try:
        revisions = await deps.helm.revisions(planned.plan.namespace, release.spec.application, fresh=False)
    except PortError:
        revisions = ()
    known = (
        r for r in deps.store.of(Release, release.metadata.namespace) if r.spec.application == release.spec.application
    )
    gone = removed(revisions, release, known)
    parts += [f"{name}: removed" for name in gone]
    text = "; ".join(parts)
    return text if len(text) <= 2048 else text[:2047] + "…"
