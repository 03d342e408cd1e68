"""What the Helm adapter does beyond its port: whom it acts as, what it lets out, what it leaves behind."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lockflight.adapters.api_client import KubeClient
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.labels import deployer
from lockflight.ports import ChartError, HelmOutcome, RefusedError
from tests.integration.adapters.conftest import Shop
from tests.real import make_helm, new_namespace
from tests.waiting import until

PASSWORD = "correct-horse-battery-staple"
NEVER_READY = {"unschedulable": True, "password": PASSWORD}


def helms(namespace: str) -> list[int]:
    """The processes that run Helm on a namespace."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            words = _read(folder / "cmdline")
            if namespace.encode() in words and b"helm" in words.split(b"\0")[0]:
                found.append(int(folder.name))
    return found


async def pending(shop: Shop) -> int:
    """Wait until Helm is in the middle of it; its process."""

    async def is_pending() -> bool:
        return any(r.status.pending for r in await shop.helm.revisions(shop.job.namespace, "shop"))

    async with asyncio.timeout(20):
        while not await is_pending():  # noqa: ASYNC110 - the API server tells
            await asyncio.sleep(0.02)
    (process,) = helms(shop.job.namespace)
    return process


async def statuses(shop: Shop) -> list[str]:
    found = await shop.helm.revisions(shop.job.namespace, "shop")
    return [r.status.value for r in sorted(found, key=lambda r: r.revision)]


def audited(cluster: ClusterLike, namespace: str) -> Iterator[dict[str, Any]]:
    assert cluster.audit_log is not None
    with cluster.audit_log.open() as lines:
        for line in lines:
            if namespace in line:
                yield json.loads(line)


async def test_secret_values_show_neither_in_arguments_nor_in_the_environment(shop: Shop) -> None:
    running = asyncio.create_task(shop.helm.upgrade(replace(shop.job, values=NEVER_READY)))
    process = await pending(shop)
    seen = b"".join(_read(Path(f"/proc/{process}/{what}")) for what in ("cmdline", "environ"))
    assert b"--kube-as-user" in seen
    assert PASSWORD.encode() not in seen
    shop.helm.cancel(shop.job.namespace, "shop-app")
    await running


async def test_values_are_private_on_disk_and_gone_afterwards(shop: Shop) -> None:
    running = asyncio.create_task(shop.helm.upgrade(replace(shop.job, values=NEVER_READY)))
    await pending(shop)
    (file,) = shop.folder.rglob("values.json")
    assert PASSWORD in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    shop.helm.cancel(shop.job.namespace, "shop-app")
    await running
    assert [*shop.folder.rglob("values.json")] == []


async def test_everything_in_the_target_is_done_as_the_virtual_deployer(cluster: ClusterLike, shop: Shop) -> None:
    namespace = shop.job.namespace
    await shop.helm.upgrade(shop.job)
    await shop.helm.test(namespace, "shop-app", shop.job.timeout)
    await shop.helm.upgrade(shop.job)
    await shop.helm.rollback(namespace, "shop-app", 1, shop.job.timeout)
    await shop.helm.revisions(namespace, "shop")
    await shop.helm.uninstall(namespace, "shop-app", shop.job.timeout)
    ours = [
        event
        for event in audited(cluster, namespace)
        if (event.get("objectRef") or {}).get("namespace") == namespace
        and ("Helm/" in event.get("userAgent", "") or event.get("userAgent") == "lockflight")
    ]
    assert {event["verb"] for event in ours} >= {"create", "patch", "update", "delete", "list"}
    assert {(event.get("impersonatedUser") or {}).get("username") for event in ours} == {deployer(namespace)}
    assert {tuple(event["impersonatedUser"].get("groups", ())) for event in ours} == {("system:authenticated",)}


async def test_a_deployer_without_rights_gets_nowhere(
    cluster: ClusterLike, client: KubeClient, shop: Shop, tmp_path: Path
) -> None:
    bare = new_namespace(cluster, deploys=False)
    helm = make_helm(cluster, client, tmp_path)
    result = await helm.upgrade(replace(shop.job, namespace=bare))
    assert result.outcome is HelmOutcome.FAILED
    assert f'User "{deployer(bare)}" cannot' in result.message
    with pytest.raises(RefusedError, match="cannot list"):
        await helm.revisions(bare, "shop")
    # Helm's own --ignore-not-found would call this a success.
    assert (await helm.uninstall(bare, "shop-app", shop.job.timeout)).outcome is HelmOutcome.FAILED


async def test_cancelling_the_awaiting_task_ends_helm_first(shop: Shop) -> None:
    running = asyncio.create_task(shop.helm.upgrade(replace(shop.job, values=NEVER_READY)))
    await pending(shop)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert helms(shop.job.namespace) == []
    assert await statuses(shop) == ["failed"]


