"""Which PVCs, Secrets and ConfigMaps rendered objects refer to or bring, and by which field."""

from typing import Any

import pytest

from lockflight.policy.datause import uses


def pod(container: dict[str, Any] | None = None, *volumes: dict[str, Any]) -> dict[str, Any]:
    """A Deployment with that container and those volumes."""
    spec = {"containers": [{"name": "app", **(container or {})}], "volumes": list(volumes)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api"},
        "spec": {"template": {"spec": spec}},
    }


def ref_of(kind: str, name: str, key: str = "k") -> dict[str, Any]:
    return {"valueFrom": {kind: {"name": name, "key": key}}}


IN = "Deployment api, spec.template.spec."


@pytest.mark.parametrize(
    ("obj", "carrier", "field"),
    [
        (pod({"env": [{"name": "URL", **ref_of("secretKeyRef", "x")}]}), "Secret x",
         "containers[app].env[URL].valueFrom.secretKeyRef.name"),
        (pod({"env": [{"name": "URL", **ref_of("configMapKeyRef", "x")}]}), "ConfigMap x",
         "containers[app].env[URL].valueFrom.configMapKeyRef.name"),
        (pod({"envFrom": [{"secretRef": {"name": "x"}}]}), "Secret x", "containers[app].envFrom[0].secretRef.name"),
        (pod({"envFrom": [{"configMapRef": {"name": "x"}}]}), "ConfigMap x",
         "containers[app].envFrom[0].configMapRef.name"),
        (pod(None, {"name": "v", "persistentVolumeClaim": {"claimName": "x"}}), "PersistentVolumeClaim x",
         "volumes[v].persistentVolumeClaim.claimName"),
        (pod(None, {"name": "v", "secret": {"secretName": "x"}}), "Secret x", "volumes[v].secret.secretName"),
        (pod(None, {"name": "v", "configMap": {"name": "x"}}), "ConfigMap x", "volumes[v].configMap.name"),
        (pod(None, {"name": "v", "projected": {"sources": [{"secret": {"name": "x"}}]}}), "Secret x",
         "volumes[v].projected.sources[0].secret.name"),
        (pod(None, {"name": "v", "projected": {"sources": [{"configMap": {"name": "x"}}]}}), "ConfigMap x",
         "volumes[v].projected.sources[0].configMap.name"),
    ],
)  # fmt: skip
def test_every_reference_is_found_with_its_field(obj: dict[str, Any], carrier: str, field: str) -> None:
    (found,) = uses("web", [obj])
    assert (str(found.ref), found.via, found.component, found.label) == (carrier, IN + field, "web", None)


def test_what_pulls_images_is_no_data() -> None:
    obj = pod()
    obj["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": "x"}]
    assert uses("web", [obj]) == ()


def test_what_the_chart_brings_has_the_class_that_it_gives_in_a_list_too() -> None:
    brought = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x", "labels": {"lockflight.dev/data-class": "Synthetic"}},
    }
    (found,) = uses("web", [{"apiVersion": "v1", "kind": "List", "items": [brought]}])
    assert (str(found.ref), found.label, found.via) == ("Secret x", "Synthetic", "brought by the chart")


def test_a_statefulsets_volumes_are_looked_for_by_the_names_that_they_get() -> None:
    template = {"metadata": {"name": "data", "labels": {"lockflight.dev/data-class": "Anonymised"}}}
    spec = {"replicas": 2, "volumeClaimTemplates": [template], "template": {"spec": {"containers": []}}}
    found = uses("db", [{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "pg"}, "spec": spec}])
    assert [(use.ref.name, use.label) for use in found] == [("data-pg-0", "Anonymised"), ("data-pg-1", "Anonymised")]


def test_what_a_volume_is_copied_from_counts() -> None:
    spec = {"dataSource": {"kind": "PersistentVolumeClaim", "name": "prod-copy"}}
    obj = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"}, "spec": spec}
    assert [str(use.ref) for use in uses("db", [obj])] == ["PersistentVolumeClaim x", "PersistentVolumeClaim prod-copy"]


def test_a_volume_that_comes_and_goes_with_its_pod_has_the_class_of_its_template() -> None:
    template = {"metadata": {"labels": {"lockflight.dev/data-class": "Production"}}, "spec": {}}
    (found,) = uses("web", [pod(None, {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}})])
    assert (found.label, found.via) == ("Production", IN + "volumes[scratch].ephemeral.volumeClaimTemplate")
