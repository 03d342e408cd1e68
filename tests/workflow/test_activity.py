"""Changes without a release: the same board, and a condition that others act on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lockflight.api.auditrecord import AuditAction
from lockflight.workflow.selftest import APPROVALS
from tests.workflow.test_authorised import authorized
from tests.workflow.world import PRODUCTION, FakeWorld

EXERCISE = {"kind": "DRExercise", "description": "Fail over and back.", "duration": "2h"}


async def raised(fake: FakeWorld, start: float = 1, end: float = 4, **activity: object) -> None:
    """An exercise in production, planned, that nobody approved yet; times in hours from now."""
    await fake.environment("production", PRODUCTION)
    now = fake.clock.now()
    spec = {
        "type": "Normal",
        "title": "exercise",
        "reason": "once a year",
        "activity": EXERCISE | activity,
        "environments": ["production"],
        "risk": {"assessment": "done last year"},
        "rollbackPlan": {"strategy": "Manual", "steps": ["fail back"]},
        "schedule": {
            "start": (now + timedelta(hours=start)).isoformat(),
            "end": (now + timedelta(hours=end)).isoformat(),
        },
    }
    await fake.create("ChangeRequest", "chg-1", spec)
    await fake.settle()


async def status(fake: FakeWorld) -> Mapping[str, Any]:
    return await fake.status("ChangeRequest", "chg-1")


async def test_it_lives_as_a_release_does(fake: FakeWorld) -> None:
    await raised(fake)
    found = await status(fake)
    assert found["subject"] == "DRExercise"
    assert (found["phase"], found["approvalsSummary"], found["risk"]["effective"]) == ("Authorize", "0/1 cab", "Medium")
    assert "Fail over and back." in found["plans"][0]["summary"]
    await fake.approve("chg-1")
    await fake.settle()
    assert (await status(fake))["phase"] == "Scheduled"
    assert await authorized(fake) == ("False", "ScheduleNotBegun")
    await fake.later(hours=1)
    found = await status(fake)
    assert await authorized(fake) == ("True", "Authorized")
    assert (found["phase"], found["inUse"]) == ("Implement", True)
    await fake.later(hours=3)
    assert (await status(fake))["phase"] == "Review"
    assert (await authorized(fake))[0] == "False"
    review = {"role": "cab", "outcome": "Successful", "summary": "as planned", "by": "alice", "generation": 1}
    await fake.write_status("ChangeRequest", "chg-1", {"review": [review]})
    await fake.settle()
    assert (await status(fake))["phase"] == "Closed"
    sealed = fake.records(AuditAction.FINISHED)[-1].spec.facts
    assert sealed["activity"]["kind"] == "DRExercise"


async def test_an_edited_activity_is_approved_anew(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    await fake.approve("chg-1")
    await fake.edit("ChangeRequest", "chg-1", activity=EXERCISE | {"description": "Fail over and stay."})
    await fake.settle()
    assert (await status(fake))["phase"] == "Authorize"
    assert (await authorized(fake))[0] == "False"


async def test_a_rule_that_changes_after_approval_makes_another_plan(fake: FakeWorld) -> None:
    await raised(fake)
    await fake.approve("chg-1")
    await fake.settle()
    before = (await status(fake))["planDigest"]
    control = {"normal": {"approvals": [{"role": "cab", "count": 1}], "validFor": "24h"}}
    await fake.edit("Environment", "production", changeControl=control)
    await fake.settle()
    found = await status(fake)
    assert found["planDigest"] != before
    assert found["phase"] == "Authorize"


async def test_one_that_never_could_begin_expires(fake: FakeWorld) -> None:
    await raised(fake)
    await fake.later(hours=4)
    assert (await status(fake))["phase"] == "Expired"


async def test_frozen_all_along_it_expires_too(fake: FakeWorld) -> None:
    await raised(fake)
    await fake.approve("chg-1")
    await fake.freeze()
    await fake.settle()
    await fake.later(hours=1)
    assert ((await status(fake))["phase"], (await authorized(fake))[1]) == ("Scheduled", "FreezeActive")
    await fake.later(hours=3)
    assert (await status(fake))["phase"] == "Expired"


async def test_a_freeze_of_any_application_holds_one_that_names_none(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    await fake.release("1.0.0")
    await fake.approve("chg-1")
    freeze = {"reason": "stop", "timeZone": "UTC", "start": "2020-01-01T00:00:00"}
    await fake.create("FreezeWindow", "other", {**freeze, "applications": ["ledger"]})
    await fake.settle()
    assert await authorized(fake) == ("True", "Authorized")
    await fake.create("FreezeWindow", "ours", {**freeze, "applications": ["payments"]})
    await fake.settle()
    assert await authorized(fake) == ("False", "FreezeActive")


async def test_it_does_not_begin_when_a_freeze_would_catch_it(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    begin = (fake.clock.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    await fake.create("FreezeWindow", "soon", {"reason": "stop", "timeZone": "UTC", "start": begin})
    await fake.approve("chg-1")
    await fake.settle()
    assert await authorized(fake) == ("False", "FreezeAhead")


async def test_who_lost_the_right_is_noticed_within_a_minute(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    await fake.approve("chg-1")
    await fake.settle()
    assert await authorized(fake) == ("True", "Authorized")
    fake.cluster.leavers.add("alice")
    await fake.later(minutes=1)
    assert (await authorized(fake))[0] == "False"
    # It may have begun, so it is neither new nor expired.
    assert (await status(fake))["phase"] == "Implement"


async def test_nobody_begins_while_approvals_could_be_forged(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    await fake.approve("chg-1")
    fake.admission.let_through.add(APPROVALS)
    await fake.settle()
    assert await authorized(fake) == ("False", "PoliciesNotInForce")
    fake.admission.let_through.clear()
    await fake.later(seconds=30)
    assert await authorized(fake) == ("True", "Authorized")
    forged = fake.admission.forged[-1]
    assert (forged.policy, forged.kind, forged.name) == (APPROVALS, "ChangeRequest", "chg-1")


async def test_cancelled_on_the_way_it_is_reviewed(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    await fake.approve("chg-1")
    await fake.settle()
    await fake.edit("ChangeRequest", "chg-1", cancel={"reason": "the second site is down"})
    await fake.settle()
    assert (await status(fake))["phase"] == "Review"
    assert (await authorized(fake))[0] == "False"


async def test_a_no_on_the_way_ends_the_permission(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    await fake.approve("chg-1")
    await fake.settle()
    await fake.approve("chg-1", "bob", "Rejected")
    await fake.settle()
    assert (await authorized(fake))[0] == "False"
    assert (await status(fake))["phase"] == "Implement"


async def test_no_promotion_runs_under_it(fake: FakeWorld) -> None:
    await raised(fake, start=-1)
    await fake.approve("chg-1")
    name = await fake.promote(await fake.release("1.0.0"), "production", changeRequestRef={"name": "chg-1"})
    await fake.settle()
    assert await fake.phase(name) == "Rejected"
    assert await fake.gate(name, "ChangeControl") == "ChangeForAnotherRelease"
