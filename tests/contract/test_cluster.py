"""The Cluster port."""

import base64
from datetime import timedelta
from typing import Any, Protocol

import pytest

from lockflight.adapters.api_client import KubeClient
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.kube import KubeCluster
from lockflight.api.freezewindow import FreezePhase, FreezeWindow
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.drift import ref_of
from lockflight.policy.facts import Ref
from lockflight.policy.labels import access_user
from lockflight.ports import Cluster, ConflictError, GoneError, JobResult
from tests.fakes import FakeCluster
from tests.real import apply, new_namespace

SPEC = {"reason": "Year end", "timeZone": "Europe/Berlin", "start": "2026-12-18T18:00:00"}
POD = {"restartPolicy": "Never", "containers": [{"name": "check", "image": "registry.example/check:1"}]}
FAILS = {"lockflight.dev/kwok-fail": "true"}


class World(Protocol):
    """What a test may arrange."""

    port: Cluster

    def namespace(self, *, deploys: bool = True, terminating: bool = False) -> str: ...

    def edit(self, obj: dict[str, Any]) -> None: ...

    def edit_target(self, obj: dict[str, Any]) -> None: ...

    def config(self, kind: str, namespace: str, name: str, key: str, value: bytes) -> None: ...

    def labelled(self, kind: str, namespace: str, name: str, labels: dict[str, str]) -> None: ...

    def access(self, namespace: str) -> None: ...

    def failing_jobs(self, prefix: str) -> None: ...

    def annotate(self, namespace: str, key: str, value: str) -> None: ...


class Fake:
    """The fake one."""

    def __init__(self) -> None:
        self._cluster = FakeCluster()
        self.port: Cluster = self._cluster

    def namespace(self, *, deploys: bool = True, terminating: bool = False) -> str:
        name = f"team{len(self._cluster.namespaces)}"
        self._cluster.put_namespace(name, deployer=deploys, terminating=terminating, stack="payments")
        return name

    def edit(self, obj: dict[str, Any]) -> None:
        self._cluster.put(obj)

    def edit_target(self, obj: dict[str, Any]) -> None:
        self._cluster.lives = lambda _: {ref_of(obj): obj}

    def config(self, kind: str, namespace: str, name: str, key: str, value: bytes) -> None:
        self._cluster.configs[kind, namespace, name, key] = value

    def labelled(self, kind: str, namespace: str, name: str, labels: dict[str, str]) -> None:
        self._cluster.labelled[namespace, Ref("v1", kind, name)] = labels

    def access(self, namespace: str) -> None:
        """Nobody asks."""

    def failing_jobs(self, prefix: str) -> None:
        self._cluster.job_results[prefix] = JobResult(succeeded=False, message="BackoffLimitExceeded")

    def annotate(self, namespace: str, key: str, value: str) -> None:
        self._cluster.annotations.setdefault(namespace, {})[key] = value


