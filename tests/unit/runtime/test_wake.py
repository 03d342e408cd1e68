"""From a change to work: who is woken, what is interrupted, and a restart that finds nothing to do."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from lockflight.api.kinds import BY_NAME
from lockflight.handlers.intake import Intake
from lockflight.handlers.queue import WorkQueue
from lockflight.handlers.store import LiveStore
from lockflight.handlers.wake import Waker
from lockflight.workflow.deps import Deps, Running
from lockflight.workflow.keys import Key
from lockflight.workflow.reconcile import reconcile
from lockflight.workflow.trail import AuditTrail
from tests.fakes import (
    FakeAdmission,
    FakeCharts,
    FakeClock,
    FakeCluster,
    FakeHelm,
    FakeLeadership,
    RecordingEvents,
    RecordingMetrics,
)
from tests.unit.runtime.objects import freeze, namespace, promotion
from tests.unit.runtime.test_queue import settle

P1 = Key("Promotion", "payments", "p1")


class Scene:
    """One operator process on fakes; ``worked`` says what was worked on."""

    def __init__(self, cluster: FakeCluster, clock: FakeClock) -> None:
        self.cluster, self.clock = cluster, clock
        self.store = LiveStore()
        self.intake = Intake(self.store)
        self.deps = Deps(
            clock=clock,
            cluster=cluster,
            admission=FakeAdmission(),
            helm=FakeHelm(),
            charts=FakeCharts(),
            events=RecordingEvents(),
            metrics=RecordingMetrics(),
            leadership=FakeLeadership(),
            audit=AuditTrail(cluster, clock, "lockflight-system"),
            store=self.store,
        )
        self.worked: list[Key] = []
        self.failures: list[Exception] = []
        self.queue = WorkQueue(
            self._work, clock, concurrency=8, failed=lambda _, problem, __: self.failures.append(problem)
        )
        self.waker = Waker(self.deps, self.queue)

    def listen(self) -> None:
        self.store.listen(self.waker.changed, self.waker.namespace_changed)

    def saw(self, raw: Mapping[str, Any], kind: str | None = None) -> None:
        self.intake.saw(kind or raw["kind"], raw)

    async def work(self) -> None:
        """Until nothing is left to do now."""
        runner = asyncio.create_task(self.queue.run())
        for _ in range(100):
            await settle()
            if not self.queue.depth and not self.queue.running:
                break
        await self.queue.stop(timedelta(seconds=1))
        await runner
        assert self.failures == []

    async def _work(self, key: Key) -> Any:
        self.worked.append(key)
        return await reconcile(self.deps, key)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cluster(clock: FakeClock) -> FakeCluster:
    return FakeCluster(clock)


@pytest.fixture
def scene(cluster: FakeCluster, clock: FakeClock) -> Scene:
    return Scene(cluster, clock)


async def test_a_change_wakes_the_object_and_whoever_depends_on_it(scene: Scene) -> None:
    scene.listen()
    scene.saw(promotion(phase="Waiting"))
    scene.saw(freeze())
    await scene.work()
    assert {P1, Key("FreezeWindow", "payments", "year-end")} <= set(scene.worked)


async def test_a_freeze_that_is_lifted_wakes_what_it_held(scene: Scene) -> None:
    scene.saw(promotion(phase="OnHold"))
    scene.saw(freeze(version=1))
    scene.listen()
    lifted = freeze(version=2)
    lifted["spec"]["lift"] = {"reason": "over"}
    lifted["metadata"]["generation"] = 2
    scene.saw(lifted)
    await scene.work()
    assert P1 in scene.worked


async def test_everything_unfinished_is_woken_at_the_start_and_nothing_finished(scene: Scene) -> None:
    scene.saw(promotion("done", phase="Succeeded"))
    scene.saw(promotion("open", phase="Waiting"))
    scene.saw(promotion("new"))
    ended = freeze()
    ended["status"] = {"phase": "Ended"}
    scene.saw(ended)
    scene.waker.everything()
    await scene.work()
    assert {key.name for key in scene.worked} == {"open", "new"}


@pytest.mark.parametrize("news", [{"abort": True}, {"deleted": True}])
async def test_an_abort_or_a_deletion_reaches_the_pass_that_executes_it(scene: Scene, news: dict[str, bool]) -> None:
    scene.saw(promotion(phase="Deploying", version=1))
    scene.listen()
    running = scene.deps.running["uid-p1"] = Running()
    scene.saw(promotion(phase="Deploying", version=2))
    assert not running.aborted.is_set()
    scene.saw(promotion(phase="Deploying", version=3, **news))
    assert running.aborted.is_set()


async def test_a_promotion_that_is_gone_interrupts_its_execution(scene: Scene) -> None:
    scene.saw(promotion(phase="Deploying", version=1))
    scene.listen()
    running = scene.deps.running["uid-p1"] = Running()
    scene.intake.gone("Promotion", promotion(version=2))
    assert running.aborted.is_set()


async def test_a_namespace_that_changes_wakes_what_goes_there(scene: Scene) -> None:
    release = {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "Release",
        "metadata": {"name": "payments-1.0.0", "namespace": "payments", "uid": "r1", "resourceVersion": "1"},
        "spec": {
            "application": "payments",
            "version": "1.0.0",
            "chart": {"oci": "oci://registry.example/charts/payments", "version": "1.0.0"},
        },
    }
    environment = {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "Environment",
        "metadata": {"name": "production", "namespace": "payments", "uid": "e1", "resourceVersion": "1"},
        "spec": {"tier": "Production"},
    }
    for raw in (release, environment, promotion(phase="Waiting")):
        scene.saw(raw)
    scene.listen()
    scene.saw(namespace("payments-production", tier="Production"), "Namespace")
    await scene.work()
    assert scene.worked[0] == P1


async def test_a_restart_with_nothing_to_do_writes_nothing(cluster: FakeCluster, clock: FakeClock) -> None:
    cluster.put(freeze())
    cluster.put(promotion())

    async def life() -> int:
        """One life of the operator: list, look at everything unfinished, end; how often it wrote."""
        cluster.requests.clear()
        process = Scene(cluster, clock)
        for kind in BY_NAME:
            for obj in await cluster.list(kind):
                process.store.put(obj)
        process.listen()
        process.waker.everything()
        await process.work()
        assert process.worked
        return len(cluster.writes)

    assert await life() > 0
    clock.advance(timedelta(minutes=10))
    assert await life() == 0
