"""The life of a change, and what its status tells people."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.conditions import find
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.change import Assessment, assess
from lockflight.policy.effective import effective
from tests.unit.policy.builders import (
    EVERYBODY,
    FIVE,
    NOW,
    PLAN_DIGEST,
    TWO_OF_CAB,
    approval,
    change,
    digest,
    hours,
    promotion,
    release,
    reviewed,
    use,
    verdict,
    world,
)

GOVERNED = {e.metadata.name: effective(e, None, FIVE) for e in FIVE}
ALICE, BOB = TWO_OF_CAB
UID = "uid-payments-2.4.0-production"


def judged(
    asked: ChangeRequest, promotions: Sequence[Promotion] = (), problems: Sequence[str] = (), at: float = 0
) -> Assessment:
    return assess(asked, GOVERNED, release(), promotions, problems, EVERYBODY, NOW + hours(at))


def test_a_change_climbs_from_new_to_closed() -> None:
    phases: list[ChangePhase | None] = []
    made = change(approvals=(), phase=ChangePhase.NEW)
    bare = made.model_copy(update={"status": made.status.model_copy(update={"plan_digest": None, "plans": ()})})
    phases.append(judged(bare).status.phase)
    phases.append(judged(change(rollbackPlan=None, approvals=())).status.phase)
    phases.append(judged(change(approvals=[ALICE])).status.phase)
    phases.append(judged(change()).status.phase)
    at_work = promotion(phase=Phase.DEPLOYING, started=NOW)
    phases.append(judged(change(used_by=(use(UID),)), [at_work]).status.phase)
    done = promotion(phase=Phase.SUCCEEDED, started=NOW, deployed=NOW)
    phases.append(judged(change(used_by=(use(UID),)), [done]).status.phase)
    phases.append(judged(change(used_by=(use(UID, finished=True),), review=[reviewed()]), [done]).status.phase)
    assert phases == [
        ChangePhase.NEW,
        ChangePhase.ASSESS,
        ChangePhase.AUTHORIZE,
        ChangePhase.SCHEDULED,
        ChangePhase.IMPLEMENT,
        ChangePhase.REVIEW,
        ChangePhase.CLOSED,
    ]


@pytest.mark.parametrize(
    ("given", "phase", "approved", "reason"),
    [
        ({}, ChangePhase.SCHEDULED, "True", reasons.APPROVED),
        ({"approvals": ()}, ChangePhase.AUTHORIZE, "Unknown", reasons.APPROVALS_MISSING),
        (
            {"approvals": [ALICE, approval("bob@example", decision="Rejected")]},
            ChangePhase.REJECTED,
            "False",
            reasons.REJECTED,
        ),
        ({"seen": NOW - hours(168)}, ChangePhase.EXPIRED, "False", reasons.APPROVAL_EXPIRED),
        (
            {"schedule": {"start": NOW - hours(2), "end": NOW}},
            ChangePhase.EXPIRED,
            "False",
            reasons.SCHEDULE_OVER,
        ),
        ({"cancel": {"reason": "no need"}}, ChangePhase.CANCELLED, "False", reasons.CANCELLED),
        ({"hold": {"reason": "wait"}}, ChangePhase.ON_HOLD, "True", reasons.CHANGE_HELD),
        ({"hold": {"reason": "wait"}, "approvals": ()}, ChangePhase.ON_HOLD, "Unknown", reasons.CHANGE_HELD),
        ({"type": "Standard"}, ChangePhase.ASSESS, "Unknown", reasons.CHANGE_TYPE_NOT_ALLOWED),
        ({"environments": ["uat"]}, ChangePhase.ASSESS, "Unknown", reasons.NO_APPROVAL_RULE),
    ],
)
def test_where_a_change_stands(given: dict[str, Any], phase: ChangePhase, approved: str, reason: str) -> None:
    status = judged(change(**given)).status
    condition = find(status.conditions, reasons.APPROVED)
    assert condition is not None
    assert (status.phase, condition.status, condition.reason) == (phase, approved, reason)


@pytest.mark.parametrize("phase", [ChangePhase.REJECTED, ChangePhase.CANCELLED, ChangePhase.CLOSED])
def test_ended_is_ended_whatever_is_written_afterwards(phase: ChangePhase) -> None:
    assert judged(change(phase=phase)).status.phase is phase


def test_an_expired_change_that_was_given_another_schedule_is_asked_for_again() -> None:
    edited = change(phase=ChangePhase.EXPIRED, generation=2, schedule={"start": NOW, "end": NOW + hours(1)})
    edited = edited.model_copy(update={"status": edited.status.model_copy(update={"observed_generation": 1})})
    assert judged(edited).status.phase is ChangePhase.AUTHORIZE
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(edited,))).reason == reasons.APPROVALS_MISSING


def test_what_is_in_the_way_of_a_plan_is_told() -> None:
    status = judged(change(), problems=["uat: chart not found"]).status
    assert (status.phase, status.waits_for) == (ChangePhase.ASSESS, "uat: chart not found")


def test_the_summary_says_how_far_the_approvals_are() -> None:
    assert judged(change(approvals=())).status.approvals_summary == "0/2 cab"
    assert judged(change(approvals=[ALICE])).status.approvals_summary == "1/2 cab"
    assert judged(change()).status.approvals_summary == "2/2 cab"


def test_who_does_not_count_is_told() -> None:
    stale = approval("bob@example", plan_digest=digest("older"))
    waits_for = judged(change(approvals=[ALICE, stale])).status.waits_for
    assert waits_for is not None
    assert "1/2 cab: needs 1 more of role cab; not counted: bob@example (cab) spoke of another plan" in waits_for


def test_the_command_to_approve_is_ready_to_paste_and_bound_to_the_plan() -> None:
    asked = change(approvals=[ALICE])
    command = judged(asked).status.how_to_approve
    assert command is not None
    words = shlex.split(command)
    assert words[:5] == ["kubectl", "patch", "lfchg", "chg-1042", "-n"]
    assert "--subresource=status" in words
    (patch,) = json.loads(words[-1])
    assert (patch["op"], patch["path"]) == ("add", "/status/approvals/-")
    assert patch["value"] == {"role": "cab", "decision": "Approved", "planDigest": asked.status.plan_digest}


def test_nothing_is_asked_for_once_it_is_approved_or_ended() -> None:
    assert judged(change()).status.how_to_approve is None
    assert judged(change(cancel={"reason": "x"})).status.how_to_approve is None


def test_when_each_decision_was_first_seen_is_kept() -> None:
    asked = change(approvals=[ALICE, BOB], seen=NOW - hours(5))
    asked = asked.model_copy(update={"status": asked.status.model_copy(update={"observed": asked.status.observed[:1]})})
    assert [(o.index, o.at) for o in judged(asked).status.observed] == [(0, NOW - hours(5)), (1, NOW)]


def test_a_use_is_finished_once_its_promotion_stands() -> None:
    for phase, finished in ((Phase.SUCCEEDED, True), (Phase.AWAITING_SIGN_OFF, True), (Phase.FAILED, False)):
        status = judged(change(used_by=(use(UID),)), [promotion(phase=phase, started=NOW)]).status
        assert [u.finished for u in status.used_by] == [finished]


@pytest.mark.parametrize(
    ("promotions", "used", "at", "phase"),
    [
        ([promotion(phase=Phase.ROLLED_BACK, started=NOW)], (use(UID),), 0, ChangePhase.IMPLEMENT),
        ([promotion(phase=Phase.ROLLED_BACK, started=NOW)], (use(UID),), 200, ChangePhase.REVIEW),
        ([promotion(phase=Phase.AWAITING_SIGN_OFF, started=NOW)], (use(UID),), 200, ChangePhase.IMPLEMENT),
        ([promotion(phase=Phase.SUCCEEDED, started=NOW)], (use(UID),), 21.9, ChangePhase.REVIEW),
        ([promotion(phase=Phase.SUCCEEDED, started=NOW)], (use(UID),), 22, ChangePhase.REVIEW),
        ([], (use(UID, finished=True),), 0, ChangePhase.REVIEW),
    ],
)
def test_from_the_first_use_on_it_is_implemented_and_then_reviewed_by_people(
    promotions: list[Promotion], used: tuple[Any, ...], at: float, phase: ChangePhase
) -> None:
    status = judged(change(used_by=used), promotions, at=at).status
    assert status.phase is phase
    assert status.in_use is (phase in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW))


def test_a_change_in_use_cannot_be_cancelled() -> None:
    asked = change(used_by=(use(UID, finished=True),), cancel={"reason": "too late"})
    assert judged(asked).status.phase is ChangePhase.REVIEW


def test_a_change_of_two_environments_is_implemented_until_both_are_done() -> None:
    asked = change(
        environments=["uat", "production"],
        plans={"uat": PLAN_DIGEST, "production": PLAN_DIGEST},
        used_by=(use(UID, environment="uat", finished=True),),
    )
    status = judged(asked).status
    assert status.phase is ChangePhase.IMPLEMENT
    assert status.waits_for is not None
    assert "production" in status.waits_for


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, NOW + hours(167)),
        ({"schedule": {"start": NOW + hours(3), "end": NOW + hours(5)}}, NOW + hours(3)),
        ({"schedule": {"start": NOW - hours(3), "end": NOW + hours(5)}}, NOW + hours(5)),
        ({"schedule": {"start": NOW + hours(3), "end": NOW + hours(5)}, "approvals": ()}, NOW + hours(5)),
        ({"cancel": {"reason": "x"}}, None),
    ],
)
def test_it_looks_again_when_time_alone_changes_something(given: dict[str, Any], expected: object) -> None:
    assert judged(change(**given)).retry_at == expected


def test_status_and_gate_agree_on_who_counts() -> None:
    for entries in ((), (ALICE,), TWO_OF_CAB, (ALICE, approval("jo@example")), (ALICE, BOB, approval("x@y"))):
        asked = change(approvals=entries)
        approved = find(judged(asked).status.conditions, reasons.APPROVED)
        assert approved is not None
        assert (approved.status == "True") is verdict(reasons.CHANGE_CONTROL, world(changes=(asked,))).open


def test_a_second_look_changes_nothing() -> None:
    first = judged(change()).status
    again = change().model_copy(update={"status": first})
    assert judged(again).status == first
