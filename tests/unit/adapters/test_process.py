"""Subprocesses end when they should."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lockflight.adapters.process import Finished, program, run, tethered, undisturbed
from tests.waiting import until

ENV = {"PATH": os.environ["PATH"]}
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


async def sh(script: str, folder: Path, *, seconds: float = 20, max_out: int = 1_000, grace: float = 5) -> Finished:
    return await run(["sh", "-c", script], env=ENV, cwd=folder, seconds=seconds, max_out=max_out, grace=grace)


async def test_output_and_code_are_kept(tmp_path: Path) -> None:
    done = await sh("echo out; echo err >&2; exit 3", tmp_path)
    assert (done.code, done.out, done.err, done.timed_out) == (3, b"out\n", "err\n", False)


async def test_of_errors_the_end_is_kept(tmp_path: Path) -> None:
    done = await sh("seq 1 5000 >&2", tmp_path)
    assert len(done.err) <= 8_192
    assert done.err.endswith("5000\n")


async def test_a_program_that_writes_too_much_is_ended(tmp_path: Path) -> None:
    done = await sh("yes", tmp_path)
    assert done.overflowed
    assert len(done.out) == 1_000


async def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    done = await sh("exec sleep 60", tmp_path, seconds=0.1)
    assert done.timed_out
    assert done.code == -15


async def test_one_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STUBBORN]
    done = await run(argv, env=ENV, cwd=tmp_path, seconds=1.0, grace=0.2)
    assert done.code == -9


async def test_a_cancelled_call_returns_when_the_program_has_ended(tmp_path: Path) -> None:
    script = 'trap "sleep 0.2; echo tidied > done; exit" TERM; touch up; sleep 60 & wait'
    task = asyncio.create_task(sh(script, tmp_path))
    await until((tmp_path / "up").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "done").read_text() == "tidied\n"


async def test_a_call_that_is_cancelled_while_it_starts_ends_gently_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.create_subprocess_exec

    async def slowly(*argv: str, **options: Any) -> asyncio.subprocess.Process:
        process = await started(*argv, **options)
        task.cancel()
        await until((tmp_path / "up").exists)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    script = 'trap "echo tidied > done; kill $!; exit" TERM; sleep 60 & touch up; wait'
    task = asyncio.create_task(sh(script, tmp_path))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "done").read_text() == "tidied\n"


async def test_what_must_be_finished_is_finished_and_the_cancellation_follows() -> None:
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.set()

    task = asyncio.create_task(undisturbed(work()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()


def test_a_missing_program_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        program("no-such-program")


async def test_a_tethered_program_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys\n"
        "from lockflight.adapters.process import tethered\n"
        "child = subprocess.Popen(tethered(['sleep', '60']), start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(  # noqa: ASYNC220 - the parent that is to be killed
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # Only when the program itself runs has the kernel been told.
        await until(lambda: _name(child) == "sleep")
        parent.kill()
    await until(lambda: _has_ended(child))


def test_tethering_keeps_the_command() -> None:
    assert [*tethered(["helm", "version"])][-2:] == ["helm", "version"]


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _has_ended(pid: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
