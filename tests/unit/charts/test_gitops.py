"""The components that Argo CD's and Flux's own kustomizations name."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.gitops import GITOPS, argo, expressions, kustomize


def overlay(folder: Path, component: str, *resources: dict[str, Any], **more: object) -> list[dict[str, Any]]:
    """What kustomize makes of ``resources`` with one of our components."""
    shutil.copytree(GITOPS / component, folder / "ours")
    (folder / "theirs.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in resources))
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    text = yaml.safe_dump({**head, "resources": ["theirs.yaml"], "components": ["ours"], **more})
    (folder / "kustomization.yaml").write_text(text)
    return kustomize(folder)


def test_health_scripts_come_beside_what_argo_cd_has_in_its_configuration(tmp_path: Path) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": {"url": "https://x"}}
    (made,) = overlay(tmp_path, "argocd/component", theirs, namespace="argocd")
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("argocd-cm", "argocd")
    assert made["data"].pop("url") == "https://x"
    assert sorted(made["data"].values()) == sorted(argo().scripts.values())


def test_what_is_applied_over_another_installation_holds_our_keys_alone() -> None:
    (made,) = kustomize(GITOPS / "argocd")
    assert all(key.startswith("resource.customizations.health.lockflight.dev_") for key in made["data"])
    assert made["metadata"]["labels"] == {"app.kubernetes.io/part-of": "argocd"}


def test_expressions_come_into_the_kustomizations_that_ask_for_them(tmp_path: Path) -> None:
    def theirs(name: str, labels: dict[str, str]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "flux-system", "labels": labels}
        head = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
        return {**head, "metadata": metadata, "spec": {"path": "./payments", "prune": True}}

    asks = theirs("asks", {"lockflight.dev/health-checks": "enabled"})
    made = overlay(tmp_path, "flux", asks, theirs("not", {"team": "payments"}))
    found = {obj["metadata"]["name"]: obj["spec"] for obj in made}
    assert found["asks"].pop("healthCheckExprs") == list(expressions().values())
    assert found == {"asks": asks["spec"], "not": asks["spec"]}
