"""The gate Drift, and what an Environment may ask of it."""

from dataclasses import replace
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.drift import DriftRules, TakenOver
from lockflight.api.promotion import Outcome
from lockflight.policy.drift import Drift, FieldDrift, drift_of
from lockflight.policy.driftrules import watched, watched_more
from lockflight.policy.effective import effective
from lockflight.policy.facts import Ref
from lockflight.policy.labels import short
from lockflight.policy.model import PlanProblem, Snapshot
from tests.unit.policy.builders import change, environment, verdict, world

SCALED = FieldDrift(Ref("apps/v1", "Deployment", "payments"), "/spec/replicas", "is 5, promoted was 3", "x")
DRIFT = drift_of([SCALED], "payments-production", "payments-api:1")


def taking_over(digest: str, where: str = "production") -> Snapshot:
    mine = change()
    spec = mine.spec.model_copy(update={"takes_over": (TakenOver(environment=where, drift=digest),)})
    return world(drift=DRIFT, changes=(mine.model_copy(update={"spec": spec}),))


def test_what_is_as_it_was_promoted_passes() -> None:
    assert verdict(reasons.DRIFT, world()).outcome is Outcome.PASSED


def test_drift_closes_it_and_says_what_to_do() -> None:
    found = verdict(reasons.DRIFT, world(drift=DRIFT))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.DRIFT_FOUND)
    assert "Deployment payments /spec/replicas is 5, promoted was 3" in found.message
    assert "lockflight drift take-over production" in found.message
    assert found.retry_at is not None


@pytest.mark.parametrize("unknown", [None, PlanProblem("CannotTell", "no answer")])
def test_what_cannot_be_compared_is_closed(unknown: Any) -> None:
    found = verdict(reasons.DRIFT, world(drift=unknown))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CANNOT_TELL)


def test_a_change_takes_over_exactly_the_drift_that_it_names() -> None:
    assert verdict(reasons.DRIFT, taking_over(DRIFT.digest)).reason == reasons.TAKEN_OVER


def test_what_drifted_further_is_not_taken_over() -> None:
    found = verdict(reasons.DRIFT, taking_over("sha256:" + "0" * 64))
    assert (found.open, found.reason) == (False, reasons.DRIFT_CHANGED)


def test_drift_of_another_environment_is_not_taken_over_here() -> None:
    assert verdict(reasons.DRIFT, taking_over(DRIFT.digest, "uat")).reason == reasons.DRIFT_FOUND


def test_the_release_that_runs_may_be_applied_again() -> None:
    s = world(drift=DRIFT)
    assert s.release is not None
    digest = short(s.release.status.digest or "")
    again = replace(s, revisions=tuple(replace(r, release_digest=digest) for r in s.revisions))
    assert verdict(reasons.DRIFT, again).reason == reasons.PUT_BACK


def test_where_it_is_off_the_gate_has_nothing_to_say() -> None:
    off = environment("production", drift={"mode": "Off"})
    assert off.spec.drift is not None
    s = world(drift=DRIFT)
    assert s.effective is not None
    spec = s.effective.spec.model_copy(update={"drift": off.spec.drift})
    found = verdict(reasons.DRIFT, replace(s, effective=replace(s.effective, spec=spec)))
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_what_lockflight_itself_left_half_done_holds_nothing_up() -> None:
    found = verdict(reasons.DRIFT, world(drift=Drift(unfinished=("payments-api",))))
    assert found.open


def rules(mode: str | None = None, interval: str | None = None, ignore: list[str] | None = None) -> DriftRules:
    return DriftRules.model_validate({"mode": mode, "interval": interval, "ignore": ignore})


@pytest.mark.parametrize(
    ("mine", "base", "refused"),
    [
        (rules("Off"), rules("Detect"), "drift.mode"),
        (rules("Detect"), rules("Correct"), "drift.mode"),
        (rules(interval="10m"), rules(interval="5m"), "drift.interval"),
        (rules(ignore=["/spec/replicas"]), rules(ignore=[]), "drift.ignore"),
        (rules(ignore=["/spec/replicas"]), rules(ignore=["/spec/paused"]), "drift.ignore"),
    ],
)
def test_what_is_looser_than_the_baseline_is_refused(mine: DriftRules, base: DriftRules, refused: str) -> None:
    said: list[str] = []
    found = watched_more(mine, base, lambda name, _, __: said.append(name))
    assert said == [refused]
    assert found is not None
    assert (found.mode, found.interval) == (base.mode, base.interval)


@pytest.mark.parametrize(
    ("mine", "base", "expected"),
    [
        (rules("Correct", "1m"), rules("Detect", "5m"), rules("Correct", "1m")),
        (rules(ignore=["/spec/replicas"]), rules("Detect"), rules("Detect", ignore=["/spec/replicas"])),
        (rules("Correct"), rules("Detect", ignore=["/spec/paused"]), rules("Correct", ignore=["/spec/paused"])),
        (rules(ignore=[]), rules("Detect", ignore=["/spec/paused"]), rules("Detect", ignore=[])),
    ],
)
def test_what_is_stricter_holds(mine: DriftRules, base: DriftRules, expected: DriftRules) -> None:
    said: list[str] = []
    assert watched_more(mine, base, lambda name, _, __: said.append(name)) == expected
    assert said == []


@pytest.mark.parametrize(
    ("tier", "asked", "bound"),
    [
        ("Production", None, {}),
        ("Production", {"mode": "Correct", "interval": "1m"}, {}),
        ("Production", {"ignore": ["/spec/replicas"]}, {"mode": "Detect", "ignore": ["/spec/replicas"]}),
        ("UAT", None, {}),
        ("UAT", {"mode": "Detect"}, {"mode": "Detect", "ignore": []}),
        ("UAT", {"ignore": ["/spec/replicas"]}, {}),
    ],
)
def test_what_a_decision_relies_on_is_part_of_the_plan(tier: str, asked: Any, bound: dict[str, Any]) -> None:
    where = environment("here", tier, **({"drift": asked} if asked else {}))
    governed = effective(where, None, (where,))
    assert watched(governed.spec).get("drift", {}) == bound
