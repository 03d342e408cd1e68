"""What can go wrong with a cluster, each with what to do next."""

from __future__ import annotations

from pathlib import Path


class DevClusterError(Exception):
    """Base of everything this package raises on purpose."""


class ToolsMissingError(DevClusterError):
    """A program of the control plane has not been built."""

    def __init__(self, missing: list[str], tools: Path) -> None:
        super().__init__(f"{', '.join(missing)} not found in {tools}: run `make setup`")


class NotUpError(DevClusterError):
    """There is no cluster in this state folder."""

    def __init__(self, state: Path) -> None:
        super().__init__(f"no cluster in {state}: run `lockflight dev up`")


class ProgramCrashedError(DevClusterError):
    """A program ended on its own; the message carries the tail of its log."""

    def __init__(self, name: str, log: Path, tail: str) -> None:
        super().__init__(f"{name} ended on its own; the last lines of {log}:\n{tail}")
        self.name = name
        self.log = log
        self.tail = tail


class NotReadyError(DevClusterError):
    """Something runs but did not get ready in time."""

    def __init__(self, what: str, seconds: float, detail: str) -> None:
        super().__init__(f"{what} not ready after {seconds:.0f} s: {detail}")


class CommandFailedError(DevClusterError):
    """A command-line program ended with an error; `stderr` is what it said."""

    def __init__(self, argv: list[str], code: int, stderr: str) -> None:
        super().__init__(f"{' '.join(argv)}: exit code {code}: {stderr.strip()}")
        self.code = code
        self.stderr = stderr
