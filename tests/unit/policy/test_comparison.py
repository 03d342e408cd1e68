"""What counts as changed between rendering and cluster, and what does not."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.comparison import differences, stamped
from lockflight.policy.facts import Facts, Ref, common, facts

IMAGE = "registry.example/app@sha256:" + "a" * 64
OTHER = "registry.example/evil:latest"
SIDECAR = "registry.example/proxy@sha256:" + "b" * 64
REF = Ref("apps/v1", "Deployment", "app")
RENDERED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "app"},
    "spec": {
        "replicas": 2,
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {
                "serviceAccountName": "app",
                "securityContext": {"runAsNonRoot": True},
                "initContainers": [{"name": "migrate", "image": IMAGE, "command": ["migrate"]}],
                "containers": [
                    {
                        "name": "app",
                        "image": IMAGE,
                        "args": ["--serve"],
                        "env": [
                            {"name": "MODE", "value": "safe"},
                            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                            {"name": "EMPTY", "value": ""},
                        ],
                        "envFrom": [{"configMapRef": {"name": "app"}}],
                        "securityContext": {"allowPrivilegeEscalation": False},
                        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
                    }
                ],
                "volumes": [
                    {"name": "config", "configMap": {"name": "app"}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}},
                ],
            },
        },
    },
}


def _live() -> dict[str, Any]:
    """As the API server holds it: with its defaults, and quantities in its own words."""
    live = copy.deepcopy(RENDERED)
    live["metadata"] |= {"uid": "1", "resourceVersion": "7", "labels": {"x": "y"}}
    pod = _spec(live)
    pod |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "serviceAccount": "app", "schedulerName": "x"}
    for container in (*pod["containers"], *pod["initContainers"]):
        container |= {"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/x", "resources": {}}
    pod["containers"][0]["env"][1]["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    del pod["containers"][0]["env"][2]["value"]
    pod["volumes"][0]["configMap"]["defaultMode"] = 420
    pod["volumes"][1]["emptyDir"]["sizeLimit"] = "1Gi"
    return live


def _spec(obj: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = obj["spec"]["template"]["spec"]
    return spec


def _app(obj: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = _spec(obj)["containers"][0]
    return container


def _facts(obj: Mapping[str, Any]) -> Facts:
    found = facts(obj)
    assert found is not None
    return found


def _pod(**given: Any) -> dict[str, Any]:
    """A pod that the Deployment's ReplicaSet made, with the token that every pod gets."""
    spec = _spec(_live())
    token = {"name": "kube-api-access-x7z", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    spec["volumes"].append(token)
    for container in (*spec["containers"], *spec["initContainers"]):
        mounts = container.get("volumeMounts", [])
        container["volumeMounts"] = [*mounts, {"name": token["name"], "mountPath": "/var/run", "readOnly": True}]
    owner = {"kind": "ReplicaSet", "name": "app-5d4", "controller": True}
    metadata = {"name": "app-5d4-x", "labels": {"pod-template-hash": "5d4"}, "ownerReferences": [owner]}
    return {"metadata": metadata | given.pop("metadata", {}), "spec": spec, "status": {"phase": "Running"}, **given}


def _compare(change: Callable[[dict[str, Any]], object], local: tuple[str, ...] = ()) -> list[str]:
    live = _live()
    change(live)
    return [str(found) for found in differences([_facts(RENDERED)], {REF: live}, [], local)]


def test_what_the_api_server_fills_in_is_no_difference() -> None:
    assert _compare(lambda _: None) == []


def test_replicas_labels_and_what_else_controllers_write_is_not_looked_at() -> None:
    assert _compare(lambda live: live["spec"].update(replicas=9)) == []


AT = "Deployment app: spec.template.spec."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda o: _app(o).update(image=OTHER), f"{AT}containers[app].image is {OTHER}, rendered was {IMAGE}"),
        (lambda o: _app(o).update(command=["sh"]), f"{AT}containers[app].command was added"),
        (lambda o: _app(o).update(args=["--debug"]), f"{AT}containers[app].args is another"),
        (lambda o: _app(o).pop("args"), f"{AT}containers[app].args is missing"),
        (lambda o: _app(o)["env"][0].update(value="wild"), f"{AT}containers[app].env[MODE] is another"),
        (lambda o: _app(o)["env"].append({"name": "X", "value": "1"}), f"{AT}containers[app].env[X] was added"),
        (lambda o: _app(o)["env"].pop(0), f"{AT}containers[app].env[MODE] is missing"),
        (lambda o: _app(o)["envFrom"].append({"secretRef": {"name": "x"}}), f"{AT}containers[app].envFrom is another"),
        (lambda o: _app(o).pop("securityContext"), f"{AT}containers[app].securityContext is missing"),
        (
            lambda o: _app(o)["securityContext"].update(privileged=True),
            f"{AT}containers[app].securityContext is another",
        ),
        (
            lambda o: _app(o)["volumeMounts"].append({"name": "tmp", "mountPath": "/x"}),
            f"{AT}containers[app].volumeMounts is another",
        ),
        (lambda o: _spec(o).update(serviceAccountName="root"), f"{AT}serviceAccountName is another"),
        (lambda o: _spec(o).update(hostNetwork=True), f"{AT}hostNetwork was added"),
        (lambda o: _spec(o)["securityContext"].update(runAsNonRoot=False), f"{AT}securityContext is another"),
        (lambda o: _spec(o)["initContainers"][0].update(image=OTHER), None),
        (lambda o: _spec(o)["initContainers"].clear(), f"{AT}initContainers[migrate] is missing"),
        (
            lambda o: _spec(o)["containers"].append({"name": "spy", "image": OTHER}),
            f"{AT}containers[spy] was added, with image {OTHER}, which entry.images.local lacks",
        ),
        (lambda o: _spec(o)["volumes"][0]["configMap"].update(name="other"), f"{AT}volumes.config is another"),
        (lambda o: _spec(o)["volumes"].append({"name": "h", "hostPath": {"path": "/"}}), f"{AT}volumes.h was added"),
        (lambda o: o["spec"].pop("template"), "Deployment app holds nothing of what was rendered"),
    ],
)
def test_a_change_is_found_with_object_and_field(change: Callable[[dict[str, Any]], object], said: str | None) -> None:
    (found,) = _compare(change)
    assert said is None or found == said


