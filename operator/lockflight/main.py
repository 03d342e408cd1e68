"""The operator process: ``python -m lockflight.main``, set up by environment variables (see ``settings``)."""

import asyncio
import signal
import sys
from datetime import timedelta

import structlog
from pydantic import ValidationError

from lockflight import bootstrap, logs
from lockflight.handlers.intake import explain
from lockflight.ports import Clock, PortError
from lockflight.settings import Settings

log = structlog.get_logger()

# Helm gets 20 s of them to record that it was ended; all of it is less than the 30 s that Kubernetes gives by default.
_WORK_GRACE = timedelta(seconds=22)
_WATCH_GRACE = 5.0
# The watches list by themselves first; a comparison meanwhile would only find what they are about to tell.
_FIRST_RESYNC = 30.0
_SWEEP_AGAIN = timedelta(seconds=10)


def main(judged_by: Clock | None = None) -> int:
    """Run until told to end; the exit code: 0 after a signal, 1 when it could not go on, 2 for unusable settings.

    ``judged_by`` is as in ``bootstrap.operator``.
    """
    try:
        settings = Settings()
    except ValidationError as problem:
        print(f"unusable settings (LOCKFLIGHT_…): {explain(problem)}", file=sys.stderr)
        return 2
    logs.configure(settings.log_level)
    try:
        return asyncio.run(_run(settings, judged_by))
    except (PortError, OSError, ValueError) as problem:
        log.error("cannot start", problem=str(problem))
        return 1


async def _run(settings: Settings, judged_by: Clock | None) -> int:
    told, lost = asyncio.Event(), asyncio.Event()
    _on_signals(told)
    async with bootstrap.operator(settings, lost.set, judged_by) as operator:
        await operator.http.open(settings.http_port)
        log.info("started", identity=settings.identity, http_port=settings.http_port)
        work = asyncio.create_task(_work(operator, told), name="work")
        ends = [asyncio.create_task(told.wait()), asyncio.create_task(lost.wait())]
        try:
            await asyncio.wait({work, *ends}, return_when=asyncio.FIRST_COMPLETED)
            log.info("ending", reason="signal" if told.is_set() else "lease lost" if lost.is_set() else "failure")
            return 0 if told.is_set() else 1
        finally:
            for task in ends:
                task.cancel()
            await _end(operator, work)


async def _work(operator: bootstrap.Operator, told: asyncio.Event) -> None:
    """List, watch, lead, work: in this order, so that nothing is decided on half a store. Ends only by failing."""
    await operator.lists.fill()
    operator.store.listen(operator.waker.changed, operator.waker.namespace_changed)
    operator.waker.everything()
    await operator.watches.start()
    _on_signals(told)
    operator.vitals.listed = True
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watched(operator), name="watches")
        tasks.create_task(operator.leader.lead(), name="leader")
        tasks.create_task(_resync(operator), name="resync")
        await operator.leader.acquired.wait()
        operator.vitals.leading = True
        tasks.create_task(operator.self_test(), name="self-test")
        tasks.create_task(_sweep(operator), name="sweep")
        tasks.create_task(operator.archiving(), name="archiving")
        tasks.create_task(operator.pruning(), name="pruning")
        tasks.create_task(operator.checkpoints(), name="checkpoints")
        tasks.create_task(operator.comparison(), name="comparison")
        await operator.queue.run()


async def _sweep(operator: bootstrap.Operator) -> None:
    """Once: what a process that led before left unsealed."""
    while True:
        try:
            await operator.sweep()
        except PortError as problem:
            log.warning("the audit trail cannot be read; trying again", problem=str(problem))
            await operator.clock.sleep(_SWEEP_AGAIN)
        else:
            return


async def _watched(operator: bootstrap.Operator) -> None:
    await operator.watches.ended()
    msg = "kopf ended by itself"
    raise RuntimeError(msg)


async def _resync(operator: bootstrap.Operator) -> None:
    pause = min(_FIRST_RESYNC, operator.settings.resync_seconds)
    while True:
        await operator.clock.sleep(timedelta(seconds=pause))
        await operator.lists.compare()
        operator.waker.everything()
        pause = operator.settings.resync_seconds


async def _end(operator: bootstrap.Operator, work: asyncio.Task[None]) -> None:
    """Start nothing, end what runs, and only then let the next one lead."""
    operator.vitals.leading = False
    left, _ = await asyncio.gather(operator.queue.stop(_WORK_GRACE), operator.watches.stop(_WATCH_GRACE))
    if left:
        log.warning("passes did not end in time", count=left)
    work.cancel()
    (problem,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(problem, Exception):
        log.error("the operator failed", exc_info=problem)
    await operator.leader.release()
    await operator.http.close()


def _on_signals(told: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)


if __name__ == "__main__":
    sys.exit(main())
