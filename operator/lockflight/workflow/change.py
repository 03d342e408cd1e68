"""Reconcile a ChangeRequest: what exactly is being approved, by whom, and where it stands."""

import asyncio
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePlan, ChangeRequest, Use
from lockflight.api.conditions import find
from lockflight.api.environment import Environment
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.change import assess
from lockflight.policy.digest import change_digest
from lockflight.policy.model import Effective, PlanProblem
from lockflight.ports import PortError, Severity
from lockflight.workflow.deps import Deps
from lockflight.workflow.execute import removed
from lockflight.workflow.gather import stack_effective
from lockflight.workflow.plancache import Planned
from lockflight.workflow.planning import plan_for
from lockflight.workflow.status import write


async def reconcile(deps: Deps, change: ChangeRequest) -> datetime | None:
    """One pass; when to look again. Raises PortError."""
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
    await write(deps, change, verdict.status)
    if after is not None and (before is None or (before.status, before.reason) != (after.status, after.reason)):
        severity = (
            Severity.WARNING if verdict.status.phase is not None and verdict.status.phase.ended else Severity.NORMAL
        )
        deps.events.emit(change, severity, after.reason, after.message)
    return verdict.retry_at


async def record_use(deps: Deps, change: ChangeRequest, promotion: Promotion, plan_digest: str) -> ChangeRequest:
    """Write down that ``promotion`` uses the approval, before it acts. Raises ConflictError if the change moved on."""
    uid = promotion.metadata.uid
    if any(use.promotion_uid == uid for use in change.status.used_by):
        return change
    use = Use(
        environment=promotion.spec.environment_ref.name,
        promotion_uid=uid,
        plan_digest=plan_digest,
        at=deps.clock.now(),
    )
    status = change.status.model_copy(update={"used_by": (*change.status.used_by, use)})
    return await write(deps, change, status, guarded=True)


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
    answers = await asyncio.gather(
        *(_plan(deps, release, environment, governed[name]) for name, environment in environments.items())
    )
    plans: list[ChangePlan] = []
    for name, answer in zip(environments, answers, strict=True):
        if isinstance(answer, PlanProblem):
            problems.append(f"{name}: {answer.message}")
        else:
            summary = await _summary(deps, release, answer)
            plans.append(ChangePlan(environment=name, digest=answer.plan.digest, summary=summary))
    return tuple(plans), tuple(problems)


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
        revisions = await deps.helm.revisions(planned.plan.namespace, release.spec.application)
    except PortError:
        revisions = ()
    gone = removed(revisions, {c.helm_release for c in planned.plan.components})
    parts += [f"{name}: removed" for name in gone]
    text = "; ".join(parts)
    return text if len(text) <= 2048 else text[:2047] + "…"
