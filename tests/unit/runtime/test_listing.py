"""The first listing, and the net below the watches."""

import asyncio
from datetime import timedelta

import pytest

from lockflight.handlers.intake import Intake
from lockflight.handlers.kinds import WATCHED
from lockflight.handlers.listing import Lists
from lockflight.handlers.store import LiveStore
from lockflight.workflow.keys import Key
from tests.fakes import FakeClock, RecordingMetrics
from tests.unit.runtime.objects import FakeListing, broken, freeze, namespace
from tests.unit.runtime.test_queue import settle

KEY = Key("FreezeWindow", "payments", "year-end")
LAG = timedelta(seconds=5)


class Scene:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.metrics = RecordingMetrics()
        self.store = LiveStore()
        self.intake = Intake(self.store)
        self.api = FakeListing()
        self.lists = Lists(self.api, self.intake, self.clock, self.metrics)

    async def compare(self, *, meanwhile: tuple[str, dict[str, object]] | None = None) -> None:
        """Compare; ``meanwhile`` is what the watch tells in the time it is given."""
        task = asyncio.create_task(self.lists.compare())
        await settle()
        if meanwhile:
            verb, raw = meanwhile
            getattr(self.intake, verb)("FreezeWindow", raw)
        while not task.done():
            self.clock.advance(LAG)
            await settle()
        await task

    @property
    def missed(self) -> int:
        return len(self.metrics.of("watch_missed_total", kind="FreezeWindow"))

    @property
    def version(self) -> str | None:
        found = self.store.find(KEY)
        return found.metadata.resource_version if found else None


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_filling_reads_every_kind_once(scene: Scene) -> None:
    scene.api.there = {"FreezeWindow": [freeze()], "Namespace": [namespace()]}
    await scene.lists.fill()
    assert scene.version == "1"
    assert set(scene.store.namespaces) == {"payments-prod"}
    assert scene.api.reads == [kind.kind for kind in WATCHED]


async def test_filling_waits_for_an_api_server_that_does_not_answer(scene: Scene) -> None:
    scene.api.there = {"FreezeWindow": [freeze()]}
    scene.api.refuse(times=3)
    task = asyncio.create_task(scene.lists.fill())
    for _ in range(3):
        await settle()
        assert not task.done()
        scene.clock.advance(timedelta(seconds=2))
    await settle()
    assert task.done()
    assert scene.version == "1"


async def test_a_broken_object_does_not_stop_the_filling(scene: Scene) -> None:
    scene.api.there = {"FreezeWindow": [broken(), freeze()]}
    await scene.lists.fill()
    assert scene.version == "1"


async def test_a_comparison_that_finds_nothing_costs_one_list_a_kind(scene: Scene) -> None:
    scene.api.there = {"FreezeWindow": [freeze(), broken(version=2)], "Namespace": [namespace()]}
    await scene.lists.fill()
    scene.api.reads.clear()
    await scene.compare()
    assert scene.api.reads == [kind.kind for kind in WATCHED]
    assert scene.missed == 0


async def test_a_change_that_the_watch_never_told_is_mended_and_counted(scene: Scene) -> None:
    scene.api.there["FreezeWindow"] = [freeze(version=1)]
    await scene.lists.fill()
    scene.api.there["FreezeWindow"] = [freeze(version=7)]
    await scene.compare()
    assert scene.version == "7"
    assert scene.missed == 1


async def test_an_object_that_the_watch_never_told_of_is_found(scene: Scene) -> None:
    await scene.lists.fill()
    scene.api.there["FreezeWindow"] = [freeze()]
    await scene.compare()
    assert scene.version == "1"
    assert scene.missed == 1


async def test_an_object_whose_deletion_was_never_told_is_forgotten(scene: Scene) -> None:
    scene.api.there["FreezeWindow"] = [freeze()]
    await scene.lists.fill()
    scene.api.there["FreezeWindow"] = []
    await scene.compare()
    assert scene.version is None
    assert scene.missed == 1


async def test_a_namespace_whose_labels_changed_unseen_is_mended(scene: Scene) -> None:
    scene.api.there["Namespace"] = [namespace(version=1, tier="UAT")]
    await scene.lists.fill()
    scene.api.there["Namespace"] = [namespace(version=2, tier="Production")]
    await scene.compare()
    assert scene.store.namespaces["payments-prod"].labels == {"tier": "Production"}


async def test_a_watch_that_is_only_a_little_late_missed_nothing(scene: Scene) -> None:
    scene.api.there["FreezeWindow"] = [freeze(version=1)]
    await scene.lists.fill()
    scene.api.there["FreezeWindow"] = [freeze(version=7)]
    await scene.compare(meanwhile=("saw", freeze(version=7)))
    assert scene.missed == 0
    assert scene.version == "7"


async def test_an_object_that_came_and_went_during_the_comparison_is_not_missed(scene: Scene) -> None:
    await scene.lists.fill()
    scene.api.there["FreezeWindow"] = [freeze()]
    task = asyncio.create_task(scene.lists.compare())
    await settle()
    scene.api.there["FreezeWindow"] = []
    while not task.done():
        scene.clock.advance(LAG)
        await settle()
    assert scene.missed == 0


async def test_a_watch_is_current_when_it_speaks_and_when_a_comparison_agrees_with_it(scene: Scene) -> None:
    await scene.lists.fill()
    scene.clock.advance(timedelta(minutes=5))
    assert scene.lists.ages()["Promotion"] == timedelta(minutes=5)
    scene.lists.told("Promotion")
    assert scene.lists.ages()["Promotion"] == timedelta(0)
    assert scene.lists.ages()["Release"] == timedelta(minutes=5)
    await scene.compare()
    assert set(scene.lists.ages().values()) == {timedelta(0)}


async def test_a_watch_that_misses_changes_grows_old(scene: Scene) -> None:
    await scene.lists.fill()
    scene.clock.advance(timedelta(minutes=5))
    scene.api.there["FreezeWindow"] = [freeze()]
    await scene.compare()
    assert scene.lists.ages()["FreezeWindow"] > timedelta(minutes=5)
    assert scene.lists.ages()["Release"] <= LAG


async def test_a_kind_that_cannot_be_compared_grows_old_and_the_others_are_compared(scene: Scene) -> None:
    await scene.lists.fill()
    scene.clock.advance(timedelta(minutes=5))
    scene.api.refuse()
    await scene.compare()
    assert scene.lists.ages()["Namespace"] == timedelta(minutes=5)
    assert scene.lists.ages()["Promotion"] == timedelta(0)
