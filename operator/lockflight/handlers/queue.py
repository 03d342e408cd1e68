"""A keyed work queue: asked for twice is done once, a key is never worked on twice at a time, nothing is lost."""

import asyncio
import heapq
import itertools
import random
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from lockflight.ports import Clock

K = TypeVar("K", bound=Hashable)

_FIRST_RETRY = timedelta(seconds=1)
_LAST_RETRY = timedelta(minutes=5)
# A wall clock may be set; sleeping in short stretches notices within that time.
_LONGEST_SLEEP = timedelta(seconds=30)
# Replaced wake-ups stay in the heap until they are the majority.
_SPARE_ENTRIES = 64


class WorkQueue(Generic[K]):
    """Works on keys once :meth:`run` runs; keys may be added before.

    ``work`` does one pass over a key and says when to look again, or None. What it raises is a defect: it is handed
    to ``failed`` with the pause that follows, and the key is tried again after it: one second, doubling up to five
    minutes, shortened by up to half at random so that what failed together does not come back together.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[datetime | None]],
        clock: Clock,
        *,
        concurrency: int,
        failed: Callable[[K, Exception, timedelta], None],
        rng: random.Random | None = None,
    ) -> None:
        self._work = work
        self._clock = clock
        self._concurrency = concurrency
        self._failed = failed
        self._rng = rng or random.Random()  # noqa: S311
        # A dict for its order: first come, first served.
        self._ready: dict[K, None] = {}
        self._running: dict[K, asyncio.Task[None]] = {}
        self._again: set[K] = set()
        self._due: dict[K, datetime] = {}
        self._heap: list[tuple[datetime, int, K]] = []
        self._numbers = itertools.count()
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    @property
    def depth(self) -> int:
        """Keys that could be worked on now, and wait for a free worker."""
        return len(self._ready)

    @property
    def running(self) -> int:
        """Keys being worked on."""
        return len(self._running)

    def add(self, key: K) -> None:
        """Work on ``key`` soon; once more after the present pass where it is being worked on."""
        if self._stopping:
            return
        if key in self._running:
            self._again.add(key)
        else:
            self._ready[key] = None
            self._changed.set()

    def add_at(self, key: K, when: datetime) -> None:
        """Work on ``key`` at ``when``; the earliest of several such instants holds."""
        known = self._due.get(key)
        if self._stopping or (known is not None and known <= when):
            return
        self._due[key] = when
        heapq.heappush(self._heap, (when, next(self._numbers), key))
        if len(self._heap) > 2 * len(self._due) + _SPARE_ENTRIES:
            self._heap = [(due, next(self._numbers), each) for each, due in self._due.items()]
            heapq.heapify(self._heap)
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled or stopped."""
        while not self._stopping:
            self._changed.clear()
            self._wake()
            self._start()
            await self._pause()

    async def stop(self, grace: timedelta) -> int:
        """Start nothing more and cancel what runs; how many keys did not end within ``grace``."""
        self._stopping = True
        self._changed.set()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if not tasks:
            return 0
        _, left = await asyncio.wait(tasks, timeout=grace.total_seconds())
        return len(left)

    def _wake(self) -> None:
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            when, _, key = heapq.heappop(self._heap)
            # An earlier instant, or a pass since, may have replaced this entry.
            if self._due.get(key) == when:
                del self._due[key]
                self.add(key)

    def _start(self) -> None:
        while self._ready and len(self._running) < self._concurrency:
            key = next(iter(self._ready))
            del self._ready[key]
            # The pass itself says when to look again.
            self._due.pop(key, None)
            self._running[key] = asyncio.create_task(self._pass(key), name=f"pass over {key}")

    async def _pause(self) -> None:
        if not self._heap:
            await self._changed.wait()
            return
        rest = min(self._heap[0][0] - self._clock.now(), _LONGEST_SLEEP)
        sleeping = asyncio.ensure_future(self._clock.sleep(rest))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({sleeping, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            changed.cancel()

    async def _pass(self, key: K) -> None:
        try:
            again_at = await self._work(key)
        except Exception as problem:  # noqa: BLE001 - one key's defect is no other key's
            self._retry(key, problem)
        else:
            self._failures.pop(key, None)
            if again_at is not None:
                self.add_at(key, again_at)
        finally:
            del self._running[key]
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            self._changed.set()

    def _retry(self, key: K, problem: Exception) -> None:
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        pause = min(_FIRST_RETRY * 2 ** min(count, 16), _LAST_RETRY) * self._rng.uniform(0.5, 1.0)
        self._failed(key, problem, pause)
        self.add_at(key, self._clock.now() + pause)
