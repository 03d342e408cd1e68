"""What a process that died left unsealed: found once, when the next one begins to work."""

from collections.abc import Callable

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Promotion
from lockflight.policy.rulebook import GONE
from lockflight.workflow import sealing
from lockflight.workflow.deps import Deps
from lockflight.workflow.keys import Key, key_of


async def sweep(deps: Deps, add: Callable[[Key], None]) -> None:
    """Have looked at again whatever ended, or was deleted, without its record. Raises PortError.

    What is not finished is looked at anyway. Nothing is read but the records.
    """
    for promotion in deps.store.of(Promotion):
        if await sealing.owed(deps, promotion):
            add(key_of(promotion))
    for change in deps.store.of(ChangeRequest):
        if await sealing.owed(deps, change):
            add(key_of(change))
    for rule in await deps.audit.rules():
        key = Key(rule.kind, rule.namespace, rule.name)
        if rule.key != GONE and deps.store.find(key) is None:
            add(key)
