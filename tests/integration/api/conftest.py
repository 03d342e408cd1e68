"""An API server with our CRDs and nothing else: no operator that answers, no policy that refuses first."""

from collections.abc import Iterator

import pytest

from lockflight.assets import asset
from lockflight.devcluster.providers import ClusterLike, open_cluster

from .server import NAMESPACE, Server


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLike]:
    """A cluster of its own, with the CRDs."""
    opened = open_cluster(tmp_path_factory.mktemp("api"), people=())
    try:
        opened.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(asset("crds")))
        opened.kubectl("wait", "--for=condition=Established", "crd", "--all")
        namespace = f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {NAMESPACE}}}}}"
        opened.kubectl("apply", "-f", "-", stdin=namespace)
        yield opened
        opened.check()
    finally:
        opened.down()


@pytest.fixture(scope="package")
def server(cluster: ClusterLike) -> Iterator[Server]:
    """The API server over HTTP."""
    opened = Server(cluster.kubeconfig("admin"))
    yield opened
    opened.close()
