"""What a pipeline of its own waits for: the condition Authorized of a change."""

from datetime import timedelta

from tests.workflow.world import PRODUCTION, FakeWorld


async def authorized(fake: FakeWorld, change: str = "chg-1") -> tuple[str, str]:
    """Status and reason of the condition."""
    rows = (await fake.status("ChangeRequest", change))["conditions"]
    (found,) = [row for row in rows if row["type"] == "Authorized"]
    return found["status"], found["reason"]


async def approved(fake: FakeWorld, **spec: object) -> None:
    """A change that is approved, and no promotion that might use it."""
    await fake.environment("production", PRODUCTION)
    await fake.change("chg-1", await fake.release("1.0.0"), **spec)
    await fake.settle()
    assert await authorized(fake) == ("False", "NotAuthorized")
    assert (await fake.status("ChangeRequest", "chg-1"))["subject"] == "payments-1.0.0"
    await fake.approve("chg-1")
    await fake.settle()


async def test_an_approved_change_may_be_carried_out(fake: FakeWorld) -> None:
    await approved(fake)
    assert await authorized(fake) == ("True", "Authorized")


async def test_an_early_approval_waits_for_its_schedule_and_ends_with_it(fake: FakeWorld) -> None:
    now = fake.clock.now()
    times = {"start": (now + timedelta(hours=2)).isoformat(), "end": (now + timedelta(hours=4)).isoformat()}
    await approved(fake, schedule=times)
    assert await authorized(fake) == ("False", "ScheduleNotBegun")
    await fake.later(hours=2)
    assert await authorized(fake) == ("True", "Authorized")
    await fake.later(hours=2)
    assert (await authorized(fake))[0] == "False"
    assert (await fake.status("ChangeRequest", "chg-1"))["phase"] == "Expired"


async def test_a_freeze_takes_it_back_and_gives_it_again(fake: FakeWorld) -> None:
    await approved(fake)
    await fake.freeze()
    await fake.settle()
    assert await authorized(fake) == ("False", "FreezeActive")
    await fake.edit("FreezeWindow", "stop", lift={"reason": "over"})
    await fake.settle()
    assert await authorized(fake) == ("True", "Authorized")


async def test_a_hold_takes_it_back(fake: FakeWorld) -> None:
    await approved(fake)
    await fake.edit("ChangeRequest", "chg-1", hold={"reason": "wait for the database team"})
    await fake.settle()
    assert (await authorized(fake))[0] == "False"


async def test_once_it_was_carried_out_nobody_is_authorised_again(fake: FakeWorld) -> None:
    await approved(fake)
    await fake.promote("payments-1.0.0", "production")
    await fake.settle()
    assert (await fake.status("ChangeRequest", "chg-1"))["phase"] == "Review"
    assert (await authorized(fake))[0] == "False"
