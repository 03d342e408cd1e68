"""Compare what is in the cluster with what was rendered: after each apply, and every minute where it matters most."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.conditions import condition, merge
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Action, Promotion
from lockflight.policy import comparison
from lockflight.policy.comparison import Difference, has_pods, stamped
from lockflight.policy.facts import Facts, facts
from lockflight.policy.model import Effective
from lockflight.policy.targets import taken_away
from lockflight.ports import PortError, RefusedError, Severity
from lockflight.workflow.configuration import look_again
from lockflight.workflow.deps import Deps
from lockflight.workflow.driftrounds import differences, look_around
from lockflight.workflow.gather import stack_effective
from lockflight.workflow.outside import write_down
from lockflight.workflow.run import Failure, Forward
from lockflight.workflow.status import write

log = structlog.get_logger()

EVERY: Final = timedelta(minutes=1)
_AT_A_TIME: Final = 4
_WORDS: Final = 1024


async def compare_applied(work: Forward) -> Failure | None:
    """After the last apply, before anything is verified. Raises PortError where the cluster does not answer."""
    try:
        rendered = await _rendered(work)
        found = await _found(work.deps, work.namespace, rendered, work.governed)
    except RefusedError as refusal:
        return Failure(work.shown(f"what was applied could not be compared with what was rendered: {refusal}"))
    if not found:
        return None
    work.deps.metrics.count("applied_otherwise_total", environment=work.governed.name)
    return Failure(work.shown(f"what is in {work.namespace} is not what was rendered: {words(found)}"))


async def compare_targets(deps: Deps) -> None:
    """One round over what runs in UAT and Production, and wherever drift is looked for."""
    places = asyncio.Semaphore(_AT_A_TIME)

    async def one(environment: Environment) -> None:
        async with places:
            try:
                await _environment(deps, environment)
            except PortError as problem:
                log.warning("could not compare an environment", name=environment.metadata.name, problem=str(problem))

    await asyncio.gather(*(one(environment) for environment in _compared(deps)))


async def keep_comparing(deps: Deps) -> None:
    """Rounds without end."""
    while True:
        await deps.clock.sleep(EVERY)
        await compare_targets(deps)


def words(found: Sequence[Difference]) -> str:
    """Differences in a sentence, the first few named."""
    text = "; ".join(map(str, found))
    return text if len(text) <= _WORDS else f"{text[: _WORDS - 1]}…"


async def _rendered(work: Forward) -> tuple[Facts, ...]:
    """Our own rendering; of a rollback what Helm recorded of the revision that it went back to."""
    if work.promotion.spec.action is Action.ROLLBACK:
        return await _recorded(work.deps, work.namespace, {r.helm_release: r.revision for r in work.status.components})
    return tuple(fact for component in work.planned.plan.components for fact in work.planned.facts[component.name])


async def _recorded(deps: Deps, namespace: str, revisions: Mapping[str, int]) -> tuple[Facts, ...]:
    records = await asyncio.gather(*(deps.helm.recorded(namespace, *each) for each in revisions.items()))
    missing = [
        f"{name} {number}" for (name, number), found in zip(revisions.items(), records, strict=True) if not found
    ]
    if missing:
        msg = f"Helm's record is gone or not readable: {', '.join(missing)} in {namespace}"
        raise RefusedError(msg)
    return tuple(fact for found in records if found for obj in found.objects if (fact := facts(obj)) is not None)


async def _found(
    deps: Deps, namespace: str, rendered: Sequence[Facts], governed: Effective, extra: Callable[..., Any] | None = None
) -> tuple[Difference, ...]:
    if not rendered:
        return ()
    live = await deps.cluster.live(namespace, tuple(dict.fromkeys(f.ref for f in rendered)), pods=has_pods(rendered))
    images = governed.spec.entry.images if governed.spec.entry else None
    found = comparison.differences(rendered, live.objects, live.pods, images.local if images else ())
    return (*found, *(extra(live.objects) if extra is not None else ()))


def _compared(deps: Deps) -> tuple[Environment, ...]:
    root = deps.options.root_namespace
    return tuple(e for e in deps.store.of(Environment) if e.metadata.namespace != root and e.status.targets)


async def _environment(deps: Deps, environment: Environment) -> None:
    governed = stack_effective(deps, environment)
    # Where somebody is at work it is compared when that is done.
    around = tuple(deps.store.of(Promotion, environment.metadata.namespace))
    free = [
        row
        for row in environment.status.targets
        if (row.namespace, row.application) not in deps.targets
        and not taken_away(row, around, environment.metadata.name)
    ]
    differing: dict[str, Sequence[Difference]] = {}
    if environment.spec.tier.rank >= Tier.UAT.rank:
        for row in free:
            try:
                found = await _target(deps, environment, governed, row)
            except PortError as problem:
                # The others are compared all the same, and drift is looked for with what Helm still has.
                log.warning("could not compare a target", name=row.application, problem=str(problem))
                continue
            differing[row.application] = deps.differing[environment.metadata.uid, row.application] = found
        environment = await _say(deps, environment, _problems(deps, environment))
    environment = await look_around(deps, environment, governed, free)
    environment = await look_again(deps, environment, governed)
    for application, applied in differing.items():
        drift = differences(deps, environment, application, applied)
        await write_down(deps, environment, application, (*applied, *drift))


def _problems(deps: Deps, environment: Environment) -> Sequence[str]:
    """What is not as it was applied, target by target; where somebody is at work, as it was last seen."""
    uid = environment.metadata.uid
    last = {row.application: deps.differing.get((uid, row.application), ()) for row in environment.status.targets}
    return [f"{name}: {words(found)}" for name, found in last.items() if found]


async def _target(
    deps: Deps, environment: Environment, governed: Effective, row: TargetStatus
) -> tuple[Difference, ...]:
    promotions = deps.store.of(Promotion, environment.metadata.namespace)
    promotion = next((p for p in promotions if p.metadata.uid == row.promotion_uid), None)
    if promotion is None:
        # Pruned: its components, and so the revisions, are not known any more.
        return ()
    key = promotion.metadata.uid
    if key not in deps.applied:
        revisions = {c.helm_release: c.revision for c in promotion.status.components if c.revision}
        deps.applied[key] = await _recorded(deps, row.namespace, revisions)
    return await _found(deps, row.namespace, deps.applied[key], governed, stamped)


async def _say(deps: Deps, environment: Environment, problems: Sequence[str]) -> Environment:
    generation, now = environment.metadata.generation, deps.clock.now()
    said = condition(
        reasons.AS_APPLIED,
        not problems,
        reasons.CHANGED if problems else reasons.UNCHANGED,
        "; ".join(problems),
        generation=generation,
        now=now,
    )
    before = next((c for c in environment.status.conditions if c.type == said.type), None)
    if before is not None and (before.status, before.message) == (said.status, said.message):
        return environment
    conditions = merge(environment.status.conditions, [said])
    status = environment.status.model_copy(update={"conditions": conditions})
    environment = await write(deps, environment, status, guarded=True)
    deps.metrics.gauge("changed_outside", len(problems), environment=environment.metadata.name)
    if problems:
        deps.events.emit(environment, Severity.WARNING, said.reason, said.message)
    return environment
