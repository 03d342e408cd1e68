"""The life of a change, explored: whatever is observed, no illegal step is taken."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import pytest

from lockflight.api import reasons
from lockflight.api.changerecords import Submission
from lockflight.api.changerequest import BEGUN, ENDED, ChangePhase, ChangeRequest
from lockflight.api.common import RoleCount
from lockflight.api.emergency import Debt
from lockflight.api.promotion import Phase
from lockflight.policy.change import assess
from lockflight.policy.effective import effective
from lockflight.policy.emergency import fit
from lockflight.policy.lifecycle import state
from lockflight.policy.model import Effective
from lockflight.policy.standing import Standing, standing
from lockflight.policy.steps import STEPS, reachable
from tests.unit.policy.builders import (
    EVERYBODY,
    FIVE,
    NOW,
    TWO_OF_CAB,
    approval,
    change,
    hours,
    lenient,
    promotion,
    release,
    reviewed,
    use,
)

ACCEPTING: Final[dict[str, Effective]] = {"production": effective(lenient(), None, FIVE)}
GOVERNED: Final[dict[str, Effective]] = {e.metadata.name: effective(e, None, FIVE) for e in FIVE}
UID = "uid-payments-2.4.0-production"
ROBOT = "system:serviceaccount:flux-system:kustomize-controller"
P = ChangePhase
BEFORE_WORK = (P.NEW, P.ASSESS, P.AUTHORIZE, P.SCHEDULED, P.ON_HOLD, P.EXPIRED)
FINAL = (P.CLOSED, P.REJECTED, P.CANCELLED)


RELEASE: Final = release()
CAB: Final = (RoleCount(role="cab", count=2),)
PROMOTIONS: Final = {
    "busy": (promotion(phase=Phase.DEPLOYING, started=NOW),),
    "failed": (promotion(phase=Phase.ROLLED_BACK, started=NOW),),
    "done": (promotion(phase=Phase.SUCCEEDED, started=NOW),),
}


@dataclass(frozen=True)
class Facts:
    """Everything that a change's phase depends on, one field each."""

    robot: bool = False
    submitted: bool = False
    problem: bool = False
    approvals: str = "none"  # none, all, rejected, lapsed
    schedule: str = "none"  # none, ahead, inside, over
    hold: bool = False
    cancel: bool = False
    used: str = "no"  # no, busy, failed, done
    reviewed: bool = False
    kind: str = "normal"  # normal, emergency, owing (an emergency whose debts are not settled), refused (Sev2)

    def change(self, before: ChangePhase | None) -> ChangeRequest:
        """A change of which this is true."""
        spans = {"none": None, "ahead": (1, 2), "inside": (-1, 1), "over": (-2, -1)}
        span = spans[self.schedule]
        words: dict[str, tuple[Any, ...]] = {
            "none": (),
            "all": TWO_OF_CAB,
            "rejected": (approval("alice@example", decision="Rejected"),),
            "lapsed": TWO_OF_CAB,
        }
        severity = "Sev2" if self.kind == "refused" else "Sev1"
        incident = {"id": "INC-77", "severity": severity, "openedAt": NOW - hours(1)}
        kind = {} if self.kind == "normal" else {"type": "Emergency", "incident": incident, "risk": None}
        made = change(
            **kind,
            creator=ROBOT if self.robot else "jo@example",
            submissions=[Submission(role="requester", by="sue@example", generation=1)] if self.submitted else (),
            approvals=words[self.approvals],
            seen=NOW - hours(200 if self.approvals == "lapsed" else 1),
            schedule={"start": NOW + hours(span[0]), "end": NOW + hours(span[1])} if span else None,
            hold={"reason": "wait"} if self.hold else None,
            cancel={"reason": "no need"} if self.cancel else None,
            used_by=() if self.used == "no" else (use(UID, finished=self.used == "done"),),
            review=[reviewed()] if self.reviewed else (),
        )
        owed = [Debt(gate="Soak", environment="production", since=NOW, due_by=NOW)] if self.kind == "owing" else []
        return made.model_copy(
            update={"status": made.status.model_copy(update={"phase": before, "debts": tuple(owed)})}
        )

    @cached_property
    def _known(self) -> tuple[ChangeRequest, Standing]:
        made = self.change(None)
        digest = made.status.plan_digest
        return made, standing(made, CAB, "168h", release=RELEASE, plan_digest=digest, now=NOW, unentitled={})

    def after(self, before: ChangePhase | None) -> ChangePhase:
        """What the operator makes of it."""
        made, found = self._known
        made = made.model_copy(update={"status": made.status.model_copy(update={"phase": before})})
        problems = ["no chart"] if self.problem else []
        promotions = PROMOTIONS.get(self.used, ())
        return state(made, found, RELEASE, promotions, problems, NOW, emergency=fit(made, ACCEPTING, NOW)).phase


def everything() -> Iterator[Facts]:
    """Every combination there is."""
    yes_no = (False, True)
    for row in itertools.product(
        yes_no,
        yes_no,
        yes_no,
        ("none", "all", "rejected", "lapsed"),
        ("none", "ahead", "inside", "over"),
        yes_no,
        yes_no,
        ("no", "busy", "failed", "done"),
        yes_no,
        ("normal", "emergency", "owing", "refused"),
    ):
        yield Facts(*row)


ALL: Final = tuple(everything())


@pytest.mark.parametrize("before", [None, *P], ids=str)
def test_whatever_is_observed_no_illegal_step_is_taken(before: ChangePhase | None) -> None:
    seen = {facts.after(before) for facts in ALL}
    assert seen <= reachable(before)
    if before in FINAL:
        assert seen == {before}
    if before in (P.IMPLEMENT, P.REVIEW):
        assert seen <= {P.IMPLEMENT, P.REVIEW, P.CLOSED}


