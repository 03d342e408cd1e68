"""Put back what drifted: the recorded revision is applied again by Helm, alone on the target, and sealed before."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import parse_duration
from lockflight.api.drift import DriftStatus, PutBack
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Promotion
from lockflight.policy.drift import Drift
from lockflight.policy.driftrules import interval_of, mode_of
from lockflight.policy.model import Effective, Revision
from lockflight.policy.putback import asked_for, keeps, sealed, shut
from lockflight.policy.revisions import newest
from lockflight.policy.unauthorised import record_name
from lockflight.ports import Severity
from lockflight.workflow import gather
from lockflight.workflow.deps import Deps
from lockflight.workflow.run import succeeded
from lockflight.workflow.status import write

PUT_BACK = "PutBack"


async def put_back(
    deps: Deps, environment: Environment, governed: Effective, target: TargetStatus, drift: Drift
) -> Environment:
    """Put one target back where that is wanted and nothing keeps it; the environment as it is then.

    Raises PortError; it is tried again with the next round then, as often as the rules say.
    """
    row = next((r for r in environment.status.drift if r.application == target.application), None)
    record = open_record(deps, environment, target.application)
    if row is None or row.digest != drift.digest or not asked_for(mode_of(governed.spec), row, record):
        return environment
    now, interval = deps.clock.now(), interval_of(governed.spec)
    namespace = deps.store.namespaces.get(target.namespace)
    glass = namespace is not None and namespace.glass is not None
    why = keeps(row, target, drift, interval, now, glass=glass)
    if why is not None:
        return await _note(deps, environment, row, target, why) if why else environment
    async with _alone(deps, environment, target) as alone:
        if not alone:
            return environment
        async with deps.slots.held(f"drift {environment.metadata.uid} {target.application}"):
            return await _judged(deps, environment, governed, target, drift, row, record)


def open_record(deps: Deps, environment: Environment, application: str) -> ChangeRequest | None:
    """The target's record of what nobody permitted, where it is open."""
    stack, name = environment.metadata.namespace, environment.metadata.name
    number, found = 1, None
    while True:
        change = deps.store.get(ChangeRequest, stack, record_name(name, application, number))
        if change is None:
            break
        number, found = number + 1, change
    ended = found is not None and found.status.phase is not None and found.status.phase.ended
    return None if ended else found


@asynccontextmanager
async def _alone(deps: Deps, environment: Environment, target: TargetStatus) -> AsyncIterator[bool]:
    """Whether nothing else starts or executes on the target; nothing does inside."""
    mine, place = f"drift {environment.metadata.uid}", (target.namespace, target.application)
    executing = any(
        p.status.phase is not None
        and p.status.phase.executing
        and p.spec.environment_ref.name == environment.metadata.name
        and any(c.helm_release.startswith(f"{target.application}-") for c in p.status.components)
        for p in deps.store.of(Promotion, environment.metadata.namespace)
    )
    if executing or deps.targets.setdefault(place, mine) != mine:
        yield False
        return
    try:
        yield True
    finally:
        del deps.targets[place]


async def _judged(
    deps: Deps,
    environment: Environment,
    governed: Effective,
    target: TargetStatus,
    drift: Drift,
    row: DriftStatus,
    record: ChangeRequest | None,
) -> Environment:
    """Ask the gates from fresh reads, write what is about to happen, seal it, then Helm."""
    promotions = deps.store.of(Promotion, environment.metadata.namespace)
    promotion = next((p for p in promotions if p.metadata.uid == target.promotion_uid), None)
    if promotion is None:
        words = f"promotion {target.promotion} is gone: promote {target.release} once more"
        return await _note(deps, environment, row, target, words)
    read = await gather.fresh(deps, promotion)
    against = shut(read.snapshot, deps.clock.now())
    if against:
        return await _note(deps, environment, row, target, f"waits for the gates: {'; '.join(against)}")
    seen = read.snapshot.drift
    if not isinstance(seen, Drift) or seen.digest != drift.digest:
        # It went on meanwhile: the next round looks again.
        return environment
    await deps.leadership.fence()
    done = row.put_back
    tries = done.tries if done is not None and done.promotion_uid == target.promotion_uid else 0
    intent = PutBack(
        tries=tries + 1,
        promotion_uid=target.promotion_uid,
        last_at=deps.clock.now(),
        message="putting back",
    )
    environment = await _save(deps, environment, row.model_copy(update={"put_back": intent}))
    row = row.model_copy(update={"put_back": intent})
    await deps.audit.seal(environment.metadata.namespace, sealed(environment, row, drift, target, record))
    problems = await _apply(deps, target, seen, read.snapshot.revisions, parse_duration(governed.spec.timeout or "10m"))
    deps.metrics.count(
        "drift_put_back_total", environment=environment.metadata.name, result="Failed" if problems else "Succeeded"
    )
    deps.drift.pop((environment.metadata.uid, target.application), None)
    said = f"{target.application}: put back as {target.release} had it"
    words = f"could not be put back: {'; '.join(problems)}" if problems else said
    deps.events.emit(environment, Severity.WARNING if problems else Severity.NORMAL, PUT_BACK, words)
    return await _save(
        deps, environment, row.model_copy(update={"put_back": intent.model_copy(update={"message": words[:1024]})})
    )


async def _apply(
    deps: Deps, target: TargetStatus, drift: Drift, revisions: Sequence[Revision], timeout: timedelta
) -> list[str]:
    """Each Helm release that drifted, back to its recorded revision; without hooks, which belong to a deployment."""
    problems = []
    for name, revision in drift.back:
        await deps.leadership.fence()
        last = newest(tuple(revisions), name)
        if last is not None and last.status.pending:
            # A process that was killed left it so: nobody is at work here.
            await deps.helm.unlock(target.namespace, name, last.revision)
        result = await deps.helm.rollback(target.namespace, name, revision, timeout, hooks=False)
        if not succeeded(result):
            problems.append(f"{name}: {result.message}")
    return problems


async def _note(
    deps: Deps, environment: Environment, row: DriftStatus, target: TargetStatus, words: str
) -> Environment:
    """Say what keeps it, once."""
    done = row.put_back or PutBack(tries=0, promotion_uid=target.promotion_uid, last_at=deps.clock.now())
    if done.message == words[:1024]:
        return environment
    deps.events.emit(environment, Severity.WARNING, PUT_BACK, f"{target.application}: not put back: {words}")
    put = done.model_copy(update={"message": words[:1024]})
    return await _save(deps, environment, row.model_copy(update={"put_back": put}))


async def _save(deps: Deps, environment: Environment, row: DriftStatus) -> Environment:
    """Raises ConflictError where somebody wrote meanwhile: nothing was begun then."""
    rows = tuple(row if r.application == row.application else r for r in environment.status.drift)
    return await write(deps, environment, environment.status.model_copy(update={"drift": rows}), guarded=True)
