"""An emergency to its end: what it skips is on record before Helm, and it closes when that is settled."""

from typing import Any

import pytest

from tests.workflow.world import SMOKE, UAT, FakeWorld

RULE = {
    "approvals": [{"role": "ecab"}],
    "bypass": ["Soak", "Cadence", "ChangeWindow", "SignOffs", "Evidence"],
    "ratify": {"approvals": [{"role": "cab", "count": 2}]},
}
PRODUCTION: dict[str, Any] = {
    "tier": "Production",
    "promotesFrom": ["uat"],
    "soak": "24h",
    "entry": {"evidence": ["unit-tests"]},
    "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}, "emergency": RULE},
}
RELEASE, TO_UAT, TO_PRODUCTION = "payments-1.0.0", "payments-1.0.0-uat", "payments-1.0.0-production"


@pytest.fixture
async def world() -> FakeWorld:
    """A release without evidence that is in UAT, verified and not signed off, and an emergency that needs it."""
    made = FakeWorld()
    await made.environment("uat", UAT | {"exit": SMOKE})
    await made.environment("production", PRODUCTION)
    await made.release("1.0.0", evidence=[])
    await made.promote(RELEASE, "uat")
    await made.settle()
    await made.emergency("chg-77", RELEASE)
    await made.promote(RELEASE, "production", changeRequestRef={"name": "chg-77"})
    await made.settle()
    return made


async def let_through(world: FakeWorld) -> None:
    await world.approve("chg-77", "erin", role="ecab")
    await world.settle()


async def debts(world: FakeWorld, name: str = "chg-77") -> dict[str, dict[str, Any]]:
    return {row["gate"]: row for row in (await world.status("ChangeRequest", name))["debts"]}


async def owed(world: FakeWorld) -> set[str]:
    return {gate for gate, row in (await debts(world)).items() if "settledBy" not in row}


async def test_it_waits_for_the_emergency_board_alone(world: FakeWorld) -> None:
    assert await world.phase(TO_PRODUCTION) == "Waiting"
    assert (await world.status("ChangeRequest", "chg-77"))["approvalsSummary"] == "0/1 ecab"
    assert '"role":"ecab"' in (await world.status("ChangeRequest", "chg-77"))["howToApprove"]
    await world.approve("chg-77", "alice")
    await world.approve("chg-77", "bob")
    await world.settle()
    assert await world.phase(TO_PRODUCTION) == "Waiting"
    await let_through(world)
    assert await world.phase(TO_PRODUCTION) == "Succeeded"


async def test_what_was_skipped_is_shown_and_owed_with_a_date(world: FakeWorld) -> None:
    await let_through(world)
    assert {gate: await world.gate(TO_PRODUCTION, gate) for gate in ("Order", "Soak", "Evidence", "Cadence")} == {
        "Order": "Bypassed",
        "Soak": "Bypassed",
        "Evidence": "Bypassed",
        "Cadence": "NotApplicable",
    }
    rows = await debts(world)
    assert set(rows) == {"SignOffs", "Soak", "Evidence", "Ratification", "Review"}
    assert rows["SignOffs"]["upstream"] == "uat"
    assert rows["SignOffs"]["environment"] == "production"
    assert rows["Evidence"]["skipped"].startswith("nobody entitled says that unit-tests passed")
    assert rows["Ratification"]["dueBy"].startswith("2026-12-04T09:00:")
    assert rows["Review"]["dueBy"].startswith("2026-12-06T09:00:")


async def test_the_debts_are_written_before_helm(world: FakeWorld) -> None:
    seen: list[int] = []

    def look(_: str) -> None:
        seen.append(len(world.cluster.raw("ChangeRequest", world.stack, "chg-77")["status"]["debts"]))

    world.helm.observe = look
    await let_through(world)
    assert seen == [5]


async def test_it_closes_when_everything_is_settled(world: FakeWorld) -> None:
    await let_through(world)
    await world.sign(TO_UAT, "bea")
    await world.settle()
    assert await owed(world) == {"Soak", "Evidence", "Ratification", "Review"}
    await world.later(hours=24)
    assert await owed(world) == {"Evidence", "Ratification", "Review"}
    await world.approve("chg-77", "alice")
    await world.approve("chg-77", "erin")
    await world.settle()
    status = await world.status("ChangeRequest", "chg-77")
    missing = "ratification 1/2 cab: needs 1 more of role cab; not counted: erin (cab) is who let the emergency through"
    assert missing in status["waitsFor"]
    assert '"role":"cab"' in status["howToApprove"]
    await world.approve("chg-77", "bob")
    await world.settle()
    assert (await debts(world))["Ratification"]["settledBy"] == "ratified by alice, bob"
    await world.review("chg-77")
    await world.settle()
    status = await world.status("ChangeRequest", "chg-77")
    assert (status["phase"], await owed(world)) == ("Review", {"Evidence"})
    assert status["waitsFor"] == "Successful, says carla as cab; it owes Evidence by 2026-12-06 09:00Z"
    await world.review("chg-77", "dora", accepts=["Evidence"])
    await world.settle()
    assert (await world.status("ChangeRequest", "chg-77"))["phase"] == "Closed"
    assert (await debts(world))["Evidence"]["settledBy"] == "accepted by dora as cab: so"


