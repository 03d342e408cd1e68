"""Charts from a real registry and a real repository."""

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockflight.adapters.charts import ChartCache
from lockflight.adapters.helm_env import HelmEnvironment
from lockflight.api.release import Chart
from lockflight.devcluster.providers import ClusterLike
from lockflight.ports import ChartError
from tests.real import SAMPLE, helm_binary, make_charts, push


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not talk."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def repository(cluster: ClusterLike, tmp_path: Path) -> Iterator[str]:
    """A chart repository with the sample chart; its URL."""
    folder = tmp_path / "repository"
    helm = helm_binary(cluster)
    subprocess.run([helm, "package", SAMPLE, "-d", folder], check=True, capture_output=True, env=cluster.env)
    subprocess.run([helm, "repo", "index", folder], check=True, capture_output=True, env=cluster.env)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def oci(cluster: ClusterLike, name: str = "sample", version: str = "1.0.0") -> Chart:
    return Chart(oci=f"oci://{cluster.registry}/charts/{name}", version=version)


async def test_a_chart_from_a_repository(cluster: ClusterLike, repository: str, tmp_path: Path) -> None:
    charts = make_charts(cluster, tmp_path)
    chart = Chart(repository=repository, name="sample", version="1.0.0")
    digest = await charts.resolve(chart)
    pulled = await charts.pull(chart, digest)
    assert pulled.path.name == f"{digest.removeprefix('sha256:')}.tgz"
    with pytest.raises(ChartError) as refused:
        await charts.resolve(chart.model_copy(update={"version": "2.0.0"}))
    assert (refused.value.reason, refused.value.final) == ("ChartNotFound", True)
    with pytest.raises(ChartError, match=digest) as refused:
        await charts.pull(chart, "sha256:" + "0" * 64)
    assert (refused.value.reason, refused.value.final) == ("DigestMismatch", True)


async def test_what_was_pulled_needs_no_registry(cluster: ClusterLike, tmp_path: Path) -> None:
    push(cluster, SAMPLE, tmp_path)
    digest = await make_charts(cluster, tmp_path).resolve(oci(cluster))
    # Nobody answers there; the bytes are what counts.
    elsewhere = Chart(oci="oci://127.0.0.1:1/charts/sample", version="1.0.0")
    assert (await make_charts(cluster, tmp_path).pull(elsewhere, digest)).digest == digest


async def test_a_cached_chart_that_was_changed_is_pulled_again(cluster: ClusterLike, tmp_path: Path) -> None:
    push(cluster, SAMPLE, tmp_path)
    charts = make_charts(cluster, tmp_path)
    digest = await charts.resolve(oci(cluster))
    path = (await charts.pull(oci(cluster), digest)).path
    good = path.read_bytes()
    path.write_bytes(b"changed")
    assert (await charts.pull(oci(cluster), digest)).path.read_bytes() == good


async def test_a_chart_that_is_too_large(cluster: ClusterLike, tmp_path: Path) -> None:
    chart = tmp_path / "sample"
    shutil.copytree(SAMPLE, chart)
    (chart / "Chart.yaml").write_text((chart / "Chart.yaml").read_text().replace("sample", "large"))
    # Random bytes do not compress.
    (chart / "blob").write_bytes(Path("/dev/urandom").open("rb").read(2 * 1_048_576))  # noqa: ASYNC230, SIM115
    push(cluster, chart, tmp_path)
    with pytest.raises(ChartError, match=r"chart is 2\.0 MiB, allowed 1\.0 MiB: Helm keeps") as refused:
        await make_charts(cluster, tmp_path).resolve(oci(cluster, "large"))
    assert (refused.value.reason, refused.value.final) == ("ChartTooLarge", True)


async def test_a_digest_that_belongs_to_another_chart(cluster: ClusterLike, tmp_path: Path) -> None:
    chart = tmp_path / "sample"
    shutil.copytree(SAMPLE, chart)
    (chart / "Chart.yaml").write_text((chart / "Chart.yaml").read_text().replace("version: 1.0.0", "version: 3.0.0"))
    push(cluster, chart, tmp_path)
    charts = make_charts(cluster, tmp_path)
    digest = await charts.resolve(oci(cluster, version="3.0.0"))
    with pytest.raises(ChartError, match=r"is chart sample 3\.0\.0, the release says sample 1\.0\.0") as refused:
        await charts.pull(oci(cluster, version="1.0.0"), digest)
    assert (refused.value.reason, refused.value.final) == ("DigestMismatch", True)


async def test_without_tls_only_where_that_is_said(cluster: ClusterLike, tmp_path: Path) -> None:
    push(cluster, SAMPLE, tmp_path)
    environment = HelmEnvironment(tmp_path, str(cluster.kubeconfig()))
    charts = ChartCache(helm_binary(cluster), environment, tmp_path, plain_http=["127.0.0.1:1"])
    with pytest.raises(ChartError, match="HTTP response to HTTPS client") as refused:
        await charts.resolve(oci(cluster))
    assert (refused.value.reason, refused.value.final) == ("RegistryUnreachable", False)
