"""Time that stands still until a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


class FakeClock:
    """Sleepers wake when ``advance`` passes their time."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        if duration <= timedelta(0):
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + duration, woken))
        await woken

    def advance(self, duration: timedelta) -> None:
        """Move on, and wake whoever slept until then."""
        self.move_to(self._now + duration)

    def move_to(self, instant: datetime) -> None:
        """Move to an instant, and wake whoever slept until then."""
        self._now = instant
        for until, woken in self._sleepers:
            if until <= instant and not woken.done():
                woken.set_result(None)
        self._sleepers = [(until, woken) for until, woken in self._sleepers if not woken.done()]

    @property
    def sleepers(self) -> int:
        """How many wait for the time to move."""
        return sum(not woken.done() for _, woken in self._sleepers)
