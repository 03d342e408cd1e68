"""Processes that outlive the call that started them, and are ended only when they are surely ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A running program: its pid, and the mark that tells it from a later process with the same pid."""

    pid: int
    mark: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs; one that ended but was not waited for does not."""
        # A child of ours that ended stays as a zombie until waited for; somebody else's child is not ours to wait for.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return bool(self.mark) and start_mark(self.pid) == self.mark


def start_mark(pid: int) -> str:
    """Boot and start time of a process; empty when it does not run or is a zombie."""
    if sys.platform != "linux":
        listed = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()
        state, _, started = listed.partition(" ")
        return "" if not state or state.startswith("Z") else started.strip()
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The command name is in parentheses and may hold spaces: count fields after the last parenthesis.
    fields = stat[stat.rindex(")") + 2 :].split()
    state, started = fields[0], fields[19]
    if state in "ZX":
        return ""
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{started}"


def start(
    argv: Sequence[str | Path], *, env: Mapping[str, str], log: Path, cwd: Path, stdin: int | None = None
) -> Process:
    """Start a program in a session of its own, its output appended to `log`.

    A session of its own: an interrupt typed at the terminal must reach us, not it.
    """
    with log.open("ab") as output:
        # Not a context manager: the point is to leave it running.
        started = subprocess.Popen(
            [str(a) for a in argv],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # The exit code is collected by Process.alive; Popen would warn that the child still runs.
    started.returncode = 0
    return Process(started.pid, start_mark(started.pid))


def stop(processes: Iterable[Process], grace: float = 5.0) -> None:
    """End processes and their groups: ask all, then after `grace` seconds force those that are left."""
    left = [p for p in processes if p.alive]
    for process in left:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [p for p in left if p.alive]
    for process in left:
        _signal_group(process, signal.SIGKILL)
    while any(p.alive for p in left):
        time.sleep(0.02)


def _signal_group(process: Process, number: signal.Signals) -> None:
    if process.alive:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
