"""Rules under governance are not deleted to escape it: a baseline that is in force, a freeze that may still hold."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.manifest import Check, Match, validating


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects."""
    status = "oldObject.?status.orValue({})"
    yield (
        "governance",
        validating(
            "governance",
            "What governance holds is lifted or taken away by an edit that is approved, not by deleting it.",
            Match(["environments", "freezewindows"], ["DELETE"]),
            {
                "collector": (
                    "request.userInfo.?username.orValue('') in ["
                    "'system:serviceaccount:kube-system:namespace-controller', "
                    "'system:serviceaccount:kube-system:generic-garbage-collector']"
                ),
                "freeze": "request.resource.resource == 'freezewindows'",
                "status": status,
                "governed": "has(variables.status.governance)",
                "name": "oldObject.metadata.name",
                # Over, and approved as it is: nothing that it held is let go by its end.
                "over": (
                    "variables.status.?phase.orValue('') in ['Ended', 'Lifted'] && "
                    "variables.status.?conditions.orValue([]).exists(c, c.type == 'Approved' && c.status == 'True' && "
                    "c.?observedGeneration.orValue(0) == oldObject.metadata.generation)"
                ),
            },
            [
                Check(
                    "variables.collector || variables.freeze || !variables.governed",
                    "'baseline ' + variables.name + ' is in force and asks for approvals: take spec.governance out of "
                    "it, have that approved, then delete it'",
                    "Forbidden",
                ),
                Check(
                    "variables.collector || !variables.freeze || !variables.governed || variables.over",
                    "'freeze ' + variables.name + ' may still hold: lift it (spec.lift), have that approved, then '"
                    " + 'delete it'",
                    "Forbidden",
                ),
            ],
        ),
    )
