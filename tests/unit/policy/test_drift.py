"""Drift, field by field: what was changed is found, what the API server filled in is not."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.drift import confirmed, drift_of, passing, rows, suspected, words
from lockflight.policy.pointers import Ignored

NONE = Ignored(())
CONTAINER = {
    "name": "app",
    "image": "registry.example/app:1",
    "ports": [{"containerPort": 8080}],
    "env": [{"name": "LEVEL", "value": "info"}],
    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "payments", "labels": {"app": "payments"}},
    "spec": {"replicas": 3, "paused": False, "template": {"spec": {"containers": [CONTAINER]}}},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"token": "hunter2"}}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"level": "info"}}


def live(obj: Mapping[str, Any]) -> dict[str, Any]:
    """As the API server holds it, with what it fills in."""
    made: dict[str, Any] = copy.deepcopy(dict(obj))
    made["metadata"] |= {"uid": "u", "resourceVersion": "7", "generation": 2, "namespace": "here"}
    made["metadata"]["annotations"] = {"meta.helm.sh/release-name": "payments-api"}
    made["metadata"].setdefault("labels", {})["app.kubernetes.io/managed-by"] = "Helm"
    if made["kind"] == "Deployment":
        made["status"] = {"replicas": 3}
        made["spec"] |= {"progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate"}}
        pod = made["spec"]["template"]["spec"]
        pod |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "securityContext": {}}
        for container in pod["containers"]:
            container |= {"imagePullPolicy": "Always", "terminationMessagePath": "/dev/termination-log"}
            for port in container.get("ports", []):
                port["protocol"] = "TCP"
    if made["kind"] == "Secret":
        made.pop("stringData")
        made |= {"data": {"token": "aHVudGVyMg=="}, "type": "Opaque"}
    return made


def changed(obj: Mapping[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    made = live(obj)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return made


APP = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize("obj", [DEPLOYMENT, SECRET, CONFIG])
def test_what_the_server_filled_in_is_no_drift(obj: Mapping[str, Any]) -> None:
    assert suspected(obj, live(obj), NONE) == ()


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("spec", "paused"), None),
        ((*APP, "resources", "requests", "cpu"), "0.5"),
        ((*APP, "resources", "requests", "memory"), "1024Mi"),
    ],
)
def test_what_means_the_same_is_no_drift(path: tuple[str | int, ...], to: Any) -> None:
    there = changed(DEPLOYMENT, *path, to=to)
    again = changed(DEPLOYMENT, *path, to=to)
    assert confirmed(DEPLOYMENT, again, there, NONE) == ()


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("spec", "replicas"), 5, "/spec/replicas is 5, promoted was 3"),
        (("spec", "paused"), True, "/spec/paused is true, promoted was false"),
        ((*APP, "image"), "evil", "containers/0/image is evil, promoted was registry.example/app:1"),
        ((*APP, "env", 0, "value"), "hunter2", "containers/0/env/0/value was changed"),
        ((*APP, "command"), ["sh"], "containers/0/command was added"),
        (("spec", "template", "spec", "hostNetwork"), True, "/spec/template/spec/hostNetwork was added"),
        (("metadata", "labels"), {"app": "other"}, "/metadata/labels/app was changed"),
        ((*APP, "env"), [], "containers/0/env/0 is missing"),
    ],
)
def test_what_was_changed_is_named_with_its_field(path: tuple[str | int, ...], to: Any, said: str) -> None:
    there = changed(DEPLOYMENT, *path, to=to)
    for found in (suspected(DEPLOYMENT, there, NONE), confirmed(DEPLOYMENT, live(DEPLOYMENT), there, NONE)):
        assert [str(f).endswith(said) for f in found] == [True]
        assert "hunter2" not in words(found)


def test_a_container_that_was_added_is_drift_though_applying_again_would_leave_it() -> None:
    there = live(DEPLOYMENT)
    there["spec"]["template"]["spec"]["containers"].append({"name": "spy", "image": "evil"})
    (found,) = confirmed(DEPLOYMENT, there, there, NONE)
    assert (found.path, found.what) == ("/spec/template/spec/containers/1", "was added")


@pytest.mark.parametrize(("key", "to"), [("token", "b3RoZXI="), ("more", "bW9yZQ==")])
def test_of_a_secret_nothing_is_told_but_its_key(key: str, to: str) -> None:
    there = changed(SECRET, "data", key, to=to)
    (found,) = suspected(SECRET, there, NONE)
    assert (found.path, found.value) == (f"/data/{key}", "")
    assert found.what in ("was changed", "was added")


def test_a_key_that_was_added_to_a_configuration_is_drift() -> None:
    (found,) = suspected(CONFIG, changed(CONFIG, "data", "more", to="x"), NONE)
    assert str(found) == "ConfigMap settings /data/more was added"


def test_a_field_that_others_may_set_is_left_out() -> None:
    there = changed(DEPLOYMENT, "spec", "replicas", to=5)
    assert suspected(DEPLOYMENT, there, Ignored(["/spec/replicas"])) == ()


def test_who_wrote_it_is_named_where_the_object_says_so() -> None:
    there = changed(DEPLOYMENT, *APP, "image", to="evil")
    owned = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}}}}}}}
    there["metadata"]["managedFields"] = [
        {"manager": "helm", "time": "2026-12-02T00:00:00Z", "fieldsV1": owned},
        {"manager": "kubectl-edit", "time": "2026-12-01T00:00:00Z", "fieldsV1": owned},
        {"manager": "kubectl-scale", "time": "2026-12-03T00:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ]
    (found,) = suspected(DEPLOYMENT, there, NONE)
    assert found.manager == "kubectl-edit"


def test_the_token_that_a_cluster_fills_in_is_no_drift() -> None:
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "app"}},
        "type": "kubernetes.io/service-account-token",
    }
    assert suspected(token, {**token, "data": {"token": "eA=="}}, NONE) == ()


@pytest.mark.parametrize(
    ("obj", "gone"),
    [
        ({"kind": "Job", "spec": {"ttlSecondsAfterFinished": 0}}, True),
        ({"kind": "Job", "spec": {}}, False),
        ({"kind": "Job", "metadata": {"annotations": {"helm.sh/hook": "post-install"}}}, True),
        (DEPLOYMENT, False),
    ],
)
def test_what_is_deleted_again_by_itself_is_not_missed(obj: dict[str, Any], *, gone: bool) -> None:
    assert passing(obj) == gone


@given(st.integers(0, 99), st.integers(0, 99))
def test_the_digest_is_that_of_what_is_there(first: int, second: int) -> None:
    digests = [
        drift_of(suspected(DEPLOYMENT, changed(DEPLOYMENT, "spec", "replicas", to=n), NONE), "here", "a:1").digest
        for n in (first, second)
    ]
    assert (digests[0] == digests[1]) == (first == second)
    assert (digests[0] == "") == (first == 3)


def test_status_holds_the_first_few_and_a_digest_of_all() -> None:
    there = live(DEPLOYMENT)
    there["metadata"]["labels"] = {}
    wanted = {**DEPLOYMENT, "metadata": {"name": "payments", "labels": {f"l{n:02}": "x" for n in range(20)}}}
    found = drift_of(suspected(wanted, there, NONE), "here", "a:1")
    (row,) = rows(found.found)
    assert (len(row.fields), found.count) == (8, 20)
