"""The operator dies and comes back."""

import json
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.e2e.conftest import Operator
from tests.e2e.stack import Stack, eventually

pytestmark = pytest.mark.embedded

ONE = [{"name": "integration", "tier": "Integration"}]
OPERATOR = "system:serviceaccount:lockflight-system:lockflight"


def test_an_operator_killed_during_helm_finishes_the_job_when_it_is_back(stack: Stack, operator: Operator) -> None:
    stack.install(ONE)
    # A pod that takes its time keeps Helm waiting until the operator is gone.
    stack.chart("1.0.0", edit=_slowly_ready)
    release = stack.release("1.0.0")
    target = f"{stack.name}-integration"
    eventually(lambda: _helm_state(stack, target) == "pending-install", "Helm to be at work")

    operator.kill()
    assert _helm_state(stack, target) == "pending-install"
    operator.start()

    stack.reaches(f"{release}-integration", "Succeeded")
    history = stack.revisions(target, f"{stack.name}-app")
    assert history[-1]["status"] == "deployed"
    assert [row["status"] for row in history].count("deployed") == 1


def test_a_stopped_operator_leaves_no_lock_and_finishes_later(stack: Stack, operator: Operator) -> None:
    stack.install(ONE)
    stack.chart("1.0.0", edit=_slowly_ready)
    release = stack.release("1.0.0")
    target = f"{stack.name}-integration"
    eventually(lambda: _helm_state(stack, target) == "pending-install", "Helm to be at work")

    assert operator.stop() == 0
    assert _helm_state(stack, target) == "failed"
    operator.start()
    stack.reaches(f"{release}-integration", "Succeeded")


def test_a_restart_with_nothing_to_do_writes_nothing(stack: Stack, operator: Operator) -> None:
    stack.install(ONE)
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")
    stack.create(
        "FreezeWindow",
        "past",
        {"reason": "over", "timeZone": "UTC", "start": "2020-01-01T00:00:00", "end": "2020-01-02T00:00:00"},
        person="alice",
    )
    eventually(lambda: stack.status("lffw", "past").get("phase") == "Ended", "the freeze to be looked at")
    _quiet(stack, operator)
    operator.stop()
    mark = _audit_log(stack).stat().st_size

    operator.start()
    _quiet(stack, operator)

    assert _writes(stack, mark) == []


def _quiet(stack: Stack, operator: Operator, seconds: float = 3) -> None:
    """Return when the operator wrote nothing for ``seconds``."""
    since, seen, deadline = monotonic(), _writes(stack, 0), monotonic() + 60
    while monotonic() - since < seconds:
        assert monotonic() < deadline, "the operator keeps on writing"
        sleep(0.3)
        now = _writes(stack, 0)
        if now != seen:
            since, seen = monotonic(), now


def _writes(stack: Stack, offset: int) -> list[str]:
    """What the operator wrote in this stack since a place in the audit log."""
    found = []
    with _audit_log(stack).open("rb") as log:
        log.seek(offset)
        for line in log:
            if OPERATOR.encode() not in line:
                continue
            event = json.loads(line)
            target = event.get("objectRef", {})
            if (
                event["user"].get("username") == OPERATOR
                and event["stage"] == "ResponseComplete"
                and event["verb"] in ("create", "update", "patch", "delete")
                # Other tests' stacks may have something to do: what could not be fetched is tried again.
                and str(target.get("namespace")) in (stack.name, f"{stack.name}-integration")
            ):
                found.append(f"{event['verb']} {target.get('resource')} {target.get('namespace')}/{target.get('name')}")
    return found


def _audit_log(stack: Stack) -> Path:
    assert stack.cluster.audit_log is not None
    return stack.cluster.audit_log


def _helm_state(stack: Stack, namespace: str) -> str:
    rows = json.loads(stack.kubectl("get", "secret", "-l", "owner=helm", "-o", "json", namespace=namespace))["items"]
    return str(rows[-1]["metadata"]["labels"]["status"]) if rows else ""


def _slowly_ready(chart: Path) -> None:
    template = chart / "templates" / "app.yaml"
    text = template.read_text()
    assert "        checksum/page:" in text
    slowly = '        lockflight.dev/kwok-ready-after: "8s"\n'
    template.write_text(text.replace("        checksum/page:", f"{slowly}        checksum/page:"))
