"""Who may do what in a target and upstream of it, as RBAC really says."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from lockflight.api import reasons
from lockflight.api.access import AccessLevel
from lockflight.api.common import GROUP
from lockflight.api.environment import Environment
from lockflight.policy.ladder import CEILING, Ladder, operations
from lockflight.policy.model import Effective, PlanProblem
from lockflight.policy.rbac import Holding, Who, holdings
from lockflight.ports import PortError
from lockflight.workflow.boxed import boxed
from lockflight.workflow.deps import Deps

_SHOWN_FOR: Final = timedelta(seconds=30)
_EVERYBODY: Final = "system:authenticated"


async def laddered(
    deps: Deps, stack: str, application: str, target: str, governed: Effective, *, fresh: bool
) -> Ladder | PlanProblem | None:
    """What the gate AccessLadder looks at: two lists of the cluster, and two of the target and each upstream.

    They are asked for every half minute, and whenever ``fresh``. None where nothing binds anybody.
    """
    if CEILING[governed.spec.tier] is AccessLevel.ADMIN and not governed.promotes_from:
        return None
    try:
        return await _read(deps, stack, application, target, governed, fresh=fresh)
    except PortError as problem:
        return PlanProblem(reasons.CANNOT_TELL, str(problem))


async def held(deps: Deps, namespaces: Mapping[str, str], *, fresh: bool) -> Mapping[str, tuple[Holding, ...]]:
    """Who holds what in each of ``namespaces``, under the name that it has there. Raises PortError."""
    now, missing = deps.clock.now(), [ns for ns in namespaces.values() if fresh or not _known(deps, ns)]
    if missing:
        cluster, *spaces = await asyncio.gather(
            of_cluster(deps, fresh=fresh), *(deps.cluster.rbac(ns) for ns in missing)
        )
        kept = {name: found for name, found in deps.held.items() if now - found[0] < _SHOWN_FOR}
        read = {ns: (now, holdings(objects, cluster)) for ns, objects in zip(missing, spaces, strict=True)}
        deps.held = kept | read
    return {name: deps.held[ns][1] for name, ns in namespaces.items()}


async def of_cluster(deps: Deps, *, fresh: bool = False) -> Sequence[Mapping[str, Any]]:
    """ClusterRoles and ClusterRoleBindings: many look at them, so that they are asked for every half minute only."""
    now = deps.clock.now()
    if fresh or deps.cluster_rbac is None or now - deps.cluster_rbac[0] >= _SHOWN_FOR:
        deps.cluster_rbac = (now, await deps.cluster.rbac(None))
    return deps.cluster_rbac[1]


def _known(deps: Deps, namespace: str) -> bool:
    found = deps.held.get(namespace)
    return found is not None and deps.clock.now() - found[0] < _SHOWN_FOR


async def _read(deps: Deps, stack: str, application: str, target: str, governed: Effective, *, fresh: bool) -> Ladder:
    before = {
        name: environment.target_namespace(application)
        for name in governed.promotes_from
        if (environment := deps.store.get(Environment, stack, name)) is not None
    }
    found = dict(await held(deps, {**before, "": target}, fresh=fresh))
    here = found.pop("")
    glass = {Who("Group", deps.options.break_glass)}.intersection(row.who for row in here)
    spared = (*operations(governed.spec.access or ()), *glass)
    both = await asyncio.gather(*(_releases(deps, stack, who, fresh=fresh) for who in spared))
    return Ladder(
        here=here,
        upstream=found,
        boxed=frozenset(
            (who, grant.via) for grant in await boxed(deps, stack, governed.name, fresh=fresh) for who in grant.subjects
        ),
        releasers=frozenset(who for who, may in zip(spared, both, strict=True) if may),
        controllers=deps.options.own,
        spared=frozenset(glass),
    )


async def _releases(deps: Deps, stack: str, who: Who, *, fresh: bool) -> bool:
    """Whether they may create Releases in the stack."""
    user, groups = "", [who.name, _EVERYBODY]
    if who.kind == "ServiceAccount":
        user = f"system:serviceaccount:{who.namespace}:{who.name}"
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{who.namespace}", _EVERYBODY]
    return await deps.cluster.may(user, groups, "create", GROUP, "releases", stack, fresh=fresh)
