"""Take finished objects out of the cluster, once they are old enough, sealed, and of no use any more."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.archiving import Orders
from lockflight.policy.retention import Shelf
from lockflight.ports import PortError
from lockflight.workflow import sealing
from lockflight.workflow.deps import Deps

log = structlog.get_logger()

EVERY: Final = timedelta(hours=1)
AT_ONCE: Final = 200
"""Objects that leave in one round: nobody else waits for the API server meanwhile."""


@dataclass(frozen=True, slots=True)
class Pruner:
    """``age`` is how long finished objects stay."""

    deps: Deps
    age: timedelta

    async def round(self) -> None:
        """Raises PortError. An object that cannot be removed is told, and the others go on."""
        orders, left = await self.deps.cluster.orders(self.deps.options.root_namespace), AT_ONCE
        stacks = {obj.metadata.namespace for kind in (Promotion, ChangeRequest) for obj in self.deps.store.of(kind)}
        for stack in sorted(stacks):
            left -= await self._stack(stack, orders, left)

    async def _stack(self, stack: str, orders: Orders, most: int) -> int:
        """How many left."""
        held = orders.held(stack)
        if held is not None:
            # A legal hold on the records is one on what they speak of.
            log.info("finished objects stay: legal hold", stack=stack, held=held)
            return 0
        store, count = self.deps.store, 0
        shelf = Shelf(
            tuple(store.of(Promotion, stack)),
            tuple(store.of(ChangeRequest, stack)),
            {r.metadata.name: r for r in store.of(Release, stack)},
        )
        for obj in tuple(shelf.leaving(self.deps.clock.now() - self.age)):
            if count >= most:
                break
            # What ended before the trail began is in no record, and stays for people to remove.
            if not await sealing.sealed(self.deps, obj):
                continue
            meta = obj.metadata
            try:
                await self.deps.cluster.remove(obj.kind, stack, meta.name, meta.uid)
            except PortError as problem:
                which = f"{obj.kind} {stack}/{meta.name}"
                log.warning("a finished object cannot be removed", object=which, problem=str(problem))
                continue
            count += 1
        if count:
            log.info("finished objects left the cluster, they are sealed", stack=stack, count=count)
        return count


async def keep_pruning(pruner: Pruner) -> None:
    """Rounds without end."""
    while True:
        try:
            await pruner.round()
        except PortError as problem:
            log.warning("the audit trail cannot be read; trying again", problem=str(problem))
        await pruner.deps.clock.sleep(EVERY)
