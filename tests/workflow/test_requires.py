"""Applications that need one another, on fakes."""

from datetime import timedelta
from typing import Any

from tests.fakes import FakeHelm
from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, FakeWorld

NEEDS = [{"application": "ledger", "version": ">=1.2 <2"}]


async def stack(fake: FakeWorld, **integration: Any) -> None:
    """Two applications in integration, and production behind nothing."""
    await fake.environment("integration", {**INTEGRATION, "exit": SMOKE, **integration})
    await fake.environment("production", PRODUCTION)
    for environment, tier in (("integration", "Integration"), ("production", "Production")):
        await fake.bind(environment, tier, "ledger")


async def ledger(fake: FakeWorld, version: str, **spec: Any) -> str:
    """A release of the other application."""
    return await fake.release(version, name=f"ledger-{version}", application="ledger", **spec)


async def brought(fake: FakeWorld, release: str, environment: str = "integration") -> str:
    promotion = await fake.promote(release, environment)
    await fake.settle()
    return promotion


async def test_it_waits_until_what_it_requires_is_verified_there_and_goes_on_by_itself(fake: FakeWorld) -> None:
    await stack(fake)
    waits = await brought(fake, await fake.release("1.0.0", requires=NEEDS))
    assert await fake.gate(waits, "Requires") == "RequirementMissing"

    await brought(fake, await ledger(fake, "1.1.0"))
    assert await fake.gate(waits, "Requires") == "RequirementNotMet"

    await brought(fake, await ledger(fake, "1.2.0"))
    assert await fake.phase(waits) == "Succeeded"


async def test_what_would_break_what_runs_there_waits(fake: FakeWorld) -> None:
    await stack(fake)
    await brought(fake, await ledger(fake, "1.2.0"))
    await brought(fake, await fake.release("1.0.0", requires=NEEDS))

    breaks = await brought(fake, await ledger(fake, "2.0.0"))
    assert await fake.gate(breaks, "Requires") == "RequiredOtherwise"

    await brought(fake, await fake.release("1.1.0", requires=[{"application": "ledger", "version": ">=1.2 <3"}]))
    assert await fake.phase(breaks) == "Succeeded"


async def test_what_runs_is_read_again_before_helm(fake: FakeWorld) -> None:
    await stack(fake)
    await brought(fake, await ledger(fake, "1.2.0"))
    await fake.release("1.0.0", requires=NEEDS)
    await fake.settle()
    await FakeHelm.uninstall(fake.helm, "ledger-integration", "ledger-app", timedelta(minutes=1))
    waits = await brought(fake, "payments-1.0.0")
    assert await fake.gate(waits, "Requires") == "RequirementMissing"


async def test_production_warns_of_what_was_never_verified_together(fake: FakeWorld) -> None:
    await stack(fake)
    for version in ("1.2.0", "1.3.0"):
        await ledger(fake, version)
    needy = await fake.release("1.0.0", requires=NEEDS)
    await brought(fake, "ledger-1.2.0")
    first = await brought(fake, needy)
    beside = (await fake.status("Promotion", first))["beside"]
    assert [(row["application"], row["version"]) for row in beside] == [("ledger", "1.2.0")]
    rows = (await fake.status("Release", needy))["environments"]
    assert [b["release"] for row in rows for b in row["beside"]] == ["ledger-1.2.0"]

    for name, release in (("chg-1", "ledger-1.3.0"), ("chg-2", needy)):
        await fake.change(name, release)
        promotion = await brought(fake, release, "production")
        await fake.approve(name)
        await fake.settle()
        assert await fake.phase(promotion) == "Succeeded"
    told = [(e.kind, e.name) for e in fake.events.events if e.reason == "NotTestedTogether"]
    assert told == [("Promotion", "payments-1.0.0-production")]


async def test_production_does_not_warn_of_what_was(fake: FakeWorld) -> None:
    await stack(fake)
    await ledger(fake, "1.2.0")
    needy = await fake.release("1.0.0", requires=NEEDS)
    for release in ("ledger-1.2.0", needy):
        await brought(fake, release)
    for name, release in (("chg-1", "ledger-1.2.0"), ("chg-2", needy)):
        await fake.change(name, release)
        promotion = await brought(fake, release, "production")
        await fake.approve(name)
        await fake.settle()
        assert await fake.phase(promotion) == "Succeeded"
    assert "NotTestedTogether" not in fake.events.reasons


async def test_who_goes_back_is_not_kept(fake: FakeWorld) -> None:
    await stack(fake)
    for version in ("1.1.0", "1.2.0"):
        await brought(fake, await ledger(fake, version))
    await brought(fake, await fake.release("1.0.0", requires=NEEDS))

    back = await fake.promote("ledger-1.1.0", "integration", name="back", action="Rollback")
    await fake.settle()
    assert await fake.phase(back) == "Succeeded"


async def test_a_release_made_again_with_fewer_needs_is_another_plan(fake: FakeWorld) -> None:
    await stack(fake)
    await fake.release("1.0.0", requires=NEEDS)
    promotion = await brought(fake, "payments-1.0.0")
    before = (await fake.status("Promotion", promotion))["plan"]["digest"]
    await fake.gone("Release", "payments-1.0.0")
    await fake.release("1.0.0")
    await fake.settle()
    assert (await fake.status("Promotion", promotion))["plan"]["digest"] != before
