"""A change without a release: a pipeline waits for the board's word, and an edit takes that word back."""

from datetime import UTC, datetime, timedelta

import pytest

from lockflight.devcluster.errors import CommandFailedError
from tests.e2e.stack import Stack, eventually

ENVIRONMENTS = [
    {
        "name": "production",
        "tier": "Production",
        "spec": {"promotesFrom": [], "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 2}]}}},
    }
]
EXERCISE = {"kind": "DRExercise", "description": "Fail over and back.", "duration": "1h"}


def raised(stack: Stack, start: float) -> None:
    """An exercise in production that may begin in ``start`` hours, planned."""
    stack.install(ENVIRONMENTS)
    now = datetime.now(UTC).replace(microsecond=0)
    spec = {
        "type": "Normal",
        "title": "exercise",
        "reason": "once a year",
        "activity": EXERCISE,
        "environments": ["production"],
        "risk": {"assessment": "done last year"},
        "rollbackPlan": {"strategy": "Manual", "steps": ["fail back"]},
        "schedule": {
            "start": (now + timedelta(hours=start)).isoformat(),
            "end": (now + timedelta(hours=6)).isoformat(),
        },
    }
    stack.create("ChangeRequest", "dr", spec)
    eventually(lambda: stack.status("lfchg", "dr").get("planDigest"), "a plan")


def test_a_pipeline_waits_until_an_exercise_is_authorised(stack: Stack) -> None:
    raised(stack, 0)
    stack.approve("dr", "alice")
    needs = "needs 1 more of role cab"
    eventually(lambda: needs in stack.condition("lfchg", "dr", "Authorized").get("message", ""), needs)
    assert stack.condition("lfchg", "dr", "Authorized")["reason"] == "NotAuthorized"
    stack.approve("dr", "bob")
    waited = stack.lockflight("wait", "dr", "--timeout", "60s", person="jo")
    assert "change dr is Authorized" in waited.stdout, waited.stderr
    assert stack.status("lfchg", "dr")["phase"] == "Implement"

    freeze = {"reason": "incident", "timeZone": "UTC", "start": "2020-01-01T00:00:00"}
    stack.create("FreezeWindow", "stop", freeze, person="alice")
    stack.becomes("lfchg", "dr", "Authorized", "FreezeActive")

    # What may have begun stays as it was approved.
    patch = '{"spec":{"activity":{"description":"Fail over and stay."}}}'
    with pytest.raises(CommandFailedError) as refusal:
        stack.kubectl("patch", "lfchg", "dr", "--type=merge", "-p", patch, person="jo")
    assert "what may have begun already" in refusal.value.stderr


def test_an_edit_after_the_approval_voids_it(stack: Stack) -> None:
    raised(stack, 2)
    stack.approve("dr", "alice", "bob")
    eventually(lambda: stack.status("lfchg", "dr").get("phase") == "Scheduled", "the approval")
    patch = '{"spec":{"activity":{"description":"Fail over and stay."}}}'
    stack.kubectl("patch", "lfchg", "dr", "--type=merge", "-p", patch, person="jo")
    eventually(lambda: stack.status("lfchg", "dr").get("phase") == "Authorize", "the approvals to be void")
    assert stack.condition("lfchg", "dr", "Authorized")["status"] == "False"
    assert stack.status("lfchg", "dr")["approvalsSummary"] == "0/2 cab"
