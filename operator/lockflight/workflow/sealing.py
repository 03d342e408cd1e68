"""When decisions are sealed: Helm actions before they begin, everything else as soon as it stands in the cluster."""

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Promotion
from lockflight.policy.records import due_of_change, due_of_promotion, ended_at, of_change, of_promotion
from lockflight.workflow.deps import Deps


async def promotion(deps: Deps, obj: Promotion) -> None:
    """Seal what is due of a promotion as it was written last. Raises PortError."""
    for entry in of_promotion(obj):
        await deps.audit.seal(obj.metadata.namespace, entry)


async def change(deps: Deps, obj: ChangeRequest) -> None:
    """Seal what is due of a change as it was written last. Raises PortError."""
    for entry in of_change(obj):
        await deps.audit.seal(obj.metadata.namespace, entry)


async def finished(deps: Deps, obj: Promotion) -> None:
    """Seal the end of a promotion where the process that wrote it died before it could. Raises PortError.

    What finished before the trail began is no part of it.
    """
    if not await owed(deps, obj):
        return
    # The store keeps no more of it than its outcome.
    current = await deps.cluster.get("Promotion", obj.metadata.namespace, obj.metadata.name)
    if isinstance(current, Promotion) and current.metadata.uid == obj.metadata.uid:
        await promotion(deps, current)


async def sealed(deps: Deps, obj: Promotion | ChangeRequest) -> bool:
    """Whether it ended since the trail of its stack began, and all that is due of it is in there. Raises PortError."""
    began, ended = await deps.audit.began(obj.metadata.namespace), ended_at(obj)
    return began is not None and ended is not None and ended >= began and not await owed(deps, obj)


async def owed(deps: Deps, obj: Promotion | ChangeRequest) -> bool:
    """Whether something that ended since the trail of its stack began is not sealed yet. Raises PortError."""
    stack, uid = obj.metadata.namespace, obj.metadata.uid
    began, ended = await deps.audit.began(stack), ended_at(obj)
    if began is None or ended is None or ended < began:
        return False
    # To what ended a person may still have added his word.
    due = due_of_change(obj) if isinstance(obj, ChangeRequest) else due_of_promotion(obj)
    for action, key in due:
        if not await deps.audit.sealed(stack, uid, action, key):
            return True
    return False
