"""What the helm program gets to see: a home of its own, few variables, credentials that impersonation works with."""

import os
from collections.abc import Mapping
from pathlib import Path

import yaml
from kubernetes.aio.config import incluster_config

_PASSED_ON = (
    "HELM_REGISTRY_CONFIG",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)
_PATH = "/usr/local/bin:/usr/bin:/bin"


class HelmEnvironment:
    """The folder below ``root`` that Helm works in, and the environments for its two uses."""

    def __init__(self, root: Path, kubeconfig: str | None = None) -> None:
        """``kubeconfig``: a file; else ``KUBECONFIG``, else the pod's own service account."""
        self._home = root / "helm"
        for folder in (self._home, self.scratch):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._kubeconfig = kubeconfig or os.environ.get("KUBECONFIG") or self._from_pod()

    @property
    def scratch(self) -> Path:
        """Where private temporary folders are made."""
        return self._home / "tmp"

    def offline(self) -> Mapping[str, str]:
        """For rendering and for pulling charts: no way to the cluster."""
        home = str(self._home)
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {
            "HELM_CACHE_HOME": f"{home}/cache",
            "HELM_CONFIG_HOME": f"{home}/config",
            "HELM_DATA_HOME": f"{home}/data",
            "HELM_DRIVER": "secret",
            "HOME": home,
            "PATH": _PATH,
            "TMPDIR": str(self.scratch),
            **passed,
        }

    def cluster(self) -> Mapping[str, str]:
        """For actions on the cluster."""
        return {**self.offline(), "KUBECONFIG": self._kubeconfig}

    def _from_pod(self) -> str:
        """Write the pod's credentials as a kubeconfig: without one Helm silently drops the user to impersonate."""
        host = os.environ.get(incluster_config.SERVICE_HOST_ENV_NAME, "")
        port = os.environ.get(incluster_config.SERVICE_PORT_ENV_NAME, "")
        shown = f"[{host}]" if ":" in host else host
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "pod",
            "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
            "clusters": [
                {
                    "name": "pod",
                    "cluster": {
                        "server": f"https://{shown}:{port}",
                        "certificate-authority": incluster_config.SERVICE_CERT_FILENAME,
                    },
                }
            ],
            # A path, never the token: it is rotated.
            "users": [{"name": "pod", "user": {"tokenFile": incluster_config.SERVICE_TOKEN_FILENAME}}],
        }
        path = self._home / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        return str(path)
