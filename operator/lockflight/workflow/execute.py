"""Carry out a promotion: components in order, then the verifications; back as one unit if any of it fails.

Everything here can be entered again after the process died: what was done is read from Helm's storage, not remembered.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import parse_duration
from lockflight.api.environment import Verification
from lockflight.api.promotion import Action, ComponentStatus, Phase, Promotion, PromotionStatus, VerificationStatus
from lockflight.api.release import Release
from lockflight.policy.labels import deployer, helm_labels, short
from lockflight.policy.model import Effective, HelmStatus, PlannedComponent, Revision, Snapshot
from lockflight.policy.promotion import remediation
from lockflight.ports import HelmJob, HelmOutcome, HelmResult, JobResult, PortError, Severity
from lockflight.workflow.deps import Deps, Running
from lockflight.workflow.gather import Gathered
from lockflight.workflow.plancache import Planned
from lockflight.workflow.progress import enter, finish, text_of
from lockflight.workflow.status import write


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in words for people."""

    message: str
    aborted: bool = False


@dataclass(slots=True)
class Run:
    """One promotion being carried out by this process."""

    deps: Deps
    promotion: Promotion
    release: Release
    governed: Effective
    change: ChangeRequest | None
    planned: Planned
    running: Running
    revisions: tuple[Revision, ...]
    status: PromotionStatus
    """The promotion's status as it should be; ``promotion`` has it as it was last written."""

    @property
    def namespace(self) -> str:
        """The target namespace."""
        return self.planned.plan.namespace

    @property
    def timeout(self) -> timedelta:
        """Longest time for one Helm action."""
        return parse_duration(self.governed.spec.timeout or "10m")

    async def save(self, status: PromotionStatus) -> None:
        """Write the promotion's status: what changed since the last time."""
        self.promotion = await write(self.deps, self.promotion, status)
        self.status = self.promotion.status


async def run(deps: Deps, gathered: Gathered, promotion: Promotion, running: Running) -> None:
    """From the written intent to the end of execution. Raises PortError where the cluster does not answer."""
    snapshot, planned = gathered.snapshot, gathered.planned
    if snapshot.release is None or snapshot.effective is None or planned is None:
        await _lost(deps, promotion, snapshot)
        return
    work = Run(
        deps,
        promotion,
        snapshot.release,
        snapshot.effective,
        snapshot.change,
        planned,
        running,
        snapshot.revisions,
        promotion.status,
    )
    execution = promotion.status.execution
    if execution is not None and execution.remediation is not None:
        await _remedy(work, Failure("the operator was restarted while taking it back", aborted=promotion.spec.abort))
        return
    failure = await _apply(work)
    if failure is None:
        failure = await _verify(work)
    if failure is not None:
        await _remedy(work, failure)
        return
    await _drop_removed(work)
    await _done(work)


async def _apply(work: Run) -> Failure | None:
    for component in work.planned.plan.components:
        if work.running.aborted.is_set():
            return Failure("aborted", aborted=True)
        await work.deps.leadership.fence()
        result = await _component(work, component)
        state = "Deployed" if result.outcome is HelmOutcome.SUCCEEDED else "Failed"
        _note(work, component.name, state, revision=result.revision, message=result.message)
        if result.outcome is not HelmOutcome.SUCCEEDED:
            aborted = work.running.aborted.is_set()
            what = "aborted while applying" if aborted else "could not apply"
            return Failure(f"{what} component {component.name}: {result.message}", aborted=aborted)
    status = work.status
    now = work.deps.clock.now()
    checks = _checks(work)
    if status.deployed_at is None:
        status = status.model_copy(update={"deployed_at": now})
        _observe_approval(work, now)
    if checks:
        status = enter(status, Phase.VERIFYING, now, "applied; verifying")
        status = status.model_copy(update={"verification": tuple(_started(status, check, now) for check in checks)})
        await work.save(status)
    else:
        work.status = status
    return None


def _observe_approval(work: Run, now: datetime) -> None:
    seen = [o.at for o in work.change.status.observed] if work.change is not None else []
    if seen:
        work.deps.metrics.observe("approval_to_applied_seconds", (now - max(seen)).total_seconds())


