"""Plans: what would be applied, by digest, from rendered manifests alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.policy.model import Plan, PlannedComponent, PlanProblem
from lockflight.policy.plan import build_plan, component_plan, images
from tests.unit.policy.builders import digest

NAMESPACE = "payments-production"


def pod(image: str = "a:1", **more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "app", "image": image}], **more}


def workload(kind: str = "Deployment", image: str = "a:1", **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "app", **metadata}, "spec": {"template": {"spec": pod(image)}}}


def secret(**fields: Any) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "s"}, **fields}


def planned(*objects: dict[str, Any], **given: Any) -> PlannedComponent | PlanProblem:
    return component_plan(
        **{
            "name": "app",
            "helm_release": "payments-app",
            "chart_digest": digest("chart"),
            "values": {"a": 1},
            "values_from": (),
            "objects": objects,
            "namespace": NAMESPACE,
            "reversible": True,
            "unstable": False,
            **given,
        }
    )


def manifest(*objects: dict[str, Any], **given: Any) -> str:
    made = planned(*objects, **given)
    assert isinstance(made, PlannedComponent), made
    return made.manifest_digest


@pytest.mark.parametrize(
    ("obj", "found"),
    [
        ({"kind": "Pod", "spec": pod("p:1")}, {"p:1"}),
        (workload(), {"a:1"}),
        ({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod("c:1")}}}}}, {"c:1"}),
        ({"kind": "Pod", "spec": pod("a:1", initContainers=[{"image": "i:1"}])}, {"a:1", "i:1"}),
        ({"kind": "Pod", "spec": pod("a:1", ephemeralContainers=[{"image": "e:1"}])}, {"a:1", "e:1"}),
        ({"kind": "Pod", "spec": pod("a:1", volumes=[{"image": {"reference": "v:1"}}])}, {"a:1", "v:1"}),
        ({"kind": "Rollout", "spec": {"template": {"spec": pod("crd:1")}}}, {"crd:1"}),
        ({"kind": "PodList", "items": [{"kind": "Pod", "spec": pod("l:1")}]}, {"l:1"}),
        ({"kind": "ConfigMap", "data": {"image": "no:1"}}, set()),
        ({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "none"}]}}}}, set()),
        ({"kind": "Odd", "spec": {"containers": "text", "volumes": [None, {"image": "text"}]}}, set()),
    ],
)
def test_every_image_is_found_wherever_the_pod_template_sits(obj: dict[str, Any], found: set[str]) -> None:
    assert set(images(obj)) == found


def test_images_are_told_once_and_sorted() -> None:
    made = planned(workload(image="b:1"), workload(image="a:1"), workload("StatefulSet", image="b:1"))
    assert isinstance(made, PlannedComponent)
    assert made.images == ("a:1", "b:1")


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_rotated_secret_is_the_same_manifest(field: str) -> None:
    assert manifest(secret(**{field: {"password": "old"}})) == manifest(secret(**{field: {"password": "new"}}))


def test_another_key_of_a_secret_is_another_manifest() -> None:
    assert manifest(secret(data={"password": "x"})) != manifest(secret(data={"token": "x"}))
    assert manifest(secret(data={"password": "x"})) != manifest(secret(data={"password": "x"}, type="Opaque"))


def test_a_secret_inside_a_list_is_hidden_too() -> None:
    def wrapped(value: str) -> dict[str, Any]:
        return {"kind": "List", "items": [secret(data={"password": value})]}

    assert manifest(wrapped("old")) == manifest(wrapped("new"))


def test_a_secret_value_in_another_object_stays_binding() -> None:
    def leaky(value: str) -> dict[str, Any]:
        return workload(annotations={"password": value})

    assert manifest(secret(data={"password": "x"}), leaky("old")) != manifest(
        secret(data={"password": "x"}), leaky("new")
    )


def test_any_other_difference_is_another_manifest() -> None:
    assert manifest(workload(image="a:1")) != manifest(workload(image="a:2"))
    assert manifest(workload()) != manifest(workload(), workload("StatefulSet"))


def test_what_renders_differently_each_time_is_bound_by_chart_and_values_and_says_so() -> None:
    one, other = planned(workload(image="a:1"), unstable=True), planned(workload(image="a:2"), unstable=True)
    assert isinstance(one, PlannedComponent)
    assert isinstance(other, PlannedComponent)
    assert (one.unstable, one.manifest_digest) == (True, other.manifest_digest)
    assert one.manifest_digest != manifest(workload(image="a:1"))


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize(
    ("obj", "reason", "said"),
    [
        (
            workload(namespace="elsewhere"),
            reasons.FOREIGN_NAMESPACE,
            "namespace elsewhere: allowed is payments-production",
        ),
        ({"kind": "Namespace", "metadata": {"name": "x"}}, reasons.CLUSTER_SCOPED, "Namespace x"),
        (
            {
                "kind": "SecretList",
                "items": [{"kind": "Secret", "metadata": {"name": "sh.helm.release.v1.app-api.v9"}}],
            },
            reasons.HELM_RECORD,
            "a chart does not write history",
        ),
        (
            {"kind": "Secret", "metadata": {"generateName": "sh.helm.release.v1.app-api.v"}},
            reasons.HELM_RECORD,
            "a chart does not write history",
        ),
        ({"kind": "ClusterRole", "metadata": {"name": "x"}}, reasons.CLUSTER_SCOPED, "ClusterRole x"),
        ({"kind": "ClusterRoleBinding", "metadata": {"name": "x"}}, reasons.CLUSTER_SCOPED, "ClusterRoleBinding x"),
        ({"kind": "CustomResourceDefinition", "metadata": {"name": "x"}}, reasons.CLUSTER_SCOPED, "x"),
    ],
)
def test_a_stack_deploys_only_into_its_namespaces(obj: dict[str, Any], reason: str, said: str, *, wrap: bool) -> None:
    found = planned({"kind": "List", "items": [{"kind": "List", "items": [obj]}]} if wrap else obj)
    assert isinstance(found, PlanProblem)
    assert (found.reason, found.final) == (reason, True)
    assert said in found.message
    assert "component app" in found.message


def test_its_own_namespace_may_be_named() -> None:
    assert isinstance(planned(workload(namespace=NAMESPACE)), PlannedComponent)


def test_what_canonical_json_cannot_hold_is_a_problem_not_a_crash() -> None:
    found = planned({"kind": "ConfigMap", "metadata": {"name": "x"}, "n": 2**60})
    assert isinstance(found, PlanProblem)
    assert (found.reason, found.final) == (reasons.NOT_CANONICAL, True)


def whole(*components: PlannedComponent, **given: Any) -> Plan:
    return build_plan(
        **{
            "stack": "payments",
            "environment": "production",
            "tier": Tier.PRODUCTION,
            "application": "payments",
            "namespace": NAMESPACE,
            "components": components or (one(),),
            "rules": {"soak": "24h"},
            "secrets": (),
            "secrets_key": b"",
            **given,
        }
    )


def one() -> PlannedComponent:
    made = planned(workload())
    assert isinstance(made, PlannedComponent)
    return made


@pytest.mark.parametrize(
    "given",
    [
        {"stack": "ledger"},
        {"environment": "uat"},
        {"tier": Tier.UAT},
        {"application": "ledger"},
        {"namespace": "elsewhere"},
        {"rules": {"soak": "1h"}},
        {"components": (replace(one(), name="web"),)},
        {"components": (replace(one(), chart_digest=digest("x")),)},
        {"components": (replace(one(), values_digest=digest("x")),)},
        {"components": (replace(one(), manifest_digest=digest("x")),)},
        {"components": (replace(one(), images=("z:1",)),)},
        {"components": (replace(one(), reversible=False),)},
        {"components": (one(), replace(one(), name="web"))},
    ],
)
def test_whatever_is_applied_or_relied_upon_is_in_the_digest(given: dict[str, Any]) -> None:
    assert whole(**given).digest != whole().digest


def keyed(contents: Sequence[dict[str, Any]], key: bytes = b"k") -> str:
    return whole(secrets=contents, secrets_key=key).secrets_digest


def test_secret_contents_are_recorded_under_a_key_and_do_not_bind() -> None:
    assert keyed([{"p": "old"}]) != keyed([{"p": "new"}])
    assert keyed([{"p": "old"}]) != keyed([{"p": "old"}], b"another key")
    assert whole(secrets=[{"p": "old"}], secrets_key=b"k").digest == whole().digest
    assert (keyed([{"p": "old"}], b""), keyed([])) == ("", "")
