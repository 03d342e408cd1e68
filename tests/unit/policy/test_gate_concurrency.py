"""Concurrency and supersession: who has the target, and who gives way."""

from datetime import datetime
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Outcome, Phase, Promotion
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import HelmStatus, Snapshot
from lockflight.policy.promotion import Decision, Finish, Start, decide
from tests.unit.policy.builders import (
    BEFORE,
    FIVE,
    NOW,
    change,
    hours,
    passage,
    promotion,
    release,
    revision,
    verdict,
    world,
)

READY = dict.fromkeys(reasons.GATES, Outcome.PASSED)
NEWER = release("2.5.0", passed=(passage("uat", "payments-2.5.0"), passage("system-test", "payments-2.5.0")))


def decided(s: Snapshot) -> Decision:
    return decide(s, evaluate_all(s, NOW), NOW)


@pytest.mark.parametrize("phase", [Phase.DEPLOYING, Phase.VERIFYING])
def test_one_at_a_time_executes_on_a_target(phase: Phase) -> None:
    found = verdict(reasons.CONCURRENCY, world(peers=(promotion("other", phase=phase),)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.TARGET_BUSY)
    assert "other" in found.message


@pytest.mark.parametrize("phase", [Phase.AWAITING_SIGN_OFF, Phase.SUCCEEDED, Phase.FAILED, Phase.WAITING, None])
def test_waiting_for_sign_off_holds_nothing(phase: Phase | None) -> None:
    assert verdict(reasons.CONCURRENCY, world(peers=(promotion("other", phase=phase),))).open


def test_a_lock_of_somebody_else_is_waited_for_and_one_of_ours_is_not() -> None:
    locked = revision(2, status=HelmStatus.PENDING_UPGRADE, promotion_uid="")
    found = verdict(reasons.CONCURRENCY, world(revisions=(revision(), locked)))
    assert (found.reason, "payments-app revision 2" in found.message) == (reasons.HELM_LOCKED, True)
    ours = revision(2, status=HelmStatus.PENDING_UPGRADE, promotion_uid="uid-payments-2.4.0-production")
    assert verdict(reasons.CONCURRENCY, world(revisions=(revision(), ours))).open
    ended = revision(3, promotion_uid="")
    assert verdict(reasons.CONCURRENCY, world(revisions=(locked, ended))).open


def waiting(name: str, *, created: datetime, version: str = "2.3.5", **given: Any) -> Promotion:
    return promotion(name, release_name=f"payments-{version}", created=created, **{"gates": READY, **given})


def scheduled(name: str, version: str, starts: datetime) -> ChangeRequest:
    return change(name, release_name=f"payments-{version}", schedule={"start": starts, "end": starts + hours(8)})


def test_of_two_that_wait_the_older_goes_first_and_both_are_named() -> None:
    s = world(peers=(waiting("older", created=NOW - hours(9)),))
    found = verdict(reasons.CONCURRENCY, s)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.AFTER_PEER)
    assert "promotion older (payments-2.3.5) goes before payments-2.4.0-production (payments-2.4.0)" in found.message
    assert verdict(reasons.CONCURRENCY, world(peers=(waiting("newer", created=NOW - hours(1)),))).open


@pytest.mark.parametrize(("theirs", "mine", "open_"), [(-3, -2, False), (-2, -3, True)])
def test_of_two_approved_ones_the_earlier_schedule_goes_first(theirs: int, mine: int, open_: bool) -> None:
    own = scheduled("chg-1042", "2.4.0", NOW + hours(mine))
    other = scheduled("chg-9", "2.3.5", NOW + hours(theirs))
    s = world(changes=(own,), peer_changes=(own, other), peers=(waiting("older", created=NOW - hours(9)),))
    assert verdict(reasons.CONCURRENCY, s).open is open_


@pytest.mark.parametrize(
    ("given", "open_"),
    [
        ({"gates": {**READY, reasons.FREEZE: Outcome.WAITING}}, False),
        ({"gates": {**READY, reasons.CHANGE_WINDOW: Outcome.WAITING}}, False),
        ({"gates": {**READY, reasons.CHANGE_CONTROL: Outcome.WAITING}}, True),
        ({"gates": {**READY, reasons.ORDER: Outcome.WAITING}}, True),
        ({"gates": {**READY, reasons.FREEZE: Outcome.DENIED}}, True),
        ({"gates": {}}, True),
        ({"abort": True}, True),
        ({"phase": Phase.REJECTED}, True),
    ],
)
def test_only_what_waits_for_nothing_but_the_time_goes_first(given: dict[str, Any], open_: bool) -> None:
    s = world(peers=(waiting("older", created=NOW - hours(9), **given),))
    assert verdict(reasons.CONCURRENCY, s).open is open_


