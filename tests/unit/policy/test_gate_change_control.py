"""ChangeControl: enough distinct people, bound to what is applied."""

from dataclasses import replace
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.changerecords import Submission
from lockflight.api.changerequest import Approval, ChangePhase
from lockflight.api.promotion import Outcome
from lockflight.policy.model import HelmStatus, PlanProblem
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    TWO_OF_CAB,
    approval,
    change,
    digest,
    environment,
    freeze,
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
from tests.unit.policy.test_gate_freeze import back_out_world

ALICE, BOB = TWO_OF_CAB


def test_two_distinct_people_of_the_board_are_enough() -> None:
    found = verdict(reasons.CHANGE_CONTROL, world())
    assert found.open
    assert "alice@example, bob@example" in found.message


def test_no_change_is_asked_for_where_there_is_no_change_control() -> None:
    s = world(environment=FIVE[3], changes=())
    assert verdict(reasons.CHANGE_CONTROL, s).outcome is Outcome.NOT_APPLICABLE


def test_without_a_change_it_says_how_to_raise_one() -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(changes=()))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.NO_CHANGE)
    assert "lockflight change create -n payments --release payments-2.4.0 --environment production" in found.message


def test_a_change_that_does_not_exist_is_named() -> None:
    s = world(changes=(), promotion=promotion(changeRequestRef={"name": "chg-7"}))
    found = verdict(reasons.CHANGE_CONTROL, s)
    assert (found.reason, "chg-7" in found.message) == (reasons.CHANGE_MISSING, True)


def test_two_qualifying_changes_are_ambiguous_and_both_named() -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(change("chg-1"), change("chg-2"))))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.AMBIGUOUS_CHANGE)
    assert "chg-1, chg-2" in found.message


ROBOT = "system:serviceaccount:lockflight-system:lockflight"
SUBMITTED = Submission(role="requester", by="sue@example", generation=1)


@pytest.mark.parametrize(
    ("given", "outcome", "reason"),
    [
        ({"type": "Standard"}, Outcome.DENIED, reasons.CHANGE_TYPE_NOT_ALLOWED),
        ({"type": "Emergency"}, Outcome.DENIED, reasons.CHANGE_TYPE_NOT_ALLOWED),
        ({"release_name": "payments-2.3.1"}, Outcome.DENIED, reasons.CHANGE_FOR_ANOTHER_RELEASE),
        ({"environments": ["uat"]}, Outcome.WAITING, reasons.CHANGE_FOR_OTHER_ENVIRONMENTS),
        ({"cancel": {"reason": "no"}}, Outcome.DENIED, reasons.CHANGE_ENDED),
        ({"phase": ChangePhase.CLOSED}, Outcome.DENIED, reasons.CHANGE_ENDED),
        ({"phase": ChangePhase.CANCELLED}, Outcome.DENIED, reasons.CHANGE_ENDED),
        ({"phase": ChangePhase.REJECTED}, Outcome.DENIED, reasons.CHANGE_REJECTED),
        ({"phase": ChangePhase.EXPIRED}, Outcome.DENIED, reasons.APPROVAL_EXPIRED),
        ({"creator": None}, Outcome.WAITING, reasons.CREATOR_UNKNOWN),
        ({"creator": ROBOT}, Outcome.WAITING, reasons.NOT_SUBMITTED),
        (
            {"creator": ROBOT, "generation": 2, "submissions": [SUBMITTED]},
            Outcome.WAITING,
            reasons.NOT_SUBMITTED,
        ),
        (
            {"creator": ROBOT, "submissions": [SUBMITTED.model_copy(update={"by": ROBOT})]},
            Outcome.WAITING,
            reasons.NOT_SUBMITTED,
        ),
        ({"creator": ROBOT, "submissions": [SUBMITTED]}, Outcome.PASSED, reasons.PASSED),
    ],
)
def test_a_change_that_gives_no_permission_here(given: dict[str, Any], outcome: Outcome, reason: str) -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(change(**given),)))
    assert (found.outcome, found.reason) == (outcome, reason)


def test_what_is_allowed_instead_is_told() -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(change(type="Emergency"),)))
    assert found.message == "change chg-1042 spec.type is Emergency: allowed in production is Normal"
    nothing = environment(changeControl={"attempts": 1})
    found = verdict(reasons.CHANGE_CONTROL, world(environment=nothing))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.CHANGE_TYPE_NOT_ALLOWED)
    assert "allowed in production is none" in found.message


