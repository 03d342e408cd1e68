"""The Charts port."""

import asyncio
from pathlib import Path
from typing import Protocol

import pytest

from lockflight.api.release import Chart
from lockflight.devcluster.providers import ClusterLike
from lockflight.ports import ChartError, Charts
from tests.fakes import FakeCharts
from tests.real import SAMPLE, make_charts, push

OTHER = "sha256:" + "0" * 64


class World(Protocol):
    """What a test may arrange."""

    port: Charts
    sample: Chart

    def unreachable(self) -> Chart: ...


class Fake:
    """The fake one."""

    def __init__(self) -> None:
        self._charts = FakeCharts()
        self.port: Charts = self._charts
        self.sample = Chart(oci="oci://registry.example/charts/sample", version="1.0.0")
        self._charts.publish("oci://registry.example/charts/sample", "1.0.0")

    def unreachable(self) -> Chart:
        self._charts.down = True
        return self.sample


class Real:
    """The real one."""

    def __init__(self, cluster: ClusterLike, folder: Path) -> None:
        push(cluster, SAMPLE, folder)
        self.port: Charts = make_charts(cluster, folder)
        self.sample = Chart(oci=f"oci://{cluster.registry}/charts/sample", version="1.0.0")

    def unreachable(self) -> Chart:
        return Chart(oci="oci://127.0.0.1:1/charts/sample", version="1.0.0")


@pytest.fixture
def world(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return Fake() if kind == "fake" else Real(request.getfixturevalue("cluster"), tmp_path)


async def test_what_resolves_can_be_pulled(world: World) -> None:
    digest = await world.port.resolve(world.sample)
    pulled = await world.port.pull(world.sample, digest)
    assert pulled.digest == digest
    assert pulled == await world.port.pull(world.sample, digest)


async def test_a_pinned_digest_resolves_to_itself(world: World) -> None:
    assert await world.port.resolve(world.sample.model_copy(update={"digest": OTHER})) == OTHER


async def test_a_chart_that_does_not_exist(world: World) -> None:
    with pytest.raises(ChartError, match=r"9\.9\.9") as refused:
        await world.port.resolve(world.sample.model_copy(update={"version": "9.9.9"}))
    assert (refused.value.reason, refused.value.final) == ("ChartNotFound", True)


async def test_a_digest_that_is_not_that_version(world: World) -> None:
    there = await world.port.resolve(world.sample)
    with pytest.raises(ChartError, match=there) as refused:
        await world.port.pull(world.sample, OTHER)
    assert (refused.value.reason, refused.value.final) == ("DigestMismatch", True)


async def test_a_registry_that_does_not_answer_is_asked_again_later(world: World) -> None:
    with pytest.raises(ChartError) as refused:
        await world.port.resolve(world.unreachable())
    assert (refused.value.reason, refused.value.final) == ("RegistryUnreachable", False)


async def test_many_may_pull_one_chart_at_once(world: World) -> None:
    digest = await world.port.resolve(world.sample)
    pulled = await asyncio.gather(*(world.port.pull(world.sample, digest) for _ in range(5)))
    assert len(set(pulled)) == 1
