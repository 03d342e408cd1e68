"""What was configured otherwise after it was deployed is said, value by value, and applied by the next plan only."""

from datetime import timedelta
from typing import Any

from lockflight.workflow.comparing import compare_targets
from tests.workflow.world import INTEGRATION, ROOT, FakeWorld


async def pending(world: FakeWorld) -> tuple[str, str]:
    rows = (await world.status("Environment", "integration"))["conditions"]
    found: dict[str, Any] = next(row for row in rows if row["type"] == "ConfigurationPending")
    return found["status"], found["message"]


async def running(world: FakeWorld, **spec: Any) -> None:
    await world.environment("integration", {**INTEGRATION, **spec})
    await world.promote(await world.release("1.0.0"), "integration")
    await world.settle()
    assert await pending(world) == ("False", "")


async def test_each_value_and_object_that_would_change_is_named(fake: FakeWorld) -> None:
    await running(fake, values={"greeting": "hello", "replicaCount": 1})
    calls = list(fake.helm.calls)
    await fake.edit("Environment", "integration", values={"replicaCount": 3, "color": "red"})
    await fake.settle()
    status, message = await pending(fake)
    assert status == "True"
    assert "values /color, /greeting, /replicaCount" in message
    assert "objects Deployment payments-app changed" in message
    assert "takes effect with the next promotion" in message
    assert "red" not in message
    assert fake.helm.calls == calls


async def test_rules_that_changed_are_no_configuration(fake: FakeWorld) -> None:
    await running(fake)
    await fake.edit("Environment", "integration", entry={"branches": ["main"], "evidence": ["unit-tests"]})
    await fake.settle()
    assert await pending(fake) == ("False", "")


async def test_values_of_the_baseline_count_as_well(fake: FakeWorld) -> None:
    await running(fake)
    base = {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "Environment",
        "metadata": {"name": "base", "namespace": ROOT},
        "spec": {"tier": "Integration", "values": {"replicaCount": 2}},
    }
    await fake.write(base)
    await fake.settle()
    assert "/replicaCount" in (await pending(fake))[1]


async def test_a_secret_that_changed_is_seen_within_minutes_and_not_shown(fake: FakeWorld) -> None:
    secret = ("Secret", fake.stack, "keys", "values.yaml")
    config = ("ConfigMap", fake.stack, "shared", "values.yaml")
    fake.cluster.configs[secret] = b"token: hunter2"
    fake.cluster.configs[config] = b"greeting: hello"
    await running(fake, valuesFrom=[{"kind": "Secret", "name": "keys"}, {"kind": "ConfigMap", "name": "shared"}])
    fake.cluster.configs[secret] = b"token: hunter3"
    fake.cluster.configs[config] = b"greeting: bye"
    fake.clock.advance(timedelta(minutes=6))
    await compare_targets(fake.process.deps)
    status, message = await pending(fake)
    assert (status, "/greeting" in message, "hunter" in message) == ("True", True, False)
