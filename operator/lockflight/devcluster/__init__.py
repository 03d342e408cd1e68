"""The embedded control plane: a real Kubernetes API server and its companions, on loopback, without containers."""

from lockflight.devcluster.cluster import Cluster
from lockflight.devcluster.errors import (
    CommandFailedError,
    DevClusterError,
    NotReadyError,
    NotUpError,
    ProgramCrashedError,
    ToolsMissingError,
)
from lockflight.devcluster.people import ADMIN, DEMO_PEOPLE, Person
from lockflight.devcluster.supervisor import ProgramStatus

__all__ = [
    "ADMIN",
    "DEMO_PEOPLE",
    "Cluster",
    "CommandFailedError",
    "DevClusterError",
    "NotReadyError",
    "NotUpError",
    "Person",
    "ProgramCrashedError",
    "ProgramStatus",
    "ToolsMissingError",
]
