"""The adapters on a real cluster, each test in a namespace of its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from lockflight.adapters.api_client import KubeClient
from lockflight.adapters.helm import HelmCli
from lockflight.api.release import Chart
from lockflight.devcluster.providers import ClusterLike
from lockflight.ports import HelmJob, PulledChart
from tests.real import SAMPLE, make_charts, make_helm, new_namespace, push


@dataclass(frozen=True)
class Shop:
    """An application to be applied in a namespace."""

    helm: HelmCli
    job: HelmJob
    folder: Path


@pytest.fixture
async def client(cluster: ClusterLike) -> AsyncIterator[KubeClient]:
    """Our own client, as the admin."""
    connected = await KubeClient.connect(str(cluster.kubeconfig()))
    yield connected
    await connected.close()


@pytest.fixture(scope="session")
def sample(cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> PulledChart:
    """The sample chart, pulled from the cluster's registry."""
    folder = tmp_path_factory.mktemp("charts")
    push(cluster, SAMPLE, folder)
    chart = Chart(oci=f"oci://{cluster.registry}/charts/sample", version="1.0.0")

    async def pull() -> PulledChart:
        charts = make_charts(cluster, folder)
        return await charts.pull(chart, await charts.resolve(chart))

    return asyncio.run(pull())


@pytest.fixture
def shop(cluster: ClusterLike, client: KubeClient, sample: PulledChart, tmp_path: Path) -> Shop:
    """The sample chart in a namespace of its own."""
    job = HelmJob(new_namespace(cluster), "shop-app", sample, {}, timedelta(seconds=30))
    return Shop(make_helm(cluster, client, tmp_path), job, tmp_path)
