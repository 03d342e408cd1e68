"""Draft the changes that environments ask for and nobody raised; a person submits them."""

from datetime import datetime

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import API_VERSION
from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.api.standardchange import StandardChange
from lockflight.policy.auto import promotion_name
from lockflight.policy.drafting import draft, undrafted
from lockflight.policy.model import Effective, PlanProblem
from lockflight.policy.pattern import judge
from lockflight.ports import PortError, Severity
from lockflight.workflow import catalogue
from lockflight.workflow.assessing import Assessed, assess
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import bulk_changes, of_release, stack_effective
from lockflight.workflow.ruling import unentitled_to


async def draft_changes(deps: Deps, release: Release) -> datetime | None:
    """Create what is missing; when to try again, where something could not be assessed or created."""
    stack, again = release.metadata.namespace, deps.clock.now() + deps.options.plan_retry
    environments = {e.metadata.name: e for e in deps.store.of(Environment, stack)}
    governed = {name: stack_effective(deps, e) for name, e in environments.items()}
    if not any(g.spec.change_control and g.spec.change_control.draft for g in governed.values()):
        return None
    wanted = undrafted(
        release,
        governed,
        {name: e.metadata.uid for name, e in environments.items()},
        of_release(deps, release),
        tuple(deps.store.siblings(stack, release.spec.application).values()),
        (*deps.store.of(ChangeRequest, stack), *(mine for _, mine in bulk_changes(deps, stack))),
    )
    retry: datetime | None = None
    for name in wanted:
        found = await assess(deps, release, environments[name], governed[name])
        if isinstance(found, PlanProblem) or not await _create(deps, release, found, governed[name]):
            retry = again
    return retry


async def _create(deps: Deps, release: Release, found: Assessed, governed: Effective) -> bool:
    stack, environment = release.metadata.namespace, found.environment
    pattern = await _fitting(deps, stack, found, governed)
    irreversible = bool(found.plan.irreversible)
    spec = draft(release, environment, found.risk, first=found.first, irreversible=irreversible, pattern=pattern)
    name = promotion_name(release.metadata.name, environment)
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "ChangeRequest",
        "metadata": {"name": name, "namespace": stack},
        "spec": spec.dump(),
    }
    try:
        created = await deps.cluster.create(manifest)
    except PortError as problem:
        deps.events.emit(release, Severity.WARNING, "DraftRefused", f"a change for {environment}: {problem}")
        return False
    if created is not None:
        deps.store.put(created)
        words = f"{spec.type} change {name} for {environment}, for a person to submit: lockflight change submit {name}"
        deps.events.emit(release, Severity.NORMAL, "ChangeDrafted", words)
    return True


async def _fitting(deps: Deps, stack: str, found: Assessed, governed: Effective) -> str | None:
    """The first pattern, by name, within which the change stays."""
    control = governed.spec.change_control
    if control is None or control.standard is None:
        return None
    names = {
        s.metadata.name for place in (deps.options.root_namespace, stack) for s in deps.store.of(StandardChange, place)
    }
    for name in sorted(names):
        standard = catalogue.find_standard(deps, stack, name)
        if standard is None:
            continue
        uses = catalogue.uses(deps, standard)
        unentitled = await unentitled_to(deps, standard, stack, governed)
        if judge(standard, control.standard, uses, found.target, deps.clock.now(), unentitled=unentitled).open:
            return name
    return None
