"""A freeze that says who may let something past it is not ended by one alone."""

import pytest

from lockflight.devcluster.errors import CommandFailedError
from tests.e2e.stack import Stack, eventually

FREEZE = {
    "reason": "incident",
    "timeZone": "UTC",
    "start": "2020-01-01T00:00:00",
    "override": {"approvals": [{"role": "cab", "count": 2}]},
}


def test_two_people_lift_what_two_could_let_a_change_past(stack: Stack) -> None:
    stack.install([{"name": "integration", "tier": "Integration"}])
    stack.create("FreezeWindow", "stop", FREEZE, person="petra")
    stack.becomes("lffw", "stop", "Ready", "Active")
    lifted = stack.lockflight("freeze", "lift", "stop", "--reason", "it is mended", person="petra")
    assert "holds until approved there by 2 cab" in lifted.stdout, lifted.stderr
    promotion = f"{stack.release('1.0.0')}-integration"
    stack.reaches(promotion, "OnHold")
    eventually(lambda: stack.status("lffw", "stop").get("planDigest"), "what approvals bind to")
    entry = {"role": "cab", "decision": "Approved"}
    stack.append("alice", "lffw", "stop", "approvals", entry)
    with pytest.raises(CommandFailedError):
        stack.append("petra", "lffw", "stop", "approvals", entry)
    assert stack.status("lffw", "stop")["phase"] == "Active"
    stack.append("bob", "lffw", "stop", "approvals", entry)
    stack.reaches(promotion, "Succeeded")
    assert stack.status("lffw", "stop")["phase"] == "Lifted"
