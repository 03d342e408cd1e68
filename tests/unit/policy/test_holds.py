"""What a person holds in an environment, and what is retired."""

from dataclasses import replace
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.promotion import Outcome
from lockflight.policy.effective import effective
from lockflight.policy.model import Snapshot
from tests.unit.policy.builders import FIVE, ROOT, environment, passage, promotion, release, verdict, world

WHY = {"reason": "INC-77"}
PRODUCTION = {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 2}]}}}


def where(baseline: dict[str, Any] | None = None, action: str = "Deploy", **spec: Any) -> Snapshot:
    """Production with this spec, under a baseline where one is given."""
    place = environment("production", "Production", **spec)
    base = environment("base", "Production", ROOT, **baseline) if baseline is not None else None
    s = world(environment=place, promotion=promotion(action=action))
    return replace(s, effective=effective(place, base, (*FIVE[:4], place)))


@pytest.mark.parametrize("action", ["Deploy", "Rollback"])
@pytest.mark.parametrize(
    ("reason", "s"),
    [
        (reasons.ENVIRONMENT_HELD, {"hold": WHY}),
        (reasons.ENVIRONMENT_HELD, {"baseline": {"hold": WHY}}),
        (reasons.APPLICATION_HELD, {"applications": {"payments": {"hold": WHY}}}),
        (
            reasons.APPLICATION_HELD,
            {
                "baseline": {"applications": {"payments": {"hold": WHY}}},
                "applications": {"payments": {"values": {"a": 1}}},
            },
        ),
    ],
)
def test_a_hold_keeps_everything_there(action: str, reason: str, s: dict[str, Any]) -> None:
    found = verdict(reasons.HOLD, where(action=action, **s))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reason)
    assert "INC-77" in found.message


def test_a_hold_on_another_application_keeps_nothing() -> None:
    assert verdict(reasons.HOLD, where(applications={"ledger": {"hold": WHY}})).open


def test_a_hold_counts_in_a_local_environment_too() -> None:
    held = environment("local", "Local", hold=WHY)
    s = world(environment=held, promotion=promotion(to="local"), changes=())
    assert verdict(reasons.HOLD, s).reason == reasons.ENVIRONMENT_HELD


def test_a_hold_voids_no_approval() -> None:
    assert verdict(reasons.CHANGE_CONTROL, where(hold=WHY)).open


@pytest.mark.parametrize("action", ["Deploy", "Rollback"])
def test_into_what_is_retired_nothing_enters(action: str) -> None:
    found = verdict(reasons.RULES, where(action=action, retired=True))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.RETIRED)


def upstream(**uat: Any) -> tuple[Any, ...]:
    return (*FIVE[:3], environment("uat", "UAT", **uat), FIVE[4])


def test_a_release_that_did_not_pass_what_is_retired_is_told_so() -> None:
    s = world(stack_environments=upstream(retired=True), release=release(passed=()))
    found = verdict(reasons.ORDER, s)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.UPSTREAM_RETIRED)
    assert "spec.promotesFrom of production" in found.message


def test_what_was_passed_before_it_was_retired_counts() -> None:
    assert verdict(reasons.ORDER, world(stack_environments=upstream(retired=True))).open


def test_a_proof_of_a_deleted_environment_of_that_name_is_said_to_be_none() -> None:
    s = world(release=release(passed=(passage("uat", environment_uid="another"),)))
    assert "another uat, which was deleted" in verdict(reasons.ORDER, s).message


def test_a_promotion_to_what_does_not_exist_says_what_to_do() -> None:
    s = replace(world(), environment=None, effective=None)
    assert "lockflight abort" in verdict(reasons.ORDER, s).message
