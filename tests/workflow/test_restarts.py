"""A restart, an automatic promotion, and what a promotion costs."""

from collections import Counter
from datetime import timedelta

from lockflight.api.kinds import BY_NAME
from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, FakeWorld

AUTOMATIC = {"tier": "Integration"}


async def test_a_restart_with_nothing_to_do_writes_nothing(fake: FakeWorld) -> None:
    await fake.environment("integration", {**AUTOMATIC, "exit": SMOKE})
    await fake.environment("production", PRODUCTION)
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    await fake.promote(release, "production")
    await fake.freeze()
    await fake.settle()
    assert await fake.phase("payments-1.0.0-production") == "OnHold"
    fake.clock.advance(timedelta(minutes=10))
    before, told = len(fake.faults.calls), len(fake.events.events)
    await fake.restart()
    assert fake.process.worked
    assert fake.faults.calls[before:] == []
    assert fake.events.events[told:] == []


async def test_a_frozen_digest_stays_though_a_new_leader_starts_with_an_old_state(fake: FakeWorld) -> None:
    release = await fake.release("1.0.0")
    old = BY_NAME["Release"].model.model_validate(await fake.raw("Release", release))
    await fake.settle()
    digest = (await fake.status("Release", release))["digest"]
    fake.charts.publish("oci://registry.example/app", "1.0.0", "moved")
    fake.process = fake.start()
    fake.process.store.put(old)
    fake.process.listen()
    await fake.process.settle()
    assert (await fake.status("Release", release))["digest"] == digest


async def test_an_automatic_promotion_is_created_once(fake: FakeWorld) -> None:
    await fake.environment("integration", AUTOMATIC)
    await fake.release("1.0.0")
    await fake.settle()
    assert await fake.phase("payments-1.0.0-integration") == "Succeeded"
    await fake.later(hours=1)
    await fake.restart()
    assert fake.faults.calls.count("create Promotion") == 1


async def test_an_automatic_promotion_that_was_pruned_does_not_come_back(fake: FakeWorld) -> None:
    await fake.environment("integration", AUTOMATIC)
    await fake.release("1.0.0")
    await fake.settle()
    await fake.gone("Promotion", "payments-1.0.0-integration")
    await fake.restart()
    await fake.later(hours=1)
    assert fake.faults.calls.count("create Promotion") == 1
    assert fake.helm.calls == [("upgrade", "payments-app")]


async def test_an_automatic_promotion_that_failed_is_not_tried_again(fake: FakeWorld) -> None:
    await fake.environment("integration", AUTOMATIC)
    await fake.release("1.0.0", values={"app": {"unschedulable": True}})
    await fake.settle()
    await fake.later(hours=1)
    assert await fake.phase("payments-1.0.0-integration") == "RolledBack"
    assert fake.helm.calls == [("upgrade", "payments-app"), ("uninstall", "payments-app")]


async def test_what_runs_with_another_configuration_is_said_until_it_is_promoted_again(fake: FakeWorld) -> None:
    async def pending() -> str:
        rows = (await fake.status("Environment", "integration"))["conditions"]
        return str(next(row["status"] for row in rows if row["type"] == "ConfigurationPending"))

    await fake.environment("integration", INTEGRATION)
    release = await fake.release("1.0.0")
    await fake.promote(release, "integration")
    await fake.settle()
    assert await pending() == "False"
    await fake.edit("Environment", "integration", values={"greeting": "other"})
    await fake.settle()
    assert await pending() == "True"
    await fake.later(minutes=1)
    await fake.promote(release, "integration", name="again")
    await fake.settle()
    assert await fake.phase("again") == "Succeeded"
    assert await pending() == "False"


async def test_events_tell_of_transitions_only(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.freeze()
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    await fake.later(hours=1)
    await fake.edit("FreezeWindow", "stop", reason="still")
    await fake.settle()
    await fake.edit("FreezeWindow", "stop", lift={"reason": "over"})
    await fake.settle()
    mine = [e.reason for e in fake.events.events if e.name == promotion]
    assert mine == ["FreezeActive", "Deploying", "Succeeded"]


async def test_history_is_bounded(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    promotion = await fake.promote(await fake.release("1.0.0"), "production")
    for number in range(20):
        await fake.freeze(f"stop-{number}")
        await fake.settle()
        await fake.edit("FreezeWindow", f"stop-{number}", lift={"reason": "over"})
        await fake.settle()
    history = (await fake.status("Promotion", promotion))["history"]
    assert len(history) == 32
    assert [row["phase"] for row in history[-2:]] == ["OnHold", "Waiting"]


async def test_what_a_promotion_costs(fake: FakeWorld) -> None:
    """The numbers stand in docs/performance.md: who changes one changes the other."""
    assert await _cost(fake, "app") == COST_OF_A_PROMOTION


async def test_what_a_further_component_costs(fake: FakeWorld) -> None:
    """The numbers stand in docs/performance.md: who changes one changes the other."""
    assert await _cost(fake, "api", "web") - COST_OF_A_PROMOTION == COST_OF_A_COMPONENT


async def _cost(world: FakeWorld, *components: str) -> Counter[str]:
    await world.environment("integration", {**INTEGRATION, "exit": SMOKE})
    release = await world.release("1.0.0", values={component: {} for component in components})
    await world.settle()
    world.cluster.requests.clear()
    reads, leases = world.helm.reads, world.leadership.asked
    await world.promote(release, "integration")
    await world.settle()
    requests = Counter(f"{verb} {kind}" for verb, kind, _, _ in world.cluster.requests)
    requests["list Secret (Helm's storage)"] = world.helm.reads - reads
    requests["get Lease"] = world.leadership.asked - leases
    return requests


COST_OF_A_PROMOTION = Counter(
    {
        "create AuditRecord": 3,
        # Shown, and again from fresh reads.
        "review SubjectAccessReview": 14,
        "list Secret (Helm's storage)": 2,
        # Fresh reads before the intent.
        "get Promotion": 1,
        "get Release": 1,
        "get Namespace": 1,
        "list Environment": 2,
        "list FreezeWindow": 2,
        # Before the intent, the Helm action and the test.
        "get Lease": 3,
        # What was applied, compared with what was rendered.
        "get Deployment": 1,
        "list Pod": 1,
        # Intent, verification begun, end.
        "patch Promotion": 3,
        # The proof of passing, and what runs.
        "patch Release": 1,
        "patch Environment": 1,
    }
)
COST_OF_A_COMPONENT = Counter(
    {
        "get Lease": 1,
        # People may have taken back what let the bundle start.
        "review SubjectAccessReview": 7,
        "list Secret (Helm's storage)": 1,
        "get Promotion": 1,
        "get Release": 1,
        "get Namespace": 1,
        "list Environment": 2,
        "list FreezeWindow": 2,
    }
)
