"""Environments with their baseline: inherited where left out, never looser."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.common import Tier, parse_duration
from lockflight.api.environment import Environment, ImagePolicy
from lockflight.policy.effective import TIER_DEFAULTS, effective, upstream_of
from lockflight.policy.model import Effective
from tests.unit.policy.builders import FIVE, ROOT, environment


def bare(tier: str, name: str = "here", namespace: str = "payments", **spec: Any) -> Environment:
    return Environment.model_validate(
        {"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": {"tier": tier, **spec}}
    )


def baseline(tier: str, **spec: Any) -> Environment:
    return bare(tier, f"baseline-{tier.lower()}", ROOT, **spec)


def of(where: Environment, base: Environment | None = None, stack: Sequence[Environment] = FIVE) -> Effective:
    return effective(where, base, (*stack, where))


@pytest.mark.parametrize("where", FIVE, ids=lambda e: e.metadata.name)
def test_the_five_of_the_reference_model_are_governed(where: Environment) -> None:
    assert of(where).problems == ()


def test_what_is_left_out_comes_from_the_tier() -> None:
    found = of(FIVE[2]).spec
    assert found.entry is not None
    assert found.exit is not None
    assert found.entry.tagged_only
    assert found.entry.evidence == ("static-analysis", "unit-tests", "integration-tests")
    assert [need.role for need in found.exit.sign_offs] == ["qa"]
    assert (found.auto_promote, found.timeout) == (True, "10m")


def test_a_baseline_replaces_the_defaults_and_leaves_the_rest() -> None:
    found = of(
        environment("integration", "Integration"), baseline("Integration", entry={"evidence": ["sbom"]}, soak="1h")
    )
    assert found.spec.entry is not None
    assert found.spec.entry.evidence == ("sbom",)
    assert (found.spec.soak, found.spec.timeout, found.problems) == ("1h", "10m", ())


@pytest.mark.parametrize(
    ("tier", "spec", "base", "field"),
    [
        ("Production", {"soak": "1h"}, {"soak": "24h"}, "spec.soak is 1h: allowed is at least 24h"),
        ("UAT", {"entry": {"taggedOnly": False}}, {"entry": {"taggedOnly": True}}, "spec.entry.taggedOnly is false"),
        ("SystemTest", {"entry": {"taggedOnly": False}}, {}, "spec.entry.taggedOnly is false"),
        ("UAT", {"entry": {"branches": ["hack"]}}, {"entry": {"branches": ["main"]}}, "spec.entry.branches"),
        ("UAT", {"entry": {"branches": []}}, {"entry": {"branches": ["main"]}}, "spec.entry.branches"),
        ("UAT", {"entry": {"images": {"require": "Versioned"}}}, {}, "spec.entry.images.require is Versioned"),
        (
            "Production",
            {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}}},
            {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 2}]}}},
            "spec.changeControl.normal.approvals[cab].count is 1: allowed is at least 2",
        ),
        (
            "Production",
            {"changeControl": {"normal": {"approvals": [{"role": "cab"}], "validFor": "48h"}}},
            {"changeControl": {"normal": {"approvals": [{"role": "cab"}], "validFor": "24h"}}},
            "spec.changeControl.normal.validFor is 48h: allowed is at most 24h",
        ),
        (
            "Production",
            {"changeControl": {"attempts": 5, "normal": {"approvals": [{"role": "cab"}]}}},
            {"changeControl": {"attempts": 1, "normal": {"approvals": [{"role": "cab"}]}}},
            "spec.changeControl.attempts is 5: allowed is at most 1",
        ),
        (
            "UAT",
            {"exit": {"verification": [{"name": "smoke", "helmTest": {"timeout": "1s"}}]}},
            {"exit": {"verification": [{"name": "smoke", "helmTest": {"timeout": "9m"}}]}},
            "spec.exit.verification[smoke]",
        ),
    ],
)
def test_a_looser_value_is_refused_with_field_found_and_allowed(
    tier: str, spec: dict[str, Any], base: dict[str, Any], field: str
) -> None:
    problems = of(bare(tier, **spec), baseline(tier, **base)).problems
    assert any(problem.startswith(field) and "allowed is" in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("where", "base", "missing"),
    [
        (bare("SystemTest"), None, "spec.exit.verification is empty"),
        (
            bare("SystemTest", exit={"verification": [{"name": "s", "helmTest": {}}]}),
            baseline("SystemTest", exit={"signOffs": [{"role": "dev"}]}),
            "at least one qa in tier SystemTest",
        ),
        (bare("UAT"), baseline("UAT", exit={"signOffs": []}), "at least one business in tier UAT"),
        (bare("UAT"), baseline("UAT", entry={"images": {"require": "Any"}}), "allowed is Digest in tier UAT"),
        (bare("Production"), None, "spec.changeControl is absent"),
        (bare("Production", changeControl={"attempts": 1}), None, "spec.changeControl.normal is absent"),
        (bare("UAT", changeControl={"attempts": 1}), None, "spec.changeControl.normal is absent"),
    ],
)
def test_no_baseline_lowers_the_floor_of_a_tier(where: Environment, base: Environment | None, missing: str) -> None:
    problems = of(where, base).problems
    assert any(missing in problem for problem in problems), problems


counts = st.dictionaries(st.sampled_from(["cab", "security"]), st.integers(1, 3), min_size=1).map(
    lambda found: [{"role": role, "count": count} for role, count in found.items()]
)
spans = st.sampled_from(["1h", "24h", "90m", "2d"])
specs = st.fixed_dictionaries(
    {},
    optional={
        "soak": spans,
        "entry": st.fixed_dictionaries(
            {},
            optional={
                "taggedOnly": st.booleans(),
                "evidence": st.lists(st.sampled_from(["a", "b", "c"]), unique=True),
                "images": st.fixed_dictionaries({"require": st.sampled_from(list(ImagePolicy))}),
                "branches": st.lists(st.sampled_from(["main", "develop"]), unique=True),
            },
        ),
        "exit": st.fixed_dictionaries({"signOffs": counts}),
        "changeControl": st.fixed_dictionaries(
            {"normal": st.fixed_dictionaries({"approvals": counts}, optional={"validFor": spans})},
            optional={"attempts": st.integers(1, 4)},
        ),
    },
)


@given(st.sampled_from(list(Tier)), specs, specs)
def test_what_counts_is_never_looser_than_the_baseline(tier: Tier, spec: dict[str, Any], base: dict[str, Any]) -> None:
    found = of(bare(tier, **spec), baseline(tier, **base))
    floor = of(bare(tier), baseline(tier, **base)).spec
    now = found.spec
    assert parse_duration(now.soak or "0s") >= parse_duration(floor.soak or "0s")
    mine, theirs = now.entry, floor.entry
    if theirs is not None:
        assert mine is not None
        assert mine.tagged_only or not theirs.tagged_only
        assert set(mine.evidence or ()) >= set(theirs.evidence or ())
        if theirs.images and theirs.images.require:
            assert mine.images is not None
            assert mine.images.require is not None
            assert list(ImagePolicy).index(mine.images.require) <= list(ImagePolicy).index(theirs.images.require)
        if theirs.branches and not found.problems:
            assert mine.branches
            assert set(mine.branches) <= set(theirs.branches)
    assert _holds(now.exit and now.exit.sign_offs, floor.exit and floor.exit.sign_offs)
    if floor.change_control is not None:
        assert now.change_control is not None
        assert _holds(
            now.change_control.normal and now.change_control.normal.approvals,
            floor.change_control.normal and floor.change_control.normal.approvals,
        )
        if floor.change_control.attempts:
            assert now.change_control.attempts is not None
            assert now.change_control.attempts <= floor.change_control.attempts


def _holds(mine: Any, theirs: Any) -> bool:
    have = {need.role: need.count for need in mine or ()}
    return all(have.get(need.role, 0) >= need.count for need in theirs or ())


def test_a_release_comes_from_the_nearest_lower_tier_that_the_stack_has() -> None:
    assert upstream_of(FIVE[4], FIVE) == ("uat",)
    assert upstream_of(FIVE[4], (*FIVE, environment("client-uat", "UAT"))) == ("client-uat", "uat")
    assert upstream_of(FIVE[4], (FIVE[0], FIVE[1], FIVE[4])) == ("integration",)
    assert upstream_of(FIVE[1], FIVE) == ()
    assert upstream_of(environment(promotesFrom=[]), FIVE) == ()


@pytest.mark.parametrize(
    ("promotes_from", "said"),
    [
        (
            ["staging"],
            "spec.promotesFrom is staging: allowed is an environment of this stack: integration, local, production,",
        ),
        (["production"], "of tier Production: allowed is tier UAT or lower"),
    ],
)
def test_an_upstream_that_cannot_be_one_is_a_problem(promotes_from: list[str], said: str) -> None:
    stack = (*FIVE[:3], FIVE[4])
    problems = of(bare("UAT", "uat", promotesFrom=promotes_from), None, stack).problems
    assert any(said in problem for problem in problems), problems


def test_a_cycle_is_named_on_everyone_in_it_and_on_nobody_else() -> None:
    a, b = bare("UAT", "a", promotesFrom=["b"]), bare("UAT", "b", promotesFrom=["a"])
    outside = bare("UAT", "c", promotesFrom=["a"])
    stack = (a, b, outside)
    assert any("a cycle, a → b → a" in problem for problem in effective(a, None, stack).problems)
    assert any("a cycle, b → a → b" in problem for problem in effective(b, None, stack).problems)
    assert not any("cycle" in problem for problem in effective(outside, None, stack).problems)


@pytest.mark.parametrize("tier", list(Tier))
def test_every_tier_has_its_defaults(tier: Tier) -> None:
    assert TIER_DEFAULTS[tier].tier is tier
    assert TIER_DEFAULTS[tier].auto_promote is (tier.rank < Tier.UAT.rank)


def test_production_never_promotes_by_itself_unless_told_so() -> None:
    assert of(FIVE[4]).spec.auto_promote is False
    assert of(environment(autoPromote=True)).spec.auto_promote is True


RULE: dict[str, Any] = {
    "approvals": [{"role": "ecab"}],
    "bypass": ["Soak", "Evidence", "Order"],
    "orderDownTo": "SystemTest",
    "ratify": {"approvals": [{"role": "cab", "count": 2}], "within": "48h"},
}
CAB: dict[str, Any] = {"normal": {"approvals": [{"role": "cab"}]}}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, ""),
        ({"severities": ["Sev1", "Sev2"]}, "severities is Sev2: allowed is some of"),
        ({"bypass": ["Soak", "SignOffs"], "orderDownTo": None}, "bypass is SignOffs: allowed is some of"),
        ({"orderDownTo": "Integration"}, "orderDownTo is Integration: allowed is SystemTest or higher"),
        ({"orderDownTo": "UAT"}, ""),
        ({"ratify": {"within": "72h"}}, "ratify.within is 72h: allowed is at most 48h"),
        ({"ratify": {"approvals": [{"role": "cab", "count": 1}]}}, "ratify.approvals[cab].count is 1"),
        ({"reviewWithin": "200h"}, "reviewWithin is 200h: allowed is at most 120h"),
        ({"reviewWithin": "24h"}, ""),
        ({"approvals": [{"role": "lead"}]}, ""),
    ],
)
def test_a_stack_makes_emergencies_only_stricter(given: dict[str, Any], problem: str) -> None:
    mine = {key: value for key, value in {**RULE, **given}.items() if value is not None}
    where = bare("Production", changeControl={**CAB, "emergency": mine})
    found = of(where, baseline("Production", changeControl={**CAB, "emergency": RULE}))
    assert len(found.problems) == bool(problem)
    assert problem in "".join(found.problems)


def test_a_stack_adds_no_emergencies_under_a_baseline_without_them() -> None:
    where = bare("Production", changeControl={**CAB, "emergency": RULE})
    found = of(where, baseline("Production", changeControl=CAB))
    assert found.problems == (
        "spec.changeControl.emergency is given: allowed is absent: the baseline accepts no emergencies",
    )
    assert found.spec.change_control is not None
    assert found.spec.change_control.emergency is None


def test_only_sev1_is_an_emergency_in_production_whatever_a_baseline_says() -> None:
    loose = {**CAB, "emergency": {**RULE, "severities": ["Sev1", "Sev2"]}}
    found = of(bare("Production", changeControl=CAB), baseline("Production", changeControl=loose))
    assert "Sev1 in tier Production" in "".join(found.problems)
    assert of(bare("UAT", changeControl={**loose}), None).problems == ()


_BYPASS = ("Soak", "Cadence", "ChangeWindow", "SignOffs", "Evidence", "ReviewDebt")


@given(
    st.lists(st.sampled_from(_BYPASS), unique=True),
    st.lists(st.sampled_from(_BYPASS), unique=True),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_of_two_rules_for_emergencies_the_stricter_counts_in_every_part(
    mine: list[str], theirs: list[str], within: int, most: int
) -> None:
    def rule(names: list[str], hours: int) -> dict[str, Any]:
        return {**CAB, "emergency": {"approvals": [{"role": "ecab"}], "bypass": names, "reviewWithin": f"{hours}h"}}

    where = bare("Production", changeControl=rule(mine, within))
    found = of(where, baseline("Production", changeControl=rule(theirs, most)))
    assert found.spec.change_control is not None
    counted = found.spec.change_control.emergency
    assert counted is not None
    assert set(counted.bypass or ()) == set(mine) & set(theirs)
    assert parse_duration(counted.review_within or "") == parse_duration(f"{min(within, most)}h")
    assert bool(found.problems) == (not set(mine) <= set(theirs) or within > most)
