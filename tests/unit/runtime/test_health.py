"""What probes are told."""

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from lockflight.devcluster.ports import free_port
from lockflight.handlers.health import Answer, Http
from lockflight.handlers.intake import Intake
from lockflight.handlers.listing import Lists
from lockflight.handlers.queue import WorkQueue
from lockflight.handlers.store import LiveStore
from lockflight.handlers.vitals import Vitals
from lockflight.workflow.keys import Key
from tests.fakes import FakeClock, RecordingMetrics
from tests.unit.runtime.objects import FakeListing, freeze

LONGEST = timedelta(minutes=16)


class Scene:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.metrics = RecordingMetrics()
        self.api = FakeListing()
        store = LiveStore()
        self.lists = Lists(self.api, Intake(store), self.clock, self.metrics)
        self.queue: WorkQueue[Key] = WorkQueue(_nothing, self.clock, concurrency=1, failed=lambda *_: None)
        self.vitals = Vitals(self.lists, self.queue, store, self.metrics, longest_silence=LONGEST)


async def _nothing(_: Key) -> None:
    return None


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_process_that_still_lists_is_alive_and_not_ready(scene: Scene) -> None:
    assert scene.vitals.healthy().well
    assert scene.vitals.ready() == Answer(well=False, words="still listing")


def test_a_standby_is_ready_and_says_what_it_is(scene: Scene) -> None:
    scene.vitals.listed = True
    assert scene.vitals.ready() == Answer(well=True, words="standby")


def test_a_leader_is_ready_and_says_what_it_is(scene: Scene) -> None:
    scene.vitals.listed = scene.vitals.leading = True
    assert scene.vitals.ready() == Answer(well=True, words="leader")


async def test_a_watch_that_was_not_current_for_too_long_calls_for_a_restart_by_name(scene: Scene) -> None:
    await scene.lists.fill()
    scene.clock.advance(LONGEST)
    assert scene.vitals.healthy().well
    scene.lists.told("Promotion")
    scene.clock.advance(timedelta(seconds=1))
    answer = scene.vitals.healthy()
    assert not answer.well
    assert "FreezeWindow" in answer.words
    assert "Promotion" not in answer.words


async def test_gauges_tell_of_queue_watches_and_objects(scene: Scene) -> None:
    scene.api.there["FreezeWindow"] = [freeze("a"), freeze("b")]
    await scene.lists.fill()
    scene.queue.add(Key("FreezeWindow", "payments", "a"))
    scene.clock.advance(timedelta(seconds=7))
    scene.vitals.record()
    assert scene.metrics.of("queue_depth") == [1]
    assert scene.metrics.of("watch_staleness_seconds", kind="Promotion") == [7]
    assert scene.metrics.of("objects", kind="FreezeWindow") == [2]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    http = Http(
        healthy=lambda: Answer(well=True, words="ok"),
        ready=lambda: Answer(well=False, words="still listing"),
        exposition=lambda: b"lockflight_queue_depth 3\n",
    )
    port = free_port()
    await http.open(port)
    yield f"http://127.0.0.1:{port}"
    await http.close()


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/healthz", 200, "ok\n"),
        ("/readyz", 503, "still listing\n"),
        ("/metrics", 200, "lockflight_queue_depth 3\n"),
        ("/", 404, None),
    ],
)
async def test_over_http(url: str, path: str, status: int, text: str | None) -> None:
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        assert answer.status == status
        assert text is None or await answer.text() == text
