"""Carry out a promotion: components in order, then the verifications; back as one unit if any of it fails.

Everything here can be entered again after the process died: what was done is read from Helm's storage, not remembered.
"""

from collections.abc import Mapping
from datetime import datetime

from lockflight.api.common import STACK_LABEL, parse_duration
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy.labels import helm_labels, short
from lockflight.policy.model import Effective, HelmStatus, PlannedComponent, Revision, Snapshot
from lockflight.policy.others import failed, passed
from lockflight.policy.ownership import removed
from lockflight.policy.revisions import newest, verified
from lockflight.policy.targets import application_changed
from lockflight.ports import HelmJob, HelmOutcome, HelmResult, Severity
from lockflight.workflow import external, others, sealing
from lockflight.workflow.comparing import compare_applied
from lockflight.workflow.deps import Deps, Running
from lockflight.workflow.external import Pause
from lockflight.workflow.gather import Gathered
from lockflight.workflow.judge import shut_by_people
from lockflight.workflow.neighbours import verified_beside
from lockflight.workflow.progress import enter, finish
from lockflight.workflow.recording import seal_first
from lockflight.workflow.removing import remove
from lockflight.workflow.run import Failure, Forward, Run, succeeded
from lockflight.workflow.verify import started, verify
from lockflight.workflow.way_back import go_back

DEFAULT_TIMEOUT = "10m"


async def run(
    deps: Deps, gathered: Gathered, promotion: Promotion, running: Running, *, again: bool
) -> datetime | None:
    """From the written intent to the end of execution; ``again``: another process or pass began it.

    Where others have to act in between it ends before: when to take it up again at the latest.
    Raises PortError where the cluster does not answer: then it is taken up again.
    """
    work = _work(deps, gathered, promotion, running)
    if promotion.spec.action is Action.REMOVE:
        await remove(work, gathered, bound=await _bound(work), again=again)
        return None
    execution = promotion.status.execution
    if execution is not None and execution.remediation is not None:
        await go_back(work, None, bound=await _bound(work))
        return None
    if work.status.phase is Phase.VERIFYING and await _others_said(work, gathered.snapshot):
        return None
    if not isinstance(work, Forward):
        words = "aborted" if promotion.spec.abort else _lost(gathered.snapshot)
        await go_back(work, Failure(words, aborted=promotion.spec.abort), bound=await _bound(work))
        return None
    await _seal(work, gathered)
    stopped = await _apply(work, _targets(gathered.snapshot), again=again)
    if isinstance(stopped, Pause):
        return stopped.until
    failure = stopped or await compare_applied(work) or await verify(work)
    if failure is not None:
        await go_back(work, failure)
        return None
    until = await others.begin(work)
    if until is not None:
        return until
    await _verified(work, gathered.snapshot, work.release, work.governed)
    return None


async def _others_said(work: Run, s: Snapshot) -> bool:
    """Act upon what others said of their verification; whether they did. What was planned since is no matter then."""
    bad = failed(work.status)
    if bad is not None:
        await go_back(work, Failure(f"verification {bad.name} failed: {bad.message}"), bound=await _bound(work))
        return True
    if work.release is None or work.governed is None or not passed(work.status):
        return False
    await _verified(work, s, work.release, work.governed)
    return True


async def _verified(work: Run, s: Snapshot, release: Release, governed: Effective) -> None:
    await _drop_removed(work, s, release)
    await _done(work, release, governed)


async def _seal(work: Forward, gathered: Gathered) -> None:
    s = gathered.snapshot
    await seal_first(work, gathered, removed(s.revisions, work.release, tuple(s.peer_releases.values())))


async def _bound(work: Run) -> bool:
    namespace = await work.deps.cluster.namespace(work.namespace)
    return namespace is not None and namespace.labels.get(STACK_LABEL) == work.promotion.metadata.namespace


