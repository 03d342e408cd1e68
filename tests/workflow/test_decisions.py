"""Between what the watches told and what is decided: everything that may happen there, and what is written first."""

from collections.abc import Awaitable, Callable

import pytest

from lockflight.workflow.keys import Key
from tests.workflow.world import INTEGRATION, PRODUCTION, UAT, FakeWorld

Meanwhile = Callable[[FakeWorld], Awaitable[None]]


async def _ready(world: FakeWorld) -> str:
    """A promotion to production that is approved and held by nothing but a freeze, which ends unseen."""
    await world.environment("production", PRODUCTION)
    await world.freeze()
    release = await world.release("1.0.0")
    await world.change("chg-1", release)
    promotion = await world.promote(release, "production")
    await world.settle()
    await world.approve("chg-1")
    await world.settle()
    assert await world.phase(promotion) == "OnHold"
    await world.edit("FreezeWindow", "stop", lift={"reason": "over"})
    return promotion


async def test_use_then_intent_then_helm(fake: FakeWorld) -> None:
    await _ready(fake)
    before = len(fake.faults.calls)
    await fake.settle()
    calls = fake.faults.calls[before:]
    assert calls.index("patch ChangeRequest chg-1") < calls.index("patch Promotion payments-1.0.0-production")
    assert calls.index("patch Promotion payments-1.0.0-production") < calls.index("upgrade payments-app")


