"""The operator's pod is what a namespace takes that enforces the restricted standard."""

import json
from collections.abc import Iterator

import pytest

from lockflight.devcluster.providers import ClusterLike

from .conftest import apply, template
from .world import documents

NAMESPACE = "lockflight-restricted"
LABELS = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}


@pytest.fixture(scope="module")
def restricted(cluster: ClusterLike) -> Iterator[str]:
    """A namespace that enforces it."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": LABELS}}
    apply(cluster, json.dumps(body))
    apply(cluster, json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": ACCOUNT}))
    yield NAMESPACE
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


ACCOUNT = {"name": "lockflight", "namespace": NAMESPACE}


def pod(cluster: ClusterLike) -> dict[str, object]:
    """The pod that the chart's Deployment makes."""
    values = {"registryCredentials": {"secretName": "registry"}, "secretsDigest": {"secretName": "digest"}}
    (deployment,) = documents(template(cluster, "lockflight", "--show-only=templates/deployment.yaml", values=values))
    spec = deployment["spec"]["template"]["spec"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried", "namespace": NAMESPACE}, "spec": spec}


def create(cluster: ClusterLike, body: dict[str, object]) -> None:
    cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(body))


def test_the_operators_pod_is_taken(cluster: ClusterLike, restricted: str) -> None:
    create(cluster, pod(cluster))


def test_one_that_may_escalate_is_not(cluster: ClusterLike, restricted: str) -> None:
    loose = pod(cluster)
    loose["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True  # type: ignore[index]
    with pytest.raises(Exception, match='violates PodSecurity "restricted:latest"'):
        create(cluster, loose)
