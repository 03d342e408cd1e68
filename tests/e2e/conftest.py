"""The whole thing: the charts installed, the operator with the rights that its chart gives it, and people."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockflight.devcluster import Person
from lockflight.devcluster.operator import OperatorProcess, install, start
from lockflight.devcluster.providers import ClusterLike, open_cluster
from tests.e2e.clocked import FILE, MovableClock
from tests.e2e.stack import Stack

ROOT = Path(__file__).parents[2]
PEOPLE = (
    Person("alice", ("cab",)),
    Person("bob", ("cab",)),
    Person("erin", ("ecab",)),
    Person("carol", ("business",)),
    Person("quinn", ("qa",)),
    Person("jo", ("developers",)),
    Person("petra", ("platform",)),
    Person("ines", ("incident",)),
    Person("gus", ("lockflight-break-glass",)),
)

_numbers = itertools.count(1)


class Operator:
    """The operator, which a test may kill and start again."""

    def __init__(self, cluster: ClusterLike, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.process: OperatorProcess | None = None

    def start(self) -> OperatorProcess:
        """Start it, and wait until it is ready to act."""
        self.process = start(self.cluster, self.folder)
        self.process.wait_ready()
        return self.process

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        return self.process.stop()

    def kill(self) -> None:
        """SIGKILL, with everything it started."""
        assert self.process is not None
        self.process.kill()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLike]:
    """A cluster of its own: the operator and the policies installed here would meddle with other tests."""
    opened = open_cluster(tmp_path_factory.mktemp("e2e") / "cluster", people=PEOPLE)
    yield opened
    opened.check()
    opened.down()


@pytest.fixture(scope="session")
def operator(cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator of the session's cluster."""
    install(cluster)
    running = Operator(cluster, tmp_path_factory.mktemp("operator"))
    running.start()
    yield running
    assert running.stop() == 0, running.process and running.process.tail()


@contextmanager
def moved(
    operator: Operator, cluster: ClusterLike, folder: Path, *, leaving: Sequence[str] = ()
) -> Iterator[MovableClock]:
    """An operator by a clock that a test puts forward, in place of the session's; namespaces that go with it."""
    operator.stop()
    file = folder / "ahead"
    process = start(
        cluster,
        folder,
        extra_env={FILE: str(file), "PYTHONPATH": str(ROOT)},
        command=["python", "-m", "tests.e2e.clocked"],
    )
    process.wait_ready()
    yield MovableClock(file)
    code = process.stop()
    for name in leaving:
        cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")
    operator.start()
    assert code == 0, process.tail()


@pytest.fixture
def stack(operator: Operator, cluster: ClusterLike, tmp_path: Path) -> Stack:
    """A stack for one test."""
    assert operator.process is not None
    assert operator.process.alive, operator.process.tail()
    return Stack(cluster, f"team{next(_numbers)}", tmp_path)


@pytest.fixture
def make_stack(operator: Operator, cluster: ClusterLike, tmp_path: Path) -> Callable[[], Stack]:
    """More than one stack for one test."""

    def make() -> Stack:
        number = next(_numbers)
        work = tmp_path / str(number)
        work.mkdir()
        return Stack(cluster, f"team{number}", work)

    return make


class Neighbour:
    """A stack that has nothing to do with what a test does elsewhere."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._numbers = itertools.count()

    def gets_through(self, seconds: float = 30) -> None:
        """Its next release is deployed meanwhile."""
        number = next(self._numbers)
        if number == 0:
            self.stack.install([{"name": "integration", "tier": "Integration"}])
        release = self.stack.release(f"1.0.{number}")
        self.stack.reaches(f"{release}-integration", "Succeeded", seconds)


@pytest.fixture(scope="session")
def neighbour(operator: Operator, cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> Neighbour:
    """Another stack, to show that nothing else is affected."""
    return Neighbour(Stack(cluster, "neighbour", tmp_path_factory.mktemp("neighbour")))
