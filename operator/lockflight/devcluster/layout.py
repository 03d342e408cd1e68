"""Where everything is: the built programs, and one folder of state per cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lockflight.devcluster.errors import ToolsMissingError

CONTROL_PLANE = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "registry",
    "kubectl",
    "helm",
)
"""Everything the embedded cluster runs or is used with."""


def project_root() -> Path:
    """The checkout this package is installed from, else the current folder."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "tools" / "go.mod").is_file():
            return folder
    return Path.cwd()


def default_tools() -> Path:
    """The folder of built programs: `LOCKFLIGHT_TOOLS`, else `.tools/bin` of the checkout."""
    return Path(os.environ.get("LOCKFLIGHT_TOOLS") or project_root() / ".tools" / "bin").resolve()


def default_state(name: str = "default") -> Path:
    """The state folder of a named cluster."""
    return project_root() / ".tools" / "dev" / name


def require_tools(tools: Path, names: tuple[str, ...]) -> None:
    """Raise `ToolsMissingError` unless every program has been built."""
    missing = [name for name in names if not (tools / name).is_file()]
    if missing:
        raise ToolsMissingError(missing, tools)


@dataclass(frozen=True)
class Layout:
    """Paths in a state folder."""

    root: Path

    @property
    def record(self) -> Path:
        """Ports and processes, as JSON."""
        return self.root / "cluster.json"

    @property
    def lock(self) -> Path:
        """Held while the cluster is brought up or down."""
        return self.root / "lock"

    @property
    def admission(self) -> Path:
        """An AdmissionConfiguration for the API server, where somebody put one here before the cluster came up."""
        return self.root / "admission.yaml"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.root / "pki"

    @property
    def logs(self) -> Path:
        """One log per program."""
        return self.root / "logs"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: one JSON event a line."""
        return self.root / "logs" / "audit.jsonl"

    def log(self, program: str) -> Path:
        """The log of a program."""
        return self.logs / f"{program}.log"

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig of a person, a component or (as `<namespace>.<name>`) a service account."""
        return self.root / "kubeconfigs" / f"{name}.kubeconfig"

    def data(self, program: str) -> Path:
        """A folder for what a program stores."""
        return self.root / "data" / program
