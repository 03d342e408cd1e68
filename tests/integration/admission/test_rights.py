"""The charts' rights, as the API server sees them: enough for the operator's work, and not more."""

import subprocess
from pathlib import Path

import pytest
import yaml

from lockflight.assets import asset
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.labels import deployer

from .world import API, MERGE_PATCH, STACK, TARGET, RefusedError, World, entry

_KINDS = ["environments", "releases", "promotions", "changerequests", "freezewindows", "releasecalendars"]
EXAMPLES = Path(__file__).parents[3] / "manifests/examples"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/lockflight-system/leases"


def as_operator(cluster: ClusterLike, *args: str) -> subprocess.CompletedProcess[str]:
    """Helm or kubectl with the operator's token."""
    namespace, name = "lockflight-system", "lockflight"
    kubeconfig = cluster.service_account_kubeconfig(namespace, name, cluster.token(namespace, name))
    return subprocess.run(
        args, env=cluster.env | {"KUBECONFIG": str(kubeconfig)}, capture_output=True, text=True, check=False
    )


def helm(cluster: ClusterLike, user: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Helm with the operator's token, acting as ``user``."""
    return as_operator(cluster, "helm", *args, "--kube-as-user", user)


def test_the_operator_brings_an_application_as_the_deployer(cluster: ClusterLike, world: World) -> None:
    user, chart = deployer(TARGET), str(asset("charts/sample-app"))
    for args in (
        ("upgrade", "--install", "shop-app", chart, "-n", TARGET, "--wait", "--timeout=60s"),
        ("test", "shop-app", "-n", TARGET, "--timeout=60s"),
        ("upgrade", "shop-app", chart, "-n", TARGET, "--set", "replicas=2", "--wait", "--timeout=60s"),
        ("rollback", "shop-app", "1", "-n", TARGET, "--wait", "--timeout=60s"),
        ("uninstall", "shop-app", "-n", TARGET, "--wait", "--timeout=60s"),
    ):
        done = helm(cluster, user, *args)
        assert done.returncode == 0, f"{args}: {done.stderr}"


def test_a_deployer_does_not_leave_its_namespace(cluster: ClusterLike, world: World) -> None:
    done = helm(cluster, deployer(TARGET), "upgrade", "--install", "x", str(asset("charts/sample-app")), "-n", STACK)
    assert f'User "{deployer(TARGET)}" cannot' in done.stderr


@pytest.mark.parametrize(
    "user", ["alice", "admin", deployer("kube-system"), "system:serviceaccount:kube-system:default"]
)
def test_the_operator_is_nobody_else(cluster: ClusterLike, world: World, user: str) -> None:
    done = as_operator(cluster, "kubectl", "get", "pods", "-n", TARGET, "--as", user)
    assert "cannot impersonate resource" in done.stderr


@pytest.mark.parametrize("group", ["system:masters", "cab"])
def test_the_operator_joins_no_group(cluster: ClusterLike, world: World, group: str) -> None:
    done = as_operator(cluster, "kubectl", "get", "pods", "-n", TARGET, "--as", deployer(TARGET), "--as-group", group)
    assert 'cannot impersonate resource "groups"' in done.stderr


def test_the_operator_keeps_its_lease(world: World) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lockflight"}, "spec": {}}
    made = world.send("operator", "POST", LEASES, lease)
    made["spec"] = {"holderIdentity": "me"}
    world.send("operator", "PUT", f"{LEASES}/lockflight", made)
    assert world.send("operator", "GET", f"{LEASES}/lockflight")["spec"] == {"holderIdentity": "me"}
    world.send("admin", "DELETE", f"{LEASES}/lockflight")


def test_the_operator_asks_and_tells(world: World) -> None:
    asked = {"namespace": TARGET, "verb": "create", "resource": "secrets"}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": deployer(TARGET),
            "resourceAttributes": asked,
        },
    }
    assert world.send("operator", "POST", REVIEWS, review)["status"]["allowed"] is True
    event = {
        "metadata": {"generateName": "x-", "namespace": STACK},
        "involvedObject": {"kind": "ChangeRequest", "namespace": STACK, "name": "x"},
        "reason": "Tried",
        "message": "told",
        "type": "Normal",
    }
    world.send("operator", "POST", f"/api/v1/namespaces/{STACK}/events", event)


@pytest.mark.parametrize("kind", _KINDS)
def test_the_operator_lists_everywhere_writes_status_and_removes_what_finished(world: World, kind: str) -> None:
    thing = world.make(kind, who="admin")
    assert world.send("operator", "GET", f"{API}/{kind}")["items"]
    world.observe(thing, observedGeneration=1)
    with pytest.raises(RefusedError, match="cannot patch"):
        world.send("operator", "PATCH", thing.path, {"metadata": {"labels": {"a": "b"}}}, MERGE_PATCH)
    if kind in ("promotions", "changerequests"):
        # What finished long ago leaves the cluster; what is at work a policy keeps.
        world.observe(thing, inUse=True)
        with pytest.raises(RefusedError, match="abort"):
            world.send("operator", "DELETE", thing.path)
        world.observe(thing, inUse=False)
        world.send("operator", "DELETE", thing.path)
    else:
        with pytest.raises(RefusedError, match="cannot delete"):
            world.send("operator", "DELETE", thing.path)


@pytest.mark.parametrize("kind", ["secrets", "configmaps"])
def test_the_operator_reads_values_of_the_stack_by_name_only(world: World, kind: str) -> None:
    name = {"secrets": "Secret", "configmaps": "ConfigMap"}[kind]
    body = {"apiVersion": "v1", "kind": name, "metadata": {"name": "values"}}
    for namespace, user in ((STACK, ""), (TARGET, deployer(TARGET))):
        world.send("admin", "POST", f"/api/v1/namespaces/{namespace}/{kind}", body, as_user=user)
    world.send("operator", "GET", f"/api/v1/namespaces/{STACK}/{kind}/values")
    for path in (f"namespaces/{STACK}/{kind}", kind, f"namespaces/{TARGET}/{kind}/values"):
        with pytest.raises(RefusedError, match="cannot"):
            world.send("operator", "GET", f"/api/v1/{path}")
    for namespace, user in ((STACK, ""), (TARGET, deployer(TARGET))):
        world.send("admin", "DELETE", f"/api/v1/namespaces/{namespace}/{kind}/values", as_user=user)


def test_delivery_writes_no_rules_and_approves_nothing(world: World) -> None:
    for kind in ("environments", "freezewindows", "releasecalendars"):
        with pytest.raises(RefusedError, match="cannot create"):
            world.make(kind, who="jo")
    with pytest.raises(RefusedError, match="you may not approve"):
        world.add("jo", world.planned(), entry())


@pytest.mark.parametrize(
    "name",
    ["stack/stack.yaml", "release.yaml", "changerequest.yaml", "freezewindow.yaml", "releasecalendar.yaml"],
)
def test_the_examples_pass_schema_and_policies(world: World, name: str) -> None:
    plurals = {
        "Environment": "environments",
        "Release": "releases",
        "ChangeRequest": "changerequests",
        "FreezeWindow": "freezewindows",
        "ReleaseCalendar": "releasecalendars",
    }
    ours = [obj for obj in yaml.safe_load_all((EXAMPLES / name).read_text()) if obj["kind"] in plurals]
    assert ours
    for obj in ours:
        obj["metadata"] |= {"namespace": STACK, "name": f"example-{obj['metadata']['name']}"}
        world.send("admin", "POST", f"{API}/namespaces/{STACK}/{plurals[obj['kind']]}?dryRun=All", obj)
