"""The Helm port."""

import asyncio
import os
import signal
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from lockflight.adapters.api_client import KubeClient
from lockflight.api.release import Chart
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.labels import deployer, helm_labels
from lockflight.policy.model import HelmStatus, Revision
from lockflight.ports import GoneError, Helm, HelmJob, HelmOutcome, PulledChart, RenderError
from tests.fakes import FakeHelm
from tests.real import SAMPLE, helm_binary, make_charts, make_helm, new_namespace, push

RELEASE = "shop-app"
TIMEOUT = timedelta(seconds=30)
FIRST = helm_labels(
    release_digest="sha256:" + "1" * 64, plan_digest="sha256:" + "2" * 64, promotion_uid="uid-1", version="1.0.0"
)
SECOND = helm_labels(
    release_digest="sha256:" + "3" * 64, plan_digest="sha256:" + "4" * 64, promotion_uid="uid-2", version="1.1.0+1"
)


class World(Protocol):
    """What a test may arrange."""

    port: Helm
    job: HelmJob
    """Installs the sample and is done at once."""

    def slow(self) -> HelmJob:
        """The next upgrade never gets ready."""

    def failing(self) -> HelmJob:
        """The next upgrade fails after it has begun."""

    def failing_test(self) -> HelmJob:
        """Its tests fail."""

    def not_rendering(self) -> HelmJob:
        """Values that the chart does not take."""

    async def killed(self) -> None:
        """An upgrade whose process was killed in the middle."""


class Fake:
    """The fake one."""

    def __init__(self) -> None:
        self._helm = FakeHelm()
        self.port: Helm = self._helm
        chart = PulledChart("sha256:" + "c" * 64, Path("sample.tgz"))
        self.job = HelmJob("shop-test", RELEASE, chart, {}, TIMEOUT, FIRST)

    def slow(self) -> HelmJob:
        self._helm.hang(RELEASE)
        return self.job

    def failing(self) -> HelmJob:
        self._helm.fail(RELEASE, "not ready")
        return self.job

    def failing_test(self) -> HelmJob:
        self._helm.fail_test(RELEASE, "shop-app-test failed")
        return self.job

    def not_rendering(self) -> HelmJob:
        self._helm.render_error = "/replicaCount: got string, want integer"
        return self.job

    async def killed(self) -> None:
        number = len(self._helm.kept(self.job.namespace, RELEASE)) + 1
        self._helm.put(self.job.namespace, Revision(RELEASE, number, HelmStatus.PENDING_UPGRADE))