async def _component(work: Run, component: PlannedComponent) -> HelmResult:
    latest = _latest(work.revisions, component.helm_release)
    if latest is not None and latest.status.pending:
        if latest.promotion_uid and not _ours(work, latest):
            return HelmResult(HelmOutcome.FAILED, f"Helm release {component.helm_release} is locked by another action")
        await work.deps.helm.unlock(work.namespace, component.helm_release, latest.revision)
    if work.promotion.spec.action is Action.ROLLBACK:
        return await _component_back(work, component, latest)
    if latest is not None and latest.status is HelmStatus.DEPLOYED and _made_by(work, latest):
        return HelmResult(HelmOutcome.SUCCEEDED, revision=latest.revision)
    job = HelmJob(
        namespace=work.namespace,
        helm_release=component.helm_release,
        chart=work.planned.charts[component.name],
        values=work.planned.values[component.name],
        timeout=work.timeout,
        labels=helm_labels(
            release_digest=work.release.status.digest or "",
            plan_digest=work.planned.plan.digest,
            promotion_uid=work.promotion.metadata.uid,
            version=work.release.spec.version,
        ),
        description=f"Lockflight: {work.release.metadata.name} by promotion {work.promotion.metadata.name}",
    )
    return await _helm(work, component.helm_release, "upgrade", job)


async def _component_back(work: Run, component: PlannedComponent, latest: Revision | None) -> HelmResult:
    digest = short(work.release.status.digest or "")
    good = [
        r
        for r in work.revisions
        if r.helm_release == component.helm_release
        and r.release_digest == digest
        and r.status in (HelmStatus.DEPLOYED, HelmStatus.SUPERSEDED)
    ]
    if not good:
        return HelmResult(
            HelmOutcome.FAILED,
            f"Helm's history of {component.helm_release} no longer holds {work.release.metadata.name}: deploy it anew",
        )
    newest = max(good, key=lambda r: r.revision)
    if latest is not None and newest.revision == latest.revision and newest.status is HelmStatus.DEPLOYED:
        return HelmResult(HelmOutcome.SUCCEEDED, revision=newest.revision)
    return await _helm(work, component.helm_release, "rollback", newest.revision)


async def _helm(work: Run, helm_release: str, action: str, argument: HelmJob | int) -> HelmResult:
    helm, started = work.deps.helm, work.deps.clock.now()
    work.running.helm_release = (work.namespace, helm_release)
    try:
        if isinstance(argument, HelmJob):
            result = await helm.upgrade(argument)
        else:
            result = await helm.rollback(work.namespace, helm_release, argument, work.timeout)
    finally:
        work.running.helm_release = None
    work.deps.metrics.observe(
        "helm_action_duration_seconds",
        (work.deps.clock.now() - started).total_seconds(),
        action=action,
        result=result.outcome.value,
    )
    return result


async def _verify(work: Run) -> Failure | None:
    for check in _checks(work):
        done = next((v for v in work.status.verification if v.name == check.name), None)
        if done is not None and done.state == "Passed":
            continue
        if work.running.aborted.is_set():
            return Failure("aborted", aborted=True)
        passed, message = await _check(work, check)
        now = work.deps.clock.now()
        rows = tuple(
            v.model_copy(
                update={"state": "Passed" if passed else "Failed", "finished_at": now, "message": text_of(message)}
            )
            if v.name == check.name
            else v
            for v in work.status.verification
        )
        status = work.status.model_copy(update={"verification": rows})
        work.status = status
        if not passed:
            aborted = work.running.aborted.is_set()
            return Failure("aborted" if aborted else f"verification {check.name} failed: {message}", aborted=aborted)
    return None


