"""Which cluster the demo, the tests and the benchmark use.

`LOCKFLIGHT_CLUSTER` decides: `embedded` (the default), `kubeconfig` (the cluster that KUBECONFIG names; it is left as
it was found but for what the caller creates) or `kind` (a throw-away cluster in Docker).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lockflight.devcluster.cluster import Cluster, Progress
from lockflight.devcluster.errors import DevClusterError
from lockflight.devcluster.external import ExternalCluster
from lockflight.devcluster.people import ADMIN, Person


class ClusterLike(Protocol):
    """What every provider offers."""

    server: str
    """URL of the API server."""
    ca: Path
    """The certificate authority that signs its certificate."""

    @property
    def registry(self) -> str:
        """`host:port` of an OCI registry on loopback."""

    @property
    def audit_log(self) -> Path | None:
        """The API server's audit log; None where it cannot be read from here."""

    @property
    def env(self) -> dict[str, str]:
        """Environment for commands, without a KUBECONFIG."""

    def env_for(self, name: str) -> dict[str, str]:
        """Environment for commands run as a person."""

    def kubeconfig(self, name: str = ADMIN) -> Path:
        """The kubeconfig of a person."""

    def add_person(self, person: Person) -> Path:
        """Give a person a client certificate."""

    def kubectl(self, *args: str, person: str = ADMIN, stdin: str | None = None, timeout: float = 60) -> str:
        """Run kubectl as a person."""

    def token(self, namespace: str, name: str, duration: str = "1h") -> str:
        """A bearer token of a service account."""

    def service_account_kubeconfig(self, namespace: str, name: str, token: str) -> Path:
        """A kubeconfig that proves a service account."""

    def check(self) -> None:
        """Raise `ProgramCrashedError` when a program of ours ended on its own."""

    def down(self, *, purge: bool = False) -> None:
        """End what we started."""


def open_cluster(
    state: Path,
    *,
    nodes: int = 2,
    people: Sequence[Person] = (),
    detached: bool = False,
    progress: Progress = lambda _: None,
) -> ClusterLike:
    """Open the cluster that `LOCKFLIGHT_CLUSTER` asks for.

    Raises `DevClusterError` for a value that is none of the three, and whatever the provider raises.
    """
    kind = os.environ.get("LOCKFLIGHT_CLUSTER") or "embedded"
    if kind == "embedded":
        return Cluster.up(state, nodes=nodes, people=people, detached=detached, progress=progress)
    if kind in {"kubeconfig", "kind"}:
        return ExternalCluster.open(state, kind=kind == "kind", people=people, detached=detached, progress=progress)
    msg = f"LOCKFLIGHT_CLUSTER={kind}: want embedded, kubeconfig or kind"
    raise DevClusterError(msg)