@pytest.mark.parametrize(
    ("person", "role"),
    [("erin", "cab"), ("jo", "cab"), ("dora", "ecab"), ("dora", "sre")],
)
async def test_whose_acceptance_does_not_count(world: FakeWorld, person: str, role: str) -> None:
    await let_through(world)
    await world.review("chg-77", person, role, accepts=["Evidence", "Soak", "SignOffs"])
    await world.settle()
    assert {"Evidence", "Soak", "SignOffs"} <= await owed(world)


@pytest.mark.parametrize("people", [("alice", "erin"), ("alice", "jo"), ("alice", "Alice"), ("alice",)])
async def test_whose_word_does_not_ratify(world: FakeWorld, people: tuple[str, ...]) -> None:
    await let_through(world)
    for person in people:
        await world.approve("chg-77", person)
    await world.settle()
    assert "Ratification" in await owed(world)


async def test_nobody_accepts_the_ratification_alone(world: FakeWorld) -> None:
    await let_through(world)
    await world.review("chg-77", "dora", accepts=["Evidence", "Soak", "SignOffs"])
    await world.settle()
    assert await owed(world) == {"Ratification"}


async def test_what_the_board_refuses_is_taken_back(world: FakeWorld) -> None:
    await let_through(world)
    await world.approve("chg-77", "alice", "Rejected")
    await world.review("chg-77", "dora", accepts=["Evidence", "Soak", "SignOffs"])
    await world.settle()
    assert await owed(world) == {"Ratification"}
    await world.review("chg-77", "dora", outcome="BackedOut")
    await world.settle()
    assert (await world.status("ChangeRequest", "chg-77"))["phase"] == "Closed"


async def test_what_was_settled_stays_settled(world: FakeWorld) -> None:
    await let_through(world)
    for person in ("alice", "bob"):
        await world.approve("chg-77", person)
    await world.settle()
    await world.approve("chg-77", "bob", "Withdrawn")
    await world.settle()
    assert "Ratification" not in await owed(world)


async def test_evidence_that_arrives_late_settles_its_debt(world: FakeWorld) -> None:
    await let_through(world)
    await world.attest("payments-1.0.0", "unit-tests", by="ci")
    await world.settle()
    assert "Evidence" not in await owed(world)
    assert (await debts(world))["Evidence"]["settledBy"] == "Evidence: unit-tests Passed by ci"


async def test_late_evidence_of_somebody_not_entitled_settles_nothing(world: FakeWorld) -> None:
    await let_through(world)
    world.cluster.leavers.add("ci")
    await world.attest("payments-1.0.0", "unit-tests", by="ci")
    await world.settle()
    assert "Evidence" in await owed(world)


async def test_narrowing_the_change_afterwards_takes_no_debt_away(world: FakeWorld) -> None:
    await let_through(world)
    await world.edit("ChangeRequest", "chg-77", environments=["uat"])
    await world.settle()
    assert await owed(world) == {"SignOffs", "Soak", "Evidence", "Ratification", "Review"}


async def _next_release(world: FakeWorld) -> str:
    """A normal release that went through UAT and whose change is approved."""
    release = await world.release("1.1.0", evidence=[{"type": "unit-tests", "result": "Passed"}])
    await world.promote(release, "uat")
    await world.settle()
    await world.sign(f"{release}-uat", "bea")
    await world.settle()
    return release


async def test_what_is_overdue_keeps_the_next_release_out_until_it_is_settled(world: FakeWorld) -> None:
    await let_through(world)
    release = await _next_release(world)
    await world.later(hours=72)
    await world.change("chg-2", release, "HelmRollback")
    await world.settle()
    await world.approve("chg-2")
    promotion = await world.promote(release, "production", changeRequestRef={"name": "chg-2"})
    await world.settle()
    assert await world.phase(promotion) == "Waiting"
    assert await world.gate(promotion, "ReviewDebt") == "DebtOverdue"
    assert "chg-77 owes Ratification overdue since" in await world.said(promotion)
    await world.approve("chg-77", "alice")
    await world.approve("chg-77", "bob")
    await world.settle()
    assert await world.phase(promotion) == "Succeeded"


async def test_the_next_release_that_passed_what_was_skipped_makes_up_for_it(world: FakeWorld) -> None:
    await let_through(world)
    release = await _next_release(world)
    await world.later(hours=25)
    await world.change("chg-2", release, "HelmRollback")
    await world.settle()
    await world.approve("chg-2")
    promotion = await world.promote(release, "production", changeRequestRef={"name": "chg-2"})
    await world.settle()
    assert await world.phase(promotion) == "Succeeded"
    assert await owed(world) == {"Ratification", "Review"}
    assert (await debts(world))["Evidence"]["settledBy"] == "payments-1.1.0 runs there since, which passed Evidence"


