"""What is held, aborted or stopped, and what is left then."""

import asyncio

import pytest

from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, UAT, FakeWorld

BAD = {"app": {"unschedulable": True}}


async def _running(world: FakeWorld, **environment: object) -> None:
    """Version 1.0.0 runs in integration."""
    await world.environment("integration", {**INTEGRATION, **environment})
    await world.promote(await world.release("1.0.0"), "integration")
    await world.settle()
    assert await world.running("integration") == {"app": "1.0.0"}


async def _executing(world: FakeWorld) -> str:
    """Version 1.1.0 is being applied by Helm; the operator's task is ``world.task``."""
    await _running(world)
    promotion = await world.promote(await world.release("1.1.0"), "integration")
    await world.until_hanging()
    return promotion


async def test_an_irreversible_component_is_held(fake: FakeWorld) -> None:
    await _running(fake)
    promotion = await fake.promote(await fake.release("1.1.0", values=BAD, irreversible=["app"]), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "Failed"
    assert await fake.history("integration") == [("1.0.0", "deployed"), ("1.1.0", "failed")]


async def test_on_failure_hold_holds(fake: FakeWorld) -> None:
    await _running(fake, onFailure="Hold")
    promotion = await fake.promote(await fake.release("1.1.0", values=BAD), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "Failed"
    assert "a person decides" in await fake.said(promotion)
    assert ("rollback", "payments-app") not in fake.helm.calls


@pytest.mark.parametrize(("strategy", "phase"), [("Manual", "Failed"), ("HelmRollback", "RolledBack")])
async def test_the_rollback_plan_of_the_change_wins_over_the_environment(
    fake: FakeWorld, strategy: str, phase: str
) -> None:
    other = {"Manual": "Rollback", "HelmRollback": "Hold"}[strategy]
    await fake.environment("production", {**PRODUCTION, "onFailure": other})
    await _approved_promotion(fake, "1.0.0", "Uninstall")
    promotion = await _approved_promotion(fake, "1.1.0", strategy, BAD)
    assert await fake.phase(promotion) == phase


async def test_aborted_while_it_waits_nothing_is_applied(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.freeze()
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "OnHold"
    await fake.edit("Promotion", promotion, abort=True)
    await fake.settle()
    assert await fake.phase(promotion) == "Aborted"
    assert fake.helm.calls == []


async def test_aborted_while_helm_works_it_goes_back(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.edit("Promotion", promotion, abort=True)
    await fake.watch()
    await fake.task
    assert await fake.phase(promotion) == "Aborted"
    assert await fake.running("integration") == {"app": "1.0.0"}
    assert [status for _, status in await fake.history("integration")] == ["superseded", "failed", "deployed"]


async def test_who_touches_an_aborted_promotion_does_not_stop_the_way_back(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    gone_back = fake.helm.hang_next_rollback()
    await fake.edit("Promotion", promotion, abort=True)
    await fake.watch()
    async with asyncio.timeout(5):
        while ("rollback", "payments-app") not in fake.helm.calls:  # noqa: ASYNC110 - it yields
            await asyncio.sleep(0)
    raw = await fake.raw("Promotion", promotion)
    raw["metadata"]["labels"] = {"seen": "yes"}
    await fake.write(raw)
    await fake.watch()
    gone_back.set()
    await fake.task
    assert await fake.phase(promotion) == "Aborted"
    assert await fake.running("integration") == {"app": "1.0.0"}


async def test_a_person_who_writes_meanwhile_does_not_disturb_an_execution(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    raw = await fake.raw("Promotion", promotion)
    raw["metadata"]["labels"] = {"seen": "yes"}
    await fake.write(raw)
    fake.go_on.set()
    await fake.task
    assert await fake.phase(promotion) == "Succeeded"
    assert fake.helm.calls.count(("upgrade", "payments-app")) == 2


async def test_without_the_lease_nothing_more_is_done(fake: FakeWorld) -> None:
    await fake.environment("integration", {**INTEGRATION, "exit": SMOKE})
    promotion = await fake.promote(await fake.release("1.0.0", values={"api": {}, "web": {}}), "integration")
    fake.helm.observe = lambda _: setattr(fake.leadership, "leading", False)
    await fake.settle()
    assert fake.helm.calls == [("upgrade", "payments-api")]
    before = len(fake.faults.calls)
    await fake.process.settle()
    assert len(fake.faults.calls) == before
    assert await fake.phase(promotion) == "Deploying"

    fake.helm.observe = lambda _: None
    await fake.restart()
    assert await fake.phase(promotion) == "Succeeded"
    execution = (await fake.status("Promotion", promotion))["execution"]
    assert (execution["holder"], execution["attempt"]) == ("operator-2", 2)
    assert await fake.history("integration", "api") == [("1.0.0", "deployed")]


async def test_the_lease_lost_and_won_again_in_the_middle_is_a_new_beginning(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    promotion = await fake.promote(await fake.release("1.0.0", values={"api": {}, "web": {}}), "integration")
    fake.helm.observe = lambda _: setattr(fake.leadership, "fencing", 7)
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    # Another may have led in between, so it was taken up anew.
    assert (await fake.status("Promotion", promotion))["execution"]["fencing"] == 7
    assert fake.helm.calls == [("upgrade", "payments-api"), ("upgrade", "payments-web")]


async def test_an_older_leader_takes_nothing_up(fake: FakeWorld) -> None:
    promotion = await _executed_by_another(fake, fencing=5)
    await fake.restart()
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Deploying"
    assert (await fake.status("Promotion", promotion))["execution"]["fencing"] == 5


async def _executed_by_another(world: FakeWorld, *, fencing: int) -> str:
    """A promotion that a leader with a higher number executes elsewhere."""
    promotion = await _executing(world)
    await world.kill()
    execution = (await world.status("Promotion", promotion))["execution"] | {"holder": "other", "fencing": fencing}
    await world.write_status("Promotion", promotion, {"execution": execution})
    return promotion


async def test_who_led_before_cannot_write_over_who_leads_now(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    execution = (await fake.status("Promotion", promotion))["execution"] | {"holder": "operator-2", "fencing": 2}
    await fake.write_status("Promotion", promotion, {"execution": execution})
    before = await fake.raw("Promotion", promotion)
    fake.go_on.set()
    await fake.task
    assert await fake.raw("Promotion", promotion) == before


async def test_a_foreign_lock_is_not_touched(fake: FakeWorld) -> None:
    await _running(fake)
    promotion = await fake.promote(await fake.release("1.1.0"), "integration")
    fake.foreign_lock("integration", "payments-app")
    await fake.settle()
    assert await fake.gate(promotion, "Concurrency") == "HelmLocked"
    assert (await fake.history("integration"))[-1] == ("", "pending-upgrade")


async def test_a_foreign_lock_found_after_a_restart_is_not_touched_either(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.kill()
    fake.foreign_lock("integration", "payments-app")
    await fake.restart()
    assert await fake.phase(promotion) == "Failed"
    assert "not Lockflight's" in await fake.said(promotion)
    assert (await fake.history("integration"))[-1] == ("", "pending-upgrade")


async def test_an_execution_is_not_taken_up_while_another_promotion_starts_on_its_target(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.kill()
    fake.process = fake.start()
    fake.process.deps.targets["payments-integration", "payments"] = "uid-of-another"
    await fake.watch()
    fake.process.listen()
    await fake.process.settle()
    assert (await fake.status("Promotion", promotion))["execution"]["holder"] == "operator-1"
    del fake.process.deps.targets["payments-integration", "payments"]
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_hold_between_two_components_takes_the_bundle_back(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    pair = {"api": {}, "web": {}}
    await fake.promote(await fake.release("1.0.0", values=pair), "integration")
    await fake.settle()
    promotion = await fake.promote(await fake.release("1.1.0", values=pair), "integration")
    held = {"reason": "found in triage"}
    fake.helm.observe = lambda _: fake.edit_now("Release", "payments-1.1.0", hold=held)
    await fake.settle()
    assert await fake.phase(promotion) == "RolledBack"
    assert "found in triage" in await fake.said(promotion)
    assert await fake.running("integration") == {"api": "1.0.0", "web": "1.0.0"}
    assert await fake.history("integration", "web") == [("1.0.0", "deployed")]


async def test_a_freeze_between_two_components_lets_the_bundle_finish(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    promotion = await fake.promote(await fake.release("1.0.0", values={"api": {}, "web": {}}), "integration")
    fake.helm.observe = lambda _: fake.freeze_now()
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_promotion_deleted_half_way_leaves_no_lock_and_is_told_of(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.gone("Promotion", promotion)
    await fake.watch()
    await fake.task
    assert "PromotionDeleted" in fake.events.reasons
    assert (await fake.history("integration"))[-1] == ("1.1.0", "failed")
    again = await fake.promote("payments-1.1.0", "integration", name="again")
    await fake.settle()
    assert await fake.phase(again) == "Succeeded"


async def test_a_promotion_deleted_while_the_operator_is_away_leaves_no_lock_either(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.kill()
    await fake.gone("Promotion", promotion)
    await fake.restart()
    assert (await fake.history("integration"))[-1] == ("1.1.0", "pending-upgrade")
    again = await fake.promote("payments-1.1.0", "integration", name="again")
    await fake.settle()
    assert await fake.phase(again) == "Succeeded", await fake.said(again)
    assert [status for _, status in await fake.history("integration")] == ["superseded", "failed", "deployed"]


async def test_a_promotion_is_not_called_deleted_because_something_else_is(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.kill()
    fake.faults.meanwhile["unlock payments-app"] = fake.uninstalled_by_hand
    await fake.restart()
    assert "PromotionDeleted" not in fake.events.reasons
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_promotion_deleted_while_it_waits_is_not_spoken_of(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.watch()
    await fake.gone("Promotion", promotion)
    await fake.process.settle()
    assert "PromotionDeleted" not in fake.events.reasons
    assert fake.helm.calls == []


async def test_a_release_deleted_while_it_waits_closes_the_gates(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.freeze()
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    await fake.gone("Release", "payments-1.0.0")
    await fake.settle()
    assert await fake.gate(promotion, "Order") == "ReleaseMissing"


@pytest.mark.parametrize(
    ("what", "phase", "running"),
    [("values", "RolledBack", {"app": "1.0.0"}), ("release", "Failed", {"app": "1.0.0"})],
)
async def test_what_cannot_go_on_as_planned_after_a_restart_is_unlocked_and_taken_back_where_that_is_known(
    fake: FakeWorld, what: str, phase: str, running: dict[str, str]
) -> None:
    promotion = await _executing(fake)
    await fake.kill()
    if what == "values":
        await fake.edit("Environment", "integration", values={"greeting": "other"})
    else:
        await fake.gone("Release", "payments-1.1.0")
    await fake.restart()
    assert await fake.phase(promotion) == phase, await fake.said(promotion)
    assert await fake.running("integration") == running
    assert not [s for _, s in await fake.history("integration") if s.startswith("pending")]


async def test_a_silent_registry_after_a_restart_is_waited_for(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.kill()
    fake.charts.forget_pulled()
    fake.charts.down = True
    await fake.restart()
    assert await fake.phase(promotion) == "Deploying"
    assert "connection refused" in (await fake.status("Promotion", promotion))["waitsFor"]
    fake.charts.down = False
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_namespace_that_was_bound_elsewhere_meanwhile_is_not_touched(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.kill()
    fake.cluster.put_namespace("payments-integration", stack="others", environment="integration", tier="Integration")
    await fake.restart()
    assert await fake.phase(promotion) == "Failed"
    assert (await fake.history("integration"))[-1] == ("1.1.0", "pending-upgrade")


async def test_sign_off_quorum_rejection_and_a_newer_deployment(fake: FakeWorld) -> None:
    await fake.environment("uat", {**UAT, "exit": {"signOffs": [{"role": "business", "count": 2}]}})
    first = await fake.promote(await fake.release("1.0.0"), "uat")
    await fake.settle()
    await fake.sign(first, "carol")
    await fake.sign(first, "carol")
    await fake.settle()
    assert await fake.phase(first) == "AwaitingSignOff"

    second = await fake.promote(await fake.release("1.1.0"), "uat")
    await fake.settle()
    assert await fake.phase(first) == "Superseded"

    await fake.sign(second, "carol")
    await fake.sign(second, "dora")
    await fake.settle()
    assert await fake.phase(second) == "Succeeded"

    third = await fake.promote(await fake.release("1.2.0"), "uat")
    await fake.settle()
    await fake.sign(third, "carol", decision="Rejected")
    await fake.settle()
    assert await fake.phase(third) == "Rejected"
    assert await fake.running("uat") == {"app": "1.2.0"}


async def _approved_promotion(
    world: FakeWorld, version: str, strategy: str, values: dict[str, dict[str, bool]] | None = None
) -> str:
    release = await world.release(version, values=values)
    await world.change(f"chg-{version}", release, strategy)
    await world.settle()
    await world.approve(f"chg-{version}")
    promotion = await world.promote(release, "production")
    await world.settle()
    return promotion
