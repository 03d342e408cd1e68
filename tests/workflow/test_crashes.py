"""The process dies, or an answer is lost, at every call that changes something: the end is the undisturbed one."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from lockflight.policy.audit import verify
from tests.workflow.faults import Killed, Kind, Strike
from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, FakeWorld

Scenario = Callable[[FakeWorld], Awaitable[None]]
JOB = {"name": "regression", "job": {"timeout": "1m", "template": {"spec": {"template": {"spec": {}}}}}}
BOTH = {"verification": [*SMOKE["verification"], JOB]}
PAIR = {"api": {}, "web": {}}


async def upgrade(world: FakeWorld) -> None:
    """A bundle of two over another, verified twice."""
    await world.environment("integration", {**INTEGRATION, "exit": BOTH})
    await world.promote(await world.release("1.0.0", values=PAIR), "integration")
    await world.settle()
    await world.promote(await world.release("1.1.0", values=PAIR), "integration")


async def failing_component(world: FakeWorld) -> None:
    """The second component fails: both go back."""
    await world.environment("integration", INTEGRATION)
    await world.promote(await world.release("1.0.0", values=PAIR), "integration")
    await world.settle()
    bad = await world.release("1.1.0", values={"api": {}, "web": {"unschedulable": True}})
    await world.promote(bad, "integration")


async def failing_first(world: FakeWorld) -> None:
    """A first deployment whose verification fails: uninstalled."""
    await world.environment("integration", {**INTEGRATION, "exit": SMOKE})
    bad = await world.release("1.0.0", values={"api": {}, "web": {"failTest": True}})
    await world.promote(bad, "integration")


async def under_a_change(world: FakeWorld) -> None:
    """One approval, one component gone with the new release, and a sign-off."""
    await world.environment("production", {**PRODUCTION, "exit": {"signOffs": [{"role": "business"}]}})
    one = await world.release("1.0.0", values={"app": {}, "old": {}})
    await _approved(world, "chg-1", one, "Uninstall")
    first = await world.promote(one, "production")
    await world.settle()
    await world.sign(first, "carol")
    await world.settle()
    two = await world.release("1.1.0")
    await _approved(world, "chg-2", two, "HelmRollback")
    await world.promote(two, "production")


async def rollback(world: FakeWorld) -> None:
    """Back to what ran before, under the change that brought it away."""
    await world.environment("production", PRODUCTION)
    for number, strategy in ((0, "Uninstall"), (1, "HelmRollback")):
        release = await world.release(f"1.{number}.0", values=PAIR)
        await _approved(world, f"chg-{number}", release, strategy)
        await world.promote(release, "production")
        await world.settle()
    await world.promote(
        "payments-1.0.0", "production", name="back", action="Rollback", changeRequestRef={"name": "chg-1"}
    )


async def removal(world: FakeWorld) -> None:
    """A bundle of two is taken away, under a change that says so."""
    await world.environment("production", PRODUCTION)
    release = await world.release("1.0.0", values=PAIR)
    await _approved(world, "chg-1", release, "Uninstall")
    await world.promote(release, "production")
    await world.settle()
    await world.change("chg-2", release, "Manual", action="Remove")
    await world.settle()
    await world.approve("chg-2")
    await world.settle()
    await world.promote(release, "production", name="remove", action="Remove")


async def automatic(world: FakeWorld) -> None:
    """Two environments that promote by themselves."""
    await world.environment("integration", {"tier": "Integration"})
    system_test = {"tier": "SystemTest", "exit": {"signOffs": [{"role": "qa"}], **SMOKE}}
    await world.environment("system-test", system_test)
    await world.release("1.0.0")


async def in_an_emergency(world: FakeWorld) -> None:
    """Evidence is skipped: what is owed is on record once, whatever happens."""
    control = {**PRODUCTION["changeControl"], "emergency": {"approvals": [{"role": "ecab"}], "bypass": ["Evidence"]}}
    await world.environment(
        "production", {**PRODUCTION, "entry": {"evidence": ["unit-tests"]}, "changeControl": control}
    )
    release = await world.release("1.0.0", evidence=[])
    await world.emergency("chg-77", release)
    await world.settle()
    await world.approve("chg-77", "erin", role="ecab")
    await world.settle()
    await world.promote(release, "production", changeRequestRef={"name": "chg-77"})


async def _approved(world: FakeWorld, change: str, release: str, strategy: str) -> None:
    await world.change(change, release, strategy)
    await world.settle()
    await world.approve(change)
    await world.settle()


SCENARIOS = (upgrade, failing_component, failing_first, under_a_change, rollback, removal, automatic, in_an_emergency)


@pytest.mark.parametrize("kind", ["before", "during", "after", "lost"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
async def test_a_disturbance_at_any_mutating_call_changes_nothing(scenario: Scenario, kind: Kind) -> None:
    undisturbed = FakeWorld()
    await scenario(undisturbed)
    ready = len(undisturbed.faults.calls)
    await undisturbed.settle()
    calls, wanted = undisturbed.faults.calls, await end(undisturbed)
    assert len(calls) > ready
    for at in range(ready + 1, len(calls) + 1):
        world = FakeWorld()
        await scenario(world)
        assert len(world.faults.calls) == ready
        world.faults.strike = Strike(at, kind)
        try:
            await world.settle()
        except Killed:
            await world.restart()
        await world.later(minutes=1)
        where = f"{kind} call {at}, {calls[at - 1]}"
        assert world.faults.strike is None, where
        assert await end(world) == wanted, where
        assert no_revision_twice(world) == [], where
        assert verify(world.stack, world.records()) == (), where


async def end(world: FakeWorld) -> dict[str, Any]:
    """What must be the same: what runs, what became of every promotion and change, what was proved and sealed."""
    state: dict[str, Any] = {}
    for obj in await world.objects():
        status, name = (await world.status(obj.kind, obj.metadata.name)), f"{obj.kind} {obj.metadata.name}"
        match obj.kind:
            case "Promotion":
                rows = [(v["name"], v["state"]) for v in status.get("verification", ())]
                said = next(c["message"] for c in status["conditions"] if c["type"] == "Succeeded")
                state[name] = (status["phase"], status["inUse"], said, rows, _remediation(status))
            case "ChangeRequest":
                uses, owed = status.get("usedBy", ()), status.get("debts", ())
                state[name] = (status["phase"], [use.get("finished") for use in uses], [row["gate"] for row in owed])
            case "Release":
                state[name] = [(r["name"], "signedOffAt" in r) for r in status.get("environments", ())]
            case _:
                pass
    for environment in ("integration", "system-test", "production"):
        state[environment] = await world.running(environment)
    state["sealed"] = sorted((r.spec.action, r.spec.subject.name, r.spec.key) for r in world.records())
    return state


def no_revision_twice(world: FakeWorld) -> list[str]:
    """Plans that a promotion deployed more than once for one Helm release, killed attempts and ways back apart."""
    found = []
    for environment in ("integration", "system-test", "production"):
        for name in ("app", "api", "web"):
            kept = world.helm.kept(world.target(environment), f"{world.stack}-{name}")
            done = [k.revision for k in kept if k.revision.status.value in ("deployed", "superseded")]
            # A way back carries the labels of what it goes back to; something lies in between.
            twice = [
                a
                for a, b in pairwise(done)
                if (a.promotion_uid, a.plan) == (b.promotion_uid, b.plan) and b.revision == a.revision + 1
            ]
            found += [f"{name} revision {r.revision + 1} in {environment}" for r in twice]
    return found


def _remediation(status: dict[str, Any]) -> str | None:
    remediation: str | None = (status.get("execution") or {}).get("remediation")
    return remediation