def test_a_rejection_stands_after_the_change_was_edited() -> None:
    again = tuple(approval(by, generation=2) for by in ("alice@example", "bob@example"))
    edited = change(phase=ChangePhase.REJECTED, generation=2, approvals=again)
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(edited,))).reason == reasons.CHANGE_REJECTED


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([], "0/2 cab"),
        ([ALICE], "1/2 cab"),
        ([ALICE, ALICE], "1/2 cab"),
        ([ALICE, approval("ALICE@example")], "1/2 cab"),
        ([ALICE, approval("bob@example", "ecab")], "1/2 cab"),
        ([ALICE, approval("jo@example")], "jo@example (cab) is the creator of the change"),
        ([ALICE, approval("rita@example")], "rita@example (cab) is the requester"),
        ([ALICE, approval("Rita@Example")], "is the requester"),
        ([ALICE, approval("ed@example")], "ed@example (cab) is an editor of the change"),
        ([ALICE, approval("ann@example")], "ann@example (cab) is an author of the release"),
        ([ALICE, approval("ci-robot@example")], "is the creator of the release"),
        ([ALICE, approval("system:serviceaccount:payments:ci")], "is no person"),
        ([ALICE, approval("system:serviceaccount:lockflight-system:lockflight")], "is no person"),
        ([ALICE, approval("lockflight:deployer:payments-production")], "is no person"),
        ([ALICE, approval(None)], "without a stamped identity"),
        ([ALICE, approval("")], "without a stamped identity"),
        ([ALICE, approval("bob@example", generation=2)], "bob@example (cab) spoke of generation 2"),
        ([ALICE, approval("bob@example", generation=None)], "spoke of no generation and plan in particular"),
        ([ALICE, approval("bob@example", plan_digest=digest("x"))], "bob@example (cab) spoke of another plan"),
        ([ALICE, approval("bob@example", plan_digest=None)], "spoke of no generation and plan in particular"),
        ([ALICE, BOB, approval("bob@example", decision="Withdrawn")], "1/2 cab"),
        ([ALICE, BOB, approval("bob@example", decision="Withdrawn", plan_digest=digest("x"))], "1/2 cab"),
        ([ALICE, BOB, approval("bob@example", plan_digest=digest("x"))], "spoke of another plan"),
    ],
)
def test_what_does_not_count_is_told(entries: list[Approval], why: str) -> None:
    asked = change(approvals=entries, editors=("ed@example",))
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(asked,)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.APPROVALS_MISSING)
    assert why in found.message


def test_an_author_is_known_by_mail_address_and_by_git_signature() -> None:
    made = release(source={"branch": "main", "tag": "v2.4.0", "authors": ["Bob B. <bob@example>"]})
    found = verdict(reasons.CHANGE_CONTROL, world(release=made))
    assert "bob@example (cab) is an author of the release" in found.message


def test_who_withdrew_may_approve_again() -> None:
    entries = [ALICE, BOB, approval("bob@example", decision="Withdrawn"), BOB]
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(change(approvals=entries),))).open


@pytest.mark.parametrize("by", ["carol@example", "jo@example", "alice@example", "system:serviceaccount:x:y"])
def test_any_rejection_is_final(by: str) -> None:
    entries = [ALICE, BOB, approval(by, decision="Rejected"), approval(by, decision="Withdrawn"), approval(by)]
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(change(approvals=entries),)))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.CHANGE_REJECTED)
    assert by in found.message


def test_a_rejection_of_an_older_plan_is_over() -> None:
    entries = [approval("carol@example", decision="Rejected", plan_digest=digest("old")), ALICE, BOB]
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(change(approvals=entries),))).open


TWO_ROLES = environment(
    changeControl={"normal": {"approvals": [{"role": "cab", "count": 2}, {"role": "security", "count": 1}]}}
)


@pytest.mark.parametrize(
    ("entries", "open_"),
    [
        ([ALICE, BOB, approval("alice@example", "security")], False),
        ([ALICE, BOB, approval("Alice@Example", "security")], False),
        ([ALICE, approval("jos\u00e9@example"), approval("jose\u0301@example", "security")], False),
        ([ALICE, BOB, approval("sam@example", "security")], True),
        ([ALICE, BOB, approval("sam@example"), approval("alice@example", "security")], True),
        ([ALICE, approval("alice@example", "security"), BOB, approval("bob@example", "security")], False),
    ],
)
def test_one_person_counts_once_across_roles(entries: list[Approval], open_: bool) -> None:
    s = world(environment=TWO_ROLES, changes=(change(approvals=entries),))
    assert verdict(reasons.CHANGE_CONTROL, s).open is open_