class Real:
    """The real one."""

    def __init__(self, cluster: ClusterLike, client: KubeClient, chart: PulledChart, folder: Path) -> None:
        self._cluster = cluster
        self.port: Helm = make_helm(cluster, client, folder)
        self.job = HelmJob(new_namespace(cluster), RELEASE, chart, {}, TIMEOUT, FIRST, "Lockflight: a test")

    def slow(self) -> HelmJob:
        return replace(self.job, values={"unschedulable": True})

    def failing(self) -> HelmJob:
        return replace(self.job, values={"unschedulable": True}, timeout=timedelta(seconds=2))

    def failing_test(self) -> HelmJob:
        return replace(self.job, values={"failTest": True})

    def not_rendering(self) -> HelmJob:
        return replace(self.job, values={"replicaCount": "many"})

    async def killed(self) -> None:
        argv = [helm_binary(self._cluster), "upgrade", "--install", RELEASE, str(self.job.chart.path)]
        argv += ["--set", "unschedulable=true", "--wait", "--namespace", self.job.namespace]
        argv += ["--kube-as-user", deployer(self.job.namespace)]
        process = subprocess.Popen(argv, env=self._cluster.env_for("admin"), stdout=subprocess.DEVNULL)  # noqa: ASYNC220
        try:
            await until_pending(self.port, self.job.namespace)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


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
def world(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if kind == "fake":
        return Fake()
    get: Any = request.getfixturevalue
    return Real(get("cluster"), get("client"), get("sample"), tmp_path)


async def until_pending(helm: Helm, namespace: str) -> Revision:
    """The revision that is being made."""
    async with asyncio.timeout(20):
        while True:
            for revision in await helm.revisions(namespace, "shop"):
                if revision.status.pending:
                    return revision
            await asyncio.sleep(0.02)


async def history(world: World) -> list[tuple[int, str]]:
    found = await world.port.revisions(world.job.namespace, "shop")
    return sorted((r.revision, r.status.value) for r in found)


async def test_nothing_is_there_at_first(world: World) -> None:
    assert await world.port.revisions(world.job.namespace, "shop") == ()


async def test_an_upgrade_supersedes_what_was_there(world: World) -> None:
    assert (await world.port.upgrade(world.job)).outcome is HelmOutcome.SUCCEEDED
    result = await world.port.upgrade(replace(world.job, labels=SECOND))
    assert (result.outcome, result.revision) == (HelmOutcome.SUCCEEDED, 2)
    found = {r.revision: r for r in await world.port.revisions(world.job.namespace, "shop")}
    assert found[1] == Revision(RELEASE, 1, HelmStatus.SUPERSEDED, "1" * 40, "2" * 40, "uid-1", "1.0.0")
    assert found[2] == Revision(RELEASE, 2, HelmStatus.DEPLOYED, "3" * 40, "4" * 40, "uid-2", "1.1.0_1")


async def test_only_releases_of_the_application_are_listed(world: World) -> None:
    await world.port.upgrade(world.job)
    assert await world.port.revisions(world.job.namespace, "sho") == ()


async def test_a_rollback_brings_the_labels_of_its_target_back(world: World) -> None:
    await world.port.upgrade(world.job)
    await world.port.upgrade(replace(world.job, labels=SECOND))
    result = await world.port.rollback(world.job.namespace, RELEASE, 1, TIMEOUT)
    assert (result.outcome, result.revision) == (HelmOutcome.SUCCEEDED, 3)
    newest = max(await world.port.revisions(world.job.namespace, "shop"), key=lambda r: r.revision)
    assert newest == Revision(RELEASE, 3, HelmStatus.DEPLOYED, "1" * 40, "2" * 40, "uid-1", "1.0.0")


async def test_what_is_deployed_can_be_applied_again_without_hooks(world: World) -> None:
    await world.port.upgrade(world.job)
    result = await world.port.rollback(world.job.namespace, RELEASE, 1, TIMEOUT, hooks=False)
    assert (result.outcome, result.revision) == (HelmOutcome.SUCCEEDED, 2)
    first, again = [await world.port.recorded(world.job.namespace, RELEASE, n) for n in (1, 2)]
    assert first is not None
    assert again is not None
    assert again.objects == first.objects


async def test_a_rollback_to_a_revision_that_is_not_there_fails(world: World) -> None:
    await world.port.upgrade(world.job)
    result = await world.port.rollback(world.job.namespace, RELEASE, 7, TIMEOUT)
    assert (result.outcome, result.revision) == (HelmOutcome.FAILED, 1)
    assert "release has no 7 version" in result.message


async def test_a_failed_upgrade_leaves_what_ran_deployed(world: World) -> None:
    await world.port.upgrade(world.job)
    result = await world.port.upgrade(world.failing())
    assert (result.outcome, result.revision) == (HelmOutcome.FAILED, 2)
    assert "not ready" in result.message
    assert await history(world) == [(1, "deployed"), (2, "failed")]


async def test_a_failed_first_install_can_be_repeated(world: World) -> None:
    assert (await world.port.upgrade(world.failing())).outcome is HelmOutcome.FAILED
    assert (await world.port.upgrade(world.job)).outcome is HelmOutcome.SUCCEEDED
    assert (2, "deployed") in await history(world)


@pytest.mark.parametrize("action", ["upgrade", "rollback"])
async def test_a_cancelled_action_leaves_a_failed_revision(world: World, action: str) -> None:
    namespace = world.job.namespace
    await world.port.upgrade(world.job)
    running = asyncio.create_task(world.port.upgrade(world.slow()))
    await until_pending(world.port, namespace)
    world.port.cancel(namespace, RELEASE)
    assert (await running).outcome is HelmOutcome.CANCELLED
    if action == "rollback":
        # Back to what never gets ready.
        world.slow()
        running = asyncio.create_task(world.port.rollback(namespace, RELEASE, 2, TIMEOUT))
        await until_pending(world.port, namespace)
        world.port.cancel(namespace, RELEASE)
        assert (await running).outcome is HelmOutcome.CANCELLED
    assert (await history(world))[-1][1] == "failed"
    assert (await world.port.upgrade(world.job)).outcome is HelmOutcome.SUCCEEDED


async def test_cancelling_where_nothing_runs_does_nothing(world: World) -> None:
    world.port.cancel(world.job.namespace, RELEASE)
    assert (await world.port.upgrade(world.job)).outcome is HelmOutcome.SUCCEEDED


async def test_what_a_killed_process_left_pending_locks_until_it_is_unlocked(world: World) -> None:
    await world.port.upgrade(world.job)
    await world.killed()
    assert (await history(world))[-1] == (2, "pending-upgrade")
    refused = await world.port.upgrade(world.job)
    assert refused.outcome is HelmOutcome.FAILED
    assert "another operation" in refused.message
    await world.port.unlock(world.job.namespace, RELEASE, 2)
    assert await history(world) == [(1, "deployed"), (2, "failed")]
    result = await world.port.upgrade(world.job)
    assert (result.outcome, result.revision) == (HelmOutcome.SUCCEEDED, 3)


async def test_unlocking_what_is_not_pending_changes_nothing(world: World) -> None:
    await world.port.upgrade(world.job)
    await world.port.unlock(world.job.namespace, RELEASE, 1)
    assert await history(world) == [(1, "deployed")]
    with pytest.raises(GoneError):
        await world.port.unlock(world.job.namespace, RELEASE, 9)


async def test_uninstalling_removes_the_history_too(world: World) -> None:
    await world.port.upgrade(world.job)
    assert (await world.port.uninstall(world.job.namespace, RELEASE, TIMEOUT)).outcome is HelmOutcome.SUCCEEDED
    assert await history(world) == []
    assert (await world.port.uninstall(world.job.namespace, RELEASE, TIMEOUT)).outcome is HelmOutcome.SUCCEEDED


async def test_tests_that_pass(world: World) -> None:
    await world.port.upgrade(world.job)
    result = await world.port.test(world.job.namespace, RELEASE, TIMEOUT)
    assert result.outcome is HelmOutcome.SUCCEEDED
    assert "All of its kind write these two lines." in result.log


async def test_tests_that_fail_say_which(world: World) -> None:
    await world.port.upgrade(world.failing_test())
    result = await world.port.test(world.job.namespace, RELEASE, TIMEOUT)
    assert result.outcome is HelmOutcome.FAILED
    assert "shop-app-test" in result.message or "failed" in result.message


async def test_testing_what_is_not_installed_fails(world: World) -> None:
    result = await world.port.test(world.job.namespace, RELEASE, TIMEOUT)
    assert result.outcome is HelmOutcome.FAILED
    assert "not found" in result.message


async def test_rendering_is_the_same_twice_and_touches_nothing(world: World) -> None:
    first, second = await world.port.render(world.job), await world.port.render(world.job)
    assert first == second
    assert any(o["kind"] == "Deployment" for o in first.objects)
    assert await history(world) == []


async def test_values_that_the_chart_does_not_take_are_named(world: World) -> None:
    with pytest.raises(RenderError, match=r"/replicaCount.*got string, want integer"):
        await world.port.render(world.not_rendering())
