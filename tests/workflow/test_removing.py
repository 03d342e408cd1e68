"""Removals on fakes: judged, bound to what is there, carried out once, whatever dies in between."""

from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction
from lockflight.policy.model import HelmStatus, Revision
from tests.workflow.world import INTEGRATION, PRODUCTION, FakeWorld, World

TWO: dict[str, dict[str, Any]] = {"api": {}, "web": {}}


async def runs(world: World, environment: str = "integration", **spec: Any) -> str:
    """A bundle of two that runs in integration."""
    await world.environment("integration", INTEGRATION)
    release = await world.release("1.0.0", values=TWO, **spec)
    await world.promote(release, "integration")
    await world.settle()
    assert set(await world.running("integration")) == {"api", "web"}
    return release


async def removal(
    world: World, release: str, environment: str = "integration", name: str = "remove", **spec: Any
) -> str:
    await world.promote(release, environment, name=name, action="Remove", **spec)
    await world.settle()
    return name


async def targets(world: World, environment: str = "integration") -> list[str]:
    return [row["release"] for row in (await world.status("Environment", environment)).get("targets", [])]


async def test_it_takes_everything_of_the_application_away_and_says_so_everywhere(world: World) -> None:
    release = await runs(world)
    done = await removal(world, release)

    assert await world.phase(done) == "Succeeded"
    assert await world.running("integration") == {}
    assert await targets(world) == []
    status = await world.status("Promotion", done)
    assert [(c["helmRelease"], c["state"]) for c in status["components"]] == [
        (f"{world.stack}-api", "Removed"),
        (f"{world.stack}-web", "Removed"),
    ]
    assert [row["release"] for row in status["plan"]["removes"]] == [release, release]
    passage = (await world.status("Release", release))["environments"][0]
    assert "runningSince" not in passage
    assert passage["signedOffAt"]
    assert not (await world.status("Release", release)).get("inUse")


async def test_what_was_removed_can_be_brought_again(world: World) -> None:
    release = await runs(world)
    await removal(world, release)
    again = await world.promote(release, "integration", name="again")
    await world.settle()
    assert await world.phase(again) == "Succeeded"
    assert await targets(world) == [release]


async def test_what_brings_nothing_in_is_not_judged_by_what_comes_in(fake: FakeWorld) -> None:
    release = await runs(fake)
    done = await removal(fake, release)
    rows = {g["name"]: g["outcome"] for g in (await fake.status("Promotion", done))["gates"]}
    assert {rows[name] for name in ("Order", "Soak", "Source", "Artifacts", "Evidence", "Version", "Drift")} == {
        "NotApplicable"
    }
    assert {rows[name] for name in ("Binding", "Rules", "Hold", "Freeze", "Requires", "Concurrency")} <= {
        "Passed",
        "NotApplicable",
    }


async def test_only_what_is_there_can_be_removed(fake: FakeWorld) -> None:
    release = await runs(fake)
    other = await fake.release("1.1.0", values=TWO)
    wrong = await removal(fake, other)
    assert (await fake.phase(wrong), await fake.gate(wrong, "Binding")) == ("Rejected", "NotWhatIsThere")
    assert f"name what is there, {release}" in await fake.said(wrong)

    await removal(fake, release, name="right")
    nothing = await removal(fake, release, name="twice")
    assert (await fake.phase(nothing), await fake.gate(nothing, "Binding")) == ("Rejected", "NothingToRemove")


@pytest.mark.parametrize("held", ["freeze", "hold"])
async def test_a_freeze_and_a_hold_keep_it(fake: FakeWorld, held: str) -> None:
    release = await runs(fake)
    if held == "freeze":
        await fake.freeze()
    else:
        await fake.edit("Environment", "integration", hold={"reason": "INC-77"})
    kept = await removal(fake, release)
    assert await fake.phase(kept) == "OnHold"
    assert set(await fake.running("integration")) == {"api", "web"}


async def test_out_of_a_retired_environment_it_goes(fake: FakeWorld) -> None:
    release = await runs(fake)
    await fake.edit("Environment", "integration", retired=True)
    assert await fake.phase(await removal(fake, release)) == "Succeeded"
    ready = next(c for c in (await fake.status("Environment", "integration"))["conditions"] if c["type"] == "Ready")
    assert ready["message"] == "nothing enters; nothing is left"


async def test_what_others_require_stays_until_they_do_without(fake: FakeWorld) -> None:
    release = await runs(fake)
    await fake.bind("integration", "Integration", "shop")
    needs = [{"application": "payments", "version": ">=1"}]
    await fake.release("1.0.0", name="shop-1", application="shop", requires=needs)
    await fake.promote("shop-1", "integration")
    kept = await removal(fake, release)
    assert await fake.gate(kept, "Requires") == "RequiredHere"

    await removal(fake, "shop-1", name="shop-goes")
    assert await fake.phase("shop-goes") == "Succeeded"
    assert await fake.phase(kept) == "Succeeded"


async def test_what_waits_to_come_and_requires_it_keeps_it_too(fake: FakeWorld) -> None:
    release = await runs(fake)
    await fake.freeze()
    await fake.bind("integration", "Integration", "shop")
    needs = [{"application": "payments", "version": ">=1"}]
    await fake.release("1.0.0", name="shop-1", application="shop", requires=needs)
    await fake.promote("shop-1", "integration")
    await fake.settle()
    kept = await removal(fake, release)
    assert await fake.gate(kept, "Requires") == "RequiredHere"


async def controlled(fake: FakeWorld) -> str:
    """Production runs 1.0.0 under a change."""
    await fake.environment("production", PRODUCTION)
    release = await fake.release("1.0.0", values=TWO)
    await fake.change("chg-1", release)
    await fake.promote(release, "production")
    await fake.settle()
    await fake.approve("chg-1")
    await fake.settle()
    await fake.review("chg-1")
    await fake.settle()
    assert await targets(fake, "production") == [release]
    return release


