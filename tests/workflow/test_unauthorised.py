"""One open record for each target, whoever finds something, and however often."""

import pytest

from lockflight.api.changerecords import Review
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment
from lockflight.policy.unauthorised import Finding
from lockflight.workflow.unauthorised import record
from tests.workflow.faults import Killed, Strike
from tests.workflow.world import PRODUCTION, FakeWorld

IMAGE = Finding("Deployment/payments-app", "image differs", "eve")
SCALE = Finding("Deployment/payments-app", "replicas differ")
RECORD = "unauthorised-production-payments"


@pytest.fixture
async def world() -> FakeWorld:
    made = FakeWorld()
    await made.environment("production", PRODUCTION)
    await made.settle()
    return made


async def found(world: FakeWorld, *findings: Finding) -> None:
    environment = world.process.store.get(Environment, "payments", "production")
    assert environment is not None
    await record(world.process.deps, environment, "payments", findings)
    await world.settle()


async def judged(world: FakeWorld, name: str = RECORD) -> None:
    entry = Review(role="cab", outcome="Failed", summary="undone", by="carla", generation=1).dump()  # type: ignore[arg-type]
    await world.write_status("ChangeRequest", name, {"review": [entry]})
    await world.settle()


async def whats(world: FakeWorld, name: str = RECORD) -> list[str]:
    return [row["what"] for row in (await world.status("ChangeRequest", name))["findings"]]


async def test_several_findings_make_one_record_that_owes_a_review(world: FakeWorld) -> None:
    await found(world, IMAGE)
    await found(world, SCALE, IMAGE)
    assert await whats(world) == ["image differs", "replicas differ"]
    status = await world.status("ChangeRequest", RECORD)
    assert (status["phase"], status["inUse"]) == ("Review", True)
    assert "lockflight change review" in status["waitsFor"]


async def test_the_same_again_costs_no_request(world: FakeWorld) -> None:
    await found(world, IMAGE)
    before = len(world.cluster.requests)
    await found(world, IMAGE)
    assert world.cluster.requests[before:] == []


async def test_a_review_closes_it_and_the_same_thing_opens_no_other(world: FakeWorld) -> None:
    await found(world, IMAGE)
    await judged(world)
    assert (await world.status("ChangeRequest", RECORD))["phase"] == "Closed"
    await found(world, IMAGE)
    assert [c.metadata.name for c in world.process.store.of(ChangeRequest)] == [RECORD]


async def test_something_new_after_the_review_is_another_record(world: FakeWorld) -> None:
    await found(world, IMAGE)
    await judged(world)
    await found(world, IMAGE, SCALE)
    assert "replicas differ" in await whats(world, f"{RECORD}-2")


async def test_another_operator_that_knows_nothing_yet_finds_the_record(world: FakeWorld) -> None:
    await found(world, IMAGE)
    world.process = world.start()
    environment = await world.cluster.get("Environment", "payments", "production")
    assert isinstance(environment, Environment)
    await record(world.process.deps, environment, "payments", [SCALE])
    assert await whats(world) == ["image differs", "replicas differ"]


async def test_it_gives_no_permission_to_anything(world: FakeWorld) -> None:
    await world.release("1.0.0")
    await found(world, IMAGE)
    await world.promote("payments-1.0.0", "production", changeRequestRef={"name": RECORD})
    await world.settle()
    assert await world.gate("payments-1.0.0-production", "ChangeControl") == "ChangeForAnotherRelease"


async def test_what_dies_between_creating_and_listing_is_in_its_reason_and_listed_next_time(world: FakeWorld) -> None:
    world.faults.strike = Strike(len(world.faults.calls) + 2, "before")
    with pytest.raises(Killed):
        await found(world, IMAGE)
    assert (await world.raw("ChangeRequest", RECORD))["spec"]["reason"].startswith("Deployment/payments-app: image")
    await found(world, IMAGE)
    assert await whats(world) == ["image differs"]
