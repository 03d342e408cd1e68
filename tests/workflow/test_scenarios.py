"""What becomes of promotions: on fakes and on a real API server alike."""

from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, World

QUICK = {**INTEGRATION, "timeout": "3s"}


async def test_a_first_deployment_and_an_upgrade(world: World) -> None:
    await world.environment("integration", {**INTEGRATION, "exit": SMOKE})
    first = await world.promote(await world.release("1.0.0"), "integration")
    await world.settle()
    assert await world.phase(first) == "Succeeded", await world.said(first)
    assert await world.running("integration") == {"app": "1.0.0"}

    second = await world.promote(await world.release("1.1.0"), "integration")
    await world.settle()
    assert await world.phase(second) == "Succeeded", await world.said(second)
    assert await world.history("integration") == [("1.0.0", "superseded"), ("1.1.0", "deployed")]
    proof = (await world.status("Release", f"{world.stack}-1.1.0"))["environments"]
    assert [row["name"] for row in proof if row.get("signedOffAt")] == ["integration"]


async def test_a_bundle_whose_second_component_fails_goes_back_as_a_whole(world: World) -> None:
    await world.environment("integration", QUICK)
    await world.promote(await world.release("1.0.0", values={"api": {}, "web": {}}), "integration")
    await world.settle()

    bad = await world.release("1.1.0", values={"api": {}, "web": {"unschedulable": True}})
    promotion = await world.promote(bad, "integration")
    await world.settle()

    assert await world.phase(promotion) == "RolledBack", await world.said(promotion)
    assert await world.running("integration") == {"api": "1.0.0", "web": "1.0.0"}
    assert "component web" in await world.said(promotion)


async def test_a_failed_verification_takes_it_back(world: World) -> None:
    await world.environment("integration", {**INTEGRATION, "exit": SMOKE})
    await world.promote(await world.release("1.0.0"), "integration")
    await world.settle()

    promotion = await world.promote(await world.release("1.1.0", values={"app": {"failTest": True}}), "integration")
    await world.settle()

    assert await world.phase(promotion) == "RolledBack", await world.said(promotion)
    assert await world.running("integration") == {"app": "1.0.0"}
    assert "verification smoke failed" in await world.said(promotion)


async def test_a_first_deployment_that_fails_is_uninstalled(world: World) -> None:
    await world.environment("integration", QUICK)
    bad = await world.release("1.0.0", values={"api": {}, "web": {"unschedulable": True}})
    promotion = await world.promote(bad, "integration")
    await world.settle()
    assert await world.phase(promotion) == "RolledBack", await world.said(promotion)
    assert await world.running("integration") == {}
    assert await world.history("integration", "api") == []


async def test_under_an_approved_change_there_and_back_again(world: World) -> None:
    await world.environment("production", PRODUCTION)
    one = await world.release("1.0.0", values={"api": {}, "old": {}})
    await world.change("chg-1", one)
    await world.settle()
    await world.approve("chg-1")
    first = await world.promote(one, "production")
    await world.settle()
    assert await world.phase(first) == "Succeeded", await world.said(first)

    two = await world.release("1.1.0", values={"api": {}})
    await world.change("chg-2", two, "HelmRollback")
    await world.settle()
    await world.approve("chg-2")
    second = await world.promote(two, "production")
    await world.settle()
    assert await world.phase(second) == "Succeeded", await world.said(second)
    # What the release no longer has is gone.
    assert await world.running("production") == {"api": "1.1.0"}

    three = await world.release("1.2.0", values={"api": {}})
    await world.change("chg-3", three, "HelmRollback")
    await world.settle()
    await world.approve("chg-3")
    await world.promote(three, "production")
    await world.settle()
    back = await world.promote(two, "production", name="back", action="Rollback", changeRequestRef={"name": "chg-3"})
    await world.settle()
    assert await world.phase(back) == "Succeeded", await world.said(back)
    assert await world.running("production") == {"api": "1.1.0"}
    assert [use["finished"] for use in await world.uses("chg-3")] == [True, True]
