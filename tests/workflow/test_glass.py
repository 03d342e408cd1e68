"""Broken glass becomes an unauthorised change, which owes a review."""

from datetime import timedelta

import pytest

from lockflight.api.changerequest import ChangeRequest
from lockflight.policy.glass import BrokenGlass
from lockflight.policy.model import Namespace
from lockflight.workflow import glass
from tests.workflow.world import PRODUCTION, FakeWorld

NAME = "payments-production"
LABELS = {"lockflight.dev/stack": "payments", "lockflight.dev/environment": "production"}
RECORD = "unauthorised-production-payments"


@pytest.fixture
async def world() -> FakeWorld:
    made = FakeWorld()
    await made.environment("production", PRODUCTION)
    await made.settle()
    return made


async def broken(world: FakeWorld, by: str, reason: str, *, hours: int = 1) -> str:
    """The end of the opening that was made."""
    until = world.process.deps.clock.now() + timedelta(hours=hours)
    world.cluster.namespaces[NAME] = Namespace(NAME, LABELS, glass=BrokenGlass(by, reason, until))
    await seen(world)
    return f"{until:%Y-%m-%dT%H:%M:%SZ}"


async def seen(world: FakeWorld) -> None:
    world.process.store.put_namespace(world.cluster.namespaces[NAME])
    await glass.reconcile(world.process.deps, NAME)
    await world.settle()


async def findings(world: FakeWorld) -> list[tuple[str, str]]:
    return [(row["changedBy"], row["what"]) for row in (await world.status("ChangeRequest", RECORD))["findings"]]


def records(world: FakeWorld) -> list[str]:
    return [change.metadata.name for change in world.process.store.of(ChangeRequest)]


async def test_it_says_who_opened_why_and_until_when_and_owes_a_review(world: FakeWorld) -> None:
    until = await broken(world, "jo", "INC-1: the queue is stuck")
    assert await findings(world) == [("jo", f"the glass was broken by jo until {until}: INC-1: the queue is stuck")]
    status = await world.status("ChangeRequest", RECORD)
    assert (status["phase"], status["subject"]) == ("Review", "what was changed of payments")
    assert "lockflight change review" in status["waitsFor"]


async def test_the_same_opening_seen_again_costs_no_request(world: FakeWorld) -> None:
    await broken(world, "jo", "INC-1")
    before = len(world.cluster.requests)
    await glass.reconcile(world.process.deps, NAME)
    assert world.cluster.requests[before:] == []


async def test_another_opening_is_added_to_the_record_that_is_open(world: FakeWorld) -> None:
    first = await broken(world, "jo", "INC-1")
    second = await broken(world, "eve", "INC-2", hours=2)
    assert await findings(world) == [
        ("jo", f"the glass was broken by jo until {first}: INC-1"),
        ("eve", f"the glass was broken by eve until {second}: INC-2"),
    ]
    assert records(world) == [RECORD]


async def test_an_opening_that_was_over_before_it_was_seen_is_written_down_and_mended(world: FakeWorld) -> None:
    await broken(world, "jo", "INC-1", hours=-1)
    assert [by for by, _ in await findings(world)] == ["jo"]
    assert world.cluster.namespaces[NAME].glass is None