def test_where_the_same_people_would_fill_several_places_others_are_asked_for() -> None:
    entries = [ALICE, BOB, approval("alice@example", "security")]
    found = verdict(reasons.CHANGE_CONTROL, world(environment=TWO_ROLES, changes=(change(approvals=entries),)))
    assert "needs other people: one person counts once across roles" in found.message
    assert [row.who for row in found.waiting_for] == ["cab", "security"]


def test_who_is_missing_is_forecast_by_role() -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(change(approvals=[ALICE]),)))
    assert [(row.who, row.what) for row in found.waiting_for] == [("cab", "1 of 2 approvals of chg-1042")]


def test_another_plan_than_the_approved_one_is_not_covered() -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(plan=planned(plan=digest("another"))))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.PLAN_CHANGED)
    assert "alice@example" in found.message


def test_a_plan_digest_that_is_not_that_of_the_plans_shown_covers_nothing() -> None:
    forged = change()
    forged = forged.model_copy(update={"status": forged.status.model_copy(update={"plan_digest": digest("forged")})})
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(forged,))).reason == reasons.PLAN_CHANGED


def test_without_a_plan_nothing_is_approved() -> None:
    s = world(plan=PlanProblem("RegistryUnreachable", "no answer"))
    assert verdict(reasons.CHANGE_CONTROL, s).reason == reasons.PLAN_MISSING


def test_approvals_hold_for_the_time_that_the_environment_says() -> None:
    day = environment(changeControl={"normal": {"approvals": [{"role": "cab", "count": 2}], "validFor": "24h"}})
    fresh = world(environment=day, changes=(change(seen=NOW - hours(23)),))
    assert verdict(reasons.CHANGE_CONTROL, fresh).retry_at == NOW + hours(1)
    stale = world(environment=day, changes=(change(seen=NOW - hours(24)),))
    found = verdict(reasons.CHANGE_CONTROL, stale)
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.APPROVAL_EXPIRED)


def test_approvals_hold_for_a_week_by_default() -> None:
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(change(seen=NOW - hours(167)),))).open
    assert not verdict(reasons.CHANGE_CONTROL, world(changes=(change(seen=NOW - hours(168)),))).open


def test_with_a_schedule_approvals_hold_until_its_end() -> None:
    schedule = {"start": NOW - hours(1), "end": NOW + hours(1)}
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(change(seen=NOW - hours(500), schedule=schedule),)))
    assert found.open
    assert found.retry_at == NOW + hours(1)


def test_an_approval_that_lapsed_before_the_quorum_was_there_asks_for_another_and_ends_nothing() -> None:
    late = change(seen=NOW - hours(1))
    seen = (late.status.observed[0].model_copy(update={"at": NOW - hours(170)}), late.status.observed[1])
    late = late.model_copy(update={"status": late.status.model_copy(update={"observed": seen})})
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(late,)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.APPROVALS_MISSING)
    assert "alice@example (cab) spoke too long ago" in found.message


def test_an_approval_is_used_up_by_the_promotion_that_finished() -> None:
    used = change(used_by=(use("uid-other", finished=True),))
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(used,)))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.APPROVAL_USED)


def test_a_use_elsewhere_and_its_own_use_do_not_count_against_it() -> None:
    own = use("uid-payments-2.4.0-production")
    used = change(used_by=(own, use("uid-x", environment="uat", finished=True), use("uid-y")))
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(used,))).open


@pytest.mark.parametrize(("attempts", "open_"), [(None, False), (1, False), (2, False), (3, True)])
def test_a_failed_promotion_may_be_repeated_until_the_attempts_are_exhausted(attempts: int | None, open_: bool) -> None:
    control: dict[str, Any] = {"normal": {"approvals": [{"role": "cab", "count": 2}]}}
    if attempts is not None:
        control["attempts"] = attempts
    used = change(used_by=(use("uid-a"), use("uid-b")))
    s = world(environment=environment(changeControl=control), changes=(used,))
    found = verdict(reasons.CHANGE_CONTROL, s)
    assert found.open is open_
    if not open_:
        assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.ATTEMPTS_EXHAUSTED)


BROUGHT = "uid-payments-2.4.0-production"


