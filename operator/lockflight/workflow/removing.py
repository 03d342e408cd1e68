"""Take an application away from a target, one Helm release after the other, the last that was applied first.

Everything here can be entered again after the process died: what is gone is read from Helm's storage. There is no way
back: with a Helm release its history goes. What was not reached stays.
"""

from lockflight.api.promotion import ComponentStatus, Phase, RemovedStatus
from lockflight.policy.model import HelmStatus, Revision
from lockflight.policy.revisions import newest
from lockflight.ports import HelmOutcome, HelmResult
from lockflight.workflow import sealing
from lockflight.workflow.gather import Gathered
from lockflight.workflow.judge import shut_by_people
from lockflight.workflow.progress import finish
from lockflight.workflow.recording import seal_first
from lockflight.workflow.run import Failure, Run, succeeded

REMOVED = "Removed"


async def remove(work: Run, gathered: Gathered, *, bound: bool, again: bool) -> None:
    """From the written intent to the end. Raises PortError where the cluster does not answer: then it is taken up."""
    if not bound:
        await _end(work, Failure(f"namespace {work.namespace} is not this stack's any more: nothing in it is touched"))
        return
    await seal_first(work, gathered, [row.helm_release for row in work.status.components])
    planned = {row.helm_release: row for row in (work.status.plan.removes if work.status.plan else ())}
    failure = None
    for index, row in enumerate(reversed(work.status.components)):
        if row.state != REMOVED:
            failure = await _one(work, row, planned.get(row.helm_release), first=index == 0 and not again)
        if failure is not None:
            break
    await _end(work, failure)


async def _one(work: Run, row: ComponentStatus, planned: RemovedStatus | None, *, first: bool) -> Failure | None:
    """Uninstall one Helm release, if it still is what people agreed to."""
    name, namespace = row.helm_release, work.namespace
    if work.running.aborted.is_set():
        return Failure(work.running.words, aborted=True)
    shut = None if first else await shut_by_people(work.deps, work.promotion)
    if shut is not None:
        return Failure(f"before {name}: {shut}")
    top = newest(await work.deps.helm.revisions(namespace, work.application, also=[name]), name)
    if top is None or top.status is HelmStatus.UNINSTALLED:
        work.note(row.name, REMOVED, revision=0, message="")
        await work.save(work.status)
        return None
    if planned is None or not _same(top, planned):
        return Failure(
            f"{name} is at revision {top.revision}, which is not what was to be removed: it is left as it is"
        )
    await work.fence()
    result = await _uninstall(work, name)
    done, aborted = succeeded(result), work.running.aborted.is_set()
    work.note(row.name, REMOVED if done else "Aborted" if aborted else "Failed", revision=0, message=result.message)
    await work.save(work.status)
    if done:
        return None
    words = f"{work.running.words} while removing" if aborted else "could not remove"
    return Failure(f"{words} {name}: {result.message}", aborted=aborted)


async def _uninstall(work: Run, name: str) -> HelmResult:
    clock = work.deps.clock
    began = clock.now()
    work.running.helm_release = (work.namespace, name)
    try:
        if work.running.aborted.is_set():
            return HelmResult(HelmOutcome.CANCELLED, "aborted before it began")
        result = await work.deps.helm.uninstall(work.namespace, name, work.timeout)
    finally:
        work.running.helm_release = None
    return work.timed("uninstall", result, (clock.now() - began).total_seconds())


def _same(top: Revision, planned: RemovedStatus) -> bool:
    if planned.plan:
        return (top.release_digest, top.plan) == (planned.release_digest or "", planned.plan)
    return top.revision == planned.revision


async def _end(work: Run, failure: Failure | None) -> None:
    rows = work.status.components
    gone = [row.helm_release for row in rows if row.state == REMOVED]
    left = [row.helm_release for row in rows if row.state != REMOVED]
    now, generation = work.deps.clock.now(), work.promotion.metadata.generation
    if failure is None:
        phase, message = Phase.SUCCEEDED, f"removed from {work.namespace}: {', '.join(gone)}"
    else:
        phase = Phase.ABORTED if failure.aborted else Phase.FAILED
        parts = [failure.message, f"removed: {', '.join(gone) or 'nothing'}", f"left: {', '.join(left)}"]
        message = f"{'; '.join(parts)}; remove it again, or promote what should run there"
    await work.save(finish(work.status, phase, phase.value, message, now, generation=generation))
    work.announce(phase, message)
    await sealing.promotion(work.deps, work.promotion)
