import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lockflight.devcluster.errors import NotUpError, ProgramCrashedError
from lockflight.devcluster.layout import Layout
from lockflight.devcluster.people import Person
from lockflight.devcluster.programs import Program
from lockflight.devcluster.record import Record, load
from lockflight.devcluster.supervisor import Supervisor

SLEEP = Program("sleep", ("60",))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.logs.mkdir()
    return layout


@pytest.fixture
def supervisor(layout: Layout) -> Iterator[Supervisor]:
    supervisor = Supervisor(layout, Record(Path("/bin"), 0, {"sleep": 4711}))
    yield supervisor
    supervisor.stop()


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_program_is_found_again_by_a_later_call(supervisor: Supervisor, layout: Layout) -> None:
    supervisor.launch(SLEEP)
    [status] = Supervisor.attach(layout).status(["sleep"])
    assert status.alive
    assert status.port == 4711
    assert status.log == layout.logs / "sleep.log"


def test_launching_what_runs_changes_nothing(supervisor: Supervisor) -> None:
    supervisor.launch(SLEEP)
    first = supervisor.record.processes["sleep"]
    supervisor.launch(SLEEP)
    assert supervisor.record.processes["sleep"] == first


def test_what_was_never_started_is_shown_as_such(supervisor: Supervisor) -> None:
    [status] = supervisor.status(["etcd"])
    assert status.pid is None
    assert not status.alive


def test_a_crash_at_the_start_is_reported_with_the_tail_of_the_log(supervisor: Supervisor) -> None:
    supervisor.launch(Program("sh", ("-c", "seq 100; echo no such flag >&2; exit 3")))
    with pytest.raises(ProgramCrashedError, match=r"sh ended on its own(.|\n)*no such flag") as caught:
        supervisor.wait("sh", lambda: False)
    assert "100" in caught.value.tail
    assert "\n50\n" not in caught.value.tail


def test_a_later_crash_is_reported_too(supervisor: Supervisor) -> None:
    supervisor.launch(SLEEP)
    supervisor.check()
    os.kill(supervisor.record.processes["sleep"].pid, signal.SIGKILL)
    assert eventually(lambda: not supervisor.alive("sleep"))
    with pytest.raises(ProgramCrashedError, match="sleep ended on its own"):
        supervisor.check()


def test_stopping_leaves_nothing_and_may_be_repeated(supervisor: Supervisor, layout: Layout) -> None:
    supervisor.launch(SLEEP)
    process = supervisor.record.processes["sleep"]
    supervisor.stop()
    supervisor.stop()
    assert not process.alive
    assert load(layout).processes == {}


def test_programs_end_with_the_process_that_started_them_even_when_it_is_killed(layout: Layout) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from lockflight.devcluster.layout import Layout\n"
        "from lockflight.devcluster.programs import Program\n"
        "from lockflight.devcluster.record import Record\n"
        "from lockflight.devcluster.supervisor import Supervisor\n"
        "s = Supervisor(Layout(Path(sys.argv[1])), Record(Path('/bin'), 0, {}))\n"
        "s.tie_to_caller(); s.launch(Program('sleep', ('60',))); print('up', flush=True); time.sleep(60)\n"
    )
    argv = [sys.executable, "-c", script, str(layout.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "up\n"
        running = load(layout).processes
        assert all(process.alive for process in running.values())
        starter.kill()
    assert set(running) == {"watchdog", "sleep"}
    assert eventually(lambda: not any(process.alive for process in running.values()))
    assert load(layout).processes == {}


def test_the_record_survives_a_round_trip(supervisor: Supervisor, layout: Layout) -> None:
    supervisor.remember_person(Person("alice", ("cab",)))
    supervisor.launch(SLEEP)
    assert load(layout) == supervisor.record


def test_a_folder_without_a_cluster_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotUpError, match="run `lockflight dev up`"):
        Supervisor.attach(Layout(tmp_path))