def test_an_object_that_is_gone_is_missing_unless_it_is_a_hook() -> None:
    assert [str(d) for d in differences([_facts(RENDERED)], {}, [])] == ["Deployment app is missing"]
    hook = copy.deepcopy(RENDERED)
    hook["metadata"]["annotations"] = {"helm.sh/hook": "pre-upgrade"}
    assert differences([_facts(hook)], {}, []) == ()


def _inject(live: dict[str, Any]) -> None:
    _spec(live)["containers"].append({"name": "proxy", "image": SIDECAR, "volumeMounts": [{"name": "certs"}]})
    _spec(live)["volumes"].append({"name": "certs", "emptyDir": {"medium": "Memory"}})


def test_an_allowed_sidecar_may_be_injected_with_its_volume() -> None:
    assert _compare(_inject, (SIDECAR,)) == []
    assert len(_compare(_inject)) == 2


def test_an_allowed_sidecar_opens_no_other_container() -> None:
    def inject_and_mount(live: dict[str, Any]) -> None:
        _inject(live)
        _app(live)["volumeMounts"].append({"name": "certs", "mountPath": "/x"})

    assert _compare(inject_and_mount, (SIDECAR,)) == [f"{AT}containers[app].volumeMounts is another"]


def test_pods_are_compared_with_the_template_they_come_from() -> None:
    assert differences([_facts(RENDERED)], {REF: _live()}, [_pod()]) == ()
    swapped = _pod()
    swapped["spec"]["containers"][0]["image"] = OTHER
    (found,) = differences([_facts(RENDERED)], {REF: _live()}, [swapped])
    assert str(found) == f"Pod app-5d4-x of Deployment app: spec.containers[app].image is {OTHER}, rendered was {IMAGE}"


