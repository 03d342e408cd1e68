"""What the helm program gets to see."""

from pathlib import Path

import pytest
import yaml

from lockflight.adapters.helm_env import HelmEnvironment


def test_in_a_pod_a_kubeconfig_is_written_so_that_impersonation_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    path = Path(HelmEnvironment(tmp_path).cluster()["KUBECONFIG"])
    config = yaml.safe_load(path.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://[fd00::1]:443"
    assert config["users"][0]["user"] == {"tokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token"}
    assert path.stat().st_mode & 0o077 == 0


def test_nothing_of_our_own_environment_is_passed_on_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKFLIGHT_SECRET", "hunter2")
    monkeypatch.setenv("HELM_KUBETOKEN", "hunter2")
    monkeypatch.setenv("HTTPS_PROXY", "http://outbound.example:3128")
    environment = HelmEnvironment(tmp_path, "/some/kubeconfig")
    assert "hunter2" not in environment.cluster().values()
    assert environment.cluster()["HTTPS_PROXY"] == "http://outbound.example:3128"
    assert "KUBECONFIG" not in environment.offline()
