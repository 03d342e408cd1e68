"""Wait for something that happens soon."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Return when ``condition`` holds. Raises TimeoutError after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - files and processes send no event
            await asyncio.sleep(0.01)
