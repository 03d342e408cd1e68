"""What would be applied, by digest, purely from rendered manifests."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.policy.digest import canonical_digest
from lockflight.policy.model import Plan, PlannedComponent, PlannedStep, PlanProblem

_FOREIGN_KINDS: Final = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "StorageClass",
        "PriorityClass",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "APIService",
        "IngressClass",
        "RuntimeClass",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
    }
)
_HELM_RECORD: Final = "sh.helm.release."
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")


def component_plan(
    *,
    name: str,
    helm_release: str,
    chart_digest: str,
    values: Mapping[str, Any],
    values_from: Sequence[str],
    objects: Sequence[Mapping[str, Any]],
    namespace: str,
    reversible: bool,
    unstable: bool,
) -> PlannedComponent | PlanProblem:
    """One component's part of the plan; ``values`` hold no secret, ``objects`` are what the chart renders to."""
    objects = [item for obj in objects for item in flat(obj)]
    for obj in objects:
        problem = _outside(obj, namespace, name)
        if problem is not None:
            return problem
    try:
        values_digest = canonical_digest(values)
        # A chart that renders differently each time is bound by chart and values: its manifest says nothing.
        manifest = canonical_digest("unstable") if unstable else canonical_digest([hidden(obj) for obj in objects])
    except ValueError as problem:
        return PlanProblem(reasons.NOT_CANONICAL, f"component {name}: {problem}", final=True)
    return PlannedComponent(
        name=name,
        helm_release=helm_release,
        chart_digest=chart_digest,
        values_digest=values_digest,
        manifest_digest=manifest,
        images=tuple(sorted({image for obj in objects for image in images(obj)})),
        values_from=tuple(values_from),
        reversible=reversible,
        unstable=unstable,
    )


def build_plan(
    *,
    stack: str,
    environment: str,
    tier: Tier,
    application: str,
    namespace: str,
    components: Sequence[PlannedComponent],
    rules: Mapping[str, Any],
    secrets: Sequence[Mapping[str, Any]],
    secrets_key: bytes,
    steps: Sequence[PlannedStep] = (),
    requires: Sequence[tuple[str, str]] = (),
) -> Plan:
    """The plan of a target; ``rules`` are what the decision relies on, so that changing them voids approvals."""
    digest = canonical_digest(
        {
            "target": [stack, environment, tier.value, application, namespace],
            "rules": rules,
            "components": [
                {
                    "name": c.name,
                    "helmRelease": c.helm_release,
                    "chart": c.chart_digest,
                    "values": c.values_digest,
                    "manifest": c.manifest_digest,
                    "images": list(c.images),
                    "reversible": c.reversible,
                }
                for c in components
            ],
            **({"steps": [_step(step) for step in steps]} if steps else {}),
            **({"requires": [list(row) for row in requires]} if requires else {}),
        }
    )
    keyed = ""
    if secrets and secrets_key:
        contents = canonical_digest(list(secrets)).encode()
        keyed = "sha256:" + hmac.new(secrets_key, contents, hashlib.sha256).hexdigest()
    return Plan(
        namespace=namespace, components=tuple(components), digest=digest, secrets_digest=keyed, steps=tuple(steps)
    )


def _step(step: PlannedStep) -> dict[str, Any]:
    return {
        "name": step.name,
        "after": step.after,
        "role": step.role,
        "description": step.description,
        "timeout": int(step.timeout.total_seconds()),
        "reversible": step.reversible,
    }


def images(obj: Any) -> Iterator[str]:
    """Every image that a rendered object names, wherever its pod template sits, image volumes included."""
    if isinstance(obj, Mapping):
        for key, value in obj.items():
            if key in _CONTAINERS and isinstance(value, list):
                yield from (c["image"] for c in value if isinstance(c, Mapping) and isinstance(c.get("image"), str))
            elif key == "volumes" and isinstance(value, list):
                yield from _volume_images(value)
            yield from images(value)
    elif isinstance(obj, list):
        for item in obj:
            yield from images(item)


def _volume_images(volumes: list[Any]) -> Iterator[str]:
    for volume in volumes:
        image = volume.get("image") if isinstance(volume, Mapping) else None
        if isinstance(image, Mapping) and isinstance(image.get("reference"), str):
            yield image["reference"]


def flat(obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Helm applies what a List holds, so it is judged as if it stood alone."""
    items = obj.get("items")
    if str(obj.get("kind", "")).endswith("List") and isinstance(items, list):
        for item in items:
            if isinstance(item, Mapping):
                yield from flat(item)
    else:
        yield obj


def _outside(obj: Mapping[str, Any], namespace: str, component: str) -> PlanProblem | None:
    kind, meta = obj.get("kind", "?"), obj.get("metadata") or {}
    name, asked = meta.get("name", "?"), meta.get("namespace")
    if kind in _FOREIGN_KINDS:
        message = (
            f"component {component} brings {kind} {name}, which belongs to the cluster: the platform team installs it"
        )
        return PlanProblem(reasons.CLUSTER_SCOPED, message, final=True)
    if asked not in (None, "", namespace):
        message = f"component {component} puts {kind} {name} into namespace {asked}: allowed is {namespace} only"
        return PlanProblem(reasons.FOREIGN_NAMESPACE, message, final=True)
    if kind == "Secret" and any(str(meta.get(k)).startswith(_HELM_RECORD) for k in ("name", "generateName")):
        # What ran and was verified, and so what may be gone back to, is read from these.
        message = f"component {component} brings Secret {name}, a record of Helm's: a chart does not write history"
        return PlanProblem(reasons.HELM_RECORD, message, final=True)
    return None


def hidden(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Secrets by their keys only; a secret value that shows up in another object stays."""
    if obj.get("kind") != "Secret":
        return obj
    hidden = dict(obj)
    for field in ("data", "stringData"):
        if isinstance(obj.get(field), Mapping):
            hidden[field] = dict.fromkeys(obj[field], "")
    return hidden
