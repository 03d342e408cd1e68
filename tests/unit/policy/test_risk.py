"""The risk of a change: what it follows from, who must approve because of it, and when an approval is outgrown."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.changerequest import DeclaredRisk, Observed
from lockflight.api.common import RiskLevel, Tier
from lockflight.api.promotion import Action, Outcome, Phase
from lockflight.policy.assessment import base_of, change_base
from lockflight.policy.delta import Delta, Move, Step, Touched
from lockflight.policy.risk import Facts, computed, declared, history, rehearsals
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    change,
    environment,
    hours,
    passage,
    planned,
    promotion,
    release,
    revision,
    use,
    verdict,
    world,
)

PATCH = Delta(Move("", "1.0.0", "1.0.1", Step.PATCH), objects=(Touched("Deployment", "app", "changed"),))
TIERS = {e.metadata.name: e.spec.tier for e in FIVE}


def facts(**given_: Any) -> Facts:
    return Facts(**{"tier": Tier.PRODUCTION, "delta": PATCH, **given_})


def touching(*kinds: str) -> Delta:
    return replace(PATCH, objects=tuple(Touched(kind, "x", "changed") for kind in kinds))


@pytest.mark.parametrize(
    ("given_", "level", "reason"),
    [
        ({}, "Low", "+1 tier Production"),
        ({}, "Low", "+1 taking it back was not rehearsed in a lower environment"),
        ({"failed": 1, "ended": 4}, "Medium", "+1 1 of the last 4 promotions here failed"),
        ({"failed": 3, "ended": 4}, "Medium", "+2 3 of the last 4"),
        (
            {"delta": replace(PATCH, version=Move("", "1.0.0", "1.1.0", Step.MINOR))},
            "Medium",
            "+1 version 1.0.0 → 1.1.0",
        ),
        ({"delta": replace(PATCH, version=Move("", "1.0.0", "2.0.0", Step.MAJOR))}, "Medium", "+2 version"),
        ({"delta": touching("RoleBinding")}, "Medium", "+2 access: RoleBinding x changed"),
        ({"delta": touching("PersistentVolumeClaim")}, "Medium", "+2 data: PersistentVolumeClaim x changed"),
        ({"delta": touching("Ingress")}, "Medium", "+1 network"),
        ({"delta": touching("Secret", "StatefulSet")}, "High", "+2 access"),
        ({"delta": touching(*["ConfigMap"] * 4)}, "Medium", "+1 4 objects change"),
        ({"delta": touching(*["ConfigMap"] * 11)}, "Medium", "+2 11 objects change"),
        ({"delta": replace(PATCH, first=True)}, "Medium", "+2 first deployment"),
        ({"delta": replace(touching("ServiceAccount", "Service", "Secret"), first=True)}, "Medium", "+2 first"),
        ({"delta": replace(touching("RoleBinding", "Service"), first=True)}, "High", "+2 access: RoleBinding"),
        ({"delta": replace(PATCH, replaced=("component web added",))}, "Medium", "+1 component web added"),
        ({"delta": replace(PATCH, unstable=("app",))}, "Medium", "+1 app renders differently"),
        ({"delta": replace(PATCH, steps=("step load, taken by others",))}, "Medium", "+2 step load, taken by others"),
        ({"irreversible": ("db",)}, "High", "High: db cannot be taken back"),
        ({"delta": "no answer"}, "High", "what changes is not known: no answer"),
    ],
)
def test_what_raises_the_risk_is_said(given_: dict[str, Any], level: str, reason: str) -> None:
    found = computed(facts(**given_))
    assert found.level == level
    assert any(words.startswith(reason) for words in found.reasons)


def test_a_rehearsed_patch_below_production_has_no_point() -> None:
    assert computed(facts(tier=Tier.UAT, rehearsed=("system-test",))) == computed(
        facts(tier=Tier.LOCAL, rehearsed=("system-test",))
    )
    assert computed(facts(tier=Tier.UAT, rehearsed=("system-test",))).reasons == ()


@given(
    st.integers(0, 10),
    st.lists(st.sampled_from(["Deployment", "Secret", "StatefulSet", "Ingress", "ConfigMap"]), max_size=14),
    st.sampled_from(["Deployment", "Secret", "StatefulSet", "Ingress", "ConfigMap"]),
)
def test_more_failures_and_more_objects_never_lower_the_risk(failed: int, kinds: list[str], more: str) -> None:
    less = computed(facts(failed=failed, ended=10, delta=touching(*kinds))).level.rank
    assert computed(facts(failed=failed + 1, ended=10, delta=touching(*kinds))).level.rank >= less
    assert computed(facts(failed=failed, ended=10, delta=touching(*kinds, more))).level.rank >= less


@pytest.mark.parametrize(
    ("impact", "likelihood", "level"),
    [
        ("Low", "Low", "Low"),
        ("Low", "Medium", "Medium"),
        ("Medium", "Medium", "Medium"),
        ("High", "Low", "Medium"),
        ("Low", "High", "Medium"),
        ("Medium", "High", "High"),
        ("High", "High", "High"),
    ],
)
def test_declared_risk_is_impact_by_likelihood(impact: str, likelihood: str, level: str) -> None:
    assert declared(DeclaredRisk(impact=RiskLevel(impact), likelihood=RiskLevel(likelihood))) == level


def ran(name: str, phase: Phase, **given_: Any) -> Any:
    return promotion(name, phase=phase, started=NOW - hours(1), **given_)


def test_the_history_is_that_of_ten_deployments_here_and_not_of_the_change_itself() -> None:
    old = [ran(f"p{n}", Phase.FAILED, created=NOW - hours(99)) for n in range(3)]
    new = [promotion(f"q{n}", phase=Phase.SUCCEEDED, started=NOW - hours(0.5)) for n in range(9)]
    elsewhere = ran("e", Phase.FAILED, to="uat")
    back = ran("b", Phase.FAILED, action="Rollback")
    waiting = promotion("w", phase=Phase.REJECTED)
    assert history([*old, *new, elsewhere, back, waiting], "production") == (1, 10)
    assert history(old, "production", {"uid-p0"}) == (2, 2)


def test_going_back_was_rehearsed_where_the_release_was_taken_back_below() -> None:
    made = release(passed=(passage("system-test"), passage("uat")))
    by_itself = ran("a", Phase.ROLLED_BACK, to="system-test")
    by_people = ran(
        "b", Phase.SUCCEEDED, to="uat", release_name="payments-2.3.1", action="Rollback", deployed=NOW - hours(1)
    )
    too_early = ran(
        "c", Phase.SUCCEEDED, to="uat", release_name="payments-2.3.1", action="Rollback", deployed=NOW - hours(99)
    )
    of_another = ran("d", Phase.ROLLED_BACK, to="uat", release_name="payments-2.3.1")
    here = ran("e", Phase.ROLLED_BACK)
    assert by_people.spec.action is Action.ROLLBACK
    assert rehearsals(made, [by_itself, by_people], TIERS, Tier.PRODUCTION) == ("system-test", "uat")
    assert rehearsals(made, [too_early, of_another, here], TIERS, Tier.PRODUCTION) == ()


@pytest.mark.parametrize("risk", [None, {"impact": "Low", "likelihood": "Low"}, {"assessment": "  "}])
def test_without_an_assessment_nothing_starts(risk: object) -> None:
    found = verdict(reasons.RISK, world(changes=(change(risk=risk),)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.ASSESSMENT_MISSING)


def test_the_gate_tells_the_risk_and_why() -> None:
    found = verdict(reasons.RISK, world())
    assert found.outcome is Outcome.PASSED
    assert found.message.startswith("risk Medium: computed Medium here; +1 tier Production")


def test_what_runs_must_be_known() -> None:
    found = verdict(reasons.RISK, world(running=None))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CANNOT_TELL)


HIGH = {"impact": "High", "likelihood": "High", "assessment": "a lot"}


def strict() -> Any:
    rule = {"approvals": [{"role": "cab", "count": 2}], "highRisk": [{"role": "cab", "count": 3}]}
    return (*FIVE[:-1], environment("production", changeControl={"normal": rule}))


def test_high_risk_asks_for_more_people() -> None:
    assert verdict(reasons.CHANGE_CONTROL, world(stack_environments=strict())).outcome is Outcome.PASSED
    risky = world(stack_environments=strict(), changes=(change(risk=HIGH),))
    found = verdict(reasons.CHANGE_CONTROL, risky)
    assert found.reason == reasons.APPROVALS_MISSING
    assert "2/3 cab" in found.message


def test_what_is_computed_counts_where_people_declared_less() -> None:
    humble = change(risk={"impact": "Low", "likelihood": "Low", "assessment": "none"})
    s = world(stack_environments=strict(), changes=(humble,), plan=planned(reversible=False))
    assert "2/3 cab" in verdict(reasons.CHANGE_CONTROL, s).message


def seen(base: str, risk: str) -> Any:
    """The world's change, whose approvals were given on that base and risk."""
    made = change()
    observed = tuple(
        Observed.model_validate({"index": i, "at": NOW - hours(1), "risk": risk, "base": base}) for i in range(2)
    )
    return made.model_copy(update={"status": made.status.model_copy(update={"observed": observed})})


NOW_BASE = change_base(change().status.plans, {"production": base_of((revision(),))})
OLD_BASE = change_base(change().status.plans, {"production": base_of((revision(version="2.2.0", plan="x"),))})


@pytest.mark.parametrize(
    ("base", "risk", "reason"),
    [
        (NOW_BASE, "Low", reasons.PASSED),
        (OLD_BASE, "Medium", reasons.PASSED),
        (OLD_BASE, "High", reasons.PASSED),
        (OLD_BASE, "Low", reasons.APPROVALS_MISSING),
    ],
)
def test_an_approval_is_outgrown_only_where_what_runs_changed_and_the_risk_rose(
    base: str, risk: str, reason: str
) -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(seen(base, risk),)))
    assert found.reason == reason
    if reason != reasons.PASSED:
        assert "spoke of a lower risk: what runs changed since" in found.message


def test_what_the_change_itself_did_outgrows_nothing() -> None:
    made = seen(change_base(change().status.plans, {}), "Low")
    used = made.model_copy(update={"status": made.status.model_copy(update={"used_by": (use("uid-earlier"),)})})
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(used,))).outcome is Outcome.PASSED