class Real:
    """The real one."""

    def __init__(self, cluster: ClusterLike, client: KubeClient) -> None:
        self._cluster = cluster
        self.port: Cluster = KubeCluster(client, SystemClock())

    def namespace(self, *, deploys: bool = True, terminating: bool = False) -> str:
        name = new_namespace(self._cluster, deploys=deploys, labels={"lockflight.dev/stack": "payments"})
        if terminating:
            metadata = {"name": "stays", "namespace": name, "finalizers": ["lockflight.dev/test"]}
            apply(self._cluster, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
            self._cluster.kubectl("delete", "namespace", name, "--wait=false")
        return name

    def edit(self, obj: dict[str, Any]) -> None:
        apply(self._cluster, obj)

    def edit_target(self, obj: dict[str, Any]) -> None:
        apply(self._cluster, obj)

    def config(self, kind: str, namespace: str, name: str, key: str, value: bytes) -> None:
        data = {key: base64.b64encode(value).decode() if kind == "Secret" else value.decode()}
        metadata = {"name": name, "namespace": namespace}
        apply(self._cluster, {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data})

    def labelled(self, kind: str, namespace: str, name: str, labels: dict[str, str]) -> None:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        apply(self._cluster, {"apiVersion": "v1", "kind": kind, "metadata": metadata})

    def access(self, namespace: str) -> None:
        """The user of access rights may bind what it holds itself."""
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": access_user(namespace)}
        apply(self._cluster, {**binding(namespace, "access", "admin"), "subjects": [user]})

    def failing_jobs(self, prefix: str) -> None:
        """Their pods say so themselves."""

    def annotate(self, namespace: str, key: str, value: str) -> None:
        self._cluster.kubectl("annotate", "namespace", namespace, f"{key}={value}")


@pytest.fixture
def world(kind: str, request: pytest.FixtureRequest) -> World:
    if kind == "fake":
        return Fake()
    request.getfixturevalue("crds")
    return Real(request.getfixturevalue("cluster"), request.getfixturevalue("client"))


def freeze(namespace: str, name: str = "year-end", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "FreezeWindow",
        "metadata": {"name": name, "namespace": namespace},
        "spec": SPEC | spec,
    }


async def created(world: World, namespace: str, name: str = "year-end") -> FreezeWindow:
    made = await world.port.create(freeze(namespace, name))
    assert isinstance(made, FreezeWindow)
    return made


async def test_what_is_created_can_be_read(world: World) -> None:
    namespace = world.namespace()
    made = await created(world, namespace)
    read = await world.port.get("FreezeWindow", namespace, "year-end")
    assert read == made
    assert made.metadata.uid
    assert made.metadata.resource_version
    assert made.metadata.generation == 1
    assert made.metadata.creation_timestamp is not None


async def test_what_is_removed_is_gone_and_removing_it_again_is_nothing(world: World) -> None:
    namespace = world.namespace()
    made = await created(world, namespace)
    for _ in range(2):
        await world.port.remove("FreezeWindow", namespace, "year-end", made.metadata.uid)
    assert await world.port.get("FreezeWindow", namespace, "year-end") is None


async def test_another_object_of_that_name_is_not_removed(world: World) -> None:
    namespace = world.namespace()
    made = await created(world, namespace)
    with pytest.raises(ConflictError):
        await world.port.remove("FreezeWindow", namespace, "year-end", "00000000-0000-4000-8000-000000000000")
    assert await world.port.get("FreezeWindow", namespace, "year-end") == made


async def test_what_is_ordered_of_the_trail_stands_on_the_namespace(world: World) -> None:
    namespace = world.namespace()
    assert (await world.port.orders(namespace)).held("payments") is None
    world.annotate(namespace, "legal-hold.lockflight.dev/payments", "lena: case 7")
    world.annotate(namespace, "restore.lockflight.dev/ledger", "rita: 1 sha256:0")
    found = await world.port.orders(namespace)
    assert (found.held("payments"), found.held("ledger")) == ("lena: case 7", None)
    assert found.restores == {"ledger": "rita: 1 sha256:0"}
    world.annotate(namespace, "legal-hold.lockflight.dev/all.stacks", "lena: case 8")
    assert (await world.port.orders(namespace)).held("ledger") == "lena: case 8"


async def test_what_does_not_exist_is_none(world: World) -> None:
    assert await world.port.get("FreezeWindow", world.namespace(), "year-end") is None


async def test_a_name_is_taken_once(world: World) -> None:
    namespace = world.namespace()
    await created(world, namespace)
    assert await world.port.create(freeze(namespace)) is None


async def test_a_list_is_of_one_kind_and_namespace(world: World) -> None:
    here, elsewhere = world.namespace(), world.namespace()
    for namespace, name in ((here, "one"), (here, "two"), (elsewhere, "three")):
        await created(world, namespace, name)
    assert [o.metadata.name for o in await world.port.list("FreezeWindow", here)] == ["one", "two"]
    assert {"one", "two", "three"} <= {o.metadata.name for o in await world.port.list("FreezeWindow")}
    assert await world.port.list("Environment", here) == ()


async def test_a_status_patch_merges_and_null_removes(world: World) -> None:
    namespace = world.namespace()
    made = await created(world, namespace)
    await world.port.patch_status("FreezeWindow", namespace, "year-end", {"phase": "Active", "affected": ["a/b"]})
    patched = await world.port.patch_status("FreezeWindow", namespace, "year-end", {"affected": None})
    assert isinstance(patched, FreezeWindow)
    assert (patched.status.phase, patched.status.affected) == (FreezePhase.ACTIVE, ())
    assert patched.spec == made.spec
    assert patched.metadata.generation == 1
    assert patched.metadata.resource_version != made.metadata.resource_version


async def test_a_status_patch_without_effect_is_no_new_version(world: World) -> None:
    namespace = world.namespace()
    await created(world, namespace)
    first = await world.port.patch_status("FreezeWindow", namespace, "year-end", {"phase": "Active"})
    again = await world.port.patch_status("FreezeWindow", namespace, "year-end", {"phase": "Active"})
    assert again.metadata.resource_version == first.metadata.resource_version


async def test_a_guarded_patch_of_a_changed_object_conflicts(world: World) -> None:
    namespace = world.namespace()
    made = await created(world, namespace)
    version = made.metadata.resource_version
    await world.port.patch_status("FreezeWindow", namespace, "year-end", {"phase": "Active"}, resource_version=version)
    with pytest.raises(ConflictError):
        await world.port.patch_status(
            "FreezeWindow", namespace, "year-end", {"phase": "Ended"}, resource_version=version
        )
    read = await world.port.get("FreezeWindow", namespace, "year-end")
    assert isinstance(read, FreezeWindow)
    assert read.status.phase is FreezePhase.ACTIVE


async def test_a_patch_of_what_is_gone_says_so(world: World) -> None:
    with pytest.raises(GoneError, match="year-end"):
        await world.port.patch_status("FreezeWindow", world.namespace(), "year-end", {"phase": "Active"})


async def test_a_changed_spec_is_a_new_generation(world: World) -> None:
    namespace = world.namespace()
    await created(world, namespace)
    world.edit(freeze(namespace, lift={"reason": "done"}))
    read = await world.port.get("FreezeWindow", namespace, "year-end")
    assert read is not None
    assert read.metadata.generation == 2


async def test_a_namespace_has_its_labels(world: World) -> None:
    name = world.namespace()
    found = await world.port.namespace(name)
    assert found is not None
    assert (found.name, found.labels["lockflight.dev/stack"], found.terminating) == (name, "payments", False)
    assert await world.port.namespace("no-such-namespace") is None


async def test_a_namespace_that_is_being_deleted_is_terminating(world: World) -> None:
    found = await world.port.namespace(world.namespace(terminating=True))
    assert found is not None
    assert found.terminating


async def test_the_deployer_may_only_where_it_is_bound(world: World) -> None:
    assert await world.port.deployer_may(world.namespace(deploys=True))
    assert not await world.port.deployer_may(world.namespace(deploys=False))


def binding(namespace: str, name: str, role: str, *groups: str) -> dict[str, Any]:
    rbac = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, "labels": {"lockflight.dev/access": "standing"}},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": rbac, "kind": "Group", "name": group} for group in groups],
    }


