"""Whether what runs was deployed with another configuration than it would be now: said, and applied by no one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.conditions import Condition, condition, find, merge
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.release import Release
from lockflight.policy.delta import Delta, delta, listed
from lockflight.policy.model import Effective, PlanProblem
from lockflight.ports import PortError
from lockflight.workflow import drifting
from lockflight.workflow.deps import Deps
from lockflight.workflow.plancache import Planned
from lockflight.workflow.planning import plan_for
from lockflight.workflow.status import write

EVERY: Final = timedelta(minutes=5)
"""How often ConfigMaps and Secrets are read again, of which no watch tells."""


async def pending(
    deps: Deps, environment: Environment, governed: Effective, rows: Sequence[TargetStatus]
) -> Condition | None:
    """Whether what runs was deployed with another configuration; None: as it was said.

    Asked when the spec, the baseline or what runs changed, for rendering costs. Raises PortError.
    """
    uid, generation = environment.metadata.uid, environment.metadata.generation
    base = governed.baseline.metadata.generation if governed.baseline is not None else 0
    now = generation, base, tuple(sorted((row.application, row.plan_digest) for row in rows))
    before = deps.configured.get(uid)
    deps.configured[uid] = now
    if before is None:
        # A new process: what is said was said of this spec; that the baseline is the same nobody can tell.
        same = environment.status.observed_generation == generation and _plans(rows) == _plans(
            environment.status.targets
        )
    else:
        same = before == now
    return None if same else await _judged(deps, environment, governed, rows)


async def look_again(deps: Deps, environment: Environment, governed: Effective) -> Environment:
    """Where values come from ConfigMaps or Secrets: read them every few minutes, and say what changed.

    The environment as it is then. Raises PortError.
    """
    uid, now = environment.metadata.uid, deps.clock.now()
    if not governed.spec.values_from or now - deps.sources_read.get(uid, now - EVERY) < EVERY:
        return environment
    deps.sources_read[uid] = now
    said = await _judged(deps, environment, governed, environment.status.targets)
    before = find(environment.status.conditions, said.type)
    if before is not None and (before.status, before.message) == (said.status, said.message):
        return environment
    conditions = merge(environment.status.conditions, [said])
    return await write(
        deps, environment, environment.status.model_copy(update={"conditions": conditions}), guarded=True
    )


async def _judged(deps: Deps, environment: Environment, governed: Effective, rows: Sequence[TargetStatus]) -> Condition:
    said = [words for row in rows if (words := await _target(deps, environment, governed, row))]
    return condition(
        reasons.CONFIGURATION_PENDING,
        bool(said),
        "ConfigurationChanged" if said else "UpToDate",
        "; ".join(said) + ": takes effect with the next promotion" if said else "",
        generation=environment.metadata.generation,
        now=deps.clock.now(),
    )


async def _target(deps: Deps, environment: Environment, governed: Effective, row: TargetStatus) -> str:
    """How what would be deployed differs from what was; empty where it does not."""
    release = deps.store.get(Release, environment.metadata.namespace, row.release)
    if release is None:
        return ""
    planned = await plan_for(deps, environment.metadata.namespace, release, environment, governed, row.namespace)
    if not isinstance(planned, Planned) or planned.plan.digest == row.plan_digest:
        return ""
    digests = f"{row.application}: deployed as plan {row.plan_digest[:19]}, now {planned.plan.digest[:19]}"
    try:
        revisions = await drifting.storage(deps, environment, row.application, row.release)
        running = await deps.parts.running(deps.helm, deps.store, row.namespace, revisions)
    except PortError:
        return digests
    if isinstance(running, PlanProblem):
        return digests
    found = delta(running, planned.plan, before=row.version, after=row.version)
    differs = _words(found)
    # Where nothing but the rules of the environment changed, what runs is what would be deployed.
    return f"{row.application}: {differs}" if differs else ""


def _words(found: Delta) -> str:
    """The fields only: of values nobody can tell which may be shown."""
    parts = [*map(str, found.charts), *found.replaced]
    if found.values:
        parts.append(f"values {listed(pointer for _, pointer in found.values)}")
    if found.objects:
        parts.append(f"objects {listed(map(str, found.objects))}")
    return "; ".join(parts)


def _plans(rows: Sequence[TargetStatus]) -> dict[str, str]:
    return {row.application: row.plan_digest for row in rows}
