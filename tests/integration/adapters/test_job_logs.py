"""What Jobs wrote, read through a real API server from a node that a test answers for."""

import asyncio
import itertools
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lockflight.adapters.api_client import KubeClient, path_of
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.jobs import Jobs
from lockflight.devcluster.pki import Authority
from lockflight.devcluster.ports import free_ports
from lockflight.devcluster.providers import ClusterLike
from tests.fakes import FakeClock
from tests.real import apply, new_namespace

_numbers = itertools.count(1)
GIB = 1 << 30


@asynccontextmanager
async def node(cluster: ClusterLike, folder: Path, answer: Any) -> AsyncIterator[str]:
    """A node whose kubelet is ``answer``; KWOK moves its pods like any others."""
    pair = Authority(folder, "ca").server("kubelet", ("127.0.0.1",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert, pair.key)
    app = web.Application()
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    name = f"kubelet-{next(_numbers)}"
    taint = {"key": "lockflight.dev/test", "effect": "NoSchedule"}
    # With its status from the beginning: KWOK makes one for nodes that have none.
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    client = await KubeClient.connect(str(cluster.kubeconfig()))
    try:
        made = {"metadata": {"name": name}, "spec": {"taints": [taint]}, "status": status}
        await client.write("POST", path_of("api", "v1", "nodes"), {"apiVersion": "v1", "kind": "Node", **made})
        yield name
    finally:
        await client.write("DELETE", path_of("api", "v1", "nodes", name), {})
        await client.close()
        await runner.cleanup()


def template(place: str, *containers: str, **annotations: str) -> Mapping[str, Any]:
    pod = {
        "restartPolicy": "Never",
        "nodeName": place,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": name, "image": "registry.example/check:1"} for name in containers or ("check",)],
    }
    marks = {f"lockflight.dev/kwok-{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"spec": {"template": {"metadata": {"annotations": marks}, "spec": pod}}}


async def test_the_end_of_each_container_is_kept_also_where_the_job_failed(
    cluster: ClusterLike, client: KubeClient, tmp_path: Path
) -> None:
    asked: list[Mapping[str, str]] = []

    async def kubelet(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return web.Response(text=f"{request.match_info['container']}: 3 of 4 failed\n")

    namespace, jobs = new_namespace(cluster), Jobs(client, SystemClock())
    async with node(cluster, tmp_path, kubelet) as place:
        await jobs.run(namespace, "check", template(place, "one", "two", fail="true"), timedelta(seconds=60))
        result = await jobs.result(namespace, "check", timedelta(seconds=60))
    assert not result.succeeded
    assert result.log == "== one\none: 3 of 4 failed\n== two\ntwo: 3 of 4 failed"
    assert {(q["tailLines"], q["limitBytes"]) for q in asked} == {("200", "65536")}


async def test_a_job_that_prints_a_gibibyte_costs_no_more_than_its_end(
    cluster: ClusterLike, client: KubeClient, tmp_path: Path
) -> None:
    sent = 0

    async def kubelet(request: web.Request) -> web.StreamResponse:
        """It does not care what is asked for."""
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        block = b"x" * 1_048_576
        while sent < GIB and request.transport is not None and not request.transport.is_closing():
            await response.write(block)
            sent += len(block)
            # So that the loop learns of a connection that is gone.
            await asyncio.sleep(0)
        return response

    namespace, jobs = new_namespace(cluster), Jobs(client, SystemClock())
    async with node(cluster, tmp_path, kubelet) as place:
        await jobs.run(namespace, "check", template(place), timedelta(seconds=60))
        result = await jobs.result(namespace, "check", timedelta(seconds=60))
    assert result.succeeded
    assert len(result.log) == 65_536
    assert sent < GIB // 4


async def test_a_node_that_does_not_answer_holds_nobody_up(
    cluster: ClusterLike, client: KubeClient, tmp_path: Path
) -> None:
    async def kubelet(request: web.Request) -> web.Response:
        await asyncio.sleep(120)
        return web.Response(text=str(request.url))

    namespace, jobs = new_namespace(cluster), Jobs(client, SystemClock())
    async with node(cluster, tmp_path, kubelet) as place:
        await jobs.run(namespace, "check", template(place), timedelta(seconds=60))
        began = time.monotonic()
        result = await jobs.result(namespace, "check", timedelta(seconds=60))
        took = time.monotonic() - began
    assert result.succeeded
    assert result.log.startswith("[its log cannot be read: ")
    assert took < 60


async def test_whoever_may_not_read_logs_verifies_all_the_same(cluster: ClusterLike, client: KubeClient) -> None:
    namespace, jobs = new_namespace(cluster, deploys=False), Jobs(client, SystemClock())
    rules = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "create", "delete"]}]
    rbac, name = "rbac.authorization.k8s.io", f"lockflight:deployer:{namespace}"
    meta = {"name": "jobs-only", "namespace": namespace}
    apply(
        cluster,
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "jobs-only"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": name}],
        },
    )
    pod = {"restartPolicy": "Never", "containers": [{"name": "check", "image": "registry.example/check:1"}]}
    await jobs.run(namespace, "check", {"spec": {"template": {"spec": pod}}}, timedelta(seconds=60))
    result = await jobs.result(namespace, "check", timedelta(seconds=60))
    assert (result.succeeded, "cannot list resource" in result.log) == (True, True)


class Hurried(FakeClock):
    """A minute goes by with every look."""

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(min(duration.total_seconds(), 0.5))
        self.advance(timedelta(seconds=10))


async def test_a_job_whose_image_does_not_exist_is_given_up_and_says_so(
    cluster: ClusterLike, client: KubeClient
) -> None:
    namespace, jobs = new_namespace(cluster), Jobs(client, Hurried())
    pod = {"restartPolicy": "Never", "containers": [{"name": "check", "image": "registry.example/no:1"}]}
    marks = {"lockflight.dev/kwok-no-image": "true"}
    made = {"spec": {"template": {"metadata": {"annotations": marks}, "spec": pod}}}
    await jobs.run(namespace, "check", made, timedelta(hours=1))
    result = await jobs.result(namespace, "check", timedelta(hours=1))
    assert not result.succeeded
    assert "container check cannot start: ImagePullBackOff: Back-off pulling image registry.example/no:1" in (
        result.message
    )
    with pytest.raises(AssertionError):
        await _still_there(client, namespace)


async def _still_there(client: KubeClient, namespace: str) -> None:
    found = await client.get(path_of("apis", "batch", "v1", "namespaces", namespace, "jobs"))
    assert [job["metadata"]["name"] for job in found["items"] if "deletionTimestamp" not in job["metadata"]] == [
        "check"
    ]


async def test_a_job_that_does_not_end_is_ended(cluster: ClusterLike, client: KubeClient) -> None:
    namespace, jobs = new_namespace(cluster), Jobs(client, SystemClock())
    pod = {"restartPolicy": "Never", "containers": [{"name": "check", "image": "registry.example/check:1"}]}
    marks = {"lockflight.dev/kwok-run-for": "10m"}
    made = {"spec": {"template": {"metadata": {"annotations": marks}, "spec": pod}}}
    await jobs.run(namespace, "check", made, timedelta(seconds=2))
    result = await jobs.result(namespace, "check", timedelta(seconds=2))
    assert (result.succeeded, "did not finish within 2s" in result.message) == (False, True)
