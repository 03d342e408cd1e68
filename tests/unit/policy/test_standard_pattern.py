"""A standard change passes as long as it does what was approved in advance, and nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.common import RiskLevel
from lockflight.api.promotion import Outcome
from lockflight.api.standardchange import VersionBump
from lockflight.policy import footprint
from lockflight.policy.delta import delta, step_of
from lockflight.policy.model import Part, Plan, PlannedStep, PlanProblem
from lockflight.policy.pattern import Target, covers, exceeding
from tests.unit.policy.builders import approval, change, environment, planned, verdict
from tests.unit.policy.catalogue import APPROVED, deployment, part, patch_world, standard, standard_change, standard_use

TAG = {"image": {"tag": "2.3.1"}}
ROLE = {"kind": "Role", "metadata": {"name": "reader"}}


def test_a_patch_upgrade_passes_without_anybody_being_asked() -> None:
    s = patch_world()
    assert verdict(reasons.CHANGE_CONTROL, s).outcome is Outcome.PASSED
    found = verdict(reasons.STANDARD_PATTERN, s)
    assert found.outcome is Outcome.PASSED
    assert "version 2.3.1 → 2.3.2 (Patch)" in found.message
    assert found.retry_at == datetime(2027, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "named"),
    [
        ({"values": {"image": {"tag": "2.3.2"}, "replicas": 9}}, "values /replicas: pattern.mayChange is /image/tag"),
        ({"values": {"image": "2.3.2"}}, "values /image"),
        ({"objects": (deployment(), ROLE)}, "Role reader added: pattern.kinds is Deployment"),
        ({"chart_version": "2.4.0"}, "chart of payments-app 2.3.1 → 2.4.0 (Minor): pattern.versionBump is Patch"),
        ({"chart_version": "2.2.0"}, "chart of payments-app 2.3.1 → 2.2.0 (Down): it may not go down"),
        ({"chart": "elsewhere"}, "chart of payments-app payments → elsewhere"),
        ({"name": "payments-web"}, "component payments-web added"),
        ({"unstable": True}, "renders differently each time"),
    ],
)
def test_what_exceeds_the_pattern_is_named(after: dict[str, Any], named: str) -> None:
    given_ = {"values": TAG, **after}
    objects = given_.pop("objects", (deployment(),))
    found = verdict(reasons.STANDARD_PATTERN, patch_world((part(values=TAG),), (part(*objects, **given_),)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.PATTERN_EXCEEDED)
    assert named in found.message
    assert found.message.endswith("raise a normal change")


def test_no_pattern_covers_a_step_that_others_take() -> None:
    s = patch_world()
    assert isinstance(s.plan, Plan)
    step = PlannedStep("load", 1, "ops", "Load the tariffs.", timedelta(hours=1))
    found = verdict(reasons.STANDARD_PATTERN, replace(s, plan=replace(s.plan, steps=(step,))))
    assert found.reason == reasons.PATTERN_EXCEEDED
    assert (
        "step load, taken by others (ops): Load the tariffs.: a pattern covers what Lockflight applies" in found.message
    )


def test_everything_that_exceeds_is_named_at_once() -> None:
    after = part(deployment(), ROLE, values={"debug": True}, chart_version="3.0.0")
    message = verdict(reasons.STANDARD_PATTERN, patch_world((part(),), (after,), version="2.5.0")).message
    for words in ("version 2.3.1 → 2.5.0 (Minor)", "(Major)", "/debug", "Role reader"):
        assert words in message


def test_version_labels_and_checksums_are_no_change() -> None:
    labels = {"helm.sh/chart": "payments-2.3.1", "app.kubernetes.io/version": "2.3.1", "app": "payments"}
    before = deployment(labels=labels, annotations={"checksum/config": "abc"})
    after = deployment(
        labels={**labels, "helm.sh/chart": "payments-2.3.2"}, annotations={"checksum/config": "def", "note": "x"}
    )
    assert part(before).objects != part(after).objects
    after["metadata"]["annotations"].pop("note")
    assert part(before).objects == part(after).objects


def test_the_content_of_a_secret_is_not_compared_and_its_keys_are() -> None:
    def secret(**data: str) -> dict[str, Any]:
        return {"kind": "Secret", "metadata": {"name": "db"}, "data": data}

    assert part(secret(password="YQ==")).objects == part(secret(password="Yg==")).objects
    assert part(secret(password="YQ==")).objects != part(secret(user="YQ==")).objects


def test_values_that_come_from_secrets_are_not_compared() -> None:
    running = part(values={"db": {"password": "old", "host": "a"}})
    public = {"db": {"password": "<Secret db>", "host": "a"}}
    after = part(values={"db": {"password": "new", "host": "a"}}, public=public)
    plan = replace(planned(), parts=(after,))
    assert delta([running], plan, before="2.3.1", after="2.3.2").values == ()


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"standard": None}, reasons.STANDARD_CHANGE_MISSING),
        ({"standard": standard("alice@example")}, reasons.CATALOGUE_APPROVALS_MISSING),
        ({"standard": standard("alice@example", "alice@example")}, reasons.CATALOGUE_APPROVALS_MISSING),
        ({"standard": standard("alice@example", "gina@example")}, reasons.CATALOGUE_APPROVALS_MISSING),
        ({"standard": standard("alice@example", "bob@example", validUntil="2026-11-30")}, reasons.STANDARD_CHANGE_OVER),
        (
            {"standard": standard("alice@example", "bob@example", maxUses=1), "standard_uses": (standard_use(),)},
            reasons.STANDARD_CHANGE_OVER,
        ),
        ({"standard_uses": (standard_use(outcome="Failed"),)}, reasons.STANDARD_CHANGE_SUSPENDED),
        ({"running": ()}, reasons.NOTHING_TO_COMPARE),
        ({"running": None}, reasons.CANNOT_TELL),
        ({"running": PlanProblem("HelmStorageUnreadable", "no answer")}, reasons.CANNOT_TELL),
        ({"plan": None}, reasons.PLAN_MISSING),
    ],
)
def test_what_is_not_sure_is_closed(spoilt: dict[str, Any], reason: str) -> None:
    found = verdict(reasons.STANDARD_PATTERN, replace(patch_world(), **spoilt))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reason)


def test_an_edited_pattern_is_approved_again() -> None:
    approved = APPROVED.status
    edited = standard(generation=2, title="More")
    s = replace(patch_world(), standard=edited.model_copy(update={"status": approved}))
    assert verdict(reasons.STANDARD_PATTERN, s).reason == reasons.CATALOGUE_APPROVALS_MISSING


def test_the_failure_of_an_earlier_generation_suspends_nothing() -> None:
    again = standard("alice@example", "bob@example", generation=2)
    s = replace(patch_world(), standard=again, standard_uses=(standard_use(outcome="Failed", generation=1),))
    assert verdict(reasons.STANDARD_PATTERN, s).outcome is Outcome.PASSED


def test_its_own_use_takes_nothing_from_a_promotion() -> None:
    s = patch_world()
    once = standard("alice@example", "bob@example", maxUses=1)
    mine = standard_use(uid=s.promotion.metadata.uid, outcome="Running")
    s = replace(s, standard=once, standard_uses=(mine,))
    assert verdict(reasons.STANDARD_PATTERN, s).outcome is Outcome.PASSED


def test_it_ends_with_its_last_day_and_not_before() -> None:
    s = replace(patch_world(), standard=standard("alice@example", "bob@example", validUntil="2026-12-01"))
    last = datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC)
    assert verdict(reasons.STANDARD_PATTERN, s, last).outcome is Outcome.PASSED
    assert verdict(reasons.STANDARD_PATTERN, s, datetime(2026, 12, 2, tzinfo=UTC)).outcome is Outcome.WAITING


def test_a_normal_change_has_no_pattern() -> None:
    s = replace(patch_world(), changes=(change(release_name="payments-2.3.2"),))
    assert verdict(reasons.STANDARD_PATTERN, s).outcome is Outcome.NOT_APPLICABLE


def test_an_environment_without_a_catalogue_takes_no_standard_change() -> None:
    s = patch_world()
    production = environment()
    assert s.effective is not None
    plain = replace(s, effective=replace(s.effective, spec=production.spec))
    found = verdict(reasons.CHANGE_CONTROL, plain)
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.CHANGE_TYPE_NOT_ALLOWED)


def test_a_rejected_standard_change_stays_rejected() -> None:
    rejected = standard_change()
    status = rejected.status.model_copy(update={"approvals": (approval("carl@example", decision="Rejected"),)})
    s = replace(patch_world(), changes=(rejected.model_copy(update={"status": status}),))
    assert verdict(reasons.CHANGE_CONTROL, s).reason == reasons.CHANGE_REJECTED


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        ("2.3.1", "2.3.1", "Same"),
        ("2.3.1", "2.3.1+cfg.1", "Same"),
        ("2.3.1", "2.3.2", "Patch"),
        ("2.3.2-rc.1", "2.3.2", "Patch"),
        ("2.3.1", "2.4.0", "Minor"),
        ("2.3.1", "3.0.0", "Major"),
        ("2.3.1", "2.3.0", "Down"),
        ("nightly", "2.3.0", "Unknown"),
        ("nightly", "nightly", "Same"),
    ],
)
def test_how_far_a_version_goes(before: str, after: str, step: str) -> None:
    assert step_of(before, after) == step


versions = st.tuples(*(st.integers(0, 3) for _ in range(3))).map(lambda v: ".".join(map(str, v)))


@given(versions, versions, st.sampled_from(VersionBump))
def test_a_bump_is_within_exactly_when_no_higher_part_moves_and_none_goes_down(
    before: str, after: str, most: VersionBump
) -> None:
    old, new = ([int(n) for n in v.split(".")] for v in (before, after))
    fixed = {VersionBump.PATCH: 2, VersionBump.MINOR: 1, VersionBump.MAJOR: 0}[most]
    assert step_of(before, after).within(most) == (new >= old and new[:fixed] == old[:fixed])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)
objects_of_values = st.dictionaries(st.text("ab/~", min_size=1, max_size=2), json_values, max_size=3)


def leaves(values: dict[str, Any]) -> Part:
    return footprint.part(name="a", chart="a", chart_version="1.0.0", values=values, objects=())


@given(objects_of_values, objects_of_values)
def test_values_differ_exactly_where_a_pointer_says_so(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = delta([leaves(old)], replace(planned(), parts=(leaves(new),)), before="1.0.0", after="1.0.0").values
    assert bool(found) == (json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True))


@given(objects_of_values, objects_of_values)
def test_a_pattern_that_may_change_every_key_is_exceeded_by_no_value(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = delta([leaves(old)], replace(planned(), parts=(leaves(new),)), before="1.0.0", after="1.0.0")
    keys = {"/" + pointer.split("/")[1] for _, pointer in found.values if pointer.count("/")}
    pattern = APPROVED.spec.pattern.model_copy(update={"may_change": tuple(sorted(keys))})
    assert exceeding(pattern, Target("production", "payments", found, RiskLevel.LOW)) == ()


def test_a_pointer_covers_what_lies_below_it_and_no_namesake() -> None:
    assert covers("/image", "/image")
    assert covers("/image", "/image/tag")
    assert not covers("/image", "/imagePullSecrets")
