"""The Leadership port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol

import pytest

from lockflight.adapters.api_client import MERGE_PATCH, KubeClient
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.lease import LeaseLeader
from lockflight.ports import Leadership, NotLeaderError
from tests.fakes import FakeLeadership
from tests.real import new_namespace


class World(Protocol):
    """What a test may arrange."""

    port: Leadership

    def leading(self) -> AbstractAsyncContextManager[None]: ...

    async def take_away(self) -> None: ...


class Fake:
    """The fake one."""

    def __init__(self) -> None:
        self._leadership = FakeLeadership("operator-1")
        self.port: Leadership = self._leadership

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        yield

    async def take_away(self) -> None:
        self._leadership.leading = False


class Real:
    """The real one."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/lockflight"
        self._leader = LeaseLeader(
            client,
            SystemClock(),
            namespace=namespace,
            name="lockflight",
            identity="operator-1",
            duration=timedelta(seconds=15),
        )
        self.port: Leadership = self._leader

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._leader.lead())
        await asyncio.wait_for(self._leader.acquired.wait(), 10)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def take_away(self) -> None:
        stolen = {"spec": {"holderIdentity": "operator-2", "leaseTransitions": 2}}
        await self._client.write("PATCH", self._path, stolen, content_type=MERGE_PATCH)


@pytest.fixture
def world(kind: str, request: pytest.FixtureRequest) -> World:
    if kind == "fake":
        return Fake()
    return Real(request.getfixturevalue("client"), new_namespace(request.getfixturevalue("cluster")))


async def test_the_holder_has_a_fencing_number(world: World) -> None:
    async with world.leading():
        assert world.port.holder == "operator-1"
        assert await world.port.fence() == 1
        assert await world.port.fence() == 1


async def test_a_lost_lease_is_noticed_at_the_fence(world: World) -> None:
    async with world.leading():
        await world.take_away()
        with pytest.raises(NotLeaderError):
            await world.port.fence()
