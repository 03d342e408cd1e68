"""Source, Artifacts, Evidence, Hold and Version: what the release is made of."""

from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.environment import ImagePolicy
from lockflight.api.promotion import Outcome
from lockflight.policy.gates.artifacts import named
from lockflight.policy.model import HelmStatus, PlanProblem
from tests.unit.policy.builders import (
    IMAGE,
    OTHER_IMAGE,
    change,
    component,
    digest,
    environment,
    passage,
    planned,
    promotion,
    release,
    revision,
    verdict,
    world,
)

TAGGED = environment(entry={"branches": ["main", "develop"], "taggedOnly": True})


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"branch": "main", "tag": "v2.4.0"}, reasons.PASSED),
        ({"branch": "develop", "tag": "2.4.0"}, reasons.PASSED),
        ({"branch": "feature/x", "tag": "v2.4.0"}, reasons.BRANCH_NOT_ALLOWED),
        ({"tag": "v2.4.0"}, reasons.BRANCH_NOT_ALLOWED),
        (None, reasons.BRANCH_NOT_ALLOWED),
        ({"branch": "main"}, reasons.NOT_TAGGED),
        ({"branch": "main", "tag": "v2.4.1"}, reasons.NOT_TAGGED),
        ({"branch": "main", "tag": "release-2.4.0"}, reasons.NOT_TAGGED),
        ({"branch": "main", "tag": "vv2.4.0"}, reasons.NOT_TAGGED),
    ],
)
def test_source_is_merged_and_tagged(source: dict[str, Any] | None, reason: str) -> None:
    found = verdict(reasons.SOURCE, world(environment=TAGGED, release=release(source=source)))
    assert found.reason == reason
    assert found.outcome is (Outcome.PASSED if reason == reasons.PASSED else Outcome.DENIED)


def test_any_source_may_enter_where_nothing_is_asked_for_and_go_back_anywhere() -> None:
    assert verdict(reasons.SOURCE, world(release=release(source=None))).outcome is Outcome.NOT_APPLICABLE
    s = world(environment=TAGGED, promotion=promotion(action="Rollback"), release=release(source=None))
    assert verdict(reasons.SOURCE, s).outcome is Outcome.NOT_APPLICABLE


DIGEST = "@" + digest("x")


@pytest.mark.parametrize(
    ("image", "by_digest", "versioned"),
    [
        ("registry.example/app" + DIGEST, True, True),
        ("registry.example/app:1.0" + DIGEST, True, True),
        ("registry.example/app:latest" + DIGEST, True, True),
        ("registry.example/app:1.0", False, True),
        ("app:1.0", False, True),
        ("registry.example/app", False, False),
        ("registry.example:5000/app", False, False),
        ("registry.example:5000/app:1.0", False, True),
        ("registry.example/app:latest", False, False),
        ("registry.example/app@sha256:short", False, False),
        ("registry.example/app:latest@sha256:" + "A" * 64, False, False),
    ],
)
def test_an_image_is_as_exact_as_the_rule_asks(image: str, by_digest: bool, versioned: bool) -> None:
    assert named(image, ImagePolicy.DIGEST) is by_digest
    assert named(image, ImagePolicy.VERSIONED) is versioned
    assert named(image, ImagePolicy.ANY)


def test_production_takes_images_by_digest_only() -> None:
    found = verdict(reasons.ARTIFACTS, world(plan=planned(images=("registry.example/app:1.0",))))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.IMAGE_NOT_PINNED)
    assert "registry.example/app:1.0 of component app" in found.message


def test_an_image_that_did_not_run_upstream_is_named_with_its_component() -> None:
    found = verdict(reasons.ARTIFACTS, world(plan=planned(images=(IMAGE, OTHER_IMAGE))))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.FOREIGN_IMAGE)
    assert f"{OTHER_IMAGE} of component app" in found.message
    assert IMAGE not in found.message


def test_the_same_bytes_under_another_tag_are_the_same() -> None:
    tagged = IMAGE.replace("@", ":2.4.0@")
    assert verdict(reasons.ARTIFACTS, world(plan=planned(images=(tagged,)))).open
    assert verdict(reasons.ARTIFACTS, world(release=release(passed=(passage(images=(tagged,)),)))).open


def test_an_image_without_digest_is_not_the_same_as_one_with() -> None:
    lenient = environment("uat", "SystemTest", promotesFrom=["integration"])
    rows = (passage("integration", images=("registry.example/app:1.0" + DIGEST,)),)
    s = world(environment=lenient, release=release(passed=rows), plan=planned(images=("registry.example/app:1.0",)))
    assert verdict(reasons.ARTIFACTS, s).reason == reasons.FOREIGN_IMAGE


def test_an_environment_may_add_images_of_its_own() -> None:
    where = environment(entry={"images": {"local": [OTHER_IMAGE]}})
    assert verdict(reasons.ARTIFACTS, world(environment=where, plan=planned(images=(IMAGE, OTHER_IMAGE)))).open


