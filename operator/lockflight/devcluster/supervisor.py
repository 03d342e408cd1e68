"""The programs of one state folder: started, watched, ended, and remembered between calls."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockflight.devcluster import processes, record
from lockflight.devcluster.errors import NotReadyError, NotUpError, ProgramCrashedError
from lockflight.devcluster.files import private_folder, tail
from lockflight.devcluster.layout import Layout
from lockflight.devcluster.people import Person
from lockflight.devcluster.processes import Process
from lockflight.devcluster.programs import Program
from lockflight.devcluster.record import Record

_WATCHDOG = "watchdog"
_ADOPTED = "adopted:"
# Ten times what an idle machine needs: two busy cores are slow, not broken.
_PATIENCE = 120.0


@dataclass(frozen=True)
class ProgramStatus:
    """One program: its process, whether it runs, where it listens (None: nowhere) and its log."""

    name: str
    pid: int | None
    alive: bool
    port: int | None
    log: Path


class Supervisor:
    """Keeps the record on disk in step with what runs."""

    def __init__(self, layout: Layout, known: Record) -> None:
        """Take over what is recorded; nothing is started."""
        self.layout = layout
        self.record = known

    @classmethod
    def attach(cls, layout: Layout) -> Supervisor:
        """The one of a state folder; raises `NotUpError` when there never was one."""
        return cls(layout, record.load(layout))

    def launch(self, program: Program) -> None:
        """Start a program unless it runs."""
        if self.alive(program.name):
            return
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.layout.root),
            "TMPDIR": str(private_folder(self.layout.data("tmp"))),
            **program.env,
        }
        argv: list[str | Path] = [self.record.tools / program.name, *program.args]
        log = self.layout.log(program.name)
        self._remember(program.name, processes.start(argv, env=env, log=log, cwd=self.layout.root))

    def wait(self, name: str, condition: Callable[[], bool]) -> None:
        """Wait for a program to get ready.

        Raises `ProgramCrashedError` as soon as any program ends, `NotReadyError` after two minutes.
        """
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                log = self.layout.log(name)
                raise NotReadyError(name, _PATIENCE, f"the last lines of {log}:\n{tail(log)}")
            time.sleep(0.05)

    def alive(self, name: str) -> bool:
        """Whether a program runs."""
        process = self.record.processes.get(name)
        return process is not None and process.alive

    def status(self, names: Sequence[str]) -> list[ProgramStatus]:
        """How programs are, whether they were ever started or not."""
        found = []
        for name in names:
            process = self.record.processes.get(name)
            pid = process.pid if process else None
            found.append(ProgramStatus(name, pid, self.alive(name), self.record.ports.get(name), self.layout.log(name)))
        return found

    def check(self) -> None:
        """Raise `ProgramCrashedError`, with the tail of its log, for a program that ended on its own."""
        ours = [name for name in self.record.processes if name != _WATCHDOG and not name.startswith(_ADOPTED)]
        for program in self.status(ours):
            if not program.alive:
                raise ProgramCrashedError(program.name, program.log, tail(program.log))

    def remember_person(self, person: Person) -> None:
        """Record a person, so that the kubeconfig is written anew when the server moves."""
        self.record = self.record.with_person(person)
        self.record.save(self.layout)

    def adopt(self, name: str, pid: int) -> None:
        """Remember a process that was started elsewhere: `stop` ends it, too; `check` leaves its end to its owner."""
        self._remember(f"{_ADOPTED}{name}", Process(pid, processes.start_mark(pid)))

    def tie_to_caller(self) -> None:
        """End everything when this process is gone, however it goes."""
        if self.alive(_WATCHDOG):
            return
        # The watchdog reads a pipe whose other end we hold until we end: the kernel closes it, even after SIGKILL.
        reading, _held_open = os.pipe()
        argv: list[str | Path] = [sys.executable, "-P", "-m", "lockflight.devcluster.watchdog", self.layout.root]
        log = self.layout.log(_WATCHDOG)
        self._remember(_WATCHDOG, processes.start(argv, env=os.environ, log=log, cwd=Path("/"), stdin=reading))
        os.close(reading)

    def reload(self) -> bool:
        """Read the record again, another process may have changed it; False when the state folder is gone."""
        try:
            self.record = record.load(self.layout)
        except NotUpError:
            return False
        return True

    def stop(self) -> None:
        """End every program; harmless when repeated."""
        watchdog = self.record.processes.get(_WATCHDOG)
        store = self.record.processes.get("etcd")
        processes.stop(p for p in self.record.processes.values() if p not in (watchdog, store))
        # After the rest: without its store the API server does not end in order.
        processes.stop([store] if store else [])
        self.record = self.record.without_processes()
        self.record.save(self.layout)
        # Last: should we be killed half-way, it finishes the work. It may also be the one at work.
        if watchdog is not None and watchdog.pid != os.getpid():
            processes.stop([watchdog])

    def _remember(self, name: str, process: Process) -> None:
        self.record = self.record.with_process(name, process)
        self.record.save(self.layout)
