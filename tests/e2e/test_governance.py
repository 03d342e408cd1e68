"""A baseline asks that rules are approved: nothing enters before, an edit closes, and the rule approves its own end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.providers import ClusterLike
from tests.e2e.stack import API, Stack, eventually

ROOT = "lockflight-system"
GOVERNANCE = {"approvals": [{"role": "cab", "count": 2}]}
UAT = [{"name": "uat", "tier": "UAT", "spec": {"promotesFrom": [], "autoPromote": False}}]


@pytest.fixture
def board(cluster: ClusterLike) -> Iterator[None]:
    """The board is the board of all stacks, and so of the root namespace."""
    cluster.kubectl("create", "clusterrolebinding", "e2e-board", "--clusterrole=lockflight-cab", "--group=cab")
    yield
    cluster.kubectl("delete", "clusterrolebinding", "e2e-board")


def _approve(stack: Stack, kind: str, name: str, *people: str, namespace: str | None = None) -> None:
    """Each pastes what status says."""
    how = eventually(lambda: _status(stack, kind, name, namespace).get("howToApprove"), f"{name} to say how")
    patch = how.split(" -p ", 1)[1].strip("'")
    for person in people:
        words = ("patch", kind, name, "--subresource=status", "--type=json", "-p", patch)
        stack.kubectl(*words, person=person, namespace=namespace)


def _status(stack: Stack, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    status: dict[str, Any] = stack.get(kind, name, namespace).get("status", {})
    return status


@pytest.mark.usefixtures("board")
def test_rules_are_approved_before_anything_enters_and_so_is_their_end(stack: Stack) -> None:
    body = {
        "apiVersion": API,
        "kind": "Environment",
        "metadata": {"name": "uat", "namespace": ROOT},
        "spec": {"tier": "UAT", "governance": GOVERNANCE},
    }
    stack.kubectl("create", "-f", "-", stdin=json.dumps(body), namespace=ROOT)
    try:
        _governed(stack)
    finally:
        _ended(stack)


def _governed(stack: Stack) -> None:
    stack.install(UAT)
    promotion = stack.promote(stack.release("1.0.0"), "uat")
    said = stack.says(promotion, "Rules", "RuleApprovalsMissing")
    assert f"Environment {ROOT}/uat" in said
    assert f"Environment {stack.name}/uat" in said

    _approve(stack, "lfenv", "uat", "alice", "bob", namespace=ROOT)
    _approve(stack, "lfenv", "uat", "alice", "bob")
    stack.reaches(promotion, "AwaitingSignOff")
    with pytest.raises(CommandFailedError, match=r"asks for approvals: take spec\.governance out"):
        stack.kubectl("delete", "lfenv", "uat", namespace=ROOT)

    stack.kubectl("patch", "lfenv", "uat", "--type=merge", "-p", '{"spec":{"timeout":"9m"}}', person="petra")
    again = stack.promote("-".join((stack.name, "1.0.0")), "uat", name="again")
    said = stack.says(again, "Rules", "RuleApprovalsMissing")
    assert "edited by petra" in said
    assert f"{ROOT}/uat" not in said


def _ended(stack: Stack) -> None:
    drop = '[{"op":"remove","path":"/spec/governance"}]'
    stack.kubectl("patch", "lfenv", "uat", "--type=json", "-p", drop, namespace=ROOT)
    in_force = _status(stack, "lfenv", "uat", ROOT).get("governance")
    if in_force:
        _approve(stack, "lfenv", "uat", "alice", "bob", namespace=ROOT)
        eventually(lambda: "governance" not in _status(stack, "lfenv", "uat", ROOT), "governance to be given up")
    assert in_force in (None, GOVERNANCE)
    stack.kubectl("delete", "lfenv", "uat", namespace=ROOT)


def test_who_delivers_does_not_approve_the_rules_that_bind_it(stack: Stack) -> None:
    stack.install(UAT)
    with pytest.raises(CommandFailedError, match=r"forbidden|ask for verb approve"):
        stack.append("jo", "lfenv", "uat", "approvals", {"role": "cab", "decision": "Approved"})
