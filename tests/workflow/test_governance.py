"""Rules under governance: what their status says, and that nothing goes past them."""

from collections.abc import Mapping
from typing import Any

from lockflight.api.common import CREATOR_ANNOTATION, EDITORS_ANNOTATION
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.workflow.deps import Options
from tests.workflow.world import PRODUCTION, FakeWorld

ROOT = Options().root_namespace
BOARD = {"approvals": [{"role": "board", "count": 2}]}
BASE = ("Environment", ROOT, "base-production")
HERE = ("Environment", "payments", "production")
Place = tuple[str, str, str]


def _put(world: FakeWorld, place: Place, spec: Mapping[str, Any], by: str = "gov") -> None:
    """Create an object, or change its spec, stamped as the API server does it."""
    kind, namespace, name = place
    try:
        raw = world.cluster.raw(*place)
    except KeyError:
        metadata: dict[str, Any] = {"name": name, "namespace": namespace, "annotations": {CREATOR_ANNOTATION: by}}
        raw = {"apiVersion": "lockflight.dev/v1alpha1", "kind": kind, "metadata": metadata}
    else:
        raw["metadata"]["annotations"][EDITORS_ANNOTATION] = by
    world.cluster.put({**raw, "spec": dict(spec)})


def _decide(world: FakeWorld, place: Place, *people: str, decision: str = "Approved") -> None:
    for who in people:
        raw = world.cluster.raw(*place)
        status = raw["status"]
        bound = {"generation": raw["metadata"]["generation"], "planDigest": status["planDigest"]}
        entry = {"role": "board", "decision": decision, "by": who, **bound}
        world.cluster.put({**raw, "status": {**status, "approvals": [*status.get("approvals", ()), entry]}})


def _status(world: FakeWorld, place: Place) -> dict[str, Any]:
    status: dict[str, Any] = world.cluster.raw(*place)["status"]
    return status


def _approved(world: FakeWorld, place: Place) -> tuple[str, str, str]:
    row = next(c for c in _status(world, place)["conditions"] if c["type"] == "Approved")
    return row["status"], row["reason"], row["message"]


async def _stack(world: FakeWorld) -> str:
    """A promotion into production that lacks nothing but approved rules."""
    _put(world, BASE, {"tier": "Production", "governance": BOARD})
    await world.environment("production", PRODUCTION)
    release = await world.release("1.0.0")
    await world.change("chg-1", release)
    promotion = await world.promote(release, "production")
    await world.settle()
    await world.approve("chg-1")
    await world.settle()
    return promotion


async def test_nothing_enters_until_both_the_environment_and_its_baseline_are_approved(fake: FakeWorld) -> None:
    promotion = await _stack(fake)
    assert await fake.gate(promotion, "Rules") == "RuleApprovalsMissing"
    _decide(fake, BASE, "ann", "ben")
    await fake.settle()
    assert await fake.gate(promotion, "Rules") == "RuleApprovalsMissing"
    _decide(fake, HERE, "ann", "ben")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_status_says_what_is_missing_and_how_to_give_it(fake: FakeWorld) -> None:
    await _stack(fake)
    for place in (BASE, HERE):
        status = _status(fake, place)
        assert status["approvalsSummary"] == "0/2 board"
        assert status["planDigest"] in status["howToApprove"]
        assert _approved(fake, place)[:2] == ("False", "RuleApprovalsMissing")
        _decide(fake, place, "ann", "ben")
    await fake.settle()
    for place in (BASE, HERE):
        assert "howToApprove" not in _status(fake, place)
        assert _approved(fake, place) == ("True", "Approved", "approved by ann, ben")


async def test_an_edit_closes_the_environment_and_says_who_edited(fake: FakeWorld) -> None:
    await _stack(fake)
    for place in (BASE, HERE):
        _decide(fake, place, "ann", "ben")
    await fake.settle()
    _put(fake, HERE, {**PRODUCTION, "timeout": "11m"}, by="eve")
    await fake.settle()
    status, _, message = _approved(fake, HERE)
    assert status == "False"
    assert "edited by eve, has 0/2 board" in message
    assert "closed until then" in message
    again = await fake.promote("payments-1.0.0", "production", name="again")
    await fake.settle()
    assert await fake.gate(again, "Rules") == "RuleApprovalsMissing"


async def test_who_may_create_releases_in_the_stack_does_not_count(fake: FakeWorld) -> None:
    fake.cluster.releasers.add("ben")
    promotion = await _stack(fake)
    for place in (BASE, HERE):
        _decide(fake, place, "ann", "ben")
    await fake.settle()
    assert (await fake.gate(promotion, "Rules"), fake.helm.calls) == ("RuleApprovalsMissing", [])
    assert "ben (board) may create releases or promotions in payments" in _approved(fake, HERE)[2]


