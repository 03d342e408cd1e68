"""Verify what was applied: Helm tests and Jobs in the target, in order."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from lockflight.api.common import parse_duration
from lockflight.api.environment import HelmTest, Verification
from lockflight.api.promotion import VerificationStatus
from lockflight.policy.labels import deployer
from lockflight.policy.others import asked_for, pending
from lockflight.ports import JobResult, NotLeaderError, PortError, Severity, UnreachableError
from lockflight.workflow.progress import text_of
from lockflight.workflow.run import Failure, Forward, succeeded

LOG: Final = 4096
"""Characters of a log that are kept."""


def checks(work: Forward) -> tuple[Verification, ...]:
    """What the environment asks Lockflight itself to run."""
    leave = work.governed.spec.exit
    return tuple(check for check in leave.verification if check.external is None) if leave else ()


def started(work: Forward, now: datetime) -> tuple[VerificationStatus, ...]:
    """A row for everything that is asked for: as known, else as begun now, and those of others as still to come."""
    known = {row.name: row for row in work.status.verification}
    mine = [
        known.get(check.name) or VerificationStatus(name=check.name, state="Running", started_at=now)
        for check in checks(work)
    ]
    theirs = [known.get(name) or pending(name, check) for name, check in asked_for(work.promotion, work.governed)]
    return (*mine, *theirs)


async def verify(work: Forward) -> Failure | None:
    """Run the checks that have not passed yet. Raises PortError where the cluster does not answer."""
    wanted = checks(work)
    for check in wanted:
        if any(v.name == check.name and v.state == "Passed" for v in work.status.verification):
            continue
        passed, message, log = await _attempts(work, check)
        aborted = not passed and work.running.aborted.is_set()
        words = work.running.words if aborted else message
        _ended(work, check, passed=passed, message=words, log=log)
        if not passed:
            words = work.running.words if aborted else f"verification {check.name} failed: {message}"
            return Failure(words, aborted=aborted)
        if check is not wanted[-1]:
            # A check that took an hour is not repeated because the process died in the next one.
            await work.save(work.status)
    return None


async def _attempts(work: Forward, check: Verification) -> tuple[bool, str, str]:
    """As often as it may be run until it passes; each further attempt is in status before it begins."""
    most = (check.helm_test or check.job or HelmTest()).attempts
    while True:
        if work.running.aborted.is_set():
            return False, work.running.words, ""
        row = next(v for v in work.status.verification if v.name == check.name)
        await work.fence()
        passed, said, log = await _check(work, check, row.attempt)
        message, log = work.shown(said), end_of(work.shown(log))
        earlier = f"{row.message}; " if row.message else ""
        if passed or row.attempt >= most or work.running.aborted.is_set():
            counted = f"attempt {row.attempt} of {most}" if most > 1 else ""
            return passed, earlier + ": ".join(filter(None, (counted, message or ("passed" if counted else "")))), log
        said_so = text_of(f"{earlier}attempt {row.attempt} of {most} failed: {message}")
        again = row.model_copy(update={"attempt": row.attempt + 1, "message": said_so, "log": log})
        rows = tuple(again if v.name == check.name else v for v in work.status.verification)
        await work.save(work.status.model_copy(update={"verification": rows}))
        work.deps.events.emit(work.promotion, Severity.WARNING, "VerificationRepeated", f"{check.name}: {said_so}")


def end_of(log: str) -> str:
    """As much of its end as a status holds, from the beginning of a line on where there is one."""
    if len(log) <= LOG:
        return log
    cut = log[-LOG + 2 :]
    first, newline, rest = cut.partition("\n")
    return f"…\n{rest if newline and rest else first}"


def _ended(work: Forward, check: Verification, *, passed: bool, message: str, log: str) -> None:
    change = {
        "state": "Passed" if passed else "Failed",
        "finished_at": work.deps.clock.now(),
        "message": text_of(message),
        "log": log,
    }
    rows = tuple(v.model_copy(update=change) if v.name == check.name else v for v in work.status.verification)
    work.status = work.status.model_copy(update={"verification": rows})


async def _check(work: Forward, check: Verification, attempt: int) -> tuple[bool, str, str]:
    """Whether it passed, what is said of it, and the end of its log."""
    if check.helm_test is not None:
        return await _helm_tests(work, parse_duration(check.helm_test.timeout))
    if check.job is None:
        return False, "it is no helmTest and no job", ""
    name = f"lockflight-{check.name[:30]}-{work.promotion.metadata.uid[:8]}"
    name += f"-{attempt}" if attempt > 1 else ""
    timeout = parse_duration(check.job.timeout)
    try:
        await work.deps.cluster.run_job(work.namespace, name, check.job.template.dump(), timeout)
        job = await _job_or_abort(work, name, timeout)
    except (UnreachableError, NotLeaderError):
        # Not the fault of what is verified: taken up again.
        raise
    except PortError as problem:
        return False, f"Job {name} could not be run by {deployer(work.namespace)}: {problem}", ""
    return job.succeeded, job.message, job.log


async def _helm_tests(work: Forward, timeout: timedelta) -> tuple[bool, str, str]:
    logs: list[str] = []
    for component in work.planned.plan.components:
        if work.running.aborted.is_set():
            return False, work.running.words, ""
        work.running.helm_release = (work.namespace, component.helm_release)
        try:
            result = await work.deps.helm.test(work.namespace, component.helm_release, timeout)
        finally:
            work.running.helm_release = None
        logs += [f"= {component.helm_release}\n{result.log}"] if result.log else []
        if not succeeded(result):
            return False, f"helm test {component.helm_release}: {result.message}", "\n".join(logs)
    return True, "", "\n".join(logs)


async def _job_or_abort(work: Forward, name: str, timeout: timedelta) -> JobResult:
    job = asyncio.ensure_future(work.deps.cluster.job_result(work.namespace, name, timeout))
    abort = asyncio.ensure_future(work.running.aborted.wait())
    try:
        await asyncio.wait({job, abort}, return_when=asyncio.FIRST_COMPLETED)
        return job.result() if job.done() else JobResult(succeeded=False, message=work.running.words)
    finally:
        job.cancel()
        abort.cancel()
