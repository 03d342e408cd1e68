"""The Leadership port: a Lease that one operator holds, and a number that grows with every change of holder."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from lockflight.adapters.api_client import AlreadyExistsError, KubeClient, path_of
from lockflight.ports import Clock, ConflictError, GoneError, NotLeaderError, PortError

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
# So much older than allowed that no difference between two machines' clocks explains it.
_SURELY_OVER = 4
_log = structlog.get_logger(__name__)


class LeaseLeader:
    """Run ``lead`` in a task; wait for ``acquired``; ask ``fence`` before every action."""

    def __init__(
        self,
        client: KubeClient,
        clock: Clock,
        *,
        namespace: str,
        name: str,
        identity: str,
        duration: timedelta = timedelta(seconds=15),
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_lost`` is called once when the Lease was ours and is no more, other than by ``release``."""
        self._client = client
        self._clock = clock
        self._collection = path_of("apis", "coordination.k8s.io", "v1", "namespaces", namespace, "leases")
        self._path = f"{self._collection}/{name}"
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._duration = duration
        self._on_lost = on_lost
        self._fencing: int | None = None
        self._released = False
        self._seen: tuple[str, datetime] = ("", clock.now())
        self.acquired = asyncio.Event()

    @property
    def holder(self) -> str:
        """This process's identity."""
        return self._identity

    @property
    def leading(self) -> bool:
        """The Lease was ours when we last wrote it."""
        return self._fencing is not None

    async def lead(self) -> None:
        """Acquire the Lease, then renew it; returns after ``release``, or after ``on_lost`` was called."""
        pause = self._duration / 3
        while not await self._tried(self._acquire):
            await self._clock.sleep(pause)
        _log.info("leading", holder=self._identity, fencing=self._fencing)
        self.acquired.set()
        renewed = self._clock.now()
        while True:
            await self._clock.sleep(pause)
            if not self._released and await self._tried(self._renew):
                renewed = self._clock.now()
            elif self._released:
                return
            elif self._fencing is None or self._clock.now() - renewed >= 2 * pause:
                break
        self._fencing = None
        self.acquired.clear()
        _log.error("the leader Lease is lost", holder=self._identity)
        self._on_lost()

    async def release(self) -> None:
        """Let the next one lead at once; harmless where we do not lead or the cluster does not answer."""
        if self._fencing is None:
            return
        self._fencing = None
        self._released = True
        self.acquired.clear()
        try:
            lease = await self._client.get(self._path)
            if lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "renewTime": self._now()}
                await self._client.write("PUT", self._path, lease)
        except PortError as problem:
            _log.warning("the leader Lease was not released", problem=str(problem))

    async def fence(self) -> int:
        """The fencing number, from a fresh read. Raises NotLeaderError; PortError where the cluster does not answer."""
        if self._fencing is None:
            msg = f"{self._identity} does not lead"
            raise NotLeaderError(msg)
        try:
            spec = (await self._client.get(self._path))["spec"]
        except GoneError as problem:
            msg = "the leader Lease is gone"
            raise NotLeaderError(msg) from problem
        if spec.get("holderIdentity") != self._identity or spec.get("leaseTransitions") != self._fencing:
            msg = f"{spec.get('holderIdentity') or 'nobody'} leads, not {self._identity}"
            raise NotLeaderError(msg)
        # Our own clock wrote it and reads it.
        if self._clock.now() - _renewed(spec) >= self._duration:
            msg = "the leader Lease has run out"
            raise NotLeaderError(msg)
        return self._fencing

    async def _tried(self, step: Callable[[], Any]) -> bool:
        try:
            async with asyncio.timeout(self._duration.total_seconds() / 3):
                return bool(await step())
        except (PortError, TimeoutError) as problem:
            _log.warning("the leader Lease could not be read or written", problem=str(problem))
            return False

    async def _acquire(self) -> bool:
        try:
            lease = await self._client.get(self._path)
        except GoneError:
            return await self._create()
        spec = lease["spec"]
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, self._clock.now())
        # Our own name there: an answer of an earlier attempt was lost.
        if spec.get("holderIdentity") not in (None, "", self._identity) and not self._over(spec):
            return False
        fencing = int(spec.get("leaseTransitions") or 0) + 1
        lease["spec"] = self._spec(fencing)
        try:
            await self._client.write("PUT", self._path, lease)
        except ConflictError:
            return False
        self._fencing = fencing
        return True

    async def _create(self) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec(1),
        }
        try:
            await self._client.write("POST", self._collection, body)
        except AlreadyExistsError:
            return False
        self._fencing = 1
        return True

    async def _renew(self) -> bool:
        try:
            lease = await self._client.get(self._path)
            spec = lease["spec"]
            if spec.get("holderIdentity") != self._identity or spec.get("leaseTransitions") != self._fencing:
                self._fencing = None
                return False
            spec["renewTime"] = self._now()
            await self._client.write("PUT", self._path, lease)
        except (ConflictError, GoneError):
            # Somebody wrote or deleted it between our read and write: the next look tells.
            return False
        return True

    def _over(self, spec: Mapping[str, Any]) -> bool:
        """Unchanged for its whole duration since we first saw it so: no comparison between two machines' clocks."""
        allowed = timedelta(seconds=spec.get("leaseDurationSeconds") or 0)
        now = self._clock.now()
        return now - self._seen[1] >= allowed or now - _renewed(spec) >= _SURELY_OVER * allowed

    def _spec(self, fencing: int) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, int(self._duration.total_seconds())),
            "acquireTime": self._now(),
            "renewTime": self._now(),
            "leaseTransitions": fencing,
        }

    def _now(self) -> str:
        return self._clock.now().astimezone(UTC).strftime(_FORMAT)


def _renewed(spec: Mapping[str, Any]) -> datetime:
    text = spec.get("renewTime")
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
