"""DataPolicy: the data that goes with a release may be in the environment."""

from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.data import DataClass
from lockflight.api.environment import Environment
from lockflight.api.promotion import Outcome
from lockflight.policy.effective import effective
from tests.unit.policy.builders import FIVE, ROOT, component, environment, release, verdict, world

SYNTHETIC, ANONYMISED, PRODUCTION = DataClass


def brings(*classes: DataClass) -> Any:
    """A release whose component brings data of these classes."""
    return release(components=[component(data=[{"name": f"d{n}", "class": each} for n, each in enumerate(classes)])])


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("given", DataClass)
def test_without_a_rule_production_data_is_for_production_alone(tier: Tier, given: DataClass) -> None:
    where = next(e for e in FIVE if e.spec.tier is tier)
    found = verdict(reasons.DATA_POLICY, world(environment=where, release=brings(given)))
    open_ = given is not PRODUCTION or tier is Tier.PRODUCTION
    assert found.open == open_
    assert found.reason == (reasons.PASSED if open_ else reasons.DATA_CLASS_NOT_ALLOWED)


def test_it_names_what_declares_it_and_what_is_allowed() -> None:
    where = environment(data={"allowed": ["Production"]})
    found = verdict(reasons.DATA_POLICY, world(environment=where, release=brings(SYNTHETIC)))
    assert found.outcome is Outcome.DENIED
    assert found.message == (
        "spec.components[app].data[d0] of release payments-2.4.0 is Synthetic: allowed in production is Production"
    )


@pytest.mark.parametrize(
    ("baseline", "stack", "allowed"),
    [
        (None, ["Synthetic"], {"Synthetic"}),
        (["Synthetic"], None, {"Synthetic"}),
        (["Synthetic", "Anonymised"], ["Anonymised"], {"Anonymised"}),
    ],
)
def test_a_stack_allows_what_its_baseline_allows_or_less(
    baseline: list[str] | None, stack: list[str] | None, allowed: set[str]
) -> None:
    found = effective(_uat(stack), _uat(baseline, ROOT) if baseline else None, FIVE)
    assert found.problems == ()
    assert found.spec.data is not None
    assert set(found.spec.data.allowed) == allowed


def test_a_stack_that_allows_more_than_its_baseline_is_not_governed() -> None:
    found = effective(_uat(["Synthetic", "Anonymised"]), _uat(["Synthetic"], ROOT), FIVE)
    assert found.problems == ("spec.data.allowed is Anonymised: allowed is some of Synthetic",)


@pytest.mark.parametrize("where", ["stack", "baseline"])
def test_no_rule_lets_production_data_below_production(where: str) -> None:
    loose, plain = _uat(["Synthetic", "Production"]), _uat(None)
    found = effective(loose, None, FIVE) if where == "stack" else effective(plain, loose, FIVE)
    assert any("data.allowed is" in problem for problem in found.problems)


def _uat(allowed: list[str] | None, namespace: str = "payments") -> Environment:
    return environment("uat", "UAT", namespace, **({"data": {"allowed": allowed}} if allowed else {}))
