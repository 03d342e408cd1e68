"""What a waiting promotion says about its start comes true, and what people can work out themselves agrees with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import pytest

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.kinds import AnyObject
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.climb import climb
from lockflight.policy.gates import evaluate_all
from lockflight.policy.outlook import SEEN, Objects, snapshot
from tests.workflow.world import PRODUCTION, ROOT, UAT, FakeWorld

T = TypeVar("T", bound=AnyObject)
SOAKED = {**PRODUCTION, "promotesFrom": ["uat"], "soak": "24h"}


def _of(objects: Sequence[AnyObject], model: type[T]) -> list[T]:
    return [o for o in objects if isinstance(o, model)]


async def as_people_see_it(fake: FakeWorld) -> Objects:
    """What ``lockflight plan`` reads."""
    found = await fake.objects()
    mine = [o for o in found if o.metadata.namespace == fake.stack]
    return Objects(
        stack=fake.stack,
        root=ROOT,
        environments=_of(mine, Environment),
        baselines=[o for o in _of(found, Environment) if o.metadata.namespace == ROOT],
        releases=_of(mine, Release),
        promotions=_of(mine, Promotion),
        changes=_of(found, ChangeRequest),
        freezes=tuple(_of(found, FreezeWindow)),
        calendars=_of(found, ReleaseCalendar),
    )


async def climbing(fake: FakeWorld) -> str:
    """1.0.0 has just passed UAT and wants to go to production."""
    await fake.environment("uat", UAT)
    await fake.environment("production", SOAKED)
    release = await fake.release("1.0.0")
    await fake.change("chg", release)
    await fake.promote(release, "uat")
    await fake.settle()
    await fake.sign("payments-1.0.0-uat", "bea")
    await fake.settle()
    promotion = await fake.promote(release, "production")
    await fake.settle()
    return promotion


async def forecast(fake: FakeWorld, promotion: str) -> dict[str, object]:
    found: dict[str, object] = (await fake.status("Promotion", promotion))["forecast"]
    return found


async def test_it_names_the_start_while_people_and_time_are_missing_and_starts_then(fake: FakeWorld) -> None:
    promotion = await climbing(fake)
    said = await forecast(fake, promotion)
    assert [row["who"] for row in said["waitingFor"]] == ["clock", "cab"]  # type: ignore[attr-defined]
    start = datetime.fromisoformat(str(said["earliestStart"]))
    await fake.approve("chg")
    await fake.settle()
    left = (start - fake.clock.now()).total_seconds()
    assert 0 < left <= 86400
    await fake.later(seconds=left - 60)
    assert await fake.phase(promotion) == "Waiting"
    await fake.later(minutes=1)
    assert await fake.running("production") == {"app": "1.0.0"}


async def test_waiting_writes_nothing_while_nothing_changes(fake: FakeWorld) -> None:
    promotion = await climbing(fake)
    before = fake.cluster.writes
    for _ in range(5):
        await fake.later(minutes=3)
    assert fake.cluster.writes == before
    assert await fake.phase(promotion) == "Waiting"


async def test_people_work_out_the_same_start(fake: FakeWorld) -> None:
    promotion = await climbing(fake)
    objects = await as_people_see_it(fake)
    way = climb(objects, objects.releases[0], "production", fake.clock.now())
    assert [leg.environment for leg in way.legs] == ["uat", "production"]
    assert way.legs[0].passed is not None
    assert way.start == datetime.fromisoformat(str((await forecast(fake, promotion))["earliestStart"]))


@pytest.mark.parametrize("step", ["nothing", "approved", "frozen", "held"])
async def test_gates_that_objects_are_enough_for_say_what_the_operator_says(fake: FakeWorld, step: str) -> None:
    promotion = await climbing(fake)
    if step == "approved":
        await fake.approve("chg")
    if step == "frozen":
        await fake.freeze()
    if step == "held":
        await fake.edit("Release", "payments-1.0.0", hold={"reason": "triage"})
    await fake.settle()
    objects = await as_people_see_it(fake)
    s = snapshot(objects, objects.releases[0], "production")
    mine = {v.gate: (v.verdict.outcome.value, v.verdict.reason) for v in evaluate_all(s, fake.clock.now())}
    status = await fake.status("Promotion", promotion)
    theirs = {g["name"]: (g["outcome"], g["reason"]) for g in status["gates"]}
    assert {gate: mine[gate] for gate in SEEN} == {gate: theirs[gate] for gate in SEEN}
