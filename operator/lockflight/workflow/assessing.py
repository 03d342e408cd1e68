"""Assess what a release would change in one environment: plan, difference from what runs, risk."""

from collections.abc import Collection
from dataclasses import dataclass

from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.policy.assessment import base_of
from lockflight.policy.delta import Delta, delta, running_version
from lockflight.policy.model import Effective, Plan, PlanProblem, Revision
from lockflight.policy.ownership import of_application, removed
from lockflight.policy.pattern import Target
from lockflight.policy.risk import Facts, Risk, computed, history, rehearsals
from lockflight.ports import PortError
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import of_release
from lockflight.workflow.planning import plan_for, planned_removal

_SUMMARY = 2048


@dataclass(frozen=True, slots=True)
class Assessed:
    """One environment of a change; ``delta`` in words where it cannot be told."""

    environment: str
    application: str
    plan: Plan
    delta: Delta | str
    risk: Risk
    base: str
    """What runs there, as one digest."""
    summary: str
    first: bool
    """Helm's storage holds nothing of the application there."""

    @property
    def target(self) -> Target:
        """As a pattern is compared with it."""
        return Target(self.environment, self.application, self.delta, self.risk.level)


async def assess(
    deps: Deps,
    release: Release,
    environment: Environment,
    governed: Effective,
    besides: Collection[str] = (),
    *,
    removes: bool = False,
) -> Assessed | PlanProblem:
    """Everything a board looks at; ``besides`` are UIDs of promotions that are no history of this change."""
    stack, application = environment.metadata.namespace, release.spec.application
    namespace, tier = environment.target_namespace(application), environment.spec.tier
    revisions = await _revisions(deps, release, namespace)
    try:
        if not removes:
            planned = await plan_for(deps, stack, release, environment, governed, namespace)
        elif isinstance(revisions, PlanProblem):
            planned = revisions
        else:
            planned = planned_removal(deps, release, environment, governed, revisions)
    except PortError as problem:
        return PlanProblem("CannotTell", str(problem))
    if isinstance(planned, PlanProblem):
        return planned
    found = await _delta(deps, release, planned.plan, revisions)
    promotions = of_release(deps, release)
    failed, ended = history(promotions, environment.metadata.name, besides)
    tiers = {e.metadata.name: e.spec.tier for e in deps.store.of(Environment, stack)}
    facts = Facts(
        tier=tier,
        delta=found,
        irreversible=planned.plan.irreversible,
        failed=failed,
        ended=ended,
        rehearsed=rehearsals(release, promotions, tiers, tier),
    )
    known = () if isinstance(revisions, PlanProblem) else revisions
    return Assessed(
        environment=environment.metadata.name,
        application=application,
        plan=planned.plan,
        delta=found,
        risk=computed(facts),
        base=base_of(known),
        summary=_summary(deps, release, planned.plan, found, known),
        first=not known,
    )


async def _revisions(deps: Deps, release: Release, namespace: str) -> tuple[Revision, ...] | PlanProblem:
    try:
        found = await deps.helm.revisions(
            namespace,
            release.spec.application,
            fresh=False,
            also=deps.store.siblings(release.metadata.namespace, release.spec.application).taken_over,
        )
    except PortError as problem:
        return PlanProblem("HelmStorageUnreadable", f"Helm's storage in {namespace}: {problem}")
    applications = deps.store.applications(release.metadata.namespace)
    return of_application(found, release, applications)


async def _delta(
    deps: Deps, release: Release, plan: Plan, revisions: tuple[Revision, ...] | PlanProblem
) -> Delta | str:
    if isinstance(revisions, PlanProblem):
        return revisions.message
    running = await deps.parts.running(deps.helm, deps.store, plan.namespace, revisions)
    if isinstance(running, PlanProblem):
        return running.message
    return delta(running, plan, before=running_version(revisions), after=release.spec.version)


def _summary(deps: Deps, release: Release, plan: Plan, found: Delta | str, revisions: tuple[Revision, ...]) -> str:
    """What changes, then a part for each component; what runs now is shown, not bound."""
    if plan.removes:
        rows = [f"{r.helm_release}: removed, revision {r.revision} of {r.release or r.version}" for r in plan.removes]
        text = "; ".join(["removes what runs, with its history", *rows])
        return text if len(text) <= _SUMMARY else text[: _SUMMARY - 1] + "…"
    parts = [
        found if isinstance(found, str) else found.summary,
        *(
            f"{c.helm_release}: chart {c.chart_digest[7:19]}, {', '.join(c.images) or 'no images'}"
            for c in plan.components
        ),
    ]
    known = deps.store.siblings(release.metadata.namespace, release.spec.application).values()
    parts += [f"{name}: removed" for name in removed(revisions, release, known)]
    text = "; ".join(parts)
    return text if len(text) <= _SUMMARY else text[: _SUMMARY - 1] + "…"