def test_images_that_ran_upstream_unsigned_do_not_count() -> None:
    rows = (passage("uat", signed_off_at=None),)
    found = verdict(reasons.ARTIFACTS, world(release=release(passed=rows)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.NOT_PASSED)


def test_images_that_ran_in_a_local_environment_only_do_not_count() -> None:
    where = environment(promotesFrom=["local", "uat"], require="Any")
    rows = (passage("local", images=(OTHER_IMAGE,)), passage("uat"))
    s = world(environment=where, release=release(passed=rows), plan=planned(images=(OTHER_IMAGE,)))
    assert verdict(reasons.ARTIFACTS, s).reason == reasons.FOREIGN_IMAGE


def test_an_entry_environment_has_no_upstream_to_compare_with() -> None:
    where = environment(promotesFrom=[])
    s = world(environment=where, release=release(passed=()), plan=planned(images=(OTHER_IMAGE,)))
    assert verdict(reasons.ARTIFACTS, s).open


def test_a_chart_that_is_not_the_one_the_release_was_resolved_to_is_denied() -> None:
    made = release(components=[component("app"), component("web")])
    pinned = made.status.components
    swapped = made.status.model_copy(
        update={"components": (pinned[0], pinned[1].model_copy(update={"chart_digest": digest("swapped")}))}
    )
    s = world(release=made.model_copy(update={"status": swapped}), plan=planned("app", "web"))
    found = verdict(reasons.ARTIFACTS, s)
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.CHART_NOT_PINNED)
    assert "web" in found.message


@pytest.mark.parametrize("plan", [None, PlanProblem("RenderFailed", "bad values", final=True)])
def test_without_a_plan_nothing_is_known_about_artifacts(plan: PlanProblem | None) -> None:
    assert verdict(reasons.ARTIFACTS, world(plan=plan)).reason == reasons.PLAN_MISSING


TESTED = environment(entry={"evidence": ["unit-tests", "pen-test"]})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"unit-tests": "Passed", "pen-test": "Passed", "extra": "Failed"}, reasons.PASSED),
        ({"unit-tests": "Passed"}, reasons.EVIDENCE_MISSING),
        ({}, reasons.EVIDENCE_MISSING),
        ({"unit-tests": "Failed", "pen-test": "Passed"}, reasons.EVIDENCE_FAILED),
        ({"unit-tests": "Failed"}, reasons.EVIDENCE_FAILED),
    ],
)
def test_every_required_evidence_is_there_and_passed(given: dict[str, str], reason: str) -> None:
    evidence = [{"type": kind, "result": result} for kind, result in given.items()]
    found = verdict(reasons.EVIDENCE, world(environment=TESTED, release=release(evidence=evidence)))
    assert found.reason == reason
    assert found.open is (reason == reasons.PASSED)


def test_a_passed_result_does_not_outweigh_a_failed_one() -> None:
    evidence = [
        {"type": "unit-tests", "result": "Failed"},
        {"type": "unit-tests", "result": "Passed"},
        {"type": "pen-test", "result": "Passed"},
    ]
    found = verdict(reasons.EVIDENCE, world(environment=TESTED, release=release(evidence=evidence)))
    assert found.reason == reasons.EVIDENCE_FAILED


def test_a_held_release_does_not_go_on_to_environments_not_reached() -> None:
    held = release(hold={"reason": "found in triage"})
    found = verdict(reasons.HOLD, world(release=held))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.RELEASE_HELD)
    assert "found in triage" in found.message


def test_a_held_release_may_be_deployed_again_where_it_was_verified() -> None:
    reached = release(hold={"reason": "x"}, passed=(passage("uat"), passage("production")))
    assert verdict(reasons.HOLD, world(release=reached)).open
    failed = release(hold={"reason": "x"}, passed=(passage("uat"), passage("production", verified_at=None)))
    assert not verdict(reasons.HOLD, world(release=failed)).open


def test_a_held_change_holds_its_promotion() -> None:
    found = verdict(reasons.HOLD, world(changes=(change(hold={"reason": "wait for Ann"}),)))
    assert (found.reason, "wait for Ann" in found.message) == (reasons.CHANGE_HELD, True)


@pytest.mark.parametrize(
    ("runs", "version", "open_"),
    [
        ("2.3.1", "2.4.0", True),
        ("2.4.0", "2.4.0", True),
        ("2.4.1", "2.4.0", False),
        ("2.10.0", "2.9.0", False),
        ("2.4.0", "2.4.0-rc.1", False),
        ("2.4.0-rc.1", "2.4.0", True),
        ("2.4.0_cfg.2", "2.4.0+cfg.1", False),
        ("", "2.4.0", True),
    ],
)
def test_a_version_does_not_go_back_by_itself(runs: str, version: str, open_: bool) -> None:
    made = release(version)
    found = verdict(reasons.VERSION, world(release=made, revisions=(revision(version=runs),)))
    assert found.open is open_
    if not open_:
        assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.DOWNGRADE)
        assert "use action Rollback" in found.message


def test_the_highest_version_among_the_components_counts() -> None:
    mixed = (revision(version="2.3.1"), revision(version="2.5.0", helm_release="payments-web"))
    assert not verdict(reasons.VERSION, world(revisions=mixed)).open


def test_only_what_is_deployed_runs() -> None:
    after_rollback = (
        revision(1, "2.3.1", status=HelmStatus.SUPERSEDED),
        revision(2, "2.5.0", status=HelmStatus.SUPERSEDED),
        revision(3, "2.3.1"),
    )
    assert verdict(reasons.VERSION, world(revisions=after_rollback)).open


def test_a_version_that_cannot_be_read_closes_the_gate() -> None:
    found = verdict(reasons.VERSION, world(revisions=(revision(version="latest"),)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CANNOT_TELL)


def test_a_rollback_goes_back() -> None:
    s = world(promotion=promotion(action="Rollback"), revisions=(revision(version="9.0.0"),))
    assert verdict(reasons.VERSION, s).outcome is Outcome.NOT_APPLICABLE
