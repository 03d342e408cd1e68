"""Objects that go away while they are needed, and moments at which nothing should be touched."""

import json
from typing import Any

import pytest

from lockflight.devcluster.errors import CommandFailedError
from tests.e2e.conftest import Neighbour, Operator
from tests.e2e.slow import NEVER, helm_state, slow
from tests.e2e.stack import Stack, eventually

ONE = [{"name": "integration", "tier": "Integration"}]
UAT = {"name": "uat", "tier": "UAT"}
COLLECTOR = "system:serviceaccount:kube-system:namespace-controller"
FREEZE = {"reason": "hold it", "timeZone": "UTC", "start": "2020-01-01T00:00:00"}


@pytest.mark.embedded
def test_what_is_under_way_is_not_deleted_but_aborted(stack: Stack, neighbour: Neighbour) -> None:
    # By hand: what promotes by itself would promote again once the promotion is deleted.
    stack.install([{**ONE[0], "spec": {"autoPromote": False}}])
    stack.chart("1.0.0", edit=slow(NEVER))
    release = stack.release("1.0.0")
    promotion, target = stack.promote(release, "integration"), f"{stack.name}-integration"
    eventually(lambda: helm_state(stack, target) == "pending-install", "Helm to be at work")

    with pytest.raises(CommandFailedError, match="this promotion is under way: abort it first: kubectl") as refusal:
        stack.kubectl("delete", "lfpromo", promotion)
    assert f'patch lfpromo {promotion} --type=merge -p \'{{"spec":{{"abort":true}}}}\'' in refusal.value.stderr
    with pytest.raises(CommandFailedError, match="this release runs somewhere or is being promoted"):
        stack.kubectl("delete", "lfrel", release)
    neighbour.gets_through()

    stack.kubectl("patch", "lfpromo", promotion, "--type=merge", "-p", '{"spec":{"abort":true}}', person="jo")
    stack.reaches(promotion, "Aborted")
    assert stack.deployed(target) == {}
    stack.kubectl("delete", "lfpromo", promotion)
    eventually(lambda: not stack.status("lfrel", release)["inUse"], "the release to be free")
    stack.kubectl("delete", "lfrel", release)


@pytest.mark.embedded
def test_a_promotion_deleted_half_way_all_the_same_is_told_and_can_be_repeated(stack: Stack) -> None:
    stack.install([{**ONE[0], "spec": {"autoPromote": False}}])
    stack.chart("1.0.0", edit=slow("lockflight.dev/kwok-ready-after: 3s"))
    release = stack.release("1.0.0")
    target = f"{stack.name}-integration"
    stack.promote(release, "integration", name="first")
    eventually(lambda: helm_state(stack, target) == "pending-install", "Helm to be at work")

    stack.kubectl("delete", "lfpromo", "first", "--as", COLLECTOR)

    told = eventually(lambda: _events(stack, "PromotionDeleted"), "an event")
    assert told[0]["involvedObject"]["kind"] == "Environment"
    assert "promotion first was deleted while it was being carried out" in told[0]["message"]
    assert "promote again" in told[0]["message"]
    assert not helm_state(stack, target).startswith("pending")
    again = stack.promote(release, "integration", name="again")
    stack.reaches(again, "Succeeded")


@pytest.mark.embedded
def test_a_stack_deleted_half_way_leaves_no_lock_and_no_harm(
    stack: Stack, neighbour: Neighbour, operator: Operator
) -> None:
    stack.install([{**ONE[0], "spec": {"timeout": "4s"}}])
    stack.chart("1.0.0", edit=slow(NEVER))
    stack.release("1.0.0")
    target = f"{stack.name}-integration"
    eventually(lambda: helm_state(stack, target) == "pending-install", "Helm to be at work")

    stack.kubectl("delete", "namespace", stack.name, "--wait=false")

    neighbour.gets_through()
    eventually(lambda: not stack.get("namespace", stack.name), "the stack to be gone")
    eventually(lambda: not helm_state(stack, target).startswith("pending"), "Helm to end")
    assert operator.process is not None
    assert operator.process.alive


def _events(stack: Stack, reason: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        stack.kubectl("get", "events", "--field-selector", f"reason={reason}", "-o", "json")
    )["items"]
    return found


def test_an_environment_deleted_while_a_promotion_waits_for_it(stack: Stack) -> None:
    stack.install([*ONE, UAT])
    stack.create("FreezeWindow", "now", {**FREEZE, "environments": {"tiers": ["UAT"]}}, person="alice")
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")
    promotion = stack.promote(release, "uat")
    stack.reaches(promotion, "OnHold")
    was = stack.get("lfenv", "uat")["spec"]

    stack.kubectl("delete", "lfenv", "uat", person="petra")
    assert "environment uat does not exist" in stack.says(promotion, "Binding", "EnvironmentMissing")
    assert stack.status("lfpromo", promotion)["phase"] == "Waiting"

    stack.kubectl("patch", "lffw", "now", "--type=merge", "-p", '{"spec":{"lift":{"reason":"x"}}}', person="alice")
    stack.create("Environment", "uat", was, person="petra")
    stack.reaches(promotion, "AwaitingSignOff")


def test_a_change_that_is_not_there(stack: Stack) -> None:
    control = {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}}}
    stack.install([*ONE, {"name": "production", "tier": "Production", "spec": control}])
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")

    promotion = stack.promote(release, "production", changeRequestRef={"name": "chg-404"})

    message = stack.says(promotion, "ChangeControl", "ChangeMissing")
    assert "chg-404" in message
    assert stack.status("lfpromo", promotion)["phase"] == "Waiting"
