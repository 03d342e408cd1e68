"""What follows from the verdicts, and what is done when something failed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import ComponentStatus, Outcome, Phase, SignOff
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import NamedVerdict, Verdict
from lockflight.policy.promotion import Finish, Start, Wait, decide, remediation, sign_offs
from tests.unit.policy.builders import (
    EVERYBODY,
    FIVE,
    NOW,
    PLAN_DIGEST,
    change,
    digest,
    environment,
    freeze,
    hours,
    planned,
    promotion,
    release,
    world,
)


def rows(**given: Verdict) -> list[NamedVerdict]:
    """Every gate open but the ones given."""
    open_ = Verdict(Outcome.PASSED, reasons.PASSED)
    return [NamedVerdict(gate, given.get(gate, open_)) for gate in reasons.GATES]


def shut(reason: str = "Because", at: datetime | None = None) -> Verdict:
    return Verdict(Outcome.WAITING, reason, "why", at)


def denied(reason: str) -> Verdict:
    return Verdict(Outcome.DENIED, reason, "why not")


def test_every_gate_open_starts() -> None:
    assert decide(world(), rows(), NOW) == Start()


def test_an_abort_wins_over_everything() -> None:
    s = world(promotion=promotion(abort=True))
    found = decide(s, rows(Order=denied(reasons.REJECTED_UPSTREAM)), NOW)
    assert isinstance(found, Finish)
    assert found.phase is Phase.ABORTED


@pytest.mark.parametrize(
    ("verdicts", "phase", "reason"),
    [
        ({"Version": denied(reasons.DOWNGRADE)}, Phase.REJECTED, reasons.DOWNGRADE),
        ({"ChangeControl": denied(reasons.CHANGE_REJECTED)}, Phase.REJECTED, reasons.CHANGE_REJECTED),
        ({"ChangeControl": denied(reasons.APPROVAL_EXPIRED)}, Phase.EXPIRED, reasons.APPROVAL_EXPIRED),
        ({"ChangeWindow": denied(reasons.SCHEDULE_OVER)}, Phase.EXPIRED, reasons.SCHEDULE_OVER),
        (
            {"ChangeWindow": denied(reasons.SCHEDULE_OVER), "ChangeControl": denied(reasons.CHANGE_REJECTED)},
            Phase.REJECTED,
            reasons.CHANGE_REJECTED,
        ),
        ({"Soak": shut(), "Evidence": denied(reasons.EVIDENCE_FAILED)}, Phase.REJECTED, reasons.EVIDENCE_FAILED),
    ],
)
def test_a_denial_ends_it_and_too_late_is_not_refused(verdicts: dict[str, Verdict], phase: Phase, reason: str) -> None:
    found = decide(world(), rows(**verdicts), NOW)
    assert isinstance(found, Finish)
    assert (found.phase, found.reason) == (phase, reason)


@pytest.mark.parametrize(
    ("verdicts", "phase", "reason"),
    [
        ({"Soak": shut(reasons.SOAKING)}, Phase.WAITING, reasons.SOAKING),
        ({"Freeze": shut(reasons.FREEZE_ACTIVE)}, Phase.ON_HOLD, reasons.FREEZE_ACTIVE),
        ({"Freeze": shut(reasons.FREEZE_INVALID)}, Phase.ON_HOLD, reasons.FREEZE_INVALID),
        ({"Hold": shut(reasons.RELEASE_HELD)}, Phase.ON_HOLD, reasons.RELEASE_HELD),
        (
            {"Order": shut(reasons.NOT_PASSED), "Freeze": shut(reasons.FREEZE_ACTIVE)},
            Phase.ON_HOLD,
            reasons.FREEZE_ACTIVE,
        ),
    ],
)
def test_what_waits_is_on_hold_under_a_freeze_or_a_hold(
    verdicts: dict[str, Verdict], phase: Phase, reason: str
) -> None:
    found = decide(world(), rows(**verdicts), NOW)
    assert isinstance(found, Wait)
    assert (found.phase, found.reason) == (phase, reason)


def test_the_other_shut_gates_are_named() -> None:
    found = decide(world(), rows(Soak=shut(), Evidence=shut(), Hold=shut()), NOW)
    assert isinstance(found, Wait)
    assert found.message == "Hold: why (also shut: Soak, Evidence)"


def test_it_looks_again_at_the_earliest_time_that_lies_ahead_open_gates_included() -> None:
    expiry = Verdict(Outcome.PASSED, reasons.PASSED, "", NOW + hours(1))
    found = decide(
        world(), rows(Soak=shut(at=NOW + hours(2)), ChangeControl=expiry, Freeze=shut(at=NOW - hours(1))), NOW
    )
    assert isinstance(found, Wait)
    assert found.retry_at == NOW + hours(1)


def test_the_forecast_is_the_latest_time_where_time_alone_opens_every_gate() -> None:
    by_time = decide(world(), rows(Soak=shut(at=NOW + hours(2)), Freeze=shut(at=NOW + hours(5))), NOW)
    assert isinstance(by_time, Wait)
    assert by_time.forecast.earliest_start == NOW + hours(5)
    by_people = decide(world(), rows(Soak=shut(at=NOW + hours(2)), ChangeControl=shut()), NOW)
    assert isinstance(by_people, Wait)
    assert by_people.forecast.earliest_start is None
    assert [row.who for row in by_people.forecast.waiting_for] == ["clock", "change board"]


def test_a_promotion_held_by_a_freeze_comes_back_when_it_ends() -> None:
    s = world(freezes=(freeze(end="2026-12-02T00:00:00"),), changes=(change(),))
    held = decide(s, evaluate_all(s, NOW), NOW)
    assert isinstance(held, Wait)
    assert held.retry_at is not None
    assert decide(s, evaluate_all(s, held.retry_at), held.retry_at) == Start()


@given(st.lists(st.tuples(st.sampled_from(reasons.GATES), st.integers(-100, 100)), max_size=10))
def test_it_never_looks_again_in_the_past(times: list[tuple[str, int]]) -> None:
    verdicts = {gate: shut(at=NOW + timedelta(minutes=minutes)) for gate, minutes in times}
    found = decide(world(), rows(**verdicts), NOW)
    if isinstance(found, Wait) and found.retry_at is not None:
        assert found.retry_at > NOW


def row(previous: int) -> ComponentStatus:
    return ComponentStatus(name="app", helm_release="payments-app", previous_revision=previous, state="Failed")


def planned_back(strategy: str) -> ChangeRequest:
    return change(rollbackPlan={"strategy": strategy, "steps": ["ask"]})


@pytest.mark.parametrize(
    ("asked", "on_failure", "previous", "reversible", "way"),
    [
        (None, "Rollback", 3, True, "Rollback"),
        (None, "Rollback", 0, True, "Uninstall"),
        (None, "Hold", 3, True, "Hold"),
        (None, "Rollback", 3, False, "Hold"),
        (planned_back("HelmRollback"), "Hold", 3, True, "Rollback"),
        (planned_back("HelmRollback"), "Hold", 3, False, "Hold"),
        (planned_back("HelmRollback"), "Rollback", 0, True, "Uninstall"),
        (planned_back("Uninstall"), "Hold", 0, True, "Uninstall"),
        (planned_back("Uninstall"), "Rollback", 3, True, "Hold"),
        (planned_back("RollForward"), "Rollback", 3, True, "Hold"),
        (planned_back("Restore"), "Rollback", 3, True, "Hold"),
        (planned_back("Manual"), "Rollback", 0, True, "Hold"),
    ],
)
def test_the_plan_of_the_change_wins_and_nothing_irreversible_is_taken_back(
    asked: ChangeRequest | None, on_failure: str, previous: int, reversible: bool, way: str
) -> None:
    governed = world(environment=environment(onFailure=on_failure)).effective
    assert governed is not None
    assert remediation(asked, governed, planned(reversible=reversible), [row(previous)]) == way


def signed(by: str | None, role: str = "business", decision: str = "Approved", **given: Any) -> SignOff:
    bound = {"generation": 1, "plan_digest": PLAN_DIGEST, **given}
    return SignOff.model_validate({"role": role, "decision": decision, "by": by, **bound})


UAT = world(environment=FIVE[3]).effective


@pytest.mark.parametrize(
    ("entries", "complete"),
    [
        ([], False),
        ([signed("carol@example")], True),
        ([signed("carol@example", "qa")], False),
        ([signed("carol@example", plan_digest=digest("older"))], False),
        ([signed("carol@example", generation=2)], False),
        ([signed("ann@example")], False),
        ([signed("ci-robot@example")], False),
        ([signed("system:serviceaccount:payments:ci")], False),
        ([signed(None)], False),
        ([signed("carol@example"), signed("carol@example", decision="Withdrawn")], False),
    ],
)
def test_an_environment_is_signed_off_by_people_who_did_not_make_the_release(
    entries: list[SignOff], complete: bool
) -> None:
    assert UAT is not None
    found = sign_offs(promotion(to="uat", sign_offs=entries), UAT, release(), EVERYBODY)
    assert (found.complete, found.rejected) == (complete, False)
    assert ("business" in found.message) is not complete


def test_one_rejected_sign_off_decides() -> None:
    assert UAT is not None
    entries = [signed("carol@example"), signed("dave@example", "qa", "Rejected")]
    found = sign_offs(promotion(to="uat", sign_offs=entries), UAT, release(), EVERYBODY)
    assert (found.complete, found.rejected) == (False, True)
    assert "dave@example" in found.message


def test_where_no_sign_off_is_asked_for_none_is_missing() -> None:
    governed = world(environment=FIVE[1]).effective
    assert governed is not None
    assert sign_offs(promotion(to="integration"), governed, release(), EVERYBODY).complete
