"""Production burns: the glass is broken, somebody writes there, and it all becomes a change that owes a review."""

import json
from collections.abc import Iterator

import pytest

from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.providers import ClusterLike
from tests.e2e.stack import OTHER_IMAGE, Stack, eventually

PRODUCTION = [
    {
        "name": "production",
        "tier": "Production",
        "spec": {
            "promotesFrom": [],
            "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}},
        },
    },
]


@pytest.fixture
def incident_managers(cluster: ClusterLike) -> Iterator[None]:
    """The group ``incident`` has the job that the chart ships."""
    name = "e2e-incident-managers"
    cluster.kubectl(
        "create", "clusterrolebinding", name, "--clusterrole=lockflight-incident-manager", "--group=incident"
    )
    yield
    cluster.kubectl("delete", "clusterrolebinding", name)


def _in_production(stack: Stack) -> str:
    """The name of what runs in production now, and of its target namespace."""
    stack.install(PRODUCTION)
    release = stack.release("1.0.0")
    promotion = stack.promote(release, "production")
    change = stack.change("chg-1", release)
    seen = stack.status("lfchg", change)["planDigest"]
    stack.append("alice", "lfchg", change, "approvals", {"role": "cab", "decision": "Approved", "planDigest": seen})
    stack.reaches(promotion, "Succeeded")
    return f"{stack.name}-production"


def _set_image(stack: Stack, target: str) -> None:
    (deployment,) = json.loads(stack.kubectl("get", "deployments", "-o", "json", namespace=target))["items"]
    name, container = deployment["metadata"]["name"], deployment["spec"]["template"]["spec"]["containers"][0]["name"]
    stack.kubectl("set", "image", f"deployment/{name}", f"{container}={OTHER_IMAGE}", person="gus", namespace=target)


def _findings(stack: Stack, record: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = stack.status("lfchg", record).get("findings", [])
    return found


@pytest.mark.usefixtures("incident_managers")
def test_what_is_done_through_broken_glass_owes_a_review(stack: Stack) -> None:
    target = _in_production(stack)
    # The right to write is the group's by RBAC; whether it may, the guard says.
    group = "--group=lockflight-break-glass"
    stack.kubectl("create", "rolebinding", "firefighters", "--clusterrole=edit", group, namespace=target)
    with pytest.raises(CommandFailedError, match="promote a release instead"):
        _set_image(stack, target)

    refused = stack.lockflight("guard", "open", target, "--reason", "INC-4711", person="gus")
    assert (refused.returncode, "break-glass" in refused.stderr or "forbidden" in refused.stderr) == (1, True)
    opened = stack.lockflight("guard", "open", target, "--reason", "INC-4711: checkout down", person="ines")
    assert opened.returncode == 0, opened.stderr
    eventually(lambda: _passes(stack, target), "the glass to be broken")

    record = f"unauthorised-production-{stack.name}"
    written = eventually(
        lambda: [f for f in _findings(stack, record) if f.get("changedBy") == "gus"], "what gus wrote to be found", 120
    )
    assert "broke the glass" in written[0]["what"]
    found = _findings(stack, record)
    assert any(f.get("changedBy") == "ines" and "INC-4711: checkout down" in f["what"] for f in found)
    assert any(OTHER_IMAGE in f["what"] for f in found)
    assert stack.condition("lfenv", "production", "AsApplied")["status"] == "False"

    closed = stack.lockflight("guard", "close", target, person="ines")
    assert closed.returncode == 0, closed.stderr
    regularised = stack.lockflight("change", "regularise", record, "--incident", "INC-4711", person="jo")
    assert regularised.returncode == 0, regularised.stderr
    assert stack.get("lfchg", record)["spec"]["incident"]["id"] == "INC-4711"
    assert stack.status("lfchg", record)["phase"] == "Review"
    review = {"role": "cab", "outcome": "Successful", "summary": "the queue runs again"}
    stack.append("bob", "lfchg", record, "review", review)
    eventually(lambda: stack.status("lfchg", record).get("phase") == "Closed", "the review to close it")


def _passes(stack: Stack, target: str) -> bool:
    """Namespaces are known to the API server by a watch: a moment later."""
    try:
        _set_image(stack, target)
    except CommandFailedError:
        return False
    return True
