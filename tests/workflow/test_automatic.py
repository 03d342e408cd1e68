"""Promotions that the operator makes by itself, and what people do about them, on fakes."""

import pytest

from lockflight.api.promotion import Promotion
from tests.workflow.world import FakeWorld

BY_ITSELF = {"tier": "Integration"}
WHY = {"reason": "INC-77"}


async def promotions(fake: FakeWorld) -> list[str]:
    return sorted(obj.metadata.name for obj in await fake.objects() if isinstance(obj, Promotion))


@pytest.mark.parametrize("held", [{"hold": WHY}, {"applications": {"payments": {"hold": WHY}}}])
async def test_a_persons_hold_keeps_it_and_it_goes_on_by_itself(fake: FakeWorld, held: dict[str, object]) -> None:
    await fake.environment("integration", {**BY_ITSELF, **held})
    await fake.release("1.0.0")
    await fake.settle()
    assert await promotions(fake) == []

    await fake.create("Environment", "integration", BY_ITSELF)
    await fake.settle()
    assert await fake.phase("payments-1.0.0-integration") == "Succeeded"


async def test_a_hold_keeps_what_waits_already(fake: FakeWorld) -> None:
    await fake.environment("integration", BY_ITSELF)
    await fake.freeze()
    await fake.release("1.0.0")
    await fake.settle()
    await fake.edit("Environment", "integration", hold=WHY)
    await fake.gone("FreezeWindow", "stop")
    await fake.settle()
    assert await fake.phase("payments-1.0.0-integration") == "OnHold"
    assert await fake.gate("payments-1.0.0-integration", "Hold") == "EnvironmentHeld"


async def test_what_a_person_took_back_is_not_made_again_not_by_another_process_either(fake: FakeWorld) -> None:
    await fake.environment("integration", BY_ITSELF)
    await fake.freeze()
    await fake.release("1.0.0")
    await fake.settle()
    await fake.edit("Promotion", "payments-1.0.0-integration", abort=True)
    await fake.settle()
    await fake.gone("FreezeWindow", "stop")
    await fake.restart()
    await fake.later(hours=5)
    assert await promotions(fake) == ["payments-1.0.0-integration"]
    assert await fake.phase("payments-1.0.0-integration") == "Aborted"


async def test_two_releases_that_fail_never_take_turns(fake: FakeWorld) -> None:
    await fake.environment("integration", {**BY_ITSELF, "exit": {"verification": [{"name": "s", "helmTest": {}}]}})
    fake.helm.fail_test("payments-app")
    for version in ("1.0.0", "1.1.0"):
        await fake.release(version)
        await fake.settle()
    for _ in range(4):
        await fake.restart()
        await fake.later(hours=1)
    assert await promotions(fake) == ["payments-1.0.0-integration", "payments-1.1.0-integration"]


async def test_into_a_retired_environment_nothing_goes_and_what_runs_stays_listed(fake: FakeWorld) -> None:
    await fake.environment("integration", BY_ITSELF)
    await fake.release("1.0.0")
    await fake.settle()
    await fake.edit("Environment", "integration", retired=True)
    await fake.release("1.1.0")
    await fake.settle()
    assert await promotions(fake) == ["payments-1.0.0-integration"]
    by_hand = await fake.promote("payments-1.1.0", "integration")
    await fake.settle()
    assert (await fake.phase(by_hand), await fake.gate(by_hand, "Rules")) == ("Rejected", "Retired")
    status = await fake.status("Environment", "integration")
    assert [row["release"] for row in status["targets"]] == ["payments-1.0.0"]
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == ("Retired", "nothing enters; still there: payments-1.0.0")
