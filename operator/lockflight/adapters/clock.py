"""The machine's clock."""

import asyncio
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The Clock port for real."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        """Return when ``duration`` has elapsed."""
        await asyncio.sleep(max(0.0, duration.total_seconds()))
