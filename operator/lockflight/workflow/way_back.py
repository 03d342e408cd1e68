"""Take a bundle back as one unit, or hold it, as the plan of the change or the environment says."""

from typing import Final, Literal

from lockflight.api import reasons
from lockflight.api.conditions import find
from lockflight.api.promotion import Action, ComponentStatus, Phase
from lockflight.policy.labels import short
from lockflight.policy.model import HelmStatus, Plan, Revision
from lockflight.policy.promotion import remediation
from lockflight.policy.records import taken_back
from lockflight.policy.revisions import newest
from lockflight.workflow import external, sealing
from lockflight.workflow.progress import conditions, finish
from lockflight.workflow.run import Failure, Forward, Run, succeeded

Way = Literal["None", "Rollback", "Uninstall", "Hold"]

_WORDS: Final[dict[Way, str]] = {
    "None": "nothing had been changed",
    "Rollback": "every component is back at its last verified revision",
    "Uninstall": "it was the first deployment: uninstalled",
    "Hold": "held as it is: a person decides",
}
_ACTS: Final[tuple[Way, ...]] = ("Rollback", "Uninstall")
"""The ways on which Helm acts."""


async def go_back(work: Run, failure: Failure | None, *, bound: bool = True) -> None:
    """Take it back because of ``failure``; None: another process had begun to.

    Where the target is not ``bound`` to the stack any more, nothing in it is touched. Raises PortError.
    """
    if bound:
        names = [row.helm_release for row in work.status.components]
        work.revisions = await work.deps.helm.revisions(work.namespace, work.application, also=names)
    execution = work.status.execution
    way = execution.remediation if execution else None
    failure = failure or _remembered(work)
    if way is None:
        way = _way(work) if bound else "Hold"
        await _intend(work, failure, way)
    if way in _ACTS:
        entry = taken_back(work.promotion, way, failure.message)
        await work.deps.audit.seal(work.promotion.metadata.namespace, entry)
    problems = await _components_back(work, way) if bound else []
    await _finish(work, failure, way, problems)


async def _intend(work: Run, failure: Failure, way: Way) -> None:
    """What is about to be done, and why: it is said again after a restart."""
    status, generation = work.status, work.promotion.metadata.generation
    reason, now = reasons.ABORTING if failure.aborted else reasons.TAKING_BACK, work.deps.clock.now()
    execution = status.execution.model_copy(update={"remediation": way}) if status.execution else None
    status = external.closed(status, failure.message, now, generation=generation)
    said = conditions(status, None, reason, failure.message, generation=generation, now=now)
    await work.save(status.model_copy(update={"execution": execution, "conditions": said}))


def _remembered(work: Run) -> Failure:
    said = find(work.status.conditions, reasons.SUCCEEDED)
    if said is None:
        return Failure("the operator was restarted while taking it back")
    return Failure(said.message, aborted=said.reason == reasons.ABORTING)


def _way(work: Run) -> Way:
    if any(row.authorized_at is not None for row in work.status.steps):
        # What others did, Helm does not take back, and half a bundle is none.
        return "Hold"
    if not any(_ours(work, r) for r in work.revisions):
        return "None"
    if work.promotion.spec.action is Action.ROLLBACK:
        # A failed way back is not retraced by itself: a person decides.
        return "Hold"
    rows = work.status.components
    if isinstance(work, Forward):
        return remediation(work.change, work.governed, work.planned.plan, rows)
    if work.release is None or work.governed is None:
        # Whether it can be taken back is not known any more.
        return "Hold"
    if work.release.spec.irreversible():
        return "Hold"
    return remediation(work.change, work.governed, Plan(work.namespace, (), ""), rows)


async def _components_back(work: Run, way: Way) -> list[str]:
    """Unlock what a killed process left, then every component back, last one first; what could not be done."""
    problems: list[str] = []
    for row in reversed(work.status.components):
        last = newest(work.revisions, row.helm_release)
        if last is not None and last.status.pending and last.promotion_uid:
            await work.fence()
            await work.deps.helm.unlock(work.namespace, row.helm_release, last.revision)
        if way in _ACTS and last is not None:
            problem = await _take_back(work, row, last)
            problems += [problem] if problem else []
    return problems


async def _take_back(work: Run, row: ComponentStatus, last: Revision) -> str | None:
    mine = [r for r in work.revisions if r.helm_release == row.helm_release]
    if not any(_ours(work, r) for r in mine) or (last.status is HelmStatus.DEPLOYED and not _ours(work, last)):
        # Never reached, or back already.
        return None
    if row.previous_revision == 0 and not all(_ours(work, r) for r in mine):
        return f"{row.helm_release} has no verified revision to go back to and is left as it is"
    helm, clock = work.deps.helm, work.deps.clock
    await work.fence()
    began = clock.now()
    if row.previous_revision == 0:
        action, words = "uninstall", f"uninstall of {row.helm_release}"
        result = await helm.uninstall(work.namespace, row.helm_release, work.timeout)
    else:
        action, words = "rollback", f"rollback of {row.helm_release} to revision {row.previous_revision}"
        result = await helm.rollback(work.namespace, row.helm_release, row.previous_revision, work.timeout)
    result = work.timed(action, result, (clock.now() - began).total_seconds())
    done = succeeded(result)
    work.note(row.name, "RolledBack" if done else "Failed", revision=result.revision, message=result.message)
    return None if done else f"{words} failed: {result.message}"


async def _finish(work: Run, failure: Failure, way: Way, problems: list[str]) -> None:
    taken_back = way != "Hold" and not problems
    ended = Phase.ROLLED_BACK if taken_back else Phase.FAILED
    phase = Phase.ABORTED if failure.aborted else ended
    message = "; ".join([failure.message, *problems, _WORDS["Hold" if problems else way]])
    now, generation = work.deps.clock.now(), work.promotion.metadata.generation
    await work.save(finish(work.status, phase, phase.value, message, now, generation=generation))
    work.announce(phase, message)
    await sealing.promotion(work.deps, work.promotion)


def _ours(work: Run, revision: Revision) -> bool:
    """Made by this promotion under its plan."""
    plan = work.promotion.status.plan
    return (
        revision.promotion_uid == work.promotion.metadata.uid
        and plan is not None
        and revision.plan == short(plan.digest)
    )
