"""What is approved of an activity, how risky it is, and the steps of its life."""

import itertools
from typing import Any

import pytest

from lockflight.api.changerequest import ChangePhase, ChangePlan, ChangeRequest
from lockflight.api.common import RiskLevel, RoleCount, Tier
from lockflight.policy import activity as policy
from lockflight.policy.conflicts import conflicts
from lockflight.policy.effective import effective
from lockflight.policy.lifecycle import state
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.standing import standing
from lockflight.policy.steps import reachable
from lockflight.policy.verdicts import passed, waiting
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    STACK,
    TWO_OF_CAB,
    approval,
    change,
    environment,
    hours,
    promotion,
    reviewed,
)

PRODUCTION = effective(environment(), None, FIVE)
EXERCISE = {"kind": "DRExercise", "description": "Fail over and back.", "duration": "2h"}
P = ChangePhase


def exercise(name: str = "chg-1", *, start: float = -1, end: float = 3, **spec: Any) -> ChangeRequest:
    """An activity; times in hours from now."""
    given = {
        "activity": EXERCISE,
        "schedule": {"start": NOW + hours(start), "end": NOW + hours(end)},
        "rollbackPlan": {"strategy": "Manual", "steps": ["fail back"]},
        **spec,
    }
    return change(name, release_name="none", releaseRef=None, **given)


def plan(made: ChangeRequest, **rules: object) -> ChangePlan:
    assert made.spec.activity is not None
    return policy.plan(made, made.spec.activity, PRODUCTION, rules)


@pytest.mark.parametrize(
    "other",
    [
        {"activity": EXERCISE | {"description": "Fail over and stay."}},
        {"activity": EXERCISE | {"kind": "Infrastructure"}},
        {"activity": EXERCISE | {"duration": "3h"}},
        {"activity": EXERCISE | {"applications": ["ledger"]}},
        {"end": 4},
        {"rollbackPlan": {"strategy": "Manual", "steps": ["hope"]}},
    ],
    ids=str,
)
def test_whatever_is_done_another_way_is_another_plan(other: dict[str, Any]) -> None:
    assert plan(exercise(**other)).digest != plan(exercise()).digest


def test_the_rules_relied_upon_are_part_of_the_plan_and_the_title_is_not() -> None:
    assert plan(exercise(), soak="1h").digest != plan(exercise()).digest
    assert plan(exercise(title="Another")).digest == plan(exercise()).digest


@pytest.mark.parametrize("tier", Tier, ids=str)
def test_in_production_the_risk_is_medium_at_least(tier: Tier) -> None:
    assert policy.risk(tier).level is (RiskLevel.MEDIUM if tier is Tier.PRODUCTION else RiskLevel.LOW)


def test_one_that_names_no_application_touches_all_of_the_stack() -> None:
    made = exercise()
    assert made.spec.activity is not None
    around = Snapshot(stack=STACK, promotion=promotion())
    found = policy.targets(made, made.spec.activity, around, ["payments", "ledger", "payments"])
    assert [s.release.spec.application for s in found if s.release] == ["ledger", "payments"]
    named = exercise(activity=EXERCISE | {"applications": ["fx"]})
    assert named.spec.activity is not None
    (only,) = policy.targets(named, named.spec.activity, around, ["payments"])
    assert only.release is not None
    assert only.release.spec.application == "fx"
    assert only.changes == (named,)


@pytest.mark.parametrize(
    ("verdict", "phase"), [(passed(), P.IMPLEMENT), (waiting("Frozen", "a freeze"), P.SCHEDULED)], ids=["open", "shut"]
)
def test_it_begins_when_it_may(verdict: Verdict, phase: ChangePhase) -> None:
    made = exercise()
    assert policy.begun(made, made.status, verdict).phase is phase
    release = change()
    assert policy.begun(release, release.status, verdict).phase is P.SCHEDULED


def lived(before: ChangePhase, made: ChangeRequest) -> ChangePhase:
    """The phase after one look at a change that was in ``before``."""
    made = made.model_copy(update={"status": made.status.model_copy(update={"phase": before})})
    digest, cab = made.status.plan_digest, (RoleCount(role="cab", count=2),)
    found = standing(made, cab, "168h", release=None, plan_digest=digest, now=NOW, unentitled={})
    return state(made, found, None, (), (), NOW).phase


def test_whatever_is_observed_no_illegal_step_is_taken() -> None:
    words = ((), TWO_OF_CAB, (approval("alice@example", decision="Rejected"),))
    for before, span, given, cancel, hold, review in itertools.product(
        P, ((1, 2), (-1, 1), (-2, -1)), words, (False, True), (False, True), (False, True)
    ):
        made = exercise(
            start=span[0],
            end=span[1],
            approvals=given,
            cancel={"reason": "no"} if cancel else None,
            hold={"reason": "wait"} if hold else None,
            review=[reviewed()] if review else (),
        )
        after = lived(before, made)
        assert after in reachable(before)
        if before is P.IMPLEMENT:
            assert after in (P.IMPLEMENT, P.REVIEW, P.CLOSED)
            assert (after is P.IMPLEMENT) == (span != (-2, -1) and not cancel)
        if before not in (P.IMPLEMENT, P.REVIEW):
            # Only the condition Authorized begins it.
            assert after not in (P.IMPLEMENT, P.REVIEW, P.CLOSED) or before is after


APPS = {"payments-2.4.0": "payments", "ledger-1.0.0": "ledger"}


@pytest.mark.parametrize(
    ("applications", "others"),
    [([], ["one", "two"]), (["ledger"], ["two"]), (["fx"], [])],
    ids=["all", "ledger", "another"],
)
def test_it_conflicts_with_what_it_touches(applications: list[str], others: list[str]) -> None:
    schedule = {"start": NOW, "end": NOW + hours(1)}
    one, two = change("one", schedule=schedule), change("two", release_name="ledger-1.0.0", schedule=schedule)
    mine = exercise(activity=EXERCISE | {"applications": applications})
    assert [row.change for row in conflicts(mine, [one, two, mine], APPS)] == others
    assert ["chg-1" in [row.change for row in conflicts(o, [one, two, mine], APPS)] for o in (one, two)] == [
        "one" in others,
        "two" in others,
    ]
