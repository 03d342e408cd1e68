"""Helm releases that were there before Lockflight, on fakes."""

from typing import Any

from lockflight.policy.model import HelmStatus, Revision
from tests.workflow.world import INTEGRATION, FakeWorld


async def there(fake: FakeWorld, name: str = "billing") -> None:
    """Somebody deployed it by hand."""
    await fake.environment("integration", INTEGRATION)
    fake.helm.put("payments-integration", Revision(name, 3, HelmStatus.DEPLOYED))


async def adopted(fake: FakeWorld, version: str = "1.0.0", helm_release: str | None = "billing", **given: Any) -> str:
    component = {"name": "api", "chart": fake.chart(), "values": {"greeting": version}}
    component |= {"releaseName": helm_release} if helm_release else {}
    release = await fake.release(version, **{"components": [component], **given})
    name = await fake.promote(release, "integration", name=f"take-{version}")
    await fake.settle()
    return name


def status(fake: FakeWorld, name: str = "billing") -> list[tuple[int, str]]:
    return [(k.revision.revision, k.revision.status.value) for k in fake.helm.kept("payments-integration", name)]


async def test_its_next_revision_is_lockflights_and_nothing_is_uninstalled(fake: FakeWorld) -> None:
    await there(fake)
    assert await fake.phase(await adopted(fake)) == "Succeeded"
    assert status(fake)[-1] == (4, "deployed")
    assert ("uninstall", "billing") not in fake.helm.calls
    (row,) = (await fake.status("Environment", "integration"))["targets"]
    assert (row["application"], row["release"]) == ("payments", "payments-1.0.0")


async def test_without_a_word_nothing_is_taken_over(fake: FakeWorld) -> None:
    await there(fake, "payments-api")
    kept = await adopted(fake, helm_release=None)
    assert await fake.gate(kept, "Binding") == "Unmanaged"
    assert "releaseName: payments-api" in await fake.said(kept)


async def test_what_another_application_calls_its_own_is_never_taken(fake: FakeWorld) -> None:
    await there(fake)
    # Both run in one namespace.
    await fake.edit("Environment", "integration", target={"namespace": "payments-integration"})
    await fake.release("1.0.0", name="shop-1", application="shop", components=[
        {"name": "api", "releaseName": "billing", "chart": fake.chart()}
    ])  # fmt: skip
    kept = await adopted(fake)
    assert await fake.gate(kept, "Binding") == "Claimed"
    assert status(fake) == [(3, "deployed")]


async def test_a_failed_take_over_leaves_it_there(fake: FakeWorld) -> None:
    await there(fake)
    fake.helm.fail("billing")
    failed = await adopted(fake)
    assert await fake.phase(failed) == "Failed"
    assert ("uninstall", "billing") not in fake.helm.calls
    assert "has no verified revision to go back to and is left as it is" in await fake.said(failed)


async def test_from_then_on_it_is_one_of_lockflights(fake: FakeWorld) -> None:
    await there(fake)
    await adopted(fake)
    fake.helm.fail("billing")
    assert await fake.phase(await adopted(fake, "1.1.0")) == "RolledBack"
    assert await fake.phase(await adopted(fake, "1.2.0")) == "Succeeded"

    back = await fake.promote("payments-1.0.0", "integration", name="back", action="Rollback")
    await fake.settle()
    assert await fake.phase(back) == "Succeeded"
    gone = await fake.promote("payments-1.0.0", "integration", name="remove", action="Remove")
    await fake.settle()
    assert await fake.phase(gone) == "Succeeded"
    assert status(fake) == []


async def test_a_process_that_dies_in_it_is_gone_on_with(fake: FakeWorld) -> None:
    await there(fake)
    fake.go_on = fake.helm.hang("billing")
    component = {"name": "api", "releaseName": "billing", "chart": fake.chart(), "values": {"greeting": "x"}}
    await fake.promote(await fake.release("1.0.0", components=[component]), "integration", name="take")
    import asyncio

    await fake.watch()
    fake.task = asyncio.ensure_future(fake.process.settle())
    async with asyncio.timeout(5):
        while not fake.helm.hanging("billing"):  # noqa: ASYNC110 - it yields, nothing is waited for
            await asyncio.sleep(0)
    await fake.kill()
    await fake.restart()
    await fake.later(minutes=1)
    assert await fake.phase("take") == "Succeeded"
    assert (await fake.status("Promotion", "take"))["application"] == "payments"
