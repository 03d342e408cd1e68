"""Shows each step as a person would take it: the command, what came back, and why."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from rich.console import Console

from lockflight.devcluster.providers import ClusterLike


class DemoError(Exception):
    """The story did not go as told; the message says where."""


@dataclass(slots=True)
class Narrator:
    """Runs commands as named people and prints them."""

    cluster: ClusterLike
    console: Console
    _step: int = 0

    def chapter(self, title: str, why: str) -> None:
        """Begin a step."""
        self._step += 1
        self.console.print(f"\n[bold cyan]{self._step}. {title}[/]")
        self.console.print(f"[dim]{why}[/]")

    def run(
        self,
        who: str,
        command: Sequence[str],
        *,
        shown: str | None = None,
        stdin: str | None = None,
        refused: bool = False,
        quiet: bool = False,
    ) -> str:
        """Run a command as ``who``; raises DemoError where it fails, or with ``refused`` where it does not."""
        self.console.print(f"[green]{who} $[/] {shown or _shown(command)}", highlight=False, soft_wrap=True)
        done = self._call(who, command, stdin)
        text = (done.stdout + done.stderr).strip()
        if text and not quiet:
            self.console.print(_indented(text), highlight=False, markup=False, soft_wrap=True)
        if (done.returncode != 0) != refused:
            msg = f"{_shown(command)} ended with {done.returncode}: {text}"
            raise DemoError(msg)
        return done.stdout

    def succeeds(self, who: str, command: Sequence[str]) -> bool:
        """Whether a command would succeed as ``who``, without showing it."""
        return self._call(who, command, None).returncode == 0

    def because(self, text: str) -> None:
        """Say why that came back."""
        self.console.print(f"→ {text}", style="dim", highlight=False, markup=False)

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """An object as JSON, without showing it."""
        done = self._call("admin", ["kubectl", "get", kind, name, "-n", namespace, "-o", "json"], None)
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found

    def until(self, what: str, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for something the operator does; raises DemoError with ``what`` when it does not come."""
        deadline = monotonic() + seconds
        while not holds():
            if monotonic() > deadline:
                msg = f"waited {seconds:.0f} s in vain for: {what}"
                raise DemoError(msg)
            sleep(0.1)

    def _call(self, who: str, command: Sequence[str], stdin: str | None) -> subprocess.CompletedProcess[str]:
        environment = {**self.cluster.env_for(who), "COLUMNS": "110"}
        # `lockflight` is the one of this installation, whether or not it is on the caller's PATH.
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        program = shutil.which(command[0], path=environment["PATH"]) or command[0]
        return subprocess.run(
            [program, *command[1:]],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )


def _shown(command: Sequence[str]) -> str:
    return " ".join(part if part in ("|", ">") else shlex.quote(part) for part in command)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