async def test_under_change_control_it_needs_a_change_that_says_remove(fake: FakeWorld) -> None:
    release = await controlled(fake)
    kept = await removal(fake, release, "production")
    assert await fake.gate(kept, "ChangeControl") == "NoChange"

    await fake.change("chg-2", release, "Manual", action="Remove")
    await fake.settle()
    plan = (await fake.status("ChangeRequest", "chg-2"))["plans"][0]
    assert plan["digest"] == (await fake.status("Promotion", kept))["plan"]["digest"]
    assert "payments-api: removed" in plan["summary"]
    assert plan["risk"] == "High"
    assert await fake.gate(kept, "ChangeControl") == "ApprovalsMissing"
    await fake.approve("chg-2")
    await fake.settle()
    assert await fake.phase(kept) == "Succeeded"
    assert await fake.running("production") == {}
    change = await fake.status("ChangeRequest", "chg-2")
    assert (change["phase"], change["usedBy"][0]["finished"]) == ("Review", True)
    assert change["plans"] == [plan]


async def test_a_change_that_brings_permits_no_removal_nor_the_other_way_round(fake: FakeWorld) -> None:
    release = await controlled(fake)
    await fake.change("brings", release, "HelmRollback")
    await fake.change("removes", release, "Manual", action="Remove")
    await fake.settle()
    for change in ("brings", "removes"):
        await fake.approve(change)
    removing = await removal(fake, release, "production", changeRequestRef={"name": "brings"})
    bringing = await fake.promote(release, "production", name="bring", changeRequestRef={"name": "removes"})
    await fake.settle()
    for promotion in (removing, bringing):
        assert await fake.phase(promotion) == "Rejected"
        assert await fake.gate(promotion, "ChangeControl") == "ChangeForAnotherAction"
    assert set(await fake.running("production")) == {"api", "web"}


async def test_approval_is_of_what_is_there_and_of_nothing_else(fake: FakeWorld) -> None:
    release = await controlled(fake)
    await fake.change("chg-2", release, "Manual", action="Remove")
    await fake.settle()
    await fake.approve("chg-2")
    await fake.freeze()
    kept = await removal(fake, release, "production")
    fake.helm.put("payments-production", Revision("payments-api", 2, HelmStatus.DEPLOYED))
    await fake.gone("FreezeWindow", "stop")
    await fake.settle()
    assert await fake.gate(kept, "ChangeControl") == "ApprovalsMissing"
    assert ("uninstall", "payments-web") not in fake.helm.calls


async def test_it_has_its_record_before_helm_acts(fake: FakeWorld) -> None:
    release = await runs(fake)
    await removal(fake, release)
    entry = fake.records(AuditAction.APPLIED)[-1].spec.facts
    assert (entry["action"], entry["removes"]) == ("Remove", ["payments-api", "payments-web"])
    assert [row["helmRelease"] for row in entry["plan"]["removes"]] == ["payments-api", "payments-web"]


async def test_what_fails_half_way_stays_half_way_and_is_told(fake: FakeWorld) -> None:
    release = await runs(fake)
    fake.helm.fail("payments-api", "a finalizer holds it")
    failed = await removal(fake, release)
    assert await fake.phase(failed) == "Failed"
    assert "removed: payments-web; left: payments-api" in await fake.said(failed)
    (row,) = (await fake.status("Environment", "integration"))["targets"]
    assert (row["state"], row.get("verifiedAt")) == ("PartlyRemoved", None)

    assert await fake.phase(await removal(fake, release, name="again")) == "Succeeded"
    assert await targets(fake) == []


async def test_what_somebody_else_put_there_meanwhile_is_left(fake: FakeWorld) -> None:
    release = await runs(fake)
    # The last is removed first: somebody acts on the other one then.
    uninstall = fake.helm.uninstall

    async def and_then(namespace: str, name: str, timeout: Any) -> Any:
        fake.helm.put(namespace, Revision("payments-api", 2, HelmStatus.DEPLOYED))
        return await uninstall(namespace, name, timeout)

    fake.helm.uninstall = and_then  # type: ignore[method-assign]
    failed = await removal(fake, release)
    assert await fake.phase(failed) == "Failed"
    assert "payments-api is at revision 2" in await fake.said(failed)
    assert "api" in await fake.running("integration")


async def test_an_abort_leaves_what_was_not_reached(fake: FakeWorld) -> None:
    release = await runs(fake)
    uninstall = fake.helm.uninstall

    async def and_then(namespace: str, name: str, timeout: Any) -> Any:
        fake.edit_now("Promotion", "remove", abort=True)
        await fake.watch()
        return await uninstall(namespace, name, timeout)

    fake.helm.uninstall = and_then  # type: ignore[method-assign]
    aborted = await removal(fake, release)
    assert await fake.phase(aborted) == "Aborted"
    assert "left: payments-api" in await fake.said(aborted)


async def test_nothing_in_a_namespace_that_is_not_the_stacks_any_more_is_touched(fake: FakeWorld) -> None:
    release = await runs(fake)
    uninstall = fake.helm.uninstall

    async def dies(namespace: str, name: str, timeout: Any) -> Any:
        fake.cluster.put_namespace(namespace, stack="other", environment="integration", tier="Integration")
        raise KeyboardInterrupt

    fake.helm.uninstall = dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await removal(fake, release)
    fake.helm.uninstall = uninstall  # type: ignore[method-assign]
    await fake.restart()
    assert await fake.phase("remove") == "Failed"
    assert set(await fake.running("integration")) == {"api", "web"}