async def _check(work: Run, check: Verification) -> tuple[bool, str]:
    if check.helm_test is not None:
        for component in work.planned.plan.components:
            work.running.helm_release = (work.namespace, component.helm_release)
            try:
                timeout = parse_duration(check.helm_test.timeout)
                result = await work.deps.helm.test(work.namespace, component.helm_release, timeout)
            finally:
                work.running.helm_release = None
            if result.outcome is not HelmOutcome.SUCCEEDED:
                return False, f"helm test {component.helm_release}: {result.message}"
        return True, ""
    if check.job is None:
        return False, "it is neither helmTest nor job"
    name = f"lockflight-{check.name[:30]}-{work.promotion.metadata.uid[:8]}"
    timeout = parse_duration(check.job.timeout)
    try:
        await work.deps.cluster.run_job(work.namespace, name, check.job.template.dump(), timeout)
        job = await _job_or_abort(work, name, timeout)
    except PortError as problem:
        return False, f"Job {name} could not be run by {deployer(work.namespace)}: {problem}"
    return job.succeeded, job.message


async def _job_or_abort(work: Run, name: str, timeout: timedelta) -> JobResult:
    job = asyncio.ensure_future(work.deps.cluster.job_result(work.namespace, name, timeout))
    abort = asyncio.ensure_future(work.running.aborted.wait())
    try:
        await asyncio.wait({job, abort}, return_when=asyncio.FIRST_COMPLETED)
        return job.result() if job.done() else JobResult(succeeded=False, message="aborted")
    finally:
        job.cancel()
        abort.cancel()


async def _remedy(work: Run, failure: Failure) -> None:
    """Bring the whole bundle back, or hold it, as the plan of the change or the environment says."""
    status = work.status
    execution = status.execution
    way = execution.remediation if execution else None
    if way is None:
        way = _way_back(work)
        if execution is not None:
            execution = execution.model_copy(update={"remediation": way})
        await work.save(status.model_copy(update={"execution": execution}))
    problems: list[str] = []
    if way in ("Rollback", "Uninstall"):
        for row in reversed(work.status.components):
            problem = await _take_back(work, row)
            if problem:
                problems.append(problem)
    taken_back = way != "Hold" and not problems
    now = work.deps.clock.now()
    if failure.aborted:
        phase, reason = Phase.ABORTED, "Aborted"
    else:
        phase, reason = (Phase.ROLLED_BACK, "RolledBack") if taken_back else (Phase.FAILED, "Failed")
    words = {
        "Rollback": "every component is back at its last verified revision",
        "Uninstall": "it was the first deployment: uninstalled",
        "Hold": "held as it is: a person decides",
        "None": "nothing had been changed",
    }[way if not problems else "Hold"]
    message = "; ".join([failure.message, *problems, words])
    final = finish(work.status, phase, reason, message, now, generation=work.promotion.metadata.generation)
    await work.save(final)
    _announce(work, phase, message)


def _way_back(work: Run) -> Literal["None", "Rollback", "Uninstall", "Hold"]:
    if work.promotion.spec.action is Action.ROLLBACK:
        # A failed way back is not retraced by itself: a person decides.
        return "Hold"
    return remediation(work.change, work.governed, work.planned.plan, work.status.components)


async def _take_back(work: Run, row: ComponentStatus) -> str | None:
    revisions = await work.deps.helm.revisions(work.namespace, work.release.spec.application)
    latest = _latest(revisions, row.helm_release)
    if latest is None:
        return None
    if latest.status.pending:
        await work.deps.helm.unlock(work.namespace, row.helm_release, latest.revision)
    if row.previous_revision == 0 and any(
        not _made_here(work, r) for r in revisions if r.helm_release == row.helm_release
    ):
        return f"{row.helm_release} has no verified revision to go back to and is left as it is"
    if row.previous_revision == 0:
        result = await work.deps.helm.uninstall(work.namespace, row.helm_release, work.timeout)
        action = "uninstall"
    elif latest.status is HelmStatus.DEPLOYED and not _made_by(work, latest):
        return None
    else:
        result = await _helm(work, row.helm_release, "rollback", row.previous_revision)
        action = f"rollback to revision {row.previous_revision}"
    done = result.outcome is HelmOutcome.SUCCEEDED
    _note(work, row.name, "RolledBack" if done else "Failed", revision=result.revision, message=result.message)
    return None if done else f"{action} of {row.helm_release} failed: {result.message}"


