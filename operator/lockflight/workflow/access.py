"""Access to target namespaces: RoleBindings as the environment asks for them, and what else is there shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from lockflight.api import reasons
from lockflight.api.access import AccessLevel, Held
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL, TIER_LABEL, Tier
from lockflight.api.conditions import Condition, condition, merge
from lockflight.api.environment import Environment
from lockflight.policy.grants import Grant, Steps, manifest, ours, standing, steps
from lockflight.policy.ladder import CEILING, cluster_own
from lockflight.policy.model import Namespace
from lockflight.policy.rbac import Holding, holdings
from lockflight.ports import ConflictError, Severity
from lockflight.workflow import ruling
from lockflight.workflow.boxed import boxed, sealed_end, sealed_start, turns
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import stack_effective
from lockflight.workflow.laddered import of_cluster
from lockflight.workflow.status import write

EVERY: Final = timedelta(minutes=1)
"""In tiers UAT and Production."""
SELDOM: Final = timedelta(minutes=5)
"""Where it matters less."""
_ROWS: Final = 256
_WORDS: Final = 1024


async def reconcile(deps: Deps, name: str) -> datetime | None:
    """Have in a target namespace the bindings that ought to be there, and no others of ours; when to look again.

    Raises PortError.
    """
    namespace = deps.store.namespaces.get(name)
    if namespace is None or namespace.terminating or STACK_LABEL not in namespace.labels:
        return None
    environment = _environment(deps, namespace)
    wanted, widen, again = await _wanted(deps, environment)
    objects = await deps.cluster.rbac(name)
    work = steps(objects, wanted, widen=widen)
    await _do(deps, namespace, work, objects)
    deps.held.pop(name, None)
    if environment is None:
        return None
    if work != Steps():
        objects = await deps.cluster.rbac(name)
    watched = CEILING[environment.spec.tier] is not AccessLevel.ADMIN
    if watched or wanted or any(row.namespace == name for row in environment.status.access):
        found = holdings(objects, await of_cluster(deps))
        made = {f"RoleBinding {obj['metadata']['name']}" for obj in objects if ours(obj)}
        await _show(deps, environment, name, _rows(deps, name, found, made))
    if not watched and not wanted:
        return None
    pause = EVERY if environment.spec.tier.rank >= Tier.UAT.rank else SELDOM
    return min(filter(None, (again, deps.clock.now() + pause)))


def bound_to(deps: Deps, stack: str, environment: str) -> tuple[str, ...]:
    """The target namespaces of an environment, by their labels."""
    return tuple(
        space.name
        for space in deps.store.namespaces.values()
        if space.labels.get(STACK_LABEL) == stack and space.labels.get(ENVIRONMENT_LABEL) == environment
    )


def _environment(deps: Deps, namespace: Namespace) -> Environment | None:
    """The environment whose target it is; None: there is none, or the namespace says another tier."""
    labels = namespace.labels
    found = deps.store.get(Environment, labels.get(STACK_LABEL, ""), labels.get(ENVIRONMENT_LABEL, ""))
    return found if found is not None and labels.get(TIER_LABEL) == found.spec.tier.value else None


async def _wanted(deps: Deps, environment: Environment | None) -> tuple[tuple[Grant, ...], bool, datetime | None]:
    """The bindings that ought to be there, whether new ones may be given, and when that changes by itself."""
    if environment is None:
        return (), False, None
    governed = stack_effective(deps, environment)
    stack, name = environment.metadata.namespace, environment.metadata.name
    timed = await boxed(deps, stack, name, fresh=True)
    again = turns(deps, stack, name)
    if governed.spec.retired:
        return timed, True, again
    asked = standing(governed.spec.access or ())
    counts = not governed.problems and await ruling.counts(deps, environment, governed)
    return (*asked, *timed), counts, again


async def _do(deps: Deps, namespace: Namespace, work: Steps, objects: Sequence[Mapping[str, Any]]) -> None:
    """What is to go goes first."""
    named = {str(obj["metadata"]["name"]): obj for obj in objects if obj.get("kind") == "RoleBinding"}
    stack, environment = namespace.labels[STACK_LABEL], namespace.labels.get(ENVIRONMENT_LABEL, "")
    for gone in work.remove:
        await deps.cluster.unbind(namespace.name, gone)
        await sealed_end(deps, stack, environment, namespace.name, named.get(gone, {}))
    for grant in (*work.change, *work.make):
        # Nobody is let in without a record.
        await sealed_start(deps, stack, environment, namespace.name, grant)
        await deps.cluster.bind(manifest(grant, namespace.name, stack, environment))


def _rows(deps: Deps, namespace: str, found: Sequence[Holding], made: set[str]) -> tuple[Held, ...]:
    rows = (
        Held(
            namespace=namespace,
            subject=str(row.who),
            level=row.level,
            via=row.via,
            foreign=row.via not in made,
        )
        for row in found
        if not cluster_own(row.who, deps.options.own)
    )
    return tuple(sorted(set(rows), key=lambda row: (-row.level.rank, row.subject, row.via)))


async def _show(deps: Deps, environment: Environment, namespace: str, rows: tuple[Held, ...]) -> None:
    """Put the rows of one namespace among those of the others; said aloud when something foreign appears."""
    others = tuple(row for row in environment.status.access if row.namespace != namespace)
    found = (*others, *rows)[:_ROWS]
    said = _condition(deps, environment, found)
    before = next((c for c in environment.status.conditions if c.type == said.type), None)
    if found == environment.status.access and before is not None and before.message == said.message:
        return
    conditions = merge(environment.status.conditions, [said])
    status = environment.status.model_copy(update={"access": found, "conditions": conditions})
    try:
        await write(deps, environment, status, guarded=True)
    except ConflictError:
        # Somebody wrote its status meanwhile: shown with the next look.
        return
    if said.status == "False" and (before is None or before.message != said.message):
        deps.events.emit(environment, Severity.WARNING, said.reason, said.message)


def _condition(deps: Deps, environment: Environment, rows: Sequence[Held]) -> Condition:
    foreign = [f"{row.subject} has {row.level} in {row.namespace} by {row.via}" for row in rows if row.foreign]
    text = "; ".join(foreign)
    return condition(
        reasons.ACCESS_AS_DECLARED,
        not foreign,
        reasons.FOREIGN_ACCESS if foreign else reasons.AS_DECLARED,
        (text if len(text) <= _WORDS else f"{text[: _WORDS - 1]}…") or "nobody has access but whom the spec names",
        generation=environment.metadata.generation,
        now=deps.clock.now(),
    )
