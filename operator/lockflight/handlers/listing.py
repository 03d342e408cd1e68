"""The first listing, and the comparison of the store with the API server from time to time."""

import gc
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from lockflight.handlers.intake import Intake, key_of_raw
from lockflight.handlers.kinds import WATCHED, Watched
from lockflight.handlers.store import newer
from lockflight.ports import Clock, Metrics, PortError
from lockflight.workflow.keys import Key

log = structlog.get_logger()

# How far behind a watch may be without having missed anything.
_LAG = timedelta(seconds=5)
_RETRY = timedelta(seconds=2)


class Listing(Protocol):
    """Reads whole kinds. Raises PortError."""

    def objects(self, kind: Watched) -> AsyncIterator[Mapping[str, Any]]:
        """Every object, as JSON."""
        ...

    def metadata(self, kind: Watched) -> AsyncIterator[Mapping[str, Any]]:
        """The metadata of every object."""
        ...

    async def object(self, kind: Watched, namespace: str, name: str) -> Mapping[str, Any] | None:
        """One object, as JSON; None where it does not exist."""
        ...


class Lists:
    """Fills the store before anything is decided, and later finds what the watches missed."""

    def __init__(self, listing: Listing, intake: Intake, clock: Clock, metrics: Metrics) -> None:
        self._listing = listing
        self._intake = intake
        self._clock = clock
        self._metrics = metrics
        self._current: dict[str, datetime] = {}

    async def fill(self) -> None:
        """Return once every kind was read; until the API server answers, and knows them all, it is asked again."""
        started = self._clock.now()
        for kind in WATCHED:
            while not await self._filled(kind):
                await self._clock.sleep(_RETRY)
        # What was listed stays: no collection needs to walk it again.
        gc.freeze()
        seconds = (self._clock.now() - started).total_seconds()
        log.info("every kind is listed", seconds=round(seconds, 3))

    def told(self, kind: str) -> None:
        """The watch of a kind has just said something, so it is alive."""
        self._current[kind] = self._clock.now()

    def ages(self) -> Mapping[str, timedelta]:
        """For each kind how long ago its watch was last known to be current."""
        now = self._clock.now()
        return {kind: now - seen for kind, seen in self._current.items()}

    async def compare(self) -> None:
        """Mend the store where the watches missed something; a watch that did is not known to be current."""
        for kind in WATCHED:
            try:
                missed = [key for key in await self._behind(kind) if await self._mend(kind, key)]
            except PortError as problem:
                log.warning("could not compare the store with the API server", kind=kind.kind, problem=str(problem))
                continue
            for key in missed:
                log.warning("the watch missed a change", key=str(key))
                self._metrics.count("watch_missed_total", kind=kind.kind)
            if not missed:
                self.told(kind.kind)

    async def _filled(self, kind: Watched) -> bool:
        # Walking what grows and is not garbage would be two thirds of the work.
        gc.disable()
        try:
            async for raw in self._listing.objects(kind):
                self._intake.saw(kind.kind, raw)
        except PortError as problem:
            log.warning("could not list; trying again", kind=kind.kind, problem=str(problem))
            return False
        finally:
            gc.enable()
        self.told(kind.kind)
        return True

    async def _behind(self, kind: Watched) -> Sequence[Key]:
        """Where the store was behind the API server, and still is after the time in which a watch tells."""
        before = self._intake.versions(kind.kind)
        listed = {
            key_of_raw(kind.kind, metadata): str(metadata["resourceVersion"])
            async for metadata in self._listing.metadata(kind)
        }
        newer_there = {key: v for key, v in listed.items() if key not in before or newer(v, before[key])}
        gone_there = {key: v for key, v in before.items() if key not in listed}
        if not newer_there and not gone_there:
            return ()
        await self._clock.sleep(_LAG)
        now = self._intake.versions(kind.kind)
        return [
            *(key for key, v in newer_there.items() if key not in now or newer(v, now[key])),
            *(key for key, v in gone_there.items() if now.get(key) == v),
        ]

    async def _mend(self, kind: Watched, key: Key) -> bool:
        """Read one object into the store; whether that was needed."""
        raw = await self._listing.object(kind, key.namespace, key.name)
        if raw is not None:
            self._intake.saw(kind.kind, raw)
            return True
        # Created, told of, deleted and told of within the wait: the watch is well.
        needed = self._intake.version(key) is not None
        self._intake.forget(key)
        return needed