def test_the_way_back_belongs_to_the_change_that_was_approved() -> None:
    found = verdict(reasons.CHANGE_CONTROL, back_out_world())
    assert (found.outcome, found.reason) == (Outcome.PASSED, reasons.BACK_OUT)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"phase": ChangePhase.CLOSED}, "only a change in Implement or Review"),
        ({"phase": ChangePhase.SCHEDULED}, "only a change in Implement or Review"),
        ({"used_by": (use(BROUGHT, at=NOW - hours(24), finished=True),)}, "is over since"),
        ({"schedule": {"start": NOW - hours(30), "end": NOW - hours(24)}}, "is over since"),
        (
            {"rollbackPlan": {"strategy": "HelmRollback", "until": NOW.isoformat()}},
            "is over since 2026-12-01 12:00Z",
        ),
        ({"used_by": (use("uid-someone-else", finished=True),)}, "was not brought by change chg-1042"),
    ],
)
def test_a_later_rollback_is_a_change_of_its_own(given: dict[str, Any], why: str) -> None:
    full = {"phase": ChangePhase.REVIEW, "used_by": (use(BROUGHT, finished=True),), **given}
    found = verdict(reasons.CHANGE_CONTROL, back_out_world(changes=(change(**full),)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.BACK_OUT_NOT_COVERED)
    assert why in found.message


def test_the_way_back_leads_to_what_ran_before_and_to_nothing_older() -> None:
    older = release("2.2.0", passed=(passage("production", "payments-2.2.0"),))
    s = back_out_world()
    s = replace(
        s,
        promotion=promotion("back", release_name="payments-2.2.0", action="Rollback"),
        release=older,
        peer_releases={**s.peer_releases, "payments-2.2.0": older},
        revisions=(
            revision(1, "2.2.0", status=HelmStatus.SUPERSEDED),
            revision(2, "2.3.1", status=HelmStatus.SUPERSEDED),
            revision(3, "2.4.0", promotion_uid=BROUGHT),
        ),
    )
    found = verdict(reasons.CHANGE_CONTROL, s)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.BACK_OUT_NOT_COVERED)
    assert "payments-2.2.0 is not what ran in production, verified, before change chg-1042" in found.message
    assert not verdict(reasons.FREEZE, replace(s, freezes=(freeze(),))).open


def test_after_a_way_back_the_change_before_covers_its_own() -> None:
    oldest = release("2.2.0", passed=(passage("production", "payments-2.2.0"),))
    earlier = promotion("early", release_name="payments-2.3.1", started=NOW - hours(5), verified=NOW - hours(5))
    s = back_out_world(
        promotion=promotion("back", release_name="payments-2.2.0", action="Rollback"),
        release=oldest,
        changes=(change("chg-1", phase=ChangePhase.REVIEW, used_by=(use(earlier.metadata.uid, finished=True),)),),
        revisions=(
            revision(1, "2.2.0", status=HelmStatus.SUPERSEDED),
            revision(2, "2.3.1", status=HelmStatus.SUPERSEDED, promotion_uid=earlier.metadata.uid),
            revision(3, "2.4.0", status=HelmStatus.SUPERSEDED, promotion_uid=BROUGHT),
            revision(4, "2.3.1", promotion_uid=earlier.metadata.uid),
        ),
    )
    s = replace(s, peers=(*s.peers, earlier), peer_releases={**s.peer_releases, "payments-2.2.0": oldest})
    assert verdict(reasons.CHANGE_CONTROL, s).reason == reasons.BACK_OUT


def test_a_rollback_under_a_change_that_never_came_here_is_closed() -> None:
    unused = change(phase=ChangePhase.REVIEW, used_by=(use(BROUGHT, environment="uat"),))
    found = verdict(reasons.CHANGE_CONTROL, back_out_world(changes=(unused,)))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.CHANGE_FOR_ANOTHER_RELEASE)


def test_going_back_does_not_prolong_the_time_for_going_back() -> None:
    earlier = promotion("back-1", release_name="payments-2.3.1", action="Rollback")
    uses = (use(BROUGHT, at=NOW - hours(30)), use(earlier.metadata.uid, at=NOW - hours(1)))
    s = back_out_world(changes=(change(phase=ChangePhase.REVIEW, used_by=uses),))
    found = verdict(reasons.CHANGE_CONTROL, back_out_world(changes=s.changes, peers=(*s.peers, earlier)))
    assert found.reason == reasons.BACK_OUT_NOT_COVERED


def test_a_rollback_with_an_approved_change_of_its_own_passes() -> None:
    own = change("chg-2", release_name="payments-2.3.1")
    found = verdict(reasons.CHANGE_CONTROL, back_out_world(changes=(own,)))
    assert (found.outcome, found.reason) == (Outcome.PASSED, reasons.PASSED)
