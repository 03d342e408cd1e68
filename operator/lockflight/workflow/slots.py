"""How many promotions apply at a time. A place is taken before the last look at the gates: none waits after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """Places for promotions that apply, by promotion UID."""

    def __init__(self, size: int = 4) -> None:
        self._free = asyncio.Semaphore(size)
        self._held: set[str] = set()

    @asynccontextmanager
    async def held(self, uid: str) -> AsyncIterator[None]:
        """Wait for a place and keep it until the end, or until it is given back."""
        await self._free.acquire()
        self._held.add(uid)
        try:
            yield
        finally:
            self.give_back(uid)

    def give_back(self, uid: str) -> None:
        """The rest needs no place: verification may take an hour. Harmless when repeated."""
        if uid in self._held:
            self._held.remove(uid)
            self._free.release()
