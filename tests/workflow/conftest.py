"""Scenarios run on fakes; those that ask for ``world`` run on a real API server as well."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lockflight.adapters.api_client import KubeClient
from lockflight.devcluster.providers import ClusterLike
from tests.real import SAMPLE, apply, install_crds, push
from tests.workflow.world import ROOT, FakeWorld, RealWorld, World, operator_kubeconfig, rendered

_RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


@pytest.fixture
def fake() -> FakeWorld:
    """A world in memory."""
    return FakeWorld()


@pytest.fixture(params=["fake", "real"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A world in memory, then one on a real API server."""
    if request.param == "fake":
        yield FakeWorld()
        return
    get: Any = request.getfixturevalue
    cluster: ClusterLike = get("prepared")
    admin = await KubeClient.connect(str(cluster.kubeconfig()))
    operator = await KubeClient.connect(str(operator_kubeconfig(cluster)))
    yield RealWorld(cluster, admin, operator, tmp_path)
    await operator.close()
    await admin.close()


@pytest.fixture(scope="session")
def prepared(cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> ClusterLike:
    """Our kinds, a chart in the registry, and the operator's account with the rights that its chart gives it."""
    install_crds(cluster)
    push(cluster, SAMPLE, tmp_path_factory.mktemp("charts"))
    apply(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ROOT}})
    objects = rendered(cluster, "lockflight", {})
    apply(cluster, *(o for o in objects if o["kind"] in _RIGHTS))
    return cluster
