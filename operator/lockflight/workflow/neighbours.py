"""What runs of other applications in the environment that a promotion goes to."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from lockflight.api.common import STACK_LABEL, Tier
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Action, Promotion
from lockflight.api.release import Beside, Release, ReleaseSpec
from lockflight.policy.model import Neighbour, Revision, Snapshot
from lockflight.policy.neighbours import Place, beside, neighbour, related, together
from lockflight.policy.targets import targets
from lockflight.ports import PortError
from lockflight.workflow import dependents
from lockflight.workflow.deps import Deps
from lockflight.workflow.indexes import Index


async def neighbours(deps: Deps, s: Snapshot, *, fresh: bool) -> Mapping[str, Neighbour]:
    """The applications that its release requires here, or that require its own: one Helm call each, if any.

    Never raises PortError: what cannot be read is said, and closed.
    """
    if s.release is None or s.environment is None:
        return {}
    removal = s.promotion.spec.action is Action.REMOVE
    running = _there(deps, s.environment, s.release.spec.application, waiting=removal)
    names = related(s.release.model_copy(update={"spec": _alone(s.release)}) if removal else s.release, running)
    found = await asyncio.gather(*(_neighbour(deps, s, s.environment, name, fresh=fresh) for name in names))
    return {n.application: n for n in found}


def verified_beside(deps: Deps, stack: str, name: str, application: str, deployed_at: datetime) -> tuple[Beside, ...]:
    """What else runs in environment ``name``, verified, since before ``application`` was deployed there."""
    environment = deps.store.get(Environment, stack, name)
    if environment is None:
        return ()
    return beside([row for row in _rows(deps, environment) if row.application != application], deployed_at)


def _alone(release: Release) -> ReleaseSpec:
    """What goes needs nothing."""
    return release.spec.model_copy(update={"requires": ()})


def _there(deps: Deps, environment: Environment, mine: str, *, waiting: bool) -> Iterator[Release]:
    """The releases of other applications that run in the environment, are being brought there, or ``waiting`` to."""
    stack, name = environment.metadata.namespace, environment.metadata.name
    at_work: Iterable[Promotion] = deps.store.by(Promotion, Index.EXECUTING_IN, stack, name)
    if waiting:
        every = deps.store.of(Promotion, stack)
        at_work = [p for p in every if p.spec.environment_ref.name == name and dependents.is_open(p)]
    for release_name in dict.fromkeys(
        (*(row.release for row in _rows(deps, environment)), *(p.spec.release_ref.name for p in at_work))
    ):
        release = deps.store.get(Release, stack, release_name)
        if release is not None and release.spec.application != mine:
            yield release


def _rows(deps: Deps, environment: Environment) -> tuple[TargetStatus, ...]:
    """What runs in its targets by what is known now, which its status may not say yet."""
    stack, name = environment.metadata.namespace, environment.metadata.name

    def make() -> tuple[TargetStatus, ...]:
        here = [p for p in deps.store.of(Promotion, stack) if p.spec.environment_ref.name == name]
        releases = {r.metadata.name: r for r in deps.store.of(Release, stack)}
        return targets(environment.status.targets, here, releases)

    rests_on = ((Promotion, stack), (Release, stack), (Environment, stack))
    return deps.store.kept(("targets", stack, name), rests_on, make)


async def _storage(deps: Deps, stack: str, name: str, target: str, *, fresh: bool) -> tuple[Revision, ...]:
    also = deps.store.siblings(stack, name).taken_over
    return await deps.helm.revisions(target, name, fresh=fresh, also=also)


async def _neighbour(deps: Deps, s: Snapshot, environment: Environment, name: str, *, fresh: bool) -> Neighbour:
    stack, here = s.stack, environment.metadata.name
    place = Place(
        environment=here,
        application=name,
        releases=deps.store.siblings(stack, name),
        promotions=[
            p for p in dependents.of_application(deps.store, stack, name) if p.spec.environment_ref.name == here
        ],
        longer=tuple(a for a in deps.store.applications(stack) if a.startswith(f"{name}-")),
    )
    target = environment.target_namespace(name)
    try:
        namespace = await deps.cluster.namespace(target) if fresh else deps.store.namespaces.get(target)
        if namespace is None or namespace.terminating or namespace.labels.get(STACK_LABEL) != stack:
            # Not ours: nothing in it is looked at, and so nothing of ours runs there.
            return neighbour(place, ())
        found = neighbour(place, await _storage(deps, stack, name, target, fresh=fresh))
    except PortError as problem:
        return replace(neighbour(place, ()), problem=f"Helm's storage in {target}: {problem}")
    if s.release is None or found.release is None:
        return found
    tiers: Mapping[str, Tier] = {e.metadata.name: e.spec.tier for e in deps.store.of(Environment, stack)}
    return replace(found, tested=together(s.release, found.release, here, tiers, s.upstream_uids))
