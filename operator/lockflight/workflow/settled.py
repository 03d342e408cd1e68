"""How what nobody permitted came to its end: undone, put back, or gone over by a promotion; written on its record."""

from collections.abc import Collection

from lockflight.api.changerecords import FindingStatus
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Promotion
from lockflight.policy.unauthorised import Finding, ending
from lockflight.workflow.deps import Deps
from lockflight.workflow.puttingback import open_record
from lockflight.workflow.status import write


async def settle(deps: Deps, environment: Environment, target: TargetStatus, standing: Collection[Finding]) -> None:
    """Say of every finding of the open record that does not stand any more how it ended.

    Call it only where everything was looked at. Raises PortError; call it again then.
    """
    record = open_record(deps, environment, target.application)
    if record is None:
        return
    now = deps.clock.now()
    row = next((r for r in environment.status.drift if r.application == target.application), None)
    promotions = deps.store.of(Promotion, environment.metadata.namespace)
    brought = next((p for p in promotions if p.metadata.uid == target.promotion_uid), None)
    change = brought.status.change if brought is not None else None
    under = deps.store.get(ChangeRequest, environment.metadata.namespace, change) if change else None

    def settled(found: FindingStatus) -> FindingStatus:
        stands = Finding(found.object, found.what, found.changed_by or "") in standing
        if found.settled is not None or stands or found.object.startswith("Namespace/"):
            return found
        said = ending(found, environment.metadata.name, target, row, under)
        return found.model_copy(update={"settled": said, "settled_at": now})

    rows = tuple(map(settled, record.status.findings))
    if rows != record.status.findings:
        await write(deps, record, record.status.model_copy(update={"findings": rows}), guarded=True)