def test_a_debug_container_in_a_pod_is_found() -> None:
    pod = _pod()
    pod["spec"]["ephemeralContainers"] = [{"name": "debugger", "image": OTHER}]
    (found,) = differences([_facts(RENDERED)], {REF: _live()}, [pod])
    assert found.field == "spec.ephemeralContainers[debugger]"


@pytest.mark.parametrize(
    "pod",
    [
        _pod(metadata={"deletionTimestamp": "2026-12-01T00:00:00Z"}),
        _pod(status={"phase": "Succeeded"}),
        _pod(metadata={"ownerReferences": []}),
        _pod(metadata={"labels": {"pod-template-hash": "old"}}),
    ],
    ids=["ends", "is done", "is nobody's", "is another ReplicaSet's"],
)
def test_a_pod_that_does_not_run_for_it_is_not_looked_at(pod: dict[str, Any]) -> None:
    pod["spec"]["containers"][0]["image"] = OTHER
    assert differences([_facts(RENDERED)], {REF: _live()}, [pod]) == ()


@pytest.mark.parametrize(
    ("rendered", "live"),
    [
        ({"kind": "ConfigMap", "data": {"a": "1"}}, {"data": {"a": "2"}}),
        ({"kind": "Role", "rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["*"]}]}),
        ({"kind": "RoleBinding", "subjects": [{"kind": "ServiceAccount"}]}, {"subjects": [{"kind": "User"}]}),
    ],
)
def test_configuration_and_rights_are_compared_too(rendered: dict[str, Any], live: dict[str, Any]) -> None:
    obj = {"apiVersion": "v1", "metadata": {"name": "app"}, **rendered}
    wanted = _facts(obj)
    assert differences([wanted], {wanted.ref: obj}, []) == ()
    assert len(differences([wanted], {wanted.ref: {**obj, **live}}, [])) == 1


def test_a_service_is_not_compared() -> None:
    assert facts({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}, "spec": {"ports": []}}) is None


def test_a_pod_template_in_a_custom_resource_is_found_where_it_stands() -> None:
    rollout = {**RENDERED, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    assert list(_facts(rollout).pods) == ["spec.template.spec"]


def test_what_a_chart_makes_up_each_time_is_not_compared_but_everything_else_is() -> None:
    second = copy.deepcopy(RENDERED)
    _app(second)["env"][0]["value"] = "random"
    known = common([_facts(RENDERED)], [_facts(second)])
    live = _live()
    _app(live)["env"][0]["value"] = "another random"
    assert differences(known, {REF: live}, []) == ()
    _app(live)["image"] = OTHER
    assert [d.field for d in differences(known, {REF: live}, [])] == ["spec.template.spec.containers[app].image"]


def test_an_object_written_by_breaking_the_glass_is_named_with_who_did() -> None:
    live = _live()
    live["metadata"]["annotations"] = {"lockflight.dev/break-glass": "eve"}
    assert [str(d) for d in stamped({REF: live})] == ["Deployment app was written by eve, who broke the glass"]


@given(st.integers(1, 4096))
def test_a_size_is_the_same_however_it_is_written(mebibytes: int) -> None:
    def sized(size: str) -> Facts:
        obj = copy.deepcopy(RENDERED)
        _spec(obj)["volumes"][1]["emptyDir"]["sizeLimit"] = size
        return _facts(obj)

    assert sized(f"{mebibytes}Mi") == sized(str(mebibytes * 1024 * 1024)) == sized(f"{mebibytes * 1024}Ki")
