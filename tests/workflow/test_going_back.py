"""Rollbacks to any release that was verified, on fakes: further than one, without its chart, beyond Helm's history."""

from typing import Any

from lockflight.api.promotion import Promotion
from tests.workflow.world import INTEGRATION, FakeWorld

PAIR: dict[str, dict[str, Any]] = {"api": {}, "web": {}}


async def ran(fake: FakeWorld, *versions: str, irreversible: str = "", **spec: Any) -> None:
    """These ran in integration, one after the other."""
    await fake.environment("integration", {**INTEGRATION, **spec})
    for version in versions:
        gone = ("api",) if version == irreversible else ()
        await fake.promote(await fake.release(version, values=PAIR, irreversible=gone), "integration")
        await fake.settle()


async def back(fake: FakeWorld, version: str) -> str:
    name = await fake.promote(f"payments-{version}", "integration", name="back", action="Rollback")
    await fake.settle()
    return name


def forget(fake: FakeWorld, version: str) -> None:
    """Helm's history does not hold that version any more."""
    for history in fake.helm._kept.values():
        history[:] = [kept for kept in history if kept.revision.version != version]


async def test_any_release_that_was_verified_is_gone_back_to_not_the_last_one_only(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0", "1.1.0", "1.2.0", "1.3.0")
    assert await fake.phase(await back(fake, "1.1.0")) == "Succeeded"
    assert await fake.running("integration") == {"api": "1.1.0", "web": "1.1.0"}
    assert ("rollback", "payments-api") in fake.helm.calls


async def test_a_chart_that_is_gone_from_the_registry_is_had_from_helms_history(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0", "1.1.0")
    fake.charts._digests.clear()
    fake.charts.forget_pulled()
    fake.process.deps.plans._plans.clear()
    name = await back(fake, "1.0.0")
    assert await fake.phase(name) == "Succeeded"
    assert await fake.running("integration") == {"api": "1.0.0", "web": "1.0.0"}
    plan = (await fake.status("Promotion", name))["plan"]
    assert [c["valuesFrom"] for c in plan["components"]] == [["Helm's history, revision 1"]] * 2


async def test_beyond_helms_history_the_recorded_chart_is_applied_anew(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0", "1.1.0", "1.2.0")
    forget(fake, "1.0.0")
    fake.charts._digests.clear()
    name = await back(fake, "1.0.0")
    assert await fake.phase(name) == "Succeeded", await fake.said(name)
    assert await fake.running("integration") == {"api": "1.0.0", "web": "1.0.0"}
    kept = fake.helm.deployed("payments-integration", "payments-api")
    assert kept is not None
    assert kept.values is not None
    assert kept.values["greeting"] == "1.0.0"


async def test_beyond_helms_history_without_the_chart_it_is_refused_with_the_reason(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0", "1.1.0")
    forget(fake, "1.0.0")
    fake.charts._digests.clear()
    fake.charts.forget_pulled()
    fake.process.deps.plans._plans.clear()
    name = await back(fake, "1.0.0")
    assert await fake.phase(name) == "Rejected"
    assert await fake.gate(name, "Binding") == "ChartNotFound"
    assert await fake.running("integration") == {"api": "1.1.0", "web": "1.1.0"}


async def test_beyond_helms_history_other_bytes_than_were_verified_are_refused(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0", "1.1.0")
    forget(fake, "1.0.0")
    other = "registry.example/app@sha256:" + "b" * 64
    await fake.edit("Environment", "integration", values={"image": other})
    name = await back(fake, "1.0.0")
    assert await fake.phase(name) == "Rejected"
    assert await fake.gate(name, "Artifacts") == "ForeignImage"


async def test_across_what_cannot_be_taken_back_nobody_goes_though_helm_forgot_it(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0", "1.1.0", "1.2.0", irreversible="1.1.0")
    forget(fake, "1.1.0")
    name = await back(fake, "1.0.0")
    assert await fake.phase(name) == "Rejected"
    assert await fake.gate(name, "RollbackPlan") == "Irreversible"


async def test_what_never_was_verified_there_is_not_gone_back_to(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0")
    await fake.release("1.1.0", values=PAIR)
    assert await fake.gate(await back(fake, "1.1.0"), "Order") == "NeverVerifiedHere"


async def test_after_a_removal_the_way_back_is_applied_anew(fake: FakeWorld) -> None:
    await ran(fake, "1.0.0", "1.1.0")
    await fake.promote("payments-1.1.0", "integration", name="remove", action="Remove")
    await fake.settle()
    assert await fake.phase(await back(fake, "1.0.0")) == "Succeeded"
    assert await fake.running("integration") == {"api": "1.0.0", "web": "1.0.0"}
    found = [obj for obj in await fake.objects() if isinstance(obj, Promotion)]
    assert len(found) == 4
