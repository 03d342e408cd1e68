"""Rights that are given by hand keep releases out until they are taken away."""

from typing import Any

import pytest

from tests.workflow.world import INTEGRATION, PRODUCTION, FakeWorld

CLUSTER, HERE = "", "payments-production"
VIEW = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
EDIT = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}


def role(world: FakeWorld, name: str, *rules: dict[str, Any]) -> None:
    world.cluster.rbacs[CLUSTER, "ClusterRole", name] = {
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules),
    }


def bound(world: FakeWorld, name: str, to: str, group: str = "developers", namespace: str = HERE) -> None:
    """As by hand."""
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    world.cluster.rbacs[namespace, kind, name] = {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"kind": "ClusterRole", "name": to},
        "subjects": [{"kind": "Group", "name": group}],
    }


@pytest.fixture
async def fake() -> FakeWorld:
    world = FakeWorld()
    role(world, "view", VIEW)
    role(world, "edit", EDIT)
    await world.environment("integration", INTEGRATION)
    await world.environment("production", PRODUCTION)
    return world


async def waiting(fake: FakeWorld) -> str:
    """A promotion to production that waits for its approval alone."""
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    promotion = await fake.promote(release, "production")
    await fake.settle()
    return promotion


@pytest.mark.parametrize("namespace", [HERE, CLUSTER])
async def test_a_binding_made_by_hand_after_it_was_shown_is_seen_right_before_helm(
    fake: FakeWorld, namespace: str
) -> None:
    promotion = await waiting(fake)
    assert await fake.gate(promotion, "AccessLadder") == "Passed"

    bound(fake, "audit", "edit", namespace=namespace)
    await fake.approve("chg-1")
    await fake.settle()
    assert await fake.gate(promotion, "AccessLadder") == "AccessAboveCeiling"
    assert await fake.running("production") == {}

    del fake.cluster.rbacs[namespace, "RoleBinding" if namespace else "ClusterRoleBinding", "audit"]
    await fake.later(seconds=31)
    assert await fake.phase(promotion) == "Succeeded"


async def test_more_than_upstream_waits(fake: FakeWorld) -> None:
    await fake.edit("Environment", "production", promotesFrom=["integration"])
    bound(fake, "viewers", "view")
    promotion = await waiting(fake)
    assert await fake.gate(promotion, "AccessLadder") == "AccessAboveUpstream"
    bound(fake, "viewers", "view", namespace="payments-integration")
    await fake.later(seconds=31)
    assert await fake.gate(promotion, "AccessLadder") == "Passed"


async def test_operations_that_may_create_releases_keep_it_shut(fake: FakeWorld) -> None:
    subjects = [{"kind": "Group", "name": "sre"}]
    await fake.edit(
        "Environment", "production", access=[{"level": "Operate", "purpose": "Operations", "subjects": subjects}]
    )
    bound(fake, "operations", "edit", "sre")
    fake.cluster.releasers.add("sre")
    promotion = await waiting(fake)
    assert await fake.gate(promotion, "AccessLadder") == "OperationsRelease"
    fake.cluster.releasers.clear()
    await fake.later(seconds=31)
    assert await fake.gate(promotion, "AccessLadder") == "Passed"