@pytest.mark.parametrize("before", P, ids=str)
def test_the_api_server_refuses_every_step_that_is_none(before: ChangePhase) -> None:
    """Its two rules say all there is to say: what they allow is what single steps lead to."""
    allowed = {before} if before in ENDED else {*BEGUN, P.CLOSED} if before in BEGUN else set(P)
    assert allowed == reachable(before)


def test_every_phase_is_reached_by_something() -> None:
    assert {facts.after(None) for facts in ALL} == set(P)


def test_what_was_used_is_never_rejected_expired_or_cancelled() -> None:
    used = {facts.after(P.SCHEDULED) for facts in ALL if facts.used != "no"}
    assert used == {P.IMPLEMENT, P.REVIEW, P.CLOSED}


def test_only_people_close_a_change() -> None:
    closed = {(facts.used, facts.reviewed) for facts in ALL if facts.after(P.SCHEDULED) is P.CLOSED}
    assert closed == {("done", True), ("failed", True)}


def test_what_is_owed_keeps_an_emergency_from_closing_and_changes_nothing_else() -> None:
    for facts in ALL:
        if facts.kind != "owing":
            continue
        found, settled = facts.after(P.SCHEDULED), replace(facts, kind="emergency").after(P.SCHEDULED)
        assert found is (P.REVIEW if settled is P.CLOSED else settled)


def test_an_emergency_lives_like_a_normal_change_and_a_refused_one_is_never_authorised() -> None:
    for facts in ALL:
        if facts.kind == "emergency":
            assert facts.after(P.ASSESS) is replace(facts, kind="normal").after(P.ASSESS)
        if facts.kind == "refused" and facts.used == "no":
            assert facts.after(P.ASSESS) not in (P.AUTHORIZE, P.SCHEDULED, P.IMPLEMENT)


def test_nothing_is_asked_of_the_board_before_a_person_put_it_forward() -> None:
    early = {f.after(P.NEW) for f in ALL if f.robot and not f.submitted and f.used == "no"}
    assert early == {P.NEW, P.ON_HOLD, P.REJECTED, P.EXPIRED, P.CANCELLED}


def test_a_hold_changes_where_it_stands_only_while_it_lasts() -> None:
    free_ones = {facts: facts.after(P.AUTHORIZE) for facts in ALL if not facts.hold}
    for facts in ALL:
        if facts.hold:
            free = free_ones[replace(facts, hold=False)]
            assert facts.after(P.AUTHORIZE) is (P.ON_HOLD if free in (P.NEW, P.ASSESS, *BEFORE_WORK[2:4]) else free)


def test_a_hold_drops_nothing_silently() -> None:
    held = Facts(approvals="all", hold=True).change(P.SCHEDULED)
    status = assess(held, GOVERNED, release(), (), (), EVERYBODY, NOW).status
    assert (
        status.waits_for == "held: wait; then Scheduled: approved by alice@example, bob@example; a promotion may use it"
    )
    assert status.approvals_summary == "2/2 cab"


@pytest.mark.parametrize("phase", P, ids=str)
def test_final_means_final(phase: ChangePhase) -> None:
    assert (STEPS[phase] == frozenset()) is (phase in FINAL)


def test_a_status_that_no_life_leads_to_goes_no_further() -> None:
    odd = Facts(approvals="all").change(P.REVIEW)
    status = assess(odd, GOVERNED, release(), (), (), EVERYBODY, NOW).status
    assert status.phase is P.REVIEW
    assert next(c.reason for c in status.conditions if c.type == reasons.APPROVED) == reasons.ILLEGAL_STEP


@pytest.mark.parametrize(
    ("by", "counts"),
    [
        ("carla@example", True),
        ("alice@example", True),
        ("jo@example", False),
        ("rita@example", False),
        ("ann@example", False),
        ("sre@example", False),
        (ROBOT, False),
        (None, False),
    ],
)
def test_whoever_wanted_it_or_did_it_does_not_review_it(by: str | None, counts: bool) -> None:
    done = change(used_by=(use(UID, finished=True),), review=[reviewed(by)], implementer="sre@example")
    status = assess(done, GOVERNED, release(), (), (), EVERYBODY, NOW).status
    assert (status.phase is P.CLOSED) is counts
    if not counts:
        assert status.waits_for is not None
        assert "not counted: " in status.waits_for


def test_the_submitter_does_not_approve() -> None:
    entry = Submission(role="requester", by="Alice@example", generation=1)
    status = assess(change(submissions=[entry]), GOVERNED, release(), (), (), EVERYBODY, NOW).status
    assert status.approvals_summary == "1/2 cab"
    assert "alice@example (cab) is who submitted it" in (status.waits_for or "")


def test_a_change_without_permission_begins_with_its_review_and_ends_with_it() -> None:
    found = change(type="Emergency", releaseRef=None, unauthorised={"application": "payments"}, approvals=())
    found = found.model_copy(update={"status": found.status.model_copy(update={"phase": None, "plan_digest": None})})
    status = assess(found, GOVERNED, None, (), (), EVERYBODY, NOW).status
    assert (status.phase, status.in_use) == (P.REVIEW, True)
    judged = found.model_copy(update={"status": status.model_copy(update={"review": (reviewed(outcome="Failed"),)})})
    assert assess(judged, GOVERNED, None, (), (), EVERYBODY, NOW).status.phase is P.CLOSED
