"""A hotfix end to end on fakes: by the shorter path while a change says so, and back into development."""

from typing import Any

from tests.workflow.world import PRODUCTION, SMOKE, FakeWorld

CALENDAR = {
    "timeZone": "Europe/Berlin",
    "sprint": {"start": "2026-11-02"},
    "hotfix": {"tiers": ["UAT", "Production"], "approvals": [{"role": "cab"}], "backMergeWithin": "24h"},
}
FOLLOWS = {"calendarRef": {"name": "four-weekly"}}
ANY_TIME = {"start": "2026-11-01T00:00:00Z", "end": "2027-12-01T00:00:00Z"}


async def stack(fake: FakeWorld, **calendar: Any) -> str:
    """Integration, system test, UAT and production, which runs 1.0.0; hotfixes may skip the first two."""
    await fake.create("ReleaseCalendar", "four-weekly", {**CALENDAR, **calendar})
    await fake.environment("integration", {"tier": "Integration", "autoPromote": False})
    await fake.environment("system-test", {"tier": "SystemTest", "autoPromote": False, "exit": SMOKE})
    await fake.environment("uat", {"tier": "UAT", "promotesFrom": []})
    await fake.environment("production", {**PRODUCTION, "promotesFrom": ["uat"]})
    first = await fake.release("1.0.0")
    await fake.change("chg-1", first)
    await through_uat(fake, first)
    last = await fake.promote(first, "production")
    await fake.settle()
    await fake.approve("chg-1")
    await fake.settle()
    assert await fake.phase(last) == "Succeeded"
    for name, spec in {
        "uat": {"tier": "UAT", "promotesFrom": ["system-test"], **FOLLOWS},
        "production": {**PRODUCTION, "promotesFrom": ["uat"], **FOLLOWS},
    }.items():
        await fake.edit("Environment", name, **spec)
    await fake.settle()
    return first


async def through_uat(fake: FakeWorld, release: str) -> str:
    promotion = await fake.promote(release, "uat")
    await fake.settle()
    if await fake.phase(promotion) == "AwaitingSignOff":
        await fake.sign(promotion, "bea")
        await fake.settle()
    return promotion


async def mended(fake: FakeWorld, version: str = "1.0.1", base: str = "payments-1.0.0", **change: Any) -> str:
    """A hotfix of what production runs, and the change that says so."""
    fix = await fake.release(version, type="Hotfix", basedOn={"name": base})
    spec = {"hotfix": {"defect": "PAY-12"}, "schedule": ANY_TIME, **change}
    await fake.change(f"chg-{version}", fix, "HelmRollback", **spec)
    await fake.settle()
    return fix


async def test_it_skips_what_the_calendar_leaves_out_and_waits_for_no_train(fake: FakeWorld) -> None:
    await stack(fake)
    fix = await mended(fake)
    there = await fake.promote(fix, "uat")
    await fake.settle()
    assert await fake.gate(there, "Order") == "NotPassed"
    assert "needs 1 more of role cab" in await fake.said(there)
    # The approval of the change for production opens the way into UAT.
    await fake.approve("chg-1.0.1")
    await fake.settle()
    assert await fake.phase(there) == "AwaitingSignOff"
    await fake.sign(there, "bea")
    last = await fake.promote(fix, "production")
    await fake.settle()
    assert await fake.phase(last) == "Succeeded"
    assert await fake.running("production") == {"app": "1.0.1"}


async def test_the_type_alone_gains_nothing(fake: FakeWorld) -> None:
    await stack(fake)
    fix = await mended(fake, hotfix=None)
    await fake.approve("chg-1.0.1")
    there = await fake.promote(fix, "uat")
    await fake.settle()
    assert (await fake.gate(there, "Order"), await fake.gate(there, "Cadence")) == ("NotPassed", "TrainNotDue")


async def test_a_hotfix_of_what_production_does_not_run_is_refused(fake: FakeWorld) -> None:
    await stack(fake)
    other = await fake.release("1.0.0-rc.1")
    fix = await mended(fake, base=other)
    await fake.approve("chg-1.0.1")
    there, last = await fake.promote(fix, "uat"), await fake.promote(fix, "production")
    await fake.settle()
    assert await fake.gate(there, "Order") == "NotPassed"
    assert await fake.phase(last) == "Rejected"
    assert await fake.gate(last, "Version") == "NotWhatRuns"


async def test_a_withdrawn_approval_is_seen_right_before_helm(fake: FakeWorld) -> None:
    """No watch has told of it, and the change names production alone."""
    await stack(fake)
    fix = await mended(fake)
    await fake.approve("chg-1.0.1")
    await fake.settle()
    await fake.create("Promotion", "try", {"releaseRef": {"name": fix}, "environmentRef": {"name": "uat"}})
    promotion = next(o for o in fake.cluster.everything() if o.metadata.name == "try")
    fake.process.store.put(promotion)
    await fake.approve("chg-1.0.1", decision="Withdrawn")
    await fake.process.settle()
    assert await fake.history("uat") == [("1.0.0", "deployed")]


async def lived(fake: FakeWorld) -> str:
    """Production runs the hotfix."""
    await stack(fake)
    fix = await mended(fake)
    await fake.approve("chg-1.0.1")
    await fake.settle()
    await through_uat(fake, fix)
    last = await fake.promote(fix, "production")
    await fake.settle()
    assert await fake.phase(last) == "Succeeded"
    return fix


async def merged(fake: FakeWorld, release: str) -> tuple[str, str]:
    rows = (await fake.status("Release", release))["conditions"]
    return next((row["status"], row["reason"]) for row in rows if row["type"] == "BackMerged")


async def test_a_later_release_without_it_is_refused(fake: FakeWorld) -> None:
    fix = await lived(fake)
    later, whole = await fake.release("1.1.0"), await fake.release("1.2.0", includes=[fix])
    promotions = [await fake.promote(name, "production") for name in (later, whole)]
    await fake.settle()
    assert [await fake.gate(p, "Version") for p in promotions] == ["HotfixNotIncluded", "Passed"]
    assert await fake.phase(promotions[0]) == "Rejected"


async def test_it_has_a_date_by_which_it_comes_back_and_says_when_that_is_over(fake: FakeWorld) -> None:
    fix = await lived(fake)
    assert await merged(fake, fix) == ("False", "BackMergeDue")
    assert (await fake.status("ReleaseCalendar", "four-weekly"))["hotfixes"] == {
        "count": 1,
        "notMerged": [f"payments/{fix}"],
    }
    await fake.later(hours=25)
    assert await merged(fake, fix) == ("False", "BackMergeOverdue")
    assert len([e for e in fake.events.events if "BackMergeOverdue" in str(e)]) == 1
    await fake.later(hours=1)
    assert len([e for e in fake.events.events if "BackMergeOverdue" in str(e)]) == 1
    await fake.release("1.1.0", includes=[fix])
    await fake.settle()
    await fake.later(seconds=1)
    assert await merged(fake, fix) == ("True", "Merged")
    assert (await fake.status("ReleaseCalendar", "four-weekly"))["hotfixes"] == {"count": 1, "notMerged": []}


async def test_at_rest_nothing_is_written(fake: FakeWorld) -> None:
    await lived(fake)
    await fake.later(seconds=1)
    before = fake.cluster.writes
    await fake.restart()
    assert fake.cluster.writes == before
