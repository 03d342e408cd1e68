"""Gather what the gates look at: from the store to show, from fresh reads to act."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import STACK_LABEL
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Action, Promotion
from lockflight.api.release import Release
from lockflight.policy.effective import effective
from lockflight.policy.model import Effective, PlanProblem, Snapshot
from lockflight.ports import GoneError, PortError
from lockflight.workflow import dependents
from lockflight.workflow.deps import Deps
from lockflight.workflow.plancache import Planned
from lockflight.workflow.planning import plan_for


@dataclass(frozen=True, slots=True)
class Gathered:
    """A snapshot, and the plan in a form that can be carried out."""

    snapshot: Snapshot
    planned: Planned | None = None


@dataclass(frozen=True, slots=True)
class _Objects:
    promotion: Promotion
    release: Release | None
    environments: tuple[Environment, ...]
    baselines: tuple[Environment, ...]
    changes: tuple[ChangeRequest, ...]
    freezes: tuple[FreezeWindow, ...]


async def shown(deps: Deps, promotion: Promotion) -> Gathered:
    """Good enough to show and to wait by: our objects come from the store."""
    return await _complete(deps, _from_store(deps, promotion), read_again=False)


async def fresh(deps: Deps, promotion: Promotion) -> Gathered:
    """Read again what the decision rests on. Raises PortError; GoneError where the promotion is gone."""
    return await _complete(deps, await _from_server(deps, promotion), read_again=True)


def stack_effective(deps: Deps, environment: Environment) -> Effective:
    """An environment with its baseline, from the store."""
    stack = environment.metadata.namespace
    return resolve(
        environment,
        tuple(deps.store.of(Environment, deps.options.root_namespace)),
        tuple(deps.store.of(Environment, stack)),
    )


def resolve(environment: Environment, baselines: Iterable[Environment], stack: Iterable[Environment]) -> Effective:
    """An environment with its tier's baseline filled in."""
    baseline = next((b for b in sorted(baselines, key=_age) if b.spec.tier == environment.spec.tier), None)
    return effective(environment, baseline, tuple(stack))


def candidates(deps: Deps, promotion: Promotion) -> tuple[ChangeRequest, ...]:
    """The change referred to; else the ones not ended that name release and environment.

    A rollback runs under the change that brought in what it takes back.
    """
    stack, named = promotion.metadata.namespace, promotion.spec.change_request_ref
    if named is not None:
        found = deps.store.get(ChangeRequest, stack, named.name)
        return (found,) if found else ()
    environment = promotion.spec.environment_ref.name
    return tuple(
        change
        for change in deps.store.of(ChangeRequest, stack)
        if environment in change.spec.environments
        and (change.status.phase is None or not change.status.phase.ended or _ended_for(change, promotion))
        and (
            change.spec.release_ref.name == promotion.spec.release_ref.name
            or (
                promotion.spec.action is Action.ROLLBACK
                and any(use.environment == environment for use in change.status.used_by)
            )
        )
    )


def _ended_for(change: ChangeRequest, promotion: Promotion) -> bool:
    # An ended change still answers for the promotions that ran, or that it rejected.
    return promotion.status.change == change.metadata.name


def _age(environment: Environment) -> tuple[str, str]:
    created = environment.metadata.creation_timestamp
    return (created.isoformat() if created else "", environment.metadata.name)


def _from_store(deps: Deps, promotion: Promotion) -> _Objects:
    store, stack, root = deps.store, promotion.metadata.namespace, deps.options.root_namespace
    return _Objects(
        promotion=promotion,
        release=store.get(Release, stack, promotion.spec.release_ref.name),
        environments=tuple(store.of(Environment, stack)),
        baselines=tuple(store.of(Environment, root)),
        changes=candidates(deps, promotion),
        freezes=tuple(f for ns in dict.fromkeys((root, stack)) for f in store.of(FreezeWindow, ns)),
    )


