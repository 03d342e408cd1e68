"""RollbackPlan: the way back is written down, and there is one."""

from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.changerequest import RollbackPlan, Strategy
from lockflight.api.promotion import Outcome, Promotion
from lockflight.policy.model import HelmStatus, Revision
from lockflight.policy.revisions import return_revision
from tests.unit.policy.builders import (
    BEFORE,
    FIVE,
    NOW,
    change,
    component,
    passage,
    planned,
    promotion,
    release,
    revision,
    verdict,
    world,
)
from tests.unit.policy.test_gate_freeze import back_out_world

STEPS = ["tell the team", "restore the backup"]


@pytest.mark.parametrize(
    ("strategy", "steps", "revisions", "reversible", "reason"),
    [
        ("HelmRollback", [], (revision(),), True, reasons.PASSED),
        ("HelmRollback", [], (), True, reasons.FIRST_DEPLOYMENT),
        ("HelmRollback", [], (revision(promotion_uid="x", release_digest="y"),), True, reasons.NOTHING_TO_RETURN_TO),
        ("HelmRollback", [], (revision(status=HelmStatus.FAILED),), True, reasons.NOTHING_TO_RETURN_TO),
        ("HelmRollback", [], (revision(),), False, reasons.IRREVERSIBLE),
        ("Uninstall", [], (), True, reasons.PASSED),
        ("Uninstall", [], (revision(),), True, reasons.NOT_FIRST_DEPLOYMENT),
        ("Uninstall", [], (), False, reasons.IRREVERSIBLE),
        ("RollForward", STEPS, (revision(),), False, reasons.PASSED),
        ("Restore", STEPS, (), False, reasons.PASSED),
        ("Manual", STEPS, (), True, reasons.PASSED),
    ],
)
def test_the_plan_is_possible(
    strategy: str, steps: list[str], revisions: tuple[Revision, ...], reversible: bool, reason: str
) -> None:
    asked = change(rollbackPlan={"strategy": strategy, "steps": steps})
    found = verdict(
        reasons.ROLLBACK_PLAN, world(changes=(asked,), revisions=revisions, plan=planned(reversible=reversible))
    )
    assert found.reason == reason
    assert found.outcome is (Outcome.PASSED if reason == reasons.PASSED else Outcome.WAITING)


def test_what_people_do_is_written_down_even_if_the_api_server_did_not_ask() -> None:
    asked = change()
    bare = RollbackPlan.model_construct(strategy=Strategy.MANUAL, steps=(), until=None)
    asked = asked.model_copy(update={"spec": asked.spec.model_copy(update={"rollback_plan": bare})})
    assert verdict(reasons.ROLLBACK_PLAN, world(changes=(asked,))).reason == reasons.STEPS_MISSING


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"changes": ()}, reasons.NO_CHANGE),
        ({"changes": (change(rollbackPlan=None),)}, reasons.NO_ROLLBACK_PLAN),
        ({"plan": None}, reasons.PLAN_MISSING),
    ],
)
def test_a_plan_that_is_missing_is_waited_for(given: dict[str, Any], reason: str) -> None:
    found = verdict(reasons.ROLLBACK_PLAN, world(**given))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reason)


def test_where_no_change_is_asked_for_no_plan_is() -> None:
    assert verdict(reasons.ROLLBACK_PLAN, world(environment=FIVE[3], changes=())).outcome is Outcome.NOT_APPLICABLE


IRREVERSIBLE = [component(reversible=False)]


def test_nothing_goes_back_across_an_irreversible_release() -> None:
    after = {r.metadata.name: r for r in (BEFORE, release(components=IRREVERSIBLE))}
    found = verdict(reasons.ROLLBACK_PLAN, back_out_world(peer_releases=after))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.IRREVERSIBLE)
    assert "payments-2.4.0" in found.message


@pytest.mark.parametrize("status", [HelmStatus.SUPERSEDED, HelmStatus.FAILED, HelmStatus.PENDING_UPGRADE])
def test_an_irreversible_release_in_between_counts_whatever_became_of_it(status: HelmStatus) -> None:
    between = release("2.3.5", components=IRREVERSIBLE)
    s = back_out_world(
        peer_releases={r.metadata.name: r for r in (BEFORE, between, release())},
        revisions=(
            revision(1, "2.3.1", status=HelmStatus.SUPERSEDED),
            revision(2, "2.3.5", status=status),
            revision(3, "2.4.0", promotion_uid="uid-payments-2.4.0-production"),
        ),
    )
    found = verdict(reasons.ROLLBACK_PLAN, s)
    assert (found.reason, "payments-2.3.5" in found.message) == (reasons.IRREVERSIBLE, True)


def test_a_release_in_between_that_is_gone_closes_the_way_back() -> None:
    s = back_out_world(peer_releases={BEFORE.metadata.name: BEFORE})
    found = verdict(reasons.ROLLBACK_PLAN, s)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CANNOT_TELL)


def test_an_irreversible_release_that_never_came_here_is_no_obstacle() -> None:
    later = release("3.0.0", components=IRREVERSIBLE)
    releases = {r.metadata.name: r for r in (BEFORE, release(), later)}
    assert verdict(reasons.ROLLBACK_PLAN, back_out_world(peer_releases=releases)).open


def test_going_back_to_an_irreversible_release_itself_is_possible() -> None:
    before = release("2.3.1", passed=(passage("production", "payments-2.3.1"),), components=IRREVERSIBLE)
    s = back_out_world(release=before, peer_releases={r.metadata.name: r for r in (before, release())})
    assert verdict(reasons.ROLLBACK_PLAN, s).open


def verified_peer(version: str, *, verified: bool = True) -> Promotion:
    return promotion(
        f"payments-{version}-production",
        release_name=f"payments-{version}",
        started=NOW,
        verified=NOW if verified else None,
    )


@pytest.mark.parametrize(
    ("revisions", "peers", "goes_to"),
    [
        ((revision(1, "2.3.1"),), (), 1),
        ((revision(1, "2.3.1", status=HelmStatus.SUPERSEDED), revision(2, "2.3.1")), (), 2),
        ((revision(1, "2.3.1", status=HelmStatus.SUPERSEDED), revision(2, "2.3.9", status=HelmStatus.FAILED)), (), 1),
        ((revision(1, "2.3.1"), revision(2, "2.3.9")), (), 1),
        ((revision(1, "2.3.1"), revision(2, "2.3.9")), (verified_peer("2.3.9"),), 2),
        ((revision(1, "2.3.1"), revision(2, "2.3.9")), (verified_peer("2.3.9", verified=False),), 1),
        # The same digest under other values failed: its revision is not what was verified.
        ((revision(1), revision(2, promotion_uid="uid-again")), (promotion("again", started=NOW),), 1),
        ((revision(1, promotion_uid="", release_digest="", version=""),), (), 0),
        ((revision(1, status=HelmStatus.PENDING_UPGRADE),), (), 0),
    ],
)
def test_it_goes_back_to_the_newest_revision_that_was_verified_here(
    revisions: tuple[Revision, ...], peers: tuple[Promotion, ...], goes_to: int
) -> None:
    assert return_revision(world(revisions=revisions, peers=peers)) == {"payments-app": goes_to}


def test_a_verification_elsewhere_proves_nothing_here() -> None:
    elsewhere = release("2.3.1", passed=(passage("uat", "payments-2.3.1"),))
    s = world(peer_releases={"payments-2.3.1": elsewhere}, revisions=(revision(promotion_uid="uid-pruned"),))
    assert return_revision(s) == {"payments-app": 0}
