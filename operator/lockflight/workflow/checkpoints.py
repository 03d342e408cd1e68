"""Tell the world outside how long the chains are: soon after they grew, and every hour though they did not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from lockflight.policy.audit import Head
from lockflight.policy.checkpoints import body
from lockflight.ports import ChainStore, Checkpoints, PortError
from lockflight.workflow.deps import Deps

log = structlog.get_logger()

UNCHANGED: Final = timedelta(hours=1)
"""So that whoever waits for checkpoints sees that nothing was cut off meanwhile, and that they still come."""


@dataclass(slots=True)
class Notary:
    """Posts a checkpoint where one is due."""

    deps: Deps
    trail: ChainStore
    post: Checkpoints
    _told: Mapping[str, Head] = field(default_factory=dict)
    _at: datetime | None = None

    async def round(self) -> None:
        """One look. What fails is logged, counted and tried again in the next round."""
        try:
            heads = {stack: span.head for stack, span in (await self.trail.spans()).items()}
            now = self.deps.clock.now()
            if not heads or (self._at is not None and heads == self._told and now - self._at < UNCHANGED):
                return
            await self.post.post(body(heads, self.deps.options.root_namespace, now))
        except PortError as problem:
            log.error("no checkpoint of the audit trail was posted", problem=str(problem))
            self.deps.metrics.gauge("audit_checkpoint_failing", 1)
            return
        self._told, self._at = heads, now
        self.deps.metrics.gauge("audit_checkpoint_failing", 0)


async def keep_posting(notary: Notary, every: timedelta) -> None:
    """Rounds without end."""
    while True:
        await notary.round()
        await notary.deps.clock.sleep(every)