async def test_a_helm_that_somebody_kills_leaves_nothing_pending(shop: Shop) -> None:
    running = asyncio.create_task(shop.helm.upgrade(replace(shop.job, values=NEVER_READY)))
    os.kill(await pending(shop), signal.SIGKILL)
    assert (await running).outcome is HelmOutcome.FAILED
    assert await statuses(shop) == ["failed"]
    assert (await shop.helm.upgrade(shop.job)).outcome is HelmOutcome.SUCCEEDED


async def test_an_action_that_waits_for_a_slot_can_be_cancelled(
    cluster: ClusterLike, client: KubeClient, shop: Shop
) -> None:
    busy = [new_namespace(cluster) for _ in range(4)]
    slow = [asyncio.create_task(shop.helm.upgrade(replace(shop.job, namespace=n, values=NEVER_READY))) for n in busy]
    await until(lambda: all(helms(n) for n in busy))
    waiting = asyncio.create_task(shop.helm.upgrade(shop.job))
    await asyncio.sleep(0)
    shop.helm.cancel(shop.job.namespace, "shop-app")
    assert (await waiting).outcome is HelmOutcome.CANCELLED
    assert await statuses(shop) == []
    for namespace in busy:
        shop.helm.cancel(namespace, "shop-app")
    assert {(await task).outcome for task in slow} == {HelmOutcome.CANCELLED}


async def test_two_actions_on_one_release_are_refused(shop: Shop) -> None:
    running = asyncio.create_task(shop.helm.upgrade(replace(shop.job, values=NEVER_READY)))
    await pending(shop)
    result = await shop.helm.uninstall(shop.job.namespace, "shop-app", shop.job.timeout)
    assert (result.outcome, result.message) == (HelmOutcome.FAILED, "another action on shop-app is running")
    shop.helm.cancel(shop.job.namespace, "shop-app")
    assert (await running).outcome is HelmOutcome.CANCELLED


async def test_values_of_before_are_not_used_again(cluster: ClusterLike, shop: Shop) -> None:
    await shop.helm.upgrade(replace(shop.job, values={"greeting": "of before"}))
    await shop.helm.upgrade(shop.job)
    path = "jsonpath={.data.greeting}"
    greeting = cluster.kubectl("get", "configmap", "shop-app", "-n", shop.job.namespace, "-o", path)
    assert greeting == "hello"


async def test_what_somebody_changed_by_hand_is_set_back(cluster: ClusterLike, shop: Shop) -> None:
    await shop.helm.upgrade(shop.job)
    cluster.kubectl("scale", "deployment", "shop-app", "--replicas=3", "-n", shop.job.namespace)
    result = await shop.helm.upgrade(shop.job)
    assert result.outcome is HelmOutcome.SUCCEEDED, result.message
    path = "jsonpath={.spec.replicas}"
    assert cluster.kubectl("get", "deployment", "shop-app", "-n", shop.job.namespace, "-o", path) == "1"


async def test_history_is_bounded(cluster: ClusterLike, client: KubeClient, shop: Shop) -> None:
    for _ in range(12):
        assert (await shop.helm.upgrade(shop.job)).outcome is HelmOutcome.SUCCEEDED
    assert len(await statuses(shop)) == 10


async def test_a_chart_changed_on_disk_is_not_applied(shop: Shop, tmp_path: Path) -> None:
    chart = tmp_path / "chart.tgz"
    chart.write_bytes(shop.job.chart.path.read_bytes() + b" ")
    chart.with_suffix(".json").write_text(shop.job.chart.path.with_suffix(".json").read_text())
    job = replace(shop.job, chart=replace(shop.job.chart, path=chart))
    result = await shop.helm.upgrade(job)
    assert result.outcome is HelmOutcome.FAILED
    assert "changed on disk" in result.message
    with pytest.raises(ChartError):
        await shop.helm.render(job)
    assert await statuses(shop) == []


async def test_a_rollout_that_takes_too_long_says_what_is_not_ready(shop: Shop) -> None:
    job = replace(shop.job, values=NEVER_READY, timeout=timedelta(seconds=2))
    result = await shop.helm.upgrade(job)
    assert result.outcome is HelmOutcome.FAILED
    assert "Deployment" in result.message
    assert PASSWORD not in result.message


async def test_rendering_is_for_this_cluster_and_sets_tests_apart(shop: Shop) -> None:
    rendered = await shop.helm.render(replace(shop.job, values={"password": PASSWORD}))
    assert [o["kind"] for o in rendered.objects] == ["ServiceAccount", "Secret", "ConfigMap", "Service", "Deployment"]
    assert [o["metadata"]["name"] for o in rendered.hooks] == ["shop-app-test"]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