async def _drop_removed(work: Run) -> None:
    """Uninstall components that this release no longer has, once the rest stands verified."""
    planned = {c.helm_release for c in work.planned.plan.components}
    for name in removed(work.revisions, planned):
        result = await work.deps.helm.uninstall(work.namespace, name, work.timeout)
        if result.outcome is not HelmOutcome.SUCCEEDED:
            work.deps.events.emit(
                work.promotion, Severity.WARNING, "RemovalFailed", f"{name} is no longer part of it: {result.message}"
            )


def removed(revisions: Sequence[Revision], planned: set[str]) -> tuple[str, ...]:
    """Helm releases of this application that Lockflight made and the new release does not have."""
    ours = {r.helm_release for r in revisions if r.promotion_uid}
    return tuple(sorted(ours - planned))


async def _done(work: Run) -> None:
    now = work.deps.clock.now()
    status = work.status.model_copy(update={"verified_at": now})
    if work.governed.spec.exit and work.governed.spec.exit.sign_offs and work.promotion.spec.action is Action.DEPLOY:
        status = enter(status, Phase.AWAITING_SIGN_OFF, now, "verified; waits for sign-off")
        message = "applied and verified; waits for sign-off"
    else:
        message = f"{work.release.metadata.name} runs in {work.namespace}, verified"
        status = finish(
            status, Phase.SUCCEEDED, "Succeeded", message, now, generation=work.promotion.metadata.generation
        )
    await work.save(status)
    _announce(work, status.phase or Phase.SUCCEEDED, message)


async def _lost(deps: Deps, promotion: Promotion, snapshot: Snapshot) -> None:
    """What it was carrying out cannot be read any more: say so, touch nothing."""
    missing = (
        "its release" if snapshot.release is None else "its environment" if snapshot.effective is None else "its plan"
    )
    detail = getattr(snapshot.plan, "message", "")
    message = f"{missing} is gone while it was executing{': ' + detail if detail else ''}; what runs was left as it is"
    final = finish(
        promotion.status,
        Phase.FAILED,
        "InputsLost",
        message,
        deps.clock.now(),
        generation=promotion.metadata.generation,
    )
    await write(deps, promotion, final)
    deps.events.emit(promotion, Severity.WARNING, "InputsLost", message)


def _announce(work: Run, phase: Phase, message: str) -> None:
    bad = phase in (Phase.FAILED, Phase.ROLLED_BACK, Phase.ABORTED)
    work.deps.events.emit(work.promotion, Severity.WARNING if bad else Severity.NORMAL, phase.value, message)
    work.deps.metrics.count("promotion_transitions_total", environment=work.governed.name, phase=phase.value)


def _checks(work: Run) -> tuple[Verification, ...]:
    leave = work.governed.spec.exit
    return leave.verification if leave else ()


def _started(status: PromotionStatus, check: Verification, now: datetime) -> VerificationStatus:
    known = next((v for v in status.verification if v.name == check.name), None)
    return known or VerificationStatus(name=check.name, state="Running", started_at=now)


def _note(work: Run, name: str, state: str, *, revision: int, message: str) -> None:
    rows = tuple(
        row.model_copy(update={"state": state, "revision": revision or row.revision, "message": text_of(message)})
        if row.name == name
        else row
        for row in work.status.components
    )
    work.status = work.status.model_copy(update={"components": rows})


def _latest(revisions: Sequence[Revision], helm_release: str) -> Revision | None:
    return max((r for r in revisions if r.helm_release == helm_release), key=lambda r: r.revision, default=None)


def _ours(work: Run, revision: Revision) -> bool:
    known = {p.metadata.uid for p in work.deps.store.of(Promotion, work.promotion.metadata.namespace)}
    return revision.promotion_uid in known


def _made_here(work: Run, revision: Revision) -> bool:
    return revision.promotion_uid == work.promotion.metadata.uid


def _made_by(work: Run, revision: Revision) -> bool:
    return revision.promotion_uid == work.promotion.metadata.uid and revision.plan == short(work.planned.plan.digest)
