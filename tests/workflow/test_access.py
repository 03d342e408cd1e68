"""RoleBindings come and go with spec.access; what somebody made by hand is shown."""

from typing import Any

import pytest

from tests.workflow.test_access_ladder import EDIT, HERE, VIEW, bound, role
from tests.workflow.world import PRODUCTION, ROOT, FakeWorld

DEVELOPERS = {"level": "View", "subjects": [{"kind": "Group", "name": "developers"}]}
SRE = {"level": "Operate", "purpose": "Operations", "subjects": [{"kind": "Group", "name": "sre"}]}


@pytest.fixture
async def fake() -> FakeWorld:
    world = FakeWorld()
    role(world, "lockflight-access-view", VIEW)
    role(world, "lockflight-access-operate", {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]})
    role(world, "edit", EDIT)
    await world.environment("production", {**PRODUCTION, "access": [DEVELOPERS, SRE]})
    await world.settle()
    return world


def bindings(world: FakeWorld) -> dict[str, list[str]]:
    """RoleBindings in the target: role and whom they name."""
    return {
        obj["roleRef"]["name"]: [subject["name"] for subject in obj["subjects"]]
        for (namespace, kind, _), obj in world.cluster.rbacs.items()
        if (namespace, kind) == (HERE, "RoleBinding")
    }


async def shown(world: FakeWorld) -> dict[str, Any]:
    rows = (await world.status("Environment", "production"))["conditions"]
    return next(row for row in rows if row["type"] == "AccessAsDeclared")


BOTH = {"lockflight-access-view": ["developers"], "lockflight-access-operate": ["sre"]}


async def test_what_the_spec_names_is_bound_and_shown(fake: FakeWorld) -> None:
    assert bindings(fake) == BOTH
    rows = (await fake.status("Environment", "production"))["access"]
    assert [(r["subject"], r["level"], r["via"], r["foreign"]) for r in rows] == [
        ("Group sre", "Operate", "RoleBinding lockflight-access-operate", False),
        ("Group developers", "View", "RoleBinding lockflight-access-view", False),
    ]
    assert (await shown(fake))["status"] == "True"


async def test_what_the_spec_names_no_more_is_taken_away(fake: FakeWorld) -> None:
    await fake.edit("Environment", "production", access=[DEVELOPERS])
    await fake.settle()
    assert bindings(fake) == {"lockflight-access-view": ["developers"]}
    await fake.edit("Environment", "production", access=None)
    await fake.settle()
    assert bindings(fake) == {}


async def test_it_is_taken_away_when_the_environment_is_retired(fake: FakeWorld) -> None:
    await fake.edit("Environment", "production", retired=True)
    await fake.settle()
    assert bindings(fake) == {}


async def test_it_is_taken_away_when_the_environment_went_while_the_operator_was_down(fake: FakeWorld) -> None:
    await fake.gone("Environment", "production")
    await fake.restart()
    assert bindings(fake) == {}


async def test_what_was_changed_or_deleted_by_hand_is_made_good(fake: FakeWorld) -> None:
    del fake.cluster.rbacs[HERE, "RoleBinding", "lockflight-access-operate"]
    fake.cluster.rbacs[HERE, "RoleBinding", "lockflight-access-view"]["subjects"].append(
        {"kind": "User", "name": "mallory"}
    )
    await fake.later(seconds=61)
    assert bindings(fake) == BOTH


async def test_a_binding_made_by_hand_is_shown_and_left(fake: FakeWorld) -> None:
    bound(fake, "audit", "edit", "auditors")
    await fake.later(seconds=61)
    said = await shown(fake)
    assert (said["status"], said["reason"]) == ("False", "ForeignAccess")
    assert said["message"] == "Group auditors has Edit in payments-production by RoleBinding audit"
    assert "edit" in bindings(fake)
    assert "ForeignAccess" in fake.events.reasons

    del fake.cluster.rbacs[HERE, "RoleBinding", "audit"]
    await fake.later(seconds=61)
    assert (await shown(fake))["status"] == "True"


async def test_a_namespace_of_another_tier_gets_nothing(fake: FakeWorld) -> None:
    fake.cluster.put_namespace("payments-2-production", stack="payments", environment="production", tier="UAT")
    await fake.settle()
    assert [key for key in fake.cluster.rbacs if key[0] == "payments-2-production"] == []


async def test_more_access_waits_for_the_approval_of_the_rule_and_less_does_not(fake: FakeWorld) -> None:
    governance = {"approvals": [{"role": "cab", "count": 1}]}
    baseline = {"metadata": {"name": "base", "namespace": ROOT}, "spec": {"tier": "Production"}}
    await fake.write({"kind": "Environment", **baseline, "spec": {**PRODUCTION, "governance": governance}})
    more = {**DEVELOPERS, "subjects": [*DEVELOPERS["subjects"], {"kind": "Group", "name": "everyone"}]}  # type: ignore[misc]
    await fake.edit("Environment", "production", access=[more])
    await fake.settle()
    assert bindings(fake) == {"lockflight-access-view": ["developers"]}


async def test_with_nothing_to_do_it_writes_nothing(fake: FakeWorld) -> None:
    await fake.later(seconds=61)
    before = len(fake.cluster.writes)
    await fake.later(seconds=61)
    assert [w for w in fake.cluster.requests if w[0] in ("bind", "unbind")][2:] == []
    assert len(fake.cluster.writes) == before