def _work(deps: Deps, gathered: Gathered, promotion: Promotion, running: Running) -> Run:
    s, planned = gathered.snapshot, gathered.planned
    plan = promotion.status.plan
    timeout = parse_duration((s.effective.spec.timeout if s.effective else None) or DEFAULT_TIMEOUT)
    application = application_changed(promotion)
    namespace = plan.namespace if plan is not None else ""
    if s.release is None or s.effective is None or planned is None:
        return Run(
            deps=deps,
            promotion=promotion,
            status=promotion.status,
            running=running,
            namespace=namespace,
            application=application,
            timeout=timeout,
            revisions=(),
            release=s.release,
            governed=s.effective,
            change=s.change,
        )
    return Forward(
        deps=deps,
        promotion=promotion,
        status=promotion.status,
        running=running,
        namespace=namespace,
        application=application,
        timeout=timeout,
        release=s.release,
        governed=s.effective,
        change=s.change,
        planned=planned,
        revisions=s.revisions,
    )


def _lost(s: Snapshot) -> str:
    if s.release is None:
        return "its release is gone while it was executing"
    if s.effective is None:
        return "its environment is gone while it was executing"
    detail = getattr(s.plan, "message", "") or "what would be applied now is not what was approved"
    return f"it cannot go on as planned: {detail}"


async def _apply(work: Forward, targets: Mapping[str, Revision | None], *, again: bool) -> Failure | Pause | None:
    """Apply the components that are not there yet, in order, and wait for the steps that others take between them."""
    for index, component in enumerate(work.planned.plan.components):
        stopped = await _steps(work, index)
        if stopped is not None:
            return stopped
        if work.running.aborted.is_set():
            return Failure(work.running.words, aborted=True)
        if _there(work, component, targets):
            _deployed(work, component)
            continue
        # The first one follows directly on the decision to start.
        shut = await shut_by_people(work.deps, work.promotion) if again or index else None
        if shut is not None:
            return Failure(f"before component {component.name}: {shut}")
        result = await _component(work, component, targets)
        aborted = work.running.aborted.is_set() and not succeeded(result)
        state = "Deployed" if succeeded(result) else "Aborted" if aborted else "Failed"
        work.note(component.name, state, revision=result.revision, message=result.message)
        if not succeeded(result):
            what = f"{work.running.words} while applying" if aborted else "could not apply"
            return Failure(f"{what} component {component.name}: {result.message}", aborted=aborted)
    stopped = await _steps(work, len(work.planned.plan.components))
    if stopped is not None:
        return stopped
    if work.running.aborted.is_set():
        return Failure(work.running.words, aborted=True)
    await _applied(work)
    return None


async def _steps(work: Forward, after: int) -> Failure | Pause | None:
    """The steps that come after so many components: each is done before the next begins."""
    for step in work.planned.plan.steps:
        stopped = await external.take(work, step) if step.after == after else None
        if stopped is not None:
            return stopped
    return None


async def _applied(work: Forward) -> None:
    """Everything is there: say so, and that verification begins where there is any."""
    work.deps.slots.give_back(work.promotion.metadata.uid)
    now, status = work.deps.clock.now(), work.status
    if status.deployed_at is None:
        status = status.model_copy(update={"deployed_at": now})
        _observe_approval(work, now)
    work.status = status
    rows = started(work, now)
    if rows:
        status = enter(status, Phase.VERIFYING, now, "applied; verifying")
        await work.save(status.model_copy(update={"verification": rows}))


def _observe_approval(work: Forward, now: datetime) -> None:
    seen = [o.at for o in work.change.status.observed] if work.change is not None else []
    if seen:
        work.deps.metrics.observe("approval_to_applied_seconds", (now - max(seen)).total_seconds())


def _targets(s: Snapshot) -> Mapping[str, Revision | None]:
    """For a rollback: the newest revision of its release that was verified here, by Helm release."""
    if s.promotion.spec.action is not Action.ROLLBACK or s.release is None:
        return {}
    digest = short(s.release.status.digest or "")
    good = [r for r in s.revisions if r.release_digest == digest and verified(s, r)]
    names = {r.helm_release for r in s.revisions}
    return {name: newest(tuple(good), name) for name in names}