async def test_the_approval_of_a_rule_ends_with_the_right_right_before_helm(fake: FakeWorld) -> None:
    promotion = await _stack(fake)
    _decide(fake, BASE, "ann", "ben")
    _decide(fake, HERE, "ann", "ben")
    fake.cluster.leavers.add("ann")
    await fake.settle()
    assert (await fake.gate(promotion, "Rules"), fake.helm.calls) == ("RuleApprovalsMissing", [])


async def test_an_environment_made_again_starts_without_approval(fake: FakeWorld) -> None:
    promotion = await _stack(fake)
    _decide(fake, BASE, "ann", "ben")
    _decide(fake, HERE, "ann", "ben")
    await fake.gone("Environment", "production")
    await fake.environment("production", PRODUCTION)
    await fake.settle()
    assert (await fake.gate(promotion, "Rules"), fake.helm.calls) == ("RuleApprovalsMissing", [])


async def test_taking_the_baselines_rule_away_is_approved_by_it(fake: FakeWorld) -> None:
    await _stack(fake)
    for place in (BASE, HERE):
        _decide(fake, place, "ann", "ben")
    await fake.settle()
    assert _status(fake, BASE)["governance"] == BOARD
    _put(fake, BASE, {"tier": "Production"}, by="eve")
    await fake.settle()
    assert _status(fake, BASE)["governance"] == BOARD
    assert _approved(fake, BASE)[:2] == ("False", "RuleApprovalsMissing")
    later = await fake.promote("payments-1.0.0", "production", name="later")
    await fake.settle()
    assert await fake.gate(later, "Rules") == "RuleApprovalsMissing"
    _decide(fake, BASE, "ann", "ben")
    await fake.settle()
    assert "governance" not in _status(fake, BASE)
    assert _approved(fake, HERE)[:2] == ("True", "NotApplicable")


async def test_nobody_else_may_carry_a_change_out_under_rules_that_do_not_count(fake: FakeWorld) -> None:
    _put(fake, BASE, {"tier": "Production", "governance": BOARD})
    await fake.environment("production", PRODUCTION)
    await fake.change("chg-1", await fake.release("1.0.0"))
    await fake.settle()
    await fake.approve("chg-1")
    await fake.settle()

    async def authorised() -> tuple[str, str]:
        rows = (await fake.status("ChangeRequest", "chg-1"))["conditions"]
        row = next(c for c in rows if c["type"] == "Authorized")
        return row["status"], row["reason"]

    assert await authorised() == ("False", "RuleApprovalsMissing")
    for place in (BASE, HERE):
        _decide(fake, place, "ann", "ben")
    await fake.settle()
    assert (await authorised())[0] == "True"


async def test_a_freeze_counts_at_once_and_its_edit_is_approved(fake: FakeWorld) -> None:
    promotion = await _stack(fake)
    place = ("FreezeWindow", ROOT, "year-end")
    spec = {"reason": "year end", "timeZone": "UTC", "start": "2020-12-18T18:00:00"}
    _put(fake, place, spec)
    await fake.settle()
    assert _approved(fake, place)[:2] == ("True", "CountsAtOnce")
    assert _status(fake, place)["governance"] == BOARD
    for rule in (BASE, HERE):
        _decide(fake, rule, "ann", "ben")
    await fake.settle()
    assert await fake.gate(promotion, "Freeze") == "FreezeActive"
    _put(fake, place, {**spec, "lift": {"reason": "enough"}}, by="eve")
    await fake.settle()
    assert _approved(fake, place)[:2] == ("False", "RuleApprovalsMissing")
    assert (await fake.gate(promotion, "Rules"), fake.helm.calls) == ("RuleApprovalsMissing", [])
    _decide(fake, place, "ann", "ben")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_calendar_that_an_environment_follows_is_approved_too(fake: FakeWorld) -> None:
    place = ("ReleaseCalendar", "payments", "weekly")
    _put(fake, place, {"timeZone": "UTC", "sprint": {"start": "2020-01-06"}})
    promotion = await _stack(fake)
    _put(fake, HERE, {**PRODUCTION, "calendarRef": {"name": "weekly"}})
    await fake.settle()
    for rule in (BASE, HERE):
        _decide(fake, rule, "ann", "ben")
    await fake.settle()
    said = (await fake.status("Promotion", promotion))["gates"]
    rules = next(row for row in said if row["name"] == "Rules")
    assert "ReleaseCalendar payments/weekly has 0/2 board" in rules["message"]
    _decide(fake, place, "ann", "ben")
    await fake.settle()
    assert _approved(fake, place)[0] == "True"
    assert await fake.gate(promotion, "Rules") == "Passed"


async def test_without_governance_status_says_nothing_about_approvals(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.freeze()
    _put(fake, ("ReleaseCalendar", "payments", "weekly"), {"timeZone": "UTC", "sprint": {"start": "2020-01-06"}})
    await fake.settle()
    for kind in (Environment, FreezeWindow, ReleaseCalendar):
        for rule in fake.process.store.of(kind):
            assert (rule.status.plan_digest, rule.status.governance) == (None, None)
            assert all(c.type != "Approved" for c in rule.status.conditions)
