"""What goes through in a guarded namespace: what Kubernetes does itself, whom the platform team named, broken glass."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.providers import ClusterLike

from .attacks_guard import (
    DELETE_POD,
    DRY,
    REASON,
    RESTART_IT,
    SCALE,
    UNTIL,
    WRITERS,
    annotate,
    close_glass,
    configmap,
    instant,
    open_glass,
)
from .conftest import SHIPPED, apply, await_policies
from .world import MERGE_PATCH, ROOT, TARGET, RefusedError, World, attempts

WORK = "guard-work"
STAMP = "lockflight.dev/break-glass"
CONFIGMAPS = f"/api/v1/namespaces/{TARGET}/configmaps"
_POD = "{containers: [{name: a, image: registry.example/a}]}"
WORKLOADS = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template: {{metadata: {{labels: {{app: web}}}}, spec: {_POD}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  serviceName: db
  selector: {{matchLabels: {{app: db}}}}
  template: {{metadata: {{labels: {{app: db}}}}, spec: {_POD}}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: agent}}
spec:
  selector: {{matchLabels: {{app: agent}}}}
  template: {{metadata: {{labels: {{app: agent}}}}, spec: {_POD}}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: once}}
spec:
  ttlSecondsAfterFinished: 0
  template: {{spec: {{restartPolicy: Never, containers: [{{name: a, image: registry.example/a}}]}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: often}}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: a, image: registry.example/a}}]}}}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec: {{minReplicas: 3, maxReplicas: 4, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{minAvailable: 1, selector: {{matchLabels: {{app: web}}}}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {{name: pods}}
spec: {{hard: {{pods: "20"}}}}
"""