def _there(work: Forward, component: PlannedComponent, targets: Mapping[str, Revision | None]) -> bool:
    """Whether what is wanted is what Helm's storage says is deployed."""
    last = newest(work.revisions, component.helm_release)
    if last is None or last.status is not HelmStatus.DEPLOYED:
        return False
    if work.promotion.spec.action is Action.ROLLBACK:
        target = targets.get(component.helm_release)
        if target is not None:
            return target.revision == last.revision
    return last.promotion_uid == work.promotion.metadata.uid and last.plan == short(work.planned.plan.digest)


def _deployed(work: Forward, component: PlannedComponent) -> None:
    last = newest(work.revisions, component.helm_release)
    work.note(component.name, "Deployed", revision=last.revision if last else 0, message="")


async def _component(work: Forward, component: PlannedComponent, targets: Mapping[str, Revision | None]) -> HelmResult:
    last = newest(work.revisions, component.helm_release)
    if last is not None and last.status.pending:
        if not last.promotion_uid:
            message = f"Helm release {component.helm_release} is locked by an action that is not Lockflight's"
            return HelmResult(HelmOutcome.FAILED, message)
        await work.fence()
        await work.deps.helm.unlock(work.namespace, component.helm_release, last.revision)
    await work.fence()
    if work.running.aborted.is_set():
        return HelmResult(HelmOutcome.CANCELLED, "aborted before it began")
    if work.promotion.spec.action is not Action.ROLLBACK:
        return await _act(work, component, None)
    # What Helm's history does not hold any more is applied anew, from the recorded chart.
    return await _act(work, component, targets.get(component.helm_release))


async def _act(work: Forward, component: PlannedComponent, target: Revision | None) -> HelmResult:
    """Upgrade, or go to the revision ``target``; an abort cancels it."""
    helm, clock, name = work.deps.helm, work.deps.clock, component.helm_release
    began = clock.now()
    work.running.helm_release = (work.namespace, name)
    try:
        if target is None:
            action, result = "upgrade", await helm.upgrade(_job(work, component))
        else:
            action, result = "rollback", await helm.rollback(work.namespace, name, target.revision, work.timeout)
    finally:
        work.running.helm_release = None
    return work.timed(action, result, (clock.now() - began).total_seconds())


def _job(work: Forward, component: PlannedComponent) -> HelmJob:
    release, promotion = work.release, work.promotion.metadata
    return HelmJob(
        namespace=work.namespace,
        helm_release=component.helm_release,
        chart=work.planned.charts[component.name],
        values=work.planned.values[component.name],
        timeout=work.timeout,
        labels=helm_labels(
            release_digest=release.status.digest or "",
            plan_digest=work.planned.plan.digest,
            promotion_uid=promotion.uid,
            version=release.spec.version,
        ),
        description=f"Lockflight: {release.metadata.name} by promotion {promotion.name}",
    )


async def _drop_removed(work: Run, s: Snapshot, release: Release) -> None:
    """Uninstall components that this release no longer has, once the rest stands verified."""
    for name in removed(s.revisions, release, tuple(s.peer_releases.values())):
        await work.fence()
        result = await work.deps.helm.uninstall(work.namespace, name, work.timeout)
        if not succeeded(result):
            message = f"{name} is no longer part of it: {result.message}"
            work.deps.events.emit(work.promotion, Severity.WARNING, "RemovalFailed", message)


async def _done(work: Run, release: Release, governed: Effective) -> None:
    now = work.deps.clock.now()
    stack, environment = work.promotion.metadata.namespace, governed.name
    deployed_at = work.status.deployed_at or now
    beside = verified_beside(work.deps, stack, environment, release.spec.application, deployed_at)
    status = work.status.model_copy(update={"verified_at": now, "beside": beside})
    if governed.spec.exit and governed.spec.exit.sign_offs and work.promotion.spec.action is Action.DEPLOY:
        status = enter(status, Phase.AWAITING_SIGN_OFF, now, "verified; waits for sign-off")
        message = "applied and verified; waits for sign-off"
    else:
        message = f"{release.metadata.name} runs in {work.namespace}, verified"
        generation = work.promotion.metadata.generation
        status = finish(status, Phase.SUCCEEDED, "Succeeded", message, now, generation=generation)
    await work.save(status)
    work.announce(status.phase or Phase.SUCCEEDED, message)
    await sealing.promotion(work.deps, work.promotion)
