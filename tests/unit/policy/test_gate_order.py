"""Order and Soak: proof for a digest, in the environment that bears the name now."""

from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.environment import Environment
from lockflight.api.promotion import Outcome, Phase
from lockflight.api.release import Passage
from lockflight.policy.model import Snapshot
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    digest,
    environment,
    hours,
    passage,
    promotion,
    release,
    verdict,
    world,
)

OTHER_UAT = environment("client-uat", "UAT")


def two_upstream(require: str, *rows: Passage, **spec: Any) -> Snapshot:
    """Production behind two environments."""
    where = environment(promotesFrom=["uat", "client-uat"], require=require, **spec)
    stack = (*FIVE[:4], OTHER_UAT, where)
    return world(stack_environments=stack, environment=where, release=release(passed=rows))


def test_a_release_that_passed_upstream_may_enter() -> None:
    assert verdict(reasons.ORDER, world()).open


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (None, "was not in uat yet"),
        ({"signed_off_at": None}, "is not signed off in uat yet"),
        ({"signed_off_at": None, "verified_at": None}, "is not verified in uat yet"),
        ({"digest": digest("other")}, "was not in uat yet"),
        ({"environment_uid": "uid-of-a-deleted-uat"}, "was not in uat yet"),
        ({"environment_uid": ""}, "was not in uat yet"),
    ],
)
def test_a_release_that_did_not_pass_upstream_waits(row: dict[str, Any] | None, why: str) -> None:
    rows = () if row is None else (passage("uat", **row),)
    found = verdict(reasons.ORDER, world(release=release(passed=rows)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.NOT_PASSED)
    assert why in found.message


def test_having_passed_two_environments_back_is_not_enough() -> None:
    found = verdict(reasons.ORDER, world(release=release(passed=(passage("system-test"),))))
    assert found.reason == reasons.NOT_PASSED


def test_a_proof_is_worth_nothing_while_nobody_knows_which_environment_bears_the_name() -> None:
    assert verdict(reasons.ORDER, world(upstream_uids={})).reason == reasons.NOT_PASSED


def test_the_proof_survives_a_newer_release_upstream() -> None:
    gone = passage("uat", running_since=None, longest_soak="30h")
    assert verdict(reasons.ORDER, world(release=release(passed=(gone,)))).open


def test_a_missing_upstream_is_closed() -> None:
    where = environment(promotesFrom=["staging"])
    found = verdict(reasons.ORDER, world(environment=where, release=release(passed=(passage("staging"),))))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.UPSTREAM_MISSING)


def test_passing_a_local_environment_is_worth_nothing() -> None:
    where = environment(promotesFrom=["local"])
    found = verdict(reasons.ORDER, world(environment=where, release=release(passed=(passage("local"),))))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.UPSTREAM_IS_LOCAL)


def test_an_entry_environment_asks_for_nothing_upstream() -> None:
    found = verdict(reasons.ORDER, world(environment=environment(promotesFrom=[]), release=release(passed=())))
    assert found.open


def test_a_release_without_digest_waits() -> None:
    bare = release()
    bare = bare.model_copy(update={"status": bare.status.model_copy(update={"digest": None})})
    assert verdict(reasons.ORDER, world(release=bare)).reason == reasons.RELEASE_NOT_READY


def test_all_means_every_upstream_environment() -> None:
    assert verdict(reasons.ORDER, two_upstream("All", passage("uat"))).reason == reasons.NOT_PASSED
    assert verdict(reasons.ORDER, two_upstream("All", passage("uat"), passage("client-uat"))).open


def test_any_means_one_of_them() -> None:
    assert verdict(reasons.ORDER, two_upstream("Any", passage("client-uat"))).open
    assert not verdict(reasons.ORDER, two_upstream("Any")).open


def test_a_rejected_sign_off_upstream_is_final() -> None:
    row = passage("uat", signed_off_at=None)
    rejected = promotion("payments-2.4.0-uat", to="uat", phase=Phase.REJECTED, started=NOW - hours(3))
    s = world(release=release(passed=(row,)), upstream_promotions=(rejected,))
    found = verdict(reasons.ORDER, s)
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.REJECTED_UPSTREAM)


def test_a_rollback_goes_only_to_what_was_verified_here() -> None:
    back = promotion(action="Rollback")
    before = release(passed=(passage("production"),))
    assert verdict(reasons.ORDER, world(promotion=back, release=before)).open
    found = verdict(reasons.ORDER, world(promotion=back))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.NEVER_VERIFIED_HERE)
    unverified = release(passed=(passage("production", verified_at=None),))
    assert verdict(reasons.ORDER, world(promotion=back, release=unverified)).reason == reasons.NEVER_VERIFIED_HERE


def soaking(where: Environment, **row: Any) -> Snapshot:
    return world(environment=where, release=release(passed=(passage("uat", **row),)))


DAY = environment(soak="24h")


@pytest.mark.parametrize(
    ("row", "open_"),
    [
        ({"running_since": NOW - hours(24)}, True),
        ({"running_since": NOW - hours(23.9)}, False),
        ({"running_since": None, "longest_soak": "24h"}, True),
        ({"running_since": None, "longest_soak": "23h59m"}, False),
        ({"running_since": NOW - hours(1), "longest_soak": "24h"}, True),
        ({"running_since": NOW - hours(1), "longest_soak": "23h30m"}, False),
        ({"running_since": NOW - hours(48), "signed_off_at": None}, False),
        ({"running_since": NOW - hours(48), "digest": digest("other")}, False),
    ],
)
def test_the_longest_uninterrupted_stay_decides(row: dict[str, Any], open_: bool) -> None:
    assert verdict(reasons.SOAK, soaking(DAY, **row)).open is open_


def test_soak_says_when_it_will_be_over() -> None:
    found = verdict(reasons.SOAK, soaking(DAY, running_since=NOW - hours(20)))
    assert (found.reason, found.retry_at) == (reasons.SOAKING, NOW + hours(4))
    assert "20h of 1d" in found.message


def test_what_does_not_run_upstream_does_not_soak_by_waiting() -> None:
    found = verdict(reasons.SOAK, soaking(DAY, running_since=None, longest_soak="2h"))
    assert (found.reason, found.retry_at) == (reasons.NOT_SOAKING, None)


def test_all_upstream_environments_soak_where_all_are_asked_for() -> None:
    rows = (passage("uat"), passage("client-uat", running_since=NOW - hours(2)))
    found = verdict(reasons.SOAK, two_upstream("All", *rows, soak="24h"))
    assert (found.reason, found.retry_at) == (reasons.SOAKING, NOW + hours(22))
    assert verdict(reasons.SOAK, two_upstream("Any", *rows, soak="24h")).open


def test_a_stay_in_a_local_environment_does_not_count_as_soak() -> None:
    where = environment(promotesFrom=["local", "uat"], require="Any", soak="24h")
    rows = (passage("local"), passage("uat", running_since=NOW - hours(1)))
    assert not verdict(reasons.SOAK, world(environment=where, release=release(passed=rows))).open


def test_no_soak_and_rollbacks_do_not_wait() -> None:
    assert verdict(reasons.SOAK, world()).outcome is Outcome.NOT_APPLICABLE
    s = world(environment=DAY, promotion=promotion(action="Rollback"), release=release(passed=()))
    assert verdict(reasons.SOAK, s).outcome is Outcome.NOT_APPLICABLE
