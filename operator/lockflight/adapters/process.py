"""Run a program as a subprocess that never outlives its reason: bounded output, a deadline, a gentle end on cancel."""

import asyncio
import os
import shutil
import signal
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_GRACE = 20.0
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. ``code`` is negative where a signal ended it."""

    code: int
    out: bytes
    err: str
    timed_out: bool = False
    overflowed: bool = False
    """It wrote more than allowed, and was ended."""


def program(name: str) -> str:
    """The full path of a program, since the PATH of subprocesses is minimal. Raises FileNotFoundError."""
    found = shutil.which(name)
    if found is None:
        msg = f"the program {name} was not found"
        raise FileNotFoundError(msg)
    return str(Path(found).absolute())


def tethered(argv: Sequence[str]) -> Sequence[str]:
    """The same command, ended with SIGTERM by the kernel if this process dies, where the system can do that."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *argv] if setpriv else argv


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    seconds: float,
    max_out: int = 65_536,
    grace: float = _GRACE,
) -> Finished:
    """Run to the end in a session of its own: no terminal, no shell, nothing on standard input.

    After ``seconds``, or when the awaiting task is cancelled, the program gets SIGTERM and, ``grace`` seconds later,
    SIGKILL; a cancelled call returns only when the program has ended. Of standard error the last 8 KiB are kept.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    )
    try:
        # Shielded: asyncio answers a cancellation here with SIGKILL, and spares what the program has started.
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        await undisturbed(_unwanted(starting, grace))
        raise
    overflow = asyncio.Event()
    out = asyncio.create_task(_head(process.stdout, max_out, overflow))
    err = asyncio.create_task(_tail(process.stderr, 8_192))
    ended = asyncio.create_task(process.wait())
    too_much = asyncio.create_task(overflow.wait())
    timed_out = False
    try:
        await asyncio.wait({ended, too_much}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        timed_out = not ended.done() and not overflow.is_set()
    finally:
        if not ended.done():
            await undisturbed(_end(process, ended, grace))
        too_much.cancel()
        # Whatever a killed program started may hold the pipes open: what came until now is enough.
        await asyncio.wait({out, err}, timeout=1.0)
        for reader in (out, err):
            reader.cancel()
    return Finished(
        code=ended.result(),
        out=_result(out, b""),
        err=_result(err, b"").decode(errors="replace"),
        timed_out=timed_out,
        overflowed=overflow.is_set(),
    )


async def undisturbed(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work`` to its end even if the awaiting task is cancelled meanwhile; the cancellation follows then."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                break
            cancelled = True
        except Exception:  # noqa: BLE001 - it is raised by result() below
            break
    if cancelled:
        raise asyncio.CancelledError
    return task.result()


async def _unwanted(starting: "asyncio.Future[asyncio.subprocess.Process]", grace: float) -> None:
    try:
        process = await starting
    except OSError:
        return
    readers = {
        asyncio.create_task(_head(process.stdout, 0, asyncio.Event())),
        asyncio.create_task(_tail(process.stderr, 0)),
    }
    await _end(process, asyncio.create_task(process.wait()), grace)
    await asyncio.wait(readers, timeout=1.0)
    for reader in readers:
        reader.cancel()


async def _end(process: asyncio.subprocess.Process, ended: "asyncio.Task[int]", grace: float) -> None:
    _signal(process.pid, signal.SIGTERM)
    done, _ = await asyncio.wait({ended}, timeout=grace)
    if not done:
        _signal(process.pid, signal.SIGKILL)
        await ended


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


async def _head(stream: asyncio.StreamReader | None, limit: int, overflow: asyncio.Event) -> bytes:
    kept = bytearray()
    # Read on to the end: asyncio sees a program's end only once its pipes are empty.
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        if len(kept) + len(chunk) > limit:
            overflow.set()
        kept += chunk[: limit - len(kept)]
    return bytes(kept)


async def _tail(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    kept = b""
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        kept = (kept + chunk)[-limit:] if limit else b""
    return kept


def _result(task: "asyncio.Task[bytes]", default: bytes) -> bytes:
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else default
