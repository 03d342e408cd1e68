"""Each test here runs twice: against the fake and against the real adapter on a real cluster."""

from collections.abc import AsyncIterator

import pytest

from lockflight.adapters.api_client import KubeClient
from lockflight.devcluster.providers import ClusterLike
from tests.real import install_crds


@pytest.fixture(params=["fake", "real"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two is under test."""
    return str(request.param)


@pytest.fixture
async def client(cluster: ClusterLike) -> AsyncIterator[KubeClient]:
    """Our own client, as the admin."""
    connected = await KubeClient.connect(str(cluster.kubeconfig()))
    yield connected
    await connected.close()


@pytest.fixture(scope="session")
def crds(cluster: ClusterLike) -> None:
    """Our kinds are served."""
    install_crds(cluster)
