"""What is watched, and where the API server has it."""

from dataclasses import dataclass

from lockflight.api.common import GROUP, VERSION
from lockflight.api.kinds import LIVING
from lockflight.workflow.keys import NAMESPACE


@dataclass(frozen=True, slots=True)
class Watched:
    """A kind by its names in the API; ``group`` is empty for the core group."""

    kind: str
    group: str
    version: str
    plural: str


WATCHED = (
    Watched(NAMESPACE, "", "v1", "namespaces"),
    *(Watched(kind.name, GROUP, VERSION, kind.plural) for kind in LIVING),
)

ADMISSION = (
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "mutatingwebhookconfigurations",
)
"""What decides about writes in the API server: watched to test again at once, never kept. A server that does not know
one of them is served all the same."""
