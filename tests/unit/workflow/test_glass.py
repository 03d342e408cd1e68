"""Broken glass is shown at once, and mended when its time is over."""

from datetime import datetime, timedelta

import pytest

from lockflight.policy.glass import BrokenGlass
from lockflight.policy.model import Namespace
from lockflight.ports import UnreachableError
from lockflight.workflow.deps import Deps
from lockflight.workflow.keys import Key, key_of
from lockflight.workflow.reconcile import reconcile
from tests.fakes import FakeClock, FakeCluster, RecordingEvents
from tests.unit.policy.builders import environment

from .deps import make_deps

NAME = "payments-production"
LABELS = {"lockflight.dev/stack": "payments", "lockflight.dev/environment": "production"}
PRODUCTION = environment()
GLASS = Key("Namespace", "", NAME)


class Scene:
    """The namespace of production, its glass broken for an hour."""

    def __init__(self, **labels: str) -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(self.clock)
        self.events = RecordingEvents()
        self.deps: Deps = make_deps(clock=self.clock, cluster=self.cluster, events=self.events)
        self.until: datetime = self.clock.now() + timedelta(hours=1)
        broken = BrokenGlass("jo", "INC-1", self.until)
        self.cluster.namespaces[NAME] = Namespace(NAME, labels or LABELS, glass=broken)
        self.deps.store.put_namespace(self.cluster.namespaces[NAME])
        self.deps.store.put(self.cluster.put(PRODUCTION))

    async def shown(self) -> tuple[str, str] | None:
        """Status and message of the environment's condition GlassBroken."""
        await reconcile(self.deps, key_of(PRODUCTION))
        found = self.deps.store.find(key_of(PRODUCTION))
        assert found is not None
        return next(((c.status, c.message) for c in found.status.conditions if c.type == "GlassBroken"), None)


async def test_it_is_told_and_looked_at_again_when_it_is_over() -> None:
    scene = Scene()
    assert await reconcile(scene.deps, GLASS) == scene.until
    assert scene.events.reasons == ["Unauthorised", "GlassBroken"]
    assert scene.cluster.namespaces[NAME].glass is not None
    status = await scene.shown()
    assert status is not None
    assert status[0] == "True"
    assert status[1].startswith(f"namespace {NAME}: by jo until ")


async def test_when_its_time_is_over_it_is_mended() -> None:
    scene = Scene()
    assert await scene.shown()
    scene.clock.advance(timedelta(hours=1))
    assert await reconcile(scene.deps, GLASS) is None
    assert scene.cluster.namespaces[NAME].glass is None
    assert scene.events.reasons == ["Unauthorised", "GlassMended"]
    scene.deps.store.put_namespace(scene.cluster.namespaces[NAME])
    assert await scene.shown() == ("False", "the guard holds again")


async def test_the_glass_of_a_namespace_without_environment_is_mended_too() -> None:
    scene = Scene(**{"kubernetes.io/metadata.name": NAME})
    assert await reconcile(scene.deps, GLASS) == scene.until
    assert await scene.shown() is None
    scene.clock.advance(timedelta(hours=2))
    await reconcile(scene.deps, GLASS)
    assert scene.cluster.namespaces[NAME].glass is None


async def test_an_api_server_that_does_not_answer_is_asked_again() -> None:
    scene = Scene()
    scene.clock.advance(timedelta(hours=1))
    scene.cluster.problems.append(UnreachableError("no answer"))
    again = await reconcile(scene.deps, GLASS)
    assert again is not None
    assert again <= scene.clock.now() + timedelta(minutes=1)
    assert await reconcile(scene.deps, GLASS) is None
    assert scene.cluster.namespaces[NAME].glass is None


@pytest.mark.parametrize("gone", [True, False])
async def test_whole_glass_is_nobodys_business(*, gone: bool) -> None:
    scene = Scene()
    if gone:
        scene.deps.store.remove_namespace(NAME)
    else:
        scene.deps.store.put_namespace(Namespace(NAME, LABELS))
    assert await reconcile(scene.deps, GLASS) is None
    assert scene.events.events == []
