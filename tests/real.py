"""A real cluster for adapter tests: CRDs, namespaces with their virtual deployer, charts in the registry."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockflight.adapters.api_client import KubeClient
from lockflight.adapters.charts import ChartCache
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.helm import HelmCli
from lockflight.adapters.helm_env import HelmEnvironment
from lockflight.assets import asset
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.labels import deployer

SAMPLE = Path(__file__).parent / "charts" / "sample"
_RBAC = "rbac.authorization.k8s.io"
_numbers = itertools.count(1)


def helm_binary(cluster: ClusterLike) -> str:
    """The helm program that belongs to the cluster."""
    found = shutil.which("helm", path=cluster.env["PATH"])
    assert found is not None
    return found


def apply(cluster: ClusterLike, *objects: Mapping[str, Any]) -> None:
    """As the admin."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)


def install_crds(cluster: ClusterLike) -> None:
    """Ours, and wait until they serve."""
    cluster.kubectl("apply", "--server-side", "-f", str(asset("crds")))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(asset("crds")))


def new_namespace(cluster: ClusterLike, *, deploys: bool = True, labels: Mapping[str, str] | None = None) -> str:
    """A namespace of its own for a test, with or without the rights of its virtual deployer."""
    name = f"adapters-{next(_numbers)}"
    objects: list[Mapping[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}}
    ]
    if deploys:
        binding = {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "deployer", "namespace": name},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": deployer(name)}],
        }
        objects.append(binding)
    apply(cluster, *objects)
    return name


def push(cluster: ClusterLike, chart: Path, folder: Path) -> None:
    """Package a chart and push it to the cluster's registry, below ``charts``."""
    helm = helm_binary(cluster)
    packed = folder / "packed"
    subprocess.run([helm, "package", chart, "-d", packed], check=True, capture_output=True, env=cluster.env)
    for archive in packed.glob("*.tgz"):
        target = f"oci://{cluster.registry}/charts"
        subprocess.run(
            [helm, "push", archive, target, "--plain-http"], check=True, capture_output=True, env=cluster.env
        )
    shutil.rmtree(packed)


def make_charts(cluster: ClusterLike, folder: Path, *, max_bytes: int = 1_048_576) -> ChartCache:
    """The Charts adapter with a cache of its own."""
    environment = HelmEnvironment(folder, str(cluster.kubeconfig()))
    return ChartCache(helm_binary(cluster), environment, folder, max_bytes=max_bytes, plain_http=[cluster.registry])


def make_helm(cluster: ClusterLike, client: KubeClient, folder: Path) -> HelmCli:
    """The Helm adapter."""
    environment = HelmEnvironment(folder, str(cluster.kubeconfig()))
    return HelmCli(helm_binary(cluster), environment, client, SystemClock())