async def _from_server(deps: Deps, promotion: Promotion) -> _Objects:
    cluster, stack, root = deps.cluster, promotion.metadata.namespace, deps.options.root_namespace
    singles = asyncio.gather(
        cluster.get("Promotion", stack, promotion.metadata.name),
        cluster.get("Release", stack, promotion.spec.release_ref.name),
        *(cluster.get("ChangeRequest", stack, c.metadata.name) for c in candidates(deps, promotion)),
    )
    lists = asyncio.gather(
        cluster.list("Environment", stack),
        cluster.list("Environment", root),
        cluster.list("FreezeWindow", stack),
        cluster.list("FreezeWindow", root),
    )
    (current, release, *changes), (environments, baselines, freezes, root_freezes) = await asyncio.gather(
        singles, lists
    )
    if not isinstance(current, Promotion) or current.metadata.uid != promotion.metadata.uid:
        msg = f"promotion {stack}/{promotion.metadata.name} was deleted"
        raise GoneError(msg)
    for obj in (current, release, *changes):
        if obj is not None:
            deps.store.put(obj)
    return _Objects(
        promotion=current,
        release=release if isinstance(release, Release) else None,
        environments=tuple(e for e in environments if isinstance(e, Environment)),
        baselines=tuple(e for e in baselines if isinstance(e, Environment)),
        changes=tuple(c for c in changes if isinstance(c, ChangeRequest)),
        freezes=tuple({f.metadata.uid: f for f in (*freezes, *root_freezes) if isinstance(f, FreezeWindow)}.values()),
    )


async def _complete(deps: Deps, objects: _Objects, *, read_again: bool) -> Gathered:
    promotion, release = objects.promotion, objects.release
    stack = promotion.metadata.namespace
    around = tuple(dependents.peers(deps.store, promotion))
    snapshot = Snapshot(
        stack=stack,
        promotion=promotion,
        release=release,
        changes=objects.changes,
        freezes=objects.freezes,
        peers=around,
        peer_changes=tuple(
            c for c in deps.store.of(ChangeRequest, stack) if promotion.spec.environment_ref.name in c.spec.environments
        ),
        upstream_uids={e.metadata.name: e.metadata.uid for e in objects.environments},
        upstream_promotions=tuple(
            p for p in deps.store.of(Promotion, stack) if p.spec.release_ref == promotion.spec.release_ref
        ),
        peer_releases={
            r.metadata.name: r
            for r in deps.store.of(Release, stack)
            if release is not None and r.spec.application == release.spec.application
        },
    )
    environment = next(
        (e for e in objects.environments if e.metadata.name == promotion.spec.environment_ref.name), None
    )
    if environment is None:
        return Gathered(snapshot)
    governed = resolve(environment, objects.baselines, objects.environments)
    by_name = {e.metadata.name: e for e in objects.environments}
    snapshot = replace(
        snapshot,
        environment=environment,
        effective=governed,
        upstream={
            name: resolve(by_name[name], objects.baselines, objects.environments)
            for name in governed.promotes_from
            if name in by_name
        },
    )
    if release is None:
        return Gathered(snapshot)
    target = environment.target_namespace(release.spec.application)
    namespace = None if read_again else deps.store.namespaces.get(target)
    if namespace is None:
        namespace = await deps.cluster.namespace(target)
    if namespace is None or namespace.terminating or namespace.labels.get(STACK_LABEL) != stack:
        # Not ours: nothing in it is looked at. The gate Binding says so.
        return Gathered(replace(snapshot, namespace=namespace))
    snapshot = replace(snapshot, namespace=namespace)
    may, revisions, plan = await asyncio.gather(
        _deployer_may(deps, target),
        deps.helm.revisions(target, release.spec.application),
        plan_for(deps, stack, release, environment, governed, target),
        return_exceptions=True,
    )
    for answer in (may, revisions, plan):
        if isinstance(answer, BaseException) and not isinstance(answer, PortError):
            raise answer
    planned = plan if isinstance(plan, Planned) else None
    if isinstance(plan, PortError):
        plan = PlanProblem("CannotTell", str(plan))
    if isinstance(revisions, PortError):
        # Without Helm's storage nobody knows what runs: no plan may be carried out.
        plan, planned = PlanProblem("HelmStorageUnreadable", f"Helm's storage in {target}: {revisions}"), None
    return Gathered(
        replace(
            snapshot,
            deployer_may=may if isinstance(may, bool) else None,
            revisions=revisions if isinstance(revisions, tuple) else (),
            plan=plan.plan if isinstance(plan, Planned) else plan,  # type: ignore[arg-type]
        ),
        planned,
    )


async def _deployer_may(deps: Deps, namespace: str) -> bool | None:
    try:
        return await deps.cluster.deployer_may(namespace)
    except PortError:
        return None
