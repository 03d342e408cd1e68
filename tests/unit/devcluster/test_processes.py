import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lockflight.devcluster.processes import Process, start, start_mark, stop

Start = Callable[..., Process]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Start]:
    """Start shell scripts; whatever is left of them ends with the test."""
    started: list[Process] = []

    def run(script: str) -> Process:
        process = start(["sh", "-c", script], env=os.environ, log=tmp_path / "log", cwd=tmp_path)
        started.append(process)
        return process

    yield run
    stop(started, grace=0)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_started_process_is_alive_until_it_is_stopped(shell: Start) -> None:
    process = shell("exec sleep 60")
    assert process.alive
    stop([process])
    assert not process.alive


def test_a_process_that_ended_is_not_alive_though_nobody_waited_for_it(shell: Start) -> None:
    process = shell("exit 3")
    assert eventually(lambda: not process.alive)


def test_stopping_ends_the_children_too(shell: Start, tmp_path: Path) -> None:
    process = shell("sleep 60 & echo $! > child; wait")
    assert eventually(lambda: (tmp_path / "child").is_file() and (tmp_path / "child").read_text().strip() != "")
    child = int((tmp_path / "child").read_text())
    assert start_mark(child)
    stop([process])
    assert eventually(lambda: not start_mark(child))


def test_a_process_that_ignores_the_request_is_killed(shell: Start, tmp_path: Path) -> None:
    process = shell("trap '' TERM; touch ready; while :; do sleep 0.05; done")
    assert eventually((tmp_path / "ready").is_file)
    stop([process], grace=0.2)
    assert not process.alive


def test_a_recycled_pid_is_never_signalled(shell: Start) -> None:
    somebody_else = shell("exec sleep 60")
    remembered = replace(somebody_else, mark="of the process that had this pid before")
    assert not remembered.alive
    stop([remembered], grace=0)
    assert somebody_else.alive


def test_a_process_has_a_session_of_its_own(shell: Start) -> None:
    assert os.getsid(shell("exec sleep 60").pid) != os.getsid(0)


def test_output_is_appended_to_the_log(shell: Start, tmp_path: Path) -> None:
    for word in ("first", "second"):
        process = shell(f"echo {word}; echo more >&2")
        assert eventually(lambda process=process: not process.alive)
    assert (tmp_path / "log").read_text().split() == ["first", "more", "second", "more"]


def test_nothing_runs_under_a_pid_that_is_free(shell: Start) -> None:
    process = shell("exec sleep 60")
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    assert start_mark(process.pid) == ""
