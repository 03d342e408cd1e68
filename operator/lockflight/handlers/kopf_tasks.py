"""Kopf's tasks in our event loop, started and stopped by us: its own runner would end every other task with its own."""

import asyncio
from collections.abc import Collection

import kopf


class Watches:
    """The running watches."""

    def __init__(self, registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings) -> None:
        self._registry = registry
        self._settings = settings
        self._tasks: Collection[asyncio.Task[None]] = ()

    async def start(self) -> None:
        """Start watching. Kopf takes over the handlers of SIGTERM and SIGINT: set your own again."""
        self._tasks = await kopf.spawn_tasks(
            registry=self._registry, settings=self._settings, clusterwide=True, standalone=True
        )

    async def ended(self) -> None:
        """Return, or raise what happened, when kopf ends by itself, which it does only when it can go on no longer."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self, seconds: float) -> None:
        """Stop watching, within ``seconds``."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            done, _ = await asyncio.wait(self._tasks, timeout=seconds)
            # Whatever they say now, they were told to end.
            await asyncio.gather(*done, return_exceptions=True)
