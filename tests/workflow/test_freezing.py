"""Freezes that begin and end by the clock: what they hold, cancel and let through, and what comes back by itself."""

import asyncio

import pytest

from lockflight.api.auditrecord import AuditAction
from lockflight.workflow.keys import Key
from tests.workflow.world import INTEGRATION, PRODUCTION, FakeWorld

NIGHTLY = {
    "reason": "night batch",
    "timeZone": "UTC",
    "start": "2026-11-01T08:00:00",
    "recurrence": {"rrule": "FREQ=DAILY", "duration": "2h"},
}
ABORT = {"reason": "stop", "timeZone": "UTC", "start": "2020-01-01T00:00:00", "onRunning": "Abort"}
OVERRIDE = {"approvals": [{"role": "cab", "count": 2}]}
ASKS = {"windows": ["stop"], "justification": "a regulator asks for it"}


async def test_a_recurring_freeze_holds_and_what_it_held_comes_back_by_itself(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.create("FreezeWindow", "nightly", NIGHTLY)
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "OnHold"
    shown = await fake.status("FreezeWindow", "nightly")
    assert shown["phase"] == "Active"
    assert shown["active"] == {"start": "2026-12-01T08:00:00Z", "end": "2026-12-01T10:00:00Z"}
    assert shown["next"]["start"] == "2026-12-02T08:00:00Z"
    assert shown["nextTransition"] == "2026-12-01T10:00:00Z"
    assert shown["environments"] == ["payments/integration"]
    await fake.later(seconds=2)
    assert (await fake.status("FreezeWindow", "nightly"))["affected"] == [f"payments/{promotion}"]
    await fake.later(hours=1)
    assert await fake.phase(promotion) == "Succeeded"
    await fake.later(seconds=2)
    shown = await fake.status("FreezeWindow", "nightly")
    assert (shown["phase"], shown["affected"]) == ("Upcoming", [])
    await fake.later(hours=22)
    late = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    assert await fake.phase(late) == "OnHold"


async def test_what_comes_back_is_judged_anew(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.create("FreezeWindow", "nightly", NIGHTLY)
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    await fake.settle()
    await fake.approve("chg-1")
    promotion = await fake.promote(release, "production")
    await fake.settle()
    assert await fake.phase(promotion) == "OnHold"
    await fake.approve("chg-1", decision="Withdrawn")
    await fake.later(hours=1, seconds=1)
    assert await fake.phase(promotion) == "Waiting"
    assert await fake.gate(promotion, "ChangeControl") == "ApprovalsMissing"
    assert await fake.running("production") == {}


async def _executing(fake: FakeWorld, **promotion: object) -> str:
    """Version 1.1.0 is being applied over 1.0.0."""
    await fake.environment("integration", INTEGRATION)
    await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    name = await fake.promote(await fake.release("1.1.0"), "integration", **promotion)
    await fake.until_hanging()
    return name


async def test_a_freeze_that_aborts_cancels_what_runs_and_it_goes_back(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    await fake.create("FreezeWindow", "stop", ABORT)
    await fake.watch()
    await fake.process.one(Key("FreezeWindow", "payments", "stop"))
    await fake.task
    assert await fake.phase(promotion) == "Aborted"
    assert "aborted by freeze payments/stop (stop): spec.onRunning is Abort while applying" in await fake.said(
        promotion
    )
    assert await fake.running("integration") == {"app": "1.0.0"}


@pytest.mark.parametrize("unlike", [{"onRunning": "Finish"}, {"environments": {"tiers": ["Production"]}}])
async def test_a_freeze_that_lets_finish_or_is_about_something_else_cancels_nothing(
    fake: FakeWorld, unlike: dict[str, object]
) -> None:
    promotion = await _executing(fake)
    await fake.create("FreezeWindow", "stop", {**ABORT, **unlike})
    await fake.watch()
    await fake.process.one(Key("FreezeWindow", "payments", "stop"))
    fake.go_on.set()
    await fake.task
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_freeze_that_aborts_does_not_cancel_a_way_back(fake: FakeWorld) -> None:
    promotion = await _executing(fake)
    gone_back = fake.helm.hang_next_rollback()
    await fake.edit("Promotion", promotion, abort=True)
    await fake.watch()
    async with asyncio.timeout(5):
        while ("rollback", "payments-app") not in fake.helm.calls:  # noqa: ASYNC110 - it yields
            await asyncio.sleep(0)
    await fake.create("FreezeWindow", "stop", ABORT)
    await fake.watch()
    await fake.process.one(Key("FreezeWindow", "payments", "stop"))
    gone_back.set()
    await fake.task
    assert await fake.running("integration") == {"app": "1.0.0"}
    assert [status for _, status in await fake.history("integration")] == ["superseded", "failed", "deployed"]


async def test_a_freeze_that_aborts_stops_a_bundle_before_its_next_component(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    promotion = await fake.promote(await fake.release("1.0.0", values={"api": {}, "web": {}}), "integration")
    begun = {"kind": "FreezeWindow", "metadata": {"name": "stop", "namespace": "payments"}, "spec": ABORT}
    fake.helm.observe = lambda _: fake.cluster.put(begun)
    await fake.settle()
    assert await fake.phase(promotion) == "RolledBack"
    assert "before component web: freeze payments/stop (stop): spec.onRunning is Abort" in await fake.said(promotion)


async def _frozen(fake: FakeWorld) -> str:
    """An approved change asks to go past the freeze 'stop'; its promotion."""
    await fake.environment("production", PRODUCTION)
    await fake.create("FreezeWindow", "stop", {**ABORT, "onRunning": "Finish", "override": OVERRIDE})
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release, freezeOverride=ASKS)
    await fake.settle()
    await fake.approve("chg-1", "alice")
    promotion = await fake.promote(release, "production")
    await fake.settle()
    return promotion


async def test_a_named_change_goes_past_a_freeze_with_its_approvals_and_stays_on_the_record(fake: FakeWorld) -> None:
    promotion = await _frozen(fake)
    assert await fake.phase(promotion) == "OnHold"
    assert (await fake.status("ChangeRequest", "chg-1"))["approvalsSummary"] == "1/2 cab"
    await fake.approve("chg-1", "bob")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    (use,) = await fake.uses("chg-1")
    assert use["freezes"] == ["payments/stop"]
    (record,) = [found.spec for found in fake.records(AuditAction.OVERRIDDEN)]
    assert (record.subject.kind, record.subject.name) == ("FreezeWindow", "stop")
    assert record.facts["justification"] == "a regulator asks for it"
    assert [row["by"] for row in record.facts["approvals"]] == ["alice", "bob"]


async def test_the_freeze_stays_in_force_for_everything_else(fake: FakeWorld) -> None:
    await _frozen(fake)
    await fake.approve("chg-1", "bob")
    await fake.settle()
    release = await fake.release("1.1.0")
    await fake.change("chg-2", release, "HelmRollback")
    await fake.settle()
    for person in ("alice", "bob"):
        await fake.approve("chg-2", person)
    promotion = await fake.promote(release, "production")
    await fake.settle()
    assert await fake.phase(promotion) == "OnHold"
    assert await fake.gate(promotion, "Freeze") == "FreezeActive"


async def test_who_lets_a_change_past_a_critical_date_is_asked_from_the_start(fake: FakeWorld) -> None:
    today = fake.clock.now().strftime("%m-%d")
    critical = {"name": "closing", "date": today, "freeze": {"before": "1d", "after": "1d"}, "override": OVERRIDE}
    spec = {"timeZone": "UTC", "sprint": {"start": "2020-01-06"}, "criticalDates": [critical]}
    await fake.create("ReleaseCalendar", "books", spec)
    await fake.environment("integration", INTEGRATION)
    control = {"normal": {"approvals": [{"role": "cab", "count": 1}]}}
    followed = {**INTEGRATION, "calendarRef": {"name": "books"}, "changeControl": control}
    await fake.create("Environment", "integration", followed)
    asks = {**ASKS, "windows": ["closing"]}
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release, environments=["integration"], freezeOverride=asks)
    await fake.change("chg-2", release, environments=["integration"])
    await fake.settle()
    summaries = [(await fake.status("ChangeRequest", name))["approvalsSummary"] for name in ("chg-1", "chg-2")]
    assert summaries == ["0/2 cab", "0/1 cab"]
