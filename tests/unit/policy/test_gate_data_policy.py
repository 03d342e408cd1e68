"""DataPolicy: the data that goes with a release may be in the environment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.data import DataClass
from lockflight.api.environment import Environment
from lockflight.api.promotion import Outcome
from lockflight.policy.datapolicy import DataUse
from lockflight.policy.effective import effective
from lockflight.policy.facts import Ref
from lockflight.policy.model import Plan, PlanProblem, Verdict
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


SECRET = Ref("v1", "Secret", "ledger-dump")
VIA = "Deployment api, spec.template.spec.containers[app].envFrom[0].secretRef.name"
LABEL = "lockflight.dev/data-class"
UAT = next(e for e in FIVE if e.spec.tier is Tier.UAT)


def works_with(
    live: Mapping[Ref, str] | PlanProblem | None, *, brought: str | None = None, space: str | None = None, **given: Any
) -> Verdict:
    """What the gate says in UAT of a release that refers to SECRET."""
    s = world(environment=UAT, **given)
    assert isinstance(s.plan, Plan)
    assert s.namespace is not None
    use = DataUse("app", SECRET, VIA, brought)
    labels = {**s.namespace.labels, **({LABEL: space} if space else {})}
    s = replace(s, plan=replace(s.plan, data=(use,)), labelled=live, namespace=replace(s.namespace, labels=labels))
    return verdict(reasons.DATA_POLICY, s)


@pytest.mark.parametrize("text", ["Synthetic", "Anonymised", None])
def test_what_is_labelled_as_allowed_or_not_at_all_passes(text: str | None) -> None:
    assert works_with({SECRET: text} if text else {}).outcome is Outcome.PASSED


def test_a_label_that_is_not_allowed_names_the_object_and_what_refers_to_it() -> None:
    found = works_with({SECRET: "Production"})
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.DATA_LABEL_NOT_ALLOWED)
    assert found.message.startswith(
        f"Secret ledger-dump ({VIA}) is Production: allowed in uat is Synthetic, Anonymised;"
    )
    assert found.retry_at is not None


@pytest.mark.parametrize("text", ["production", "Public", ""])
def test_an_unknown_class_is_closed(text: str) -> None:
    assert works_with({SECRET: text}).reason == reasons.DATA_LABEL_UNKNOWN
    assert works_with({}, brought=text).reason == reasons.DATA_LABEL_UNKNOWN


def test_a_chart_that_brings_what_is_not_allowed_is_closed() -> None:
    assert works_with({}, brought="Production").reason == reasons.DATA_LABEL_NOT_ALLOWED


def test_a_chart_does_not_relabel_what_is_there() -> None:
    found = works_with({SECRET: "Production"}, brought="Synthetic")
    assert found.reason == reasons.DATA_LABEL_CONTRADICTS
    assert "is labelled Production in the target, and Synthetic by the chart" in found.message


@pytest.mark.parametrize("name", ["ledger-dump", "dump"])
def test_a_label_that_contradicts_the_declaration_is_refused(name: str) -> None:
    declares = release(components=[component(data=[{"name": name, "class": "Synthetic"}])])
    found = works_with({SECRET: "Anonymised"}, release=declares)
    assert found.reason == reasons.DATA_LABEL_CONTRADICTS
    assert f"is labelled Anonymised, and Synthetic by data[{name}] of app" in found.message
    assert works_with({SECRET: "Synthetic"}, release=declares).outcome is Outcome.PASSED


def test_a_namespace_holds_no_more_than_its_label_says() -> None:
    assert works_with({}, space="Production").reason == reasons.DATA_LABEL_NOT_ALLOWED
    assert works_with({}, space="secret").reason == reasons.DATA_LABEL_UNKNOWN
    assert works_with({SECRET: "Synthetic"}, space="Anonymised").outcome is Outcome.PASSED
    assert works_with({SECRET: "Anonymised"}, space="Synthetic").reason == reasons.DATA_LABEL_CONTRADICTS
    assert works_with({}, space="Synthetic", release=brings(ANONYMISED)).reason == reasons.DATA_LABEL_CONTRADICTS


@pytest.mark.parametrize("live", [None, PlanProblem("CannotTell", "users may not list secrets: give them the right")])
def test_what_cannot_be_read_is_closed(live: PlanProblem | None) -> None:
    found = works_with(live)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CANNOT_TELL)
    assert live is None or live.message in found.message