def test_two_promotions_never_wait_for_each_other() -> None:
    older, newer = waiting("a", created=NOW - hours(3)), waiting("b", created=NOW - hours(2))
    assert verdict(reasons.CONCURRENCY, world(promotion=older, peers=(newer,))).open
    assert not verdict(reasons.CONCURRENCY, world(promotion=newer, peers=(older,))).open
    same_age = waiting("b", created=NOW - hours(3))
    first = verdict(reasons.CONCURRENCY, world(promotion=older, peers=(same_age,))).open
    second = verdict(reasons.CONCURRENCY, world(promotion=same_age, peers=(older,))).open
    assert first != second


def uat(**given: Any) -> Snapshot:
    """2.4.0 waits for UAT, which asks for no change."""
    return world(
        **{
            "environment": FIVE[3],
            "promotion": promotion(to="uat"),
            "release": release(passed=(passage("system-test"),)),
            "changes": (),
            "revisions": (),
            "peer_releases": {r.metadata.name: r for r in (BEFORE, release(), NEWER)},
            **given,
        }
    )


def newer(**given: Any) -> Promotion:
    return promotion(
        "payments-2.5.0-uat", release_name="payments-2.5.0", to="uat", **{"gates": READY, "created": NOW, **given}
    )


def test_a_waiting_promotion_without_a_change_gives_way_to_a_higher_version() -> None:
    found = decided(uat(peers=(newer(),)))
    assert isinstance(found, Finish)
    assert (found.phase, found.reason) == (Phase.SUPERSEDED, reasons.SUPERSEDED)
    assert "payments-2.5.0" in found.message


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.ON_HOLD, Phase.DEPLOYING, Phase.VERIFYING])
def test_it_gives_way_to_one_that_waits_or_executes(phase: Phase) -> None:
    assert isinstance(decided(uat(peers=(newer(phase=phase),))), Finish)


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.AWAITING_SIGN_OFF])
def test_it_gives_way_to_one_that_went_by_while_it_waited(phase: Phase) -> None:
    went_by = newer(phase=phase, deployed=NOW - hours(1), started=NOW - hours(1))
    assert isinstance(decided(uat(peers=(went_by,))), Finish)
    # Of one that ended the operator's memory keeps no gates.
    trimmed = newer(phase=phase, deployed=NOW - hours(1), started=NOW - hours(1), gates={})
    assert isinstance(decided(uat(peers=(trimmed,))), Finish)


def test_after_a_rollback_a_lower_version_than_the_one_taken_back_may_come() -> None:
    earlier = newer(phase=Phase.SUCCEEDED, created=NOW - hours(50), deployed=NOW - hours(49), started=NOW - hours(49))
    assert isinstance(decided(uat(peers=(earlier,))), Start)


@pytest.mark.parametrize(
    "given",
    [
        {"phase": Phase.REJECTED},
        {"phase": Phase.SUPERSEDED},
        {"phase": Phase.FAILED, "deployed": NOW},
        {"phase": None},
        {"gates": {}},
        {"gates": {**READY, reasons.ORDER: Outcome.WAITING}},
        {"gates": {**READY, reasons.EVIDENCE: Outcome.DENIED}},
        {"abort": True},
        {"action": "Rollback"},
    ],
)
def test_it_does_not_give_way_to_one_that_cannot_enter(given: dict[str, Any]) -> None:
    assert isinstance(decided(uat(peers=(newer(**given),))), Start)


def test_two_of_the_same_version_do_not_end_each_other() -> None:
    twin = promotion("twin", to="uat", gates=READY, created=NOW)
    assert isinstance(decided(uat(peers=(twin,))), Start)


def test_one_with_a_change_of_its_own_is_never_superseded() -> None:
    s = world(
        peers=(promotion("newer", release_name="payments-2.5.0", gates=READY, created=NOW),),
        peer_releases={r.metadata.name: r for r in (BEFORE, release(), NEWER)},
    )
    assert isinstance(decided(s), Start)


def test_a_rollback_is_not_superseded() -> None:
    back = promotion("back", to="uat", action="Rollback")
    s = uat(promotion=back, peers=(newer(),), release=release(passed=(passage("uat"),)))
    assert not isinstance(decided(s), Finish)
