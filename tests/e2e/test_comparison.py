"""A foreign mutating policy changes what Helm applies, on a real API server: it is caught before verification."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lockflight.devcluster.providers import ClusterLike
from tests.e2e.stack import IMAGE, OTHER_IMAGE, Stack, eventually

NAME = "e2e-swaps-images"
SWAP = f"[JSONPatch{{op: 'replace', path: '/spec/template/spec/containers/0/image', value: '{OTHER_IMAGE}'}}]"
PROBE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "probe"},
    "spec": {
        "selector": {"matchLabels": {"app": "probe"}},
        "template": {
            "metadata": {"labels": {"app": "probe"}},
            "spec": {"containers": [{"name": "app", "image": IMAGE}]},
        },
    },
}


@pytest.fixture
def swapping(cluster: ClusterLike) -> Iterator[Callable[[str], None]]:
    """From its call on the image of every Deployment in a namespace is swapped."""

    def swaps(namespace: str) -> bool:
        made = cluster.kubectl(
            "-n", namespace, "create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(PROBE)
        )
        return OTHER_IMAGE in made

    def install(namespace: str) -> None:
        rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
        head: dict[str, Any] = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": NAME}}
        spec = {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [rule | {"resources": ["deployments"]}],
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": SWAP}}],
        }
        policy = head | {"kind": "MutatingAdmissionPolicy", "spec": spec}
        binding = head | {"kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": NAME}}
        for obj in (policy, binding):
            cluster.kubectl("create", "-f", "-", stdin=json.dumps(obj))
        eventually(lambda: swaps(namespace), "images to be swapped")

    try:
        yield install
    finally:
        for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy"):
            cluster.kubectl("delete", kind, NAME, "--ignore-not-found")


def test_a_mutating_policy_that_swaps_the_image_is_caught(stack: Stack, swapping: Callable[[str], None]) -> None:
    stack.install([{"name": "integration", "tier": "Integration", "spec": {"autoPromote": False}}])
    swapping(f"{stack.name}-integration")

    promotion = stack.promote(stack.release("1.0.0"), "integration")

    stack.reaches(promotion, "RolledBack")
    said = stack.condition("lfpromo", promotion, "Succeeded")["message"]
    assert "is not what was rendered" in said
    assert f".image is {OTHER_IMAGE}, rendered was {IMAGE}" in said
