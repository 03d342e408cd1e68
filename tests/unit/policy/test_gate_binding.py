"""Binding and Rules."""

from dataclasses import replace

import pytest

from lockflight.api import reasons
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL, TIER_LABEL
from lockflight.api.promotion import Outcome
from lockflight.policy.model import HelmStatus, Namespace, PlanProblem, Revision
from tests.unit.policy.builders import NOW, environment, revision, verdict, world

BOUND = {STACK_LABEL: "payments", ENVIRONMENT_LABEL: "production", TIER_LABEL: "Production"}


def test_a_bound_namespace_lets_its_environment_in() -> None:
    assert verdict(reasons.BINDING, world()).open


@pytest.mark.parametrize(
    ("labels", "reason", "said"),
    [
        ({}, reasons.NAMESPACE_NOT_BOUND, "has no label lockflight.dev/stack, needed is payments"),
        ({STACK_LABEL: "ledger"}, reasons.NAMESPACE_BOUND_ELSEWHERE, "lockflight.dev/stack=ledger, needed is payments"),
        ({ENVIRONMENT_LABEL: "uat"}, reasons.NAMESPACE_BOUND_ELSEWHERE, "lockflight.dev/environment=uat"),
        ({TIER_LABEL: "UAT"}, reasons.NAMESPACE_BOUND_ELSEWHERE, "lockflight.dev/tier=UAT, needed is Production"),
        ({TIER_LABEL: "Prod"}, reasons.NAMESPACE_BOUND_ELSEWHERE, "lockflight.dev/tier=Prod"),
    ],
)
def test_a_namespace_bound_to_something_else_is_closed(labels: dict[str, str], reason: str, said: str) -> None:
    s = world(namespace=Namespace("payments-production", {**BOUND, **labels} if labels else {}))
    found = verdict(reasons.BINDING, s)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reason)
    assert said in found.message


def test_an_environment_that_claims_a_lower_tier_than_its_namespace_is_closed_and_told_so() -> None:
    uat = environment("production", "UAT", target={"namespace": "payments-production"})
    found = verdict(reasons.BINDING, world(environment=uat, namespace=Namespace("payments-production", BOUND)))
    assert "the environment claims a lower tier than the Production it would change" in found.message


def test_all_wrong_labels_are_named_at_once() -> None:
    message = verdict(reasons.BINDING, world(namespace=Namespace("payments-production", {}))).message
    assert all(label in message for label in BOUND)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"namespace": None}, reasons.NAMESPACE_MISSING),
        ({"namespace": Namespace("payments-uat", BOUND)}, reasons.NAMESPACE_MISSING),
        ({"namespace": Namespace("payments-production", BOUND, terminating=True)}, reasons.NAMESPACE_TERMINATING),
        ({"deployer_may": False}, reasons.DEPLOYER_WITHOUT_RIGHTS),
        ({"deployer_may": None}, reasons.CANNOT_TELL),
        ({"plan": None}, reasons.PLAN_MISSING),
        ({"plan": PlanProblem("RegistryUnreachable", "no answer")}, "RegistryUnreachable"),
    ],
)
def test_what_is_not_there_yet_is_waited_for(given: dict[str, object], reason: str) -> None:
    found = verdict(reasons.BINDING, world(**given))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reason)


MADE_BY_HAND = revision(promotion_uid="", release_digest="", version="")


@pytest.mark.parametrize(
    ("revisions", "open_"),
    [
        ((MADE_BY_HAND,), False),
        ((MADE_BY_HAND, replace(MADE_BY_HAND, revision=2, status=HelmStatus.FAILED)), False),
        ((MADE_BY_HAND, revision(2)), True),
        ((replace(MADE_BY_HAND, status=HelmStatus.UNINSTALLED),), True),
        ((replace(MADE_BY_HAND, helm_release="payments-other"),), True),
    ],
)
def test_a_helm_release_that_somebody_else_made_is_not_overwritten(
    revisions: tuple[Revision, ...], open_: bool
) -> None:
    found = verdict(reasons.BINDING, world(revisions=revisions))
    assert found.reason == (reasons.PASSED if open_ else reasons.UNMANAGED)
    assert open_ or "payments-app in payments-production was not made by Lockflight" in found.message


def test_a_plan_that_can_never_be_made_is_a_denial() -> None:
    found = verdict(reasons.BINDING, world(plan=PlanProblem("DigestMismatch", "other bytes", final=True)))
    assert (found.outcome, found.reason) == (Outcome.DENIED, "DigestMismatch")


def test_what_no_event_announces_is_asked_for_again() -> None:
    for given in ({"deployer_may": None}, {"deployer_may": False}, {"plan": PlanProblem("X", "y")}):
        retry_at = verdict(reasons.BINDING, world(**given)).retry_at
        assert retry_at is not None
        assert retry_at > NOW


def test_an_environment_below_its_floor_is_closed_and_every_problem_is_listed() -> None:
    s = world()
    assert s.effective is not None
    s = replace(s, effective=replace(s.effective, problems=("soak is short", "qa is absent")))
    found = verdict(reasons.RULES, s)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.NOT_GOVERNED)
    assert "production" in found.message
    assert "soak is short; qa is absent" in found.message