async def test_bindings_are_made_changed_listed_and_taken_away(world: World) -> None:
    namespace = world.namespace()
    world.access(namespace)

    async def bound() -> list[str]:
        rows = [o for o in await world.port.rbac(namespace) if o["metadata"]["name"] == "viewers"]
        return [s["name"] for o in rows if o["kind"] == "RoleBinding" for s in o["subjects"]]

    await world.port.bind(binding(namespace, "viewers", "view", "developers"))
    assert await bound() == ["developers"]
    await world.port.bind(binding(namespace, "viewers", "view", "auditors", "testers"))
    assert await bound() == ["auditors", "testers"]
    for _ in range(2):
        await world.port.unbind(namespace, "viewers")
    assert await bound() == []


async def test_labels_are_read_of_what_exists_one_of_a_kind_or_several(world: World) -> None:
    namespace, other = world.namespace(), world.namespace()
    world.labelled("Secret", namespace, "dump", {"lockflight.dev/data-class": "Production"})
    world.labelled("ConfigMap", namespace, "plain", {})
    world.labelled("ConfigMap", other, "elsewhere", {"a": "b"})
    dump, plain = Ref("v1", "Secret", "dump"), Ref("v1", "ConfigMap", "plain")
    missing, elsewhere = Ref("v1", "PersistentVolumeClaim", "missing"), Ref("v1", "ConfigMap", "elsewhere")
    found = await world.port.labels(namespace, [dump, plain, missing, elsewhere])
    assert {ref: dict(labels) for ref, labels in found.items()} == {
        dump: {"lockflight.dev/data-class": "Production"},
        plain: {},
    }


@pytest.mark.parametrize("source", ["ConfigMap", "Secret"])
async def test_configuration_is_read_by_key(world: World, source: str) -> None:
    namespace = world.namespace()
    world.config(source, namespace, "values", "values.yaml", b"replicaCount: 3\n")
    assert await world.port.config(source, namespace, "values", "values.yaml") == b"replicaCount: 3\n"
    assert await world.port.config(source, namespace, "values", "other.yaml") is None
    assert await world.port.config(source, namespace, "missing", "values.yaml") is None


async def test_applying_again_is_tried_and_not_done(world: World) -> None:
    namespace = world.namespace()
    wanted = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace},
        "data": {"level": "info"},
    }
    world.edit_target({**wanted, "data": {"level": "debug", "more": "kept"}})
    again = await world.port.reapplied(namespace, wanted)
    assert again["data"] == {"level": "info", "more": "kept"}
    ref = Ref("v1", "ConfigMap", "settings")
    there = await world.port.live(namespace, [ref], pods=False)
    assert there.objects[ref]["data"]["level"] == "debug"


async def test_a_job_that_succeeds(world: World) -> None:
    namespace = world.namespace()
    template = {"spec": {"template": {"spec": POD}}}
    await world.port.run_job(namespace, "smoke", template, timedelta(seconds=30))
    await world.port.run_job(namespace, "smoke", template, timedelta(seconds=30))
    result = await world.port.job_result(namespace, "smoke", timedelta(seconds=30))
    assert (result.succeeded, result.message) == (True, "")
    assert "All of its kind write these two lines." in result.log


async def test_a_job_that_fails_says_why(world: World) -> None:
    namespace = world.namespace()
    world.failing_jobs("smoke")
    template = {"spec": {"template": {"metadata": {"annotations": FAILS}, "spec": POD}}}
    await world.port.run_job(namespace, "smoke", template, timedelta(seconds=30))
    result = await world.port.job_result(namespace, "smoke", timedelta(seconds=30))
    assert not result.succeeded
    assert "BackoffLimitExceeded" in result.message


async def test_a_job_that_is_not_there_has_failed(world: World) -> None:
    result = await world.port.job_result(world.namespace(), "smoke", timedelta(seconds=5))
    assert not result.succeeded
    assert "smoke" in result.message
