"""One operator leads at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from lockflight.adapters.api_client import MERGE_PATCH, KubeClient
from lockflight.adapters.lease import LeaseLeader
from lockflight.devcluster.providers import ClusterLike
from lockflight.ports import NotLeaderError
from tests.fakes import FakeClock
from tests.real import new_namespace
from tests.waiting import until

DURATION = timedelta(seconds=15)
RENEWAL = DURATION / 3


class Two:
    """Two operators that want one Lease."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self.client = client
        self.clock = FakeClock()
        self.path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/lockflight"
        self.lost: list[str] = []
        self.first, self.second = (self._leader(name, namespace) for name in ("first", "second"))

    def _leader(self, identity: str, namespace: str) -> LeaseLeader:
        return LeaseLeader(
            self.client,
            self.clock,
            namespace=namespace,
            name="lockflight",
            identity=identity,
            duration=DURATION,
            on_lost=lambda: self.lost.append(identity),
        )

    @asynccontextmanager
    async def leading(self, leader: LeaseLeader) -> AsyncIterator["asyncio.Task[None]"]:
        """It tries to lead; leaving is a crash, not a release."""
        task = asyncio.create_task(leader.lead())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def tick(self, duration: timedelta = RENEWAL) -> None:
        """Time passes once everybody sleeps, and whoever wakes has finished."""
        await self.asleep()
        self.clock.advance(duration)
        await self.asleep()

    async def asleep(self) -> None:
        wanted = self.running
        await until(lambda: self.clock.sleepers == wanted())

    running: Callable[[], int] = staticmethod(lambda: 1)


@pytest.fixture
def two(cluster: ClusterLike, client: KubeClient) -> Two:
    return Two(client, new_namespace(cluster, deploys=False))


async def test_the_second_leads_when_the_first_lets_go_and_the_number_grows(two: Two) -> None:
    async with two.leading(two.first) as first:
        await two.first.acquired.wait()
        assert await two.first.fence() == 1
        async with two.leading(two.second):
            two.running = lambda: 2
            await two.tick()
            assert not two.second.leading
            await two.first.release()
            with pytest.raises(NotLeaderError):
                await two.first.fence()
            two.clock.advance(RENEWAL)
            await asyncio.wait_for(two.second.acquired.wait(), 10)
            assert await two.second.fence() == 2
            await asyncio.wait_for(first, 10)
    assert two.lost == []


async def test_a_lease_whose_holder_died_is_taken_over_when_it_has_run_out(two: Two) -> None:
    async with two.leading(two.first):
        await two.first.acquired.wait()
    async with two.leading(two.second):
        await two.tick()
        await two.tick()
        assert not two.second.leading
        await two.tick()
        await asyncio.wait_for(two.second.acquired.wait(), 10)
        assert await two.second.fence() == 2
    with pytest.raises(NotLeaderError, match="second leads"):
        await two.first.fence()


async def test_a_renewed_lease_is_not_taken_over(two: Two) -> None:
    async with two.leading(two.first):
        await two.first.acquired.wait()
        async with two.leading(two.second):
            two.running = lambda: 2
            for _ in range(6):
                await two.tick()
            assert not two.second.leading
            assert await two.first.fence() == 1


async def test_a_lease_that_was_not_renewed_in_time_does_not_hold(two: Two) -> None:
    async with two.leading(two.first):
        await two.first.acquired.wait()
    two.clock.advance(DURATION)
    with pytest.raises(NotLeaderError, match="run out"):
        await two.first.fence()


async def test_losing_the_lease_is_told_once(two: Two) -> None:
    async with two.leading(two.first) as leading:
        await two.first.acquired.wait()
        stolen = {"spec": {"holderIdentity": "somebody", "leaseTransitions": 2}}
        await two.client.write("PATCH", two.path, stolen, content_type=MERGE_PATCH)
        await two.asleep()
        two.clock.advance(RENEWAL)
        await asyncio.wait_for(leading, 10)
    assert two.lost == ["first"]
    assert not two.first.leading


async def test_releasing_what_one_does_not_hold_does_nothing(two: Two) -> None:
    await two.second.release()
    assert not two.second.leading
