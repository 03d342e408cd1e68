"""Somebody changes what runs in production: it is shown field by field, and settled before anything else comes in."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from lockflight.devcluster.providers import ClusterLike
from tests.e2e.clocked import MovableClock
from tests.e2e.conftest import Operator, moved
from tests.e2e.stack import Stack, eventually

PRODUCTION = [
    {
        "name": "production",
        "tier": "Production",
        "spec": {
            "promotesFrom": [],
            "drift": {"interval": "1m"},
            "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}},
        },
    },
]


@pytest.fixture
def incident_managers(cluster: ClusterLike) -> Iterator[None]:
    """The group ``incident`` has the job that the chart ships."""
    name = "e2e-drift-incident-managers"
    cluster.kubectl(
        "create", "clusterrolebinding", name, "--clusterrole=lockflight-incident-manager", "--group=incident"
    )
    yield
    cluster.kubectl("delete", "clusterrolebinding", name)


@pytest.fixture(scope="module")
def clock(operator: Operator, cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MovableClock]:
    """The clock of the operator that stands in for the session's meanwhile."""
    with moved(operator, cluster, tmp_path_factory.mktemp("clocked")) as clock:
        yield clock


def _rounds(clock: MovableClock, holds: Callable[[], Any], what: str) -> Any:
    """Poll as ``eventually`` does, and let the minute between two comparisons pass again and again meanwhile."""
    turn = [monotonic()]

    def looked() -> Any:
        if monotonic() > turn[0]:
            clock.put(clock.now() + timedelta(seconds=61))
            turn[0] = monotonic() + 5
        return holds()

    return eventually(looked, what, 150)


def _promoted(stack: Stack, version: str) -> str:
    """A release that was let into production; its change."""
    release = stack.release(version)
    change = stack.change(f"chg-{version}", release)
    _approved(stack, change)
    stack.reaches(stack.promote(release, "production"), "Succeeded")
    return change


def _approved(stack: Stack, change: str) -> None:
    seen = stack.status("lfchg", change)["planDigest"]
    stack.append("alice", "lfchg", change, "approvals", {"role": "cab", "decision": "Approved", "planDigest": seen})


def _scale(stack: Stack, target: str, replicas: int) -> None:
    """By gus, whom breaking the glass lets write there."""
    name = _deployment(stack, target)["metadata"]["name"]
    if not stack.get("rolebinding", "firefighters", target):
        group = "--group=lockflight-break-glass"
        stack.kubectl("create", "rolebinding", "firefighters", "--clusterrole=edit", group, namespace=target)
    opened = stack.lockflight("guard", "open", target, "--reason", "INC-4711: checkout slow", person="ines")
    assert opened.returncode == 0, opened.stderr
    command = ("scale", f"deployment/{name}", f"--replicas={replicas}")

    def scaled() -> bool:
        try:
            stack.kubectl(*command, person="gus", namespace=target)
        except Exception:  # noqa: BLE001 - the policy may not know yet that the glass is broken
            return False
        return True

    eventually(scaled, "the deployment to be scaled")
    closed = stack.lockflight("guard", "close", target, person="ines")
    assert closed.returncode == 0, closed.stderr


def _deployment(stack: Stack, target: str) -> dict[str, Any]:
    (deployment,) = json.loads(stack.kubectl("get", "deployments", "-o", "json", namespace=target))["items"]
    found: dict[str, Any] = deployment
    return found


def _replicas(stack: Stack, target: str) -> int:
    return int(_deployment(stack, target)["spec"]["replicas"])


def _state(stack: Stack) -> str:
    return next((row["state"] for row in _drift(stack)), "")


def _drift(stack: Stack) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = stack.status("lfenv", "production").get("drift", [])
    return rows


@pytest.mark.usefixtures("incident_managers")
def test_drift_is_shown_field_by_field_put_back_and_taken_over_by_a_change(
    clock: MovableClock, cluster: ClusterLike, tmp_path: Path
) -> None:
    stack = Stack(cluster, "adrift", tmp_path)
    stack.install(PRODUCTION)
    _promoted(stack, "1.0.0")
    target = f"{stack.name}-production"
    before = _replicas(stack, target)
    _scale(stack, target, 7)

    (row,) = _rounds(clock, lambda: _drift(stack), "the drift to be seen")
    (obj,) = row["objects"]
    (field,) = obj["fields"]
    assert (obj["kind"], field["path"]) == ("Deployment", "/spec/replicas")
    assert field["what"].startswith("is 7, promoted was ")
    assert field["manager"] == "kubectl"
    shown = stack.lockflight("drift", "show", "production", person="jo")
    assert "/spec/replicas" in shown.stdout, shown.stderr

    record = f"unauthorised-production-{stack.name}"
    _rounds(clock, lambda: stack.status("lfchg", record).get("findings"), "the record of what nobody permitted")
    asked = stack.lockflight("drift", "put-back", "production", "-y", person="jo")
    assert asked.returncode == 0, asked.stderr
    _rounds(clock, lambda: _replicas(stack, target) == before, "the deployment to be put back")
    _rounds(clock, lambda: _state(stack) != "Drifted", "the drift to be gone")

    _scale(stack, target, 9)
    _rounds(clock, lambda: _state(stack) == "Drifted", "the drift to be seen again")
    release = stack.release("1.1.0")
    change = stack.change("chg-1.1.0", release)
    promotion = stack.promote(release, "production")
    stack.says(promotion, "Drift", "DriftFound")
    taken = stack.lockflight("drift", "take-over", "production", "--change", change, "-y", person="jo")
    assert taken.returncode == 0, taken.stderr
    stack.says(promotion, "Drift", "TakenOver")
    _approved(stack, change)
    stack.reaches(promotion, "Succeeded")
    assert _replicas(stack, target) == before
    _rounds(clock, lambda: _state(stack) != "Drifted", "the drift to be gone")