async def test_what_becomes_overdue_while_something_waits_keeps_it_out(world: FakeWorld) -> None:
    await let_through(world)
    release = await _next_release(world)
    await world.change(
        "chg-2", release, "HelmRollback", schedule={"start": "2026-12-04T10:00:00Z", "end": "2026-12-05T10:00:00Z"}
    )
    await world.settle()
    await world.approve("chg-2")
    promotion = await world.promote(release, "production", changeRequestRef={"name": "chg-2"})
    await world.settle()
    assert await world.gate(promotion, "ReviewDebt") == "Passed"
    await world.later(hours=73)
    assert await world.gate(promotion, "ReviewDebt") == "DebtOverdue"


async def test_the_unreviewed_record_of_an_unauthorised_change_keeps_the_next_release_out(world: FakeWorld) -> None:
    await world.create(
        "ChangeRequest",
        "unauthorised-production-payments",
        {
            "type": "Emergency",
            "title": "changed",
            "reason": "found",
            "environments": ["production"],
            "unauthorised": {"application": "payments"},
        },
    )
    await let_through(world)
    record = "unauthorised-production-payments"
    assert set(await debts(world, record)) == {"Review"}
    for person in ("alice", "bob"):
        await world.approve("chg-77", person)
    release = await _next_release(world)
    await world.later(hours=121)
    await world.review("chg-77", "dora", accepts=["Evidence", "SignOffs", "Soak"])
    await world.change("chg-2", release, "HelmRollback")
    await world.settle()
    await world.approve("chg-2")
    promotion = await world.promote(release, "production", changeRequestRef={"name": "chg-2"})
    await world.settle()
    assert (await world.status("ChangeRequest", "chg-77"))["phase"] == "Closed"
    assert await world.gate(promotion, "ReviewDebt") == "DebtOverdue"
    await world.review(record, "dora", outcome="Failed")
    await world.settle()
    assert await world.phase(promotion) == "Succeeded"


async def test_going_back_in_an_emergency_brings_what_ran_before(fake: FakeWorld) -> None:
    await fake.environment("production", {**PRODUCTION, "promotesFrom": [], "soak": "0s", "entry": {}})
    for number, (version, strategy) in enumerate((("1.0.0", "Uninstall"), ("1.1.0", "HelmRollback")), 1):
        release = await fake.release(version)
        await fake.change(f"chg-{number}", release, strategy)
        await fake.settle()
        await fake.approve(f"chg-{number}")
        await fake.promote(release, "production", changeRequestRef={"name": f"chg-{number}"})
        await fake.settle()
        await fake.review(f"chg-{number}")
        await fake.settle()
    assert await fake.running("production") == {"app": "1.1.0"}
    await fake.emergency("chg-77", RELEASE, "HelmRollback")
    back = await fake.promote(
        RELEASE, "production", name="back", action="Rollback", changeRequestRef={"name": "chg-77"}
    )
    await fake.settle()
    assert await fake.phase(back) == "Waiting"
    await let_through(fake)
    assert await fake.phase(back) == "Succeeded"
    assert await fake.running("production") == {"app": "1.0.0"}
    assert await owed(fake) == {"Ratification", "Review"}
    for person in ("alice", "bob"):
        await fake.approve("chg-77", person)
    await fake.review("chg-77")
    await fake.settle()
    assert (await fake.status("ChangeRequest", "chg-77"))["phase"] == "Closed"


async def test_an_environment_that_was_skipped_is_owed_until_the_release_passed_it(fake: FakeWorld) -> None:
    smoke = {**SMOKE, "signOffs": [{"role": "qa"}]}
    await fake.environment(
        "system-test", {"tier": "SystemTest", "autoPromote": False, "promotesFrom": [], "exit": smoke}
    )
    await fake.environment("uat", {**UAT, "promotesFrom": ["system-test"]})
    rule = {**RULE, "bypass": ["Order"], "orderDownTo": "SystemTest"}
    control = {**PRODUCTION["changeControl"], "emergency": rule}
    await fake.environment("production", {**PRODUCTION, "soak": "0s", "changeControl": control})
    release = await fake.release("1.0.0")
    await fake.promote(release, "system-test")
    await fake.settle()
    await fake.sign("payments-1.0.0-system-test", "quinn", "qa")
    await fake.emergency("chg-77", release)
    await fake.promote(release, "production", changeRequestRef={"name": "chg-77"})
    await fake.settle()
    await let_through(fake)
    assert await fake.phase(TO_PRODUCTION) == "Succeeded"
    assert await fake.gate(TO_PRODUCTION, "Artifacts") == "Passed"
    assert (await debts(fake))["Order"]["upstream"] == "uat"
    await fake.promote(release, "uat")
    await fake.settle()
    assert "Order" in await owed(fake)
    await fake.sign(TO_UAT, "bea")
    await fake.settle()
    assert "Order" not in await owed(fake)