@pytest.fixture(scope="module")
def work(cluster: ClusterLike, world: World) -> Iterator[str]:
    """A guarded namespace in which the deployer brought one of each."""
    labels = {"lockflight.dev/stack": "admission", "lockflight.dev/tier": "Production"}
    apply(cluster, json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": WORK, "labels": labels}}))
    deployer = ("--as", f"lockflight:deployer:{WORK}", "--as-group", "system:masters", "-n", WORK)
    for _ in attempts("the service account and the root certificates are there"):
        if "kube-root-ca.crt" in cluster.kubectl("get", "configmaps", "-n", WORK, "-o", "name"):
            break
    cluster.kubectl(*deployer, "apply", "-f", "-", stdin=WORKLOADS)
    yield WORK
    cluster.kubectl("delete", "namespace", WORK, "--ignore-not-found", "--wait=false")


def got(world: World, path: str) -> dict[str, Any]:
    return world.send("admin", "GET", path)


def test_what_kubernetes_does_itself_goes_through(cluster: ClusterLike, world: World, work: str) -> None:
    apps, batch = f"/apis/apps/v1/namespaces/{work}", f"/apis/batch/v1/namespaces/{work}"
    for _ in attempts("replicas by Deployment and autoscaler, a DaemonSet, a Job that is tidied away"):
        web = got(world, f"{apps}/deployments/web")
        agent = got(world, f"{apps}/daemonsets/agent").get("status", {})
        jobs = {job["metadata"]["name"] for job in got(world, f"{batch}/jobs")["items"]}
        claims = got(world, f"/api/v1/namespaces/{work}/persistentvolumeclaims")["items"]
        slices = got(world, f"/apis/discovery.k8s.io/v1/namespaces/{work}/endpointslices")["items"]
        used = got(world, f"/api/v1/namespaces/{work}/resourcequotas/pods").get("status", {}).get("used", {})
        budget = got(world, f"/apis/policy/v1/namespaces/{work}/poddisruptionbudgets/web").get("status", {})
        if (
            web["spec"]["replicas"] == 3
            and web.get("status", {}).get("readyReplicas") == 3
            and agent.get("numberReady") == agent.get("desiredNumberScheduled") != 0
            and "once" not in jobs
            and claims
            and slices
            and used.get("pods", "0") != "0"
            and budget.get("currentHealthy") == 3
        ):
            break


def test_a_node_is_drained_and_what_is_deleted_is_collected(cluster: ClusterLike, world: World, work: str) -> None:
    pods = got(world, f"/api/v1/namespaces/{work}/pods?labelSelector=app%3Dweb")["items"]
    name = pods[0]["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    world.send("ops", "POST", f"/api/v1/namespaces/{work}/pods/{name}/eviction", body)
    user = f"lockflight:deployer:{work}"
    cluster.kubectl(
        "--as", user, "--as-group", "system:masters", "-n", work, "delete", "deployment", "web", "--wait=false"
    )
    for _ in attempts("the evicted pod, and what the Deployment owned, are gone"):
        if not got(world, f"/api/v1/namespaces/{work}/pods?labelSelector=app%3Dweb")["items"]:
            break
    cluster.kubectl("delete", "namespace", work, "--timeout=60s")
    assert refused_controllers(cluster, work) == []


def refused_controllers(cluster: ClusterLike, namespace: str) -> list[str]:
    """What a guard refused to anybody but people, as the audit log has it."""
    assert cluster.audit_log is not None
    found = []
    for line in cluster.audit_log.read_text().splitlines():
        if "lockflight-guard" not in line or f"in namespace {namespace}" not in line:
            continue
        event = json.loads(line)
        user = event["user"]["username"]
        if user.startswith("system:") or user == "kwok":
            found.append(f"{user} {event['verb']} {event['requestURI']}")
    return found


@pytest.mark.parametrize("act", [SCALE, RESTART_IT, DELETE_POD], ids=["scale", "restart", "delete a pod"])
def test_whom_the_annotation_names_does_that_and_no_more(world: World, act: Any) -> None:
    pod = {"metadata": {"name": "mine"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    user = f"lockflight:deployer:{TARGET}"
    world.send("admin", "POST", f"/api/v1/namespaces/{TARGET}/pods", pod, as_user=user, again=True)
    act(world, "sre")
    with pytest.raises(RefusedError, match=r"user:sre create configmaps"):
        world.send("sre", "POST", CONFIGMAPS + DRY, configmap())


def test_an_annotation_of_which_a_part_is_malformed_says_nothing(cluster: ClusterLike, world: World) -> None:
    """It cannot be written while the policies are there; one from before them lets nobody through."""
    namespace = "guard-malformed"
    lines = "user:ops create configmaps\nuser:ops everything"
    space = {"name": namespace, "labels": {"lockflight.dev/tier": "Production"}, "annotations": {WRITERS: lines}}
    cluster.kubectl("delete", "validatingadmissionpolicybinding", "lockflight-namespaces")
    try:
        for _ in attempts("the namespace is taken"):
            with suppress(RefusedError):
                world.send("admin", "POST", "/api/v1/namespaces", {"metadata": space})
                break
    finally:
        apply(cluster, SHIPPED["namespaces.yaml"])
        await_policies(world)
    said = re.escape(f"line user:ops everything of annotation {WRITERS} is malformed")
    with pytest.raises(RefusedError, match=said):
        world.send("ops", "POST", f"/api/v1/namespaces/{namespace}/configmaps{DRY}", configmap())


def test_the_platform_team_gives_the_deployer_its_rights(world: World) -> None:
    role = {"metadata": {"name": "more"}, "rules": []}
    world.send("super", "POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{TARGET}/roles{DRY}", role)
    binding = {
        "metadata": {"name": "chart"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": TARGET}],
    }
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{TARGET}/rolebindings{DRY}"
    world.send("admin", "POST", path, binding, as_user=f"lockflight:deployer:{TARGET}")


def test_the_user_of_access_rights_lets_people_in_and_out(world: World) -> None:
    who, path = f"lockflight:access:{TARGET}", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{TARGET}/rolebindings"
    group = {"kind": "Group", "name": "developers", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {
        "metadata": {"name": "lockflight-access-view"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "lockflight-access-view"},
        "subjects": [group],
    }
    world.send("admin", "POST", path, binding, as_user=who)
    world.send("admin", "PATCH", f"{path}/lockflight-access-view", {"subjects": [group]}, MERGE_PATCH, as_user=who)
    world.send("admin", "DELETE", f"{path}/lockflight-access-view", as_user=who)


def test_whoever_holds_bind_installs_the_operator_anew(world: World) -> None:
    world.send("super", "POST", f"/api/v1/namespaces/{ROOT}/configmaps{DRY}", configmap())


def test_an_audited_namespace_warns_and_reports(cluster: ClusterLike, world: World) -> None:
    labels = {"lockflight.dev/tier": "Production", "lockflight.dev/guard": "Audit"}
    world.send("admin", "POST", "/api/v1/namespaces", {"metadata": {"name": "guard-audited", "labels": labels}})
    world.send("ops", "POST", "/api/v1/namespaces/guard-audited/configmaps", configmap("reported"))
    assert cluster.audit_log is not None
    for _ in attempts("the API server's audit log has it"):
        told = [line for line in cluster.audit_log.read_text().splitlines() if "validation_failure" in line]
        if any("ops may not create configmaps in namespace guard-audited" in line for line in told):
            break


def test_through_broken_glass_the_group_writes_and_it_shows(world: World) -> None:
    open_glass(world)
    try:
        namespace = got(world, f"/api/v1/namespaces/{TARGET}")["metadata"]["annotations"]
        assert (namespace[STAMP], namespace[REASON]) == ("incident", "INC-1")
        made = world.send("glass", "POST", CONFIGMAPS, configmap("emergency"))
        assert made["metadata"]["annotations"] == {STAMP: "glass"}
    finally:
        close_glass(world)
    path = f"{CONFIGMAPS}/emergency"
    user = f"lockflight:deployer:{TARGET}"
    mended = world.send("admin", "PATCH", path, {"data": {"a": "c"}}, MERGE_PATCH, as_user=user)
    assert "annotations" not in mended["metadata"]
    world.send("admin", "DELETE", path, as_user=user)
    assert STAMP not in got(world, f"/api/v1/namespaces/{TARGET}")["metadata"]["annotations"]


def _may_create(world: World) -> bool:
    try:
        world.send("glass", "POST", CONFIGMAPS + DRY, configmap())
    except RefusedError:
        return False
    return True


def test_the_server_s_clock_ends_it_where_nobody_does(world: World) -> None:
    open_glass(world, seconds=3)
    try:
        for _ in attempts("nothing more is written"):
            if not _may_create(world):
                break
        with pytest.raises(RefusedError, match="which is guarded"):
            world.send("glass", "PATCH", f"{CONFIGMAPS}/kube-root-ca.crt{DRY}", {"data": {"x": "y"}}, MERGE_PATCH)
    finally:
        close_glass(world)


def test_the_operator_mends_the_glass_and_never_breaks_it(world: World) -> None:
    with pytest.raises(RefusedError, match="you may not break or mend the glass"):
        annotate(world, "operator", {UNTIL: instant(minutes=5), REASON: "x"}, dry=True)
    open_glass(world)
    annotate(world, "operator", {UNTIL: None, REASON: None, STAMP: None})
    assert UNTIL not in got(world, f"/api/v1/namespaces/{TARGET}")["metadata"]["annotations"]


def test_whoever_holds_edit_is_not_the_deployer(cluster: ClusterLike, world: World) -> None:
    name = "built-in-edit"
    cluster.kubectl("-n", TARGET, "create", "rolebinding", name, "--clusterrole=edit", "--user=jo")
    try:
        for _ in attempts("jo may edit"):
            with suppress(CommandFailedError):
                cluster.kubectl("-n", TARGET, "auth", "can-i", "create", "configmaps", "--as=jo")
                break
        deployer = ["-n", TARGET, f"--as=lockflight:deployer:{TARGET}", "create", "configmap", "mine"]
        with pytest.raises(CommandFailedError, match="cannot impersonate"):
            cluster.kubectl(*deployer, person="jo")
        # What the role does reach is nobody here, and its token is not to be had.
        account = ["-n", TARGET, f"--as=system:serviceaccount:{TARGET}:default", "create", "configmap", "mine"]
        with pytest.raises(CommandFailedError):
            cluster.kubectl(*account, person="jo")
        with pytest.raises(CommandFailedError, match="a token would let its bearer"):
            cluster.kubectl("-n", TARGET, "create", "token", "default", person="jo")
    finally:
        cluster.kubectl("-n", TARGET, "delete", "rolebinding", name)
