"""Access for a time: an approved emergency lets somebody in, and it ends on time whether or not the operator was up."""

from datetime import timedelta
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction
from lockflight.ports import UnreachableError
from tests.workflow.test_access import bindings
from tests.workflow.test_access_ladder import EDIT, HERE, VIEW, role
from tests.workflow.world import PRODUCTION, FakeWorld

RULE = {"approvals": [{"role": "ecab"}], "ratify": {"approvals": [{"role": "cab", "count": 1}]}}
CONTROL = {"normal": {"approvals": [{"role": "cab", "count": 1}]}, "emergency": RULE}
BOX: dict[str, Any] = {
    "environment": "production",
    "level": "Edit",
    "subjects": [{"kind": "Group", "name": "firefighters"}, {"kind": "User", "name": "erin"}],
    "duration": "2h",
}
BOXED_AND_MORE = timedelta(hours=3)
LET_IN = {"lockflight-access-edit": ["firefighters"]}


@pytest.fixture
async def fake() -> FakeWorld:
    world = FakeWorld()
    role(world, "lockflight-access-view", VIEW)
    role(world, "lockflight-access-edit", EDIT)
    await world.environment("production", {**PRODUCTION, "changeControl": CONTROL})
    await world.emergency("chg-77", await world.release("1.0.0"), access=[BOX])
    await world.settle()
    return world


async def let_in(fake: FakeWorld) -> None:
    await fake.approve("chg-77", "erin", role="ecab")
    await fake.settle()


async def test_nobody_is_let_in_before_it_is_approved(fake: FakeWorld) -> None:
    assert bindings(fake) == {}


async def test_once_it_is_approved_those_it_names_are_but_none_who_approved_it(fake: FakeWorld) -> None:
    await let_in(fake)
    assert bindings(fake) == LET_IN
    made = fake.cluster.rbacs[HERE, "RoleBinding", "lockflight-access-edit-chg-77"]
    notes = made["metadata"]["annotations"]
    assert notes["lockflight.dev/change"] == "chg-77"
    assert notes["lockflight.dev/access-until"].startswith("2026-12-01T11:00:")
    (record,) = fake.records(AuditAction.ACCESS_GIVEN)
    assert record.spec.facts["subjects"] == ["Group firefighters"]
    assert (record.spec.subject.name, record.spec.facts["until"]) == ("chg-77", notes["lockflight.dev/access-until"])


async def test_it_is_shown_and_is_nothing_foreign(fake: FakeWorld) -> None:
    await let_in(fake)
    (row,) = (await fake.status("Environment", "production"))["access"]
    assert (row["subject"], row["level"], row["foreign"]) == ("Group firefighters", "Edit", False)


async def test_the_ladder_knows_of_it_while_it_lasts(fake: FakeWorld) -> None:
    await let_in(fake)
    promotion = await fake.promote("payments-1.0.0", "production", changeRequestRef={"name": "chg-77"})
    await fake.freeze()
    await fake.settle()
    assert await fake.gate(promotion, "AccessLadder") == "Passed"
    # What nobody took away in time is access like any other.
    fake.cluster.rbacs[HERE, "RoleBinding", "kept"] = {
        **fake.cluster.rbacs[HERE, "RoleBinding", "lockflight-access-edit-chg-77"],
        "metadata": {"name": "kept"},
    }
    await fake.edit("FreezeWindow", "stop", lift={"reason": "done"})
    await fake.later(seconds=31)
    assert await fake.gate(promotion, "AccessLadder") == "AccessAboveCeiling"


async def test_it_ends_on_time(fake: FakeWorld) -> None:
    await let_in(fake)
    await fake.later(minutes=119)
    assert bindings(fake) == LET_IN
    await fake.later(minutes=1)
    assert bindings(fake) == {}
    (record,) = fake.records(AuditAction.ACCESS_ENDED)
    assert record.spec.subject.name == "chg-77"


async def test_it_is_taken_away_at_the_start_where_its_time_ran_out_while_the_operator_was_down(
    fake: FakeWorld,
) -> None:
    await let_in(fake)
    fake.clock.advance(BOXED_AND_MORE)
    await fake.restart()
    assert bindings(fake) == {}
    assert len(fake.records(AuditAction.ACCESS_ENDED)) == 1


@pytest.mark.parametrize("edit", [{"cancel": {"reason": "mended"}}, {"hold": {"reason": "wait"}}, {"title": "another"}])
async def test_it_ends_with_the_change_and_with_its_approval(fake: FakeWorld, edit: dict[str, Any]) -> None:
    await let_in(fake)
    await fake.edit("ChangeRequest", "chg-77", **edit)
    await fake.settle()
    assert bindings(fake) == {}


async def test_it_ends_when_the_approval_is_withdrawn_or_the_change_is_gone(fake: FakeWorld) -> None:
    await let_in(fake)
    await fake.approve("chg-77", "erin", "Withdrawn", "ecab")
    await fake.settle()
    assert bindings(fake) == {}
    await let_in(fake)
    assert bindings(fake) == LET_IN
    await fake.gone("ChangeRequest", "chg-77")
    await fake.restart()
    assert bindings(fake) == {}


async def test_nobody_is_let_in_without_a_record(fake: FakeWorld) -> None:
    fake.cluster.refused["create", "AuditRecord"] = UnreachableError("no answer")
    await let_in(fake)
    assert bindings(fake) == {}