async def test_what_helm_finds_in_status_when_it_starts(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    seen: list[tuple[str, str, list[str], bool]] = []

    def look(_: str) -> None:
        status = fake.cluster.raw("Promotion", fake.stack, promotion)["status"]
        uses = fake.cluster.raw("ChangeRequest", fake.stack, "chg-1")["status"]["usedBy"]
        uids = [use["promotionUID"] for use in uses]
        seen.append((status["phase"], status["execution"]["holder"], uids, status["inUse"]))

    fake.helm.observe = look
    await fake.settle()
    uid = fake.cluster.raw("Promotion", fake.stack, promotion)["metadata"]["uid"]
    assert seen == [("Deploying", "operator-1", [uid], True)]


async def test_an_environment_without_change_control_uses_no_approval(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.environment("production", PRODUCTION)
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release, environments=["integration", "production"])
    promotion = await fake.promote(release, "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    assert await fake.uses("chg-1") == []
    assert (await fake.status("ChangeRequest", "chg-1"))["phase"] == "Authorize"


async def _withdrawn(world: FakeWorld) -> None:
    await world.approve("chg-1", decision="Withdrawn")


async def _frozen(world: FakeWorld) -> None:
    world.freeze_now()


async def _held(world: FakeWorld) -> None:
    world.edit_now("Release", "payments-1.0.0", hold={"reason": "found in triage"})


async def _reconfigured(world: FakeWorld) -> None:
    world.edit_now("Environment", "production", values={"greeting": "other"})


async def _unbound(world: FakeWorld) -> None:
    world.cluster.put_namespace("payments-production", stack="others", environment="production", tier="Production")


async def _stricter(world: FakeWorld) -> None:
    control = {"normal": {"approvals": [{"role": "cab", "count": 2}]}}
    world.edit_now("Environment", "production", changeControl=control)


@pytest.mark.parametrize(
    ("meanwhile", "gate", "reason"),
    [
        (_withdrawn, "ChangeControl", "ApprovalsMissing"),
        (_frozen, "Freeze", "FreezeActive"),
        (_held, "Hold", "ReleaseHeld"),
        (_reconfigured, "ChangeControl", "PlanChanged"),
        (_unbound, "Binding", "NamespaceBoundElsewhere"),
        (_stricter, "ChangeControl", "PlanChanged"),
    ],
)
async def test_what_no_watch_has_told_yet_counts_all_the_same(
    fake: FakeWorld, meanwhile: Meanwhile, gate: str, reason: str
) -> None:
    promotion = await _ready(fake)
    await fake.watch()
    await meanwhile(fake)
    await fake.process.one(Key("Promotion", fake.stack, promotion))
    assert fake.helm.calls == []
    assert await fake.uses("chg-1") == []
    assert await fake.gate(promotion, gate) == reason


async def test_an_approval_withdrawn_after_the_fresh_read_is_not_used(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    await fake.watch()
    fake.faults.meanwhile["patch ChangeRequest chg-1"] = lambda: fake.approve("chg-1", decision="Withdrawn")
    await fake.process.one(Key("Promotion", fake.stack, promotion))
    assert (fake.helm.calls, await fake.uses("chg-1")) == ([], [])
    await fake.settle()
    assert fake.helm.calls == []
    assert await fake.gate(promotion, "ChangeControl") == "ApprovalsMissing"


async def test_an_abort_after_the_fresh_read_is_heard_before_helm_starts(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    await fake.watch()
    fake.faults.meanwhile[f"patch Promotion {promotion}"] = lambda: fake.edit("Promotion", promotion, abort=True)
    await fake.settle()
    assert await fake.phase(promotion) == "Aborted"
    assert fake.helm.calls == []
    assert len(await fake.uses("chg-1")) == 1


async def test_whatever_is_written_in_between_is_decided_again_and_used_once(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    await fake.watch()

    async def touched() -> None:
        raw = await fake.raw("Promotion", promotion)
        raw["metadata"]["labels"] = {"seen": "yes"}
        await fake.write(raw)

    fake.faults.meanwhile[f"patch Promotion {promotion}"] = touched
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    assert [use["finished"] for use in await fake.uses("chg-1")] == [True]
    assert fake.helm.calls == [("upgrade", "payments-app")]


async def test_an_intent_is_not_written_over_another_leaders(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    await fake.watch()
    theirs = {"holder": "other", "fencing": 9, "startedAt": "2026-12-01T09:00:00Z"}

    async def overtaken() -> None:
        await fake.write_status("Promotion", promotion, {"phase": "Deploying", "execution": theirs})

    fake.faults.meanwhile[f"patch Promotion {promotion}"] = overtaken
    await fake.process.settle()
    assert (await fake.status("Promotion", promotion))["execution"] == theirs
    assert fake.helm.calls == []


async def test_a_waiting_phase_is_not_written_over_another_leaders_execution(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    promotion = await fake.promote(await fake.release("1.0.0"), "production")
    theirs = {"holder": "other", "fencing": 9, "startedAt": "2026-12-01T09:00:00Z"}

    async def overtaken() -> None:
        await fake.write_status("Promotion", promotion, {"phase": "Deploying", "execution": theirs})

    fake.faults.meanwhile[f"patch Promotion {promotion}"] = overtaken
    await fake.settle()
    assert await fake.phase(promotion) == "Deploying"


async def test_a_rejection_that_comes_as_the_sign_off_completes_is_not_lost(fake: FakeWorld) -> None:
    await fake.environment("uat", UAT)
    promotion = await fake.promote(await fake.release("1.0.0"), "uat")
    await fake.settle()
    await fake.sign(promotion, "carol")
    rejected = lambda: fake.sign(promotion, "dora", decision="Rejected")  # noqa: E731
    fake.faults.meanwhile[f"patch Promotion {promotion}"] = rejected
    await fake.settle()
    assert await fake.phase(promotion) == "Rejected"


async def test_a_use_recorded_while_the_change_is_judged_is_not_lost(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    uid = (await fake.raw("Promotion", promotion))["metadata"]["uid"]
    another = {"environment": "uat", "promotionUID": "another", "planDigest": "sha256:" + "a" * 64}

    async def used_elsewhere() -> None:
        uses = await fake.uses("chg-1")
        await fake.write_status("ChangeRequest", "chg-1", {"usedBy": [*uses, {**another, "at": uses[0]["at"]}]})

    await fake.watch()
    await fake.process.one(Key("Promotion", fake.stack, promotion))
    # What is left to be written on the change is that its use is finished.
    fake.faults.meanwhile["patch ChangeRequest chg-1"] = used_elsewhere
    await fake.settle()
    assert [use["promotionUID"] for use in await fake.uses("chg-1")] == [uid, "another"]
    assert (await fake.uses("chg-1"))[0]["finished"]


async def test_a_conflict_is_settled_though_no_watch_tells(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    release = await fake.release("1.0.0")
    await fake.watch()

    async def touched() -> None:
        raw = await fake.raw("Release", release)
        raw["metadata"]["labels"] = {"seen": "yes"}
        await fake.write(raw)

    fake.faults.meanwhile[f"patch Release {release}"] = touched
    await fake.process.settle()
    assert (await fake.status("Release", release))["digest"]


async def test_an_end_is_not_decided_by_what_is_not_true_any_more(fake: FakeWorld) -> None:
    await fake.environment("integration", {**INTEGRATION, "entry": {"branches": ["release"]}})
    release = await fake.release("1.0.0")
    await fake.settle()
    promotion = await fake.promote(release, "integration")
    await fake.watch()
    fake.edit_now("Environment", "integration", entry={"branches": ["main"]})
    await fake.process.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_an_end_by_what_is_true_is_an_end(fake: FakeWorld) -> None:
    await fake.environment("integration", {**INTEGRATION, "entry": {"branches": ["release"]}})
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "Rejected"
    assert await fake.gate(promotion, "Source") == "BranchNotAllowed"


async def test_a_deletion_of_the_change_after_the_fresh_read_starts_nothing(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    await fake.watch()
    fake.faults.meanwhile["patch ChangeRequest chg-1"] = lambda: fake.gone("ChangeRequest", "chg-1")
    await fake.settle()
    assert fake.helm.calls == []
    assert await fake.gate(promotion, "ChangeControl") == "NoChange"
    assert "PromotionDeleted" not in fake.events.reasons


async def test_a_rejected_change_rejects(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    await fake.approve("chg-1", "bob", "Rejected")
    await fake.settle()
    assert await fake.phase(promotion) == "Rejected"
    assert (await fake.status("ChangeRequest", "chg-1"))["phase"] == "Rejected"
    assert fake.helm.calls == []


async def test_a_rejection_is_heard_whoever_looks_at_it_first(fake: FakeWorld) -> None:
    promotion = await _ready(fake)
    await fake.approve("chg-1", "bob", "Rejected")
    await fake.watch()
    await fake.process.one(Key("ChangeRequest", fake.stack, "chg-1"))
    assert (await fake.status("ChangeRequest", "chg-1"))["phase"] == "Rejected"
    await fake.process.one(Key("Promotion", fake.stack, promotion))
    assert await fake.phase(promotion) == "Rejected"


async def test_a_change_rejected_earlier_says_nothing_about_a_new_promotion(fake: FakeWorld) -> None:
    await _ready(fake)
    await fake.approve("chg-1", "bob", "Rejected")
    await fake.settle()
    await fake.later(minutes=1)
    again = await fake.promote("payments-1.0.0", "production", name="again")
    await fake.settle()
    assert await fake.gate(again, "ChangeControl") == "NoChange"


async def test_an_open_change_counts_before_one_that_was_rejected(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.freeze()
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    await fake.settle()
    await fake.approve("chg-1", decision="Rejected")
    await fake.settle()
    promotion = await fake.promote(release, "production")
    await fake.change("chg-2", release)
    await fake.settle()
    assert await fake.gate(promotion, "ChangeControl") == "ApprovalsMissing"


async def test_after_a_restart_the_change_it_runs_under_is_not_confused_with_another(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    release = await fake.release("1.0.0", values={"app": {"unschedulable": True}})
    await fake.change("chg-1", release, "Manual")
    await fake.settle()
    await fake.approve("chg-1")
    promotion = await fake.promote(release, "production")
    await fake.until_hanging()
    await fake.kill()
    await fake.change("chg-2", release, "Uninstall")
    await fake.restart()
    # The rollback plan of chg-1 is Manual.
    assert await fake.phase(promotion) == "Failed"
    assert ("uninstall", "payments-app") not in fake.helm.calls


async def test_an_approval_that_was_not_used_in_time_expires(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.freeze()
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    promotion = await fake.promote(release, "production")
    await fake.settle()
    await fake.approve("chg-1")
    await fake.settle()
    await fake.later(hours=167)
    assert await fake.phase(promotion) == "OnHold"
    await fake.later(hours=2)
    assert await fake.phase(promotion) == "Expired"
    assert (await fake.status("ChangeRequest", "chg-1"))["phase"] == "Expired"


async def test_what_ended_keeps_the_plan_that_was_decided_on(fake: FakeWorld) -> None:
    await _ready(fake)
    await fake.approve("chg-1", "bob", "Rejected")
    await fake.settle()
    plans = (await fake.status("ChangeRequest", "chg-1"))["plans"]
    await fake.edit("Environment", "production", values={"greeting": "other"})
    await fake.settle()
    assert (await fake.status("ChangeRequest", "chg-1"))["plans"] == plans


async def test_a_newer_version_takes_the_place_of_one_that_waits_without_a_change(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.freeze()
    old = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    await fake.later(minutes=1)
    new = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    assert await fake.phase(old) == "Superseded"
    assert await fake.phase(new) == "OnHold"


async def test_two_for_one_target_go_one_after_the_other(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    release = await fake.release("1.0.0")
    await fake.settle()
    first = await fake.promote(release, "integration", name="first")
    await fake.until_hanging()
    second = await fake.promote(release, "integration", name="second")
    await fake.watch()
    await fake.process.one(Key("Promotion", fake.stack, second))
    assert await fake.gate(second, "Concurrency") == "TargetBusy"
    assert fake.helm.calls == [("upgrade", "payments-app")]
    fake.go_on.set()
    await fake.task
    await fake.settle()
    assert (await fake.phase(first), await fake.phase(second)) == ("Succeeded", "Succeeded")


async def test_a_target_that_another_promotion_starts_on_is_left_alone(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    fake.process.deps.targets["payments-integration", "payments"] = "uid-of-another"
    await fake.settle()
    assert fake.helm.calls == []
    del fake.process.deps.targets["payments-integration", "payments"]
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Succeeded"


async def test_one_whose_release_is_gone_still_holds_its_target_while_it_executes(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.until_hanging()
    await fake.gone("Release", "payments-1.0.0")
    second = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.watch()
    await fake.process.one(Key("Release", fake.stack, "payments-1.1.0"))
    await fake.process.one(Key("Promotion", fake.stack, second))
    assert await fake.gate(second, "Concurrency") == "TargetBusy"
    fake.go_on.set()
    await fake.task


async def test_applications_whose_names_begin_alike_leave_each_other_alone(fake: FakeWorld) -> None:
    shared = {**INTEGRATION, "target": {"namespace": "payments-integration"}}
    await fake.environment("integration", shared)
    pair = {"app": {}, "old": {}}
    await fake.promote(await fake.release("1.0.0", values=pair), "integration")
    other = await fake.release("9.0.0", name="payments-web-9.0.0", application="payments-web", values={"ui": {}})
    await fake.promote(other, "integration")
    await fake.settle()
    assert await fake.running("integration") == {"app": "1.0.0", "old": "1.0.0", "web-ui": "9.0.0"}
    promotion = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded", await fake.said(promotion)
    assert await fake.running("integration") == {"app": "1.1.0", "web-ui": "9.0.0"}


async def test_a_rule_that_cannot_be_read_closes_what_it_might_bind(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.watch()
    key = Key("FreezeWindow", fake.stack, "odd")
    fake.process.store.put_broken(key, "spec.start: not a string")
    await fake.process.settle()
    assert await fake.gate(promotion, "Rules") == "NotGoverned"
    assert fake.helm.calls == []
