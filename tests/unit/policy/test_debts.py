"""What an emergency owes, what settles it, and whom overdue debts keep out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.changerecords import Bypass
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.emergency import RATIFICATION, REVIEW, Debt
from lockflight.api.promotion import GateStatus, Outcome, Phase
from lockflight.policy.debts import (
    added,
    incurred,
    made_up_for,
    open_debts,
    overdue,
    owes_for,
    ratification,
    settled,
    successor,
    to_ratify,
    unauthorised,
)
from lockflight.policy.effective import effective
from lockflight.policy.emergencyrules import Terms, terms
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import NamedVerdict, Owed, Verdict
from lockflight.policy.voices import Voices
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    approval,
    change,
    emergency,
    hours,
    lenient,
    promotion,
    release,
    reviewed,
    use,
    verdict,
    world,
)

UID = "uid-payments-2.4.0-production"
GOVERNED = effective(lenient(), None, FIVE)
RULE = terms(GOVERNED.spec.change_control)
assert RULE is not None
RULES: tuple[Terms, ...] = (RULE,)
ERIN = approval("erin@example", "ecab")


def debt(gate: str, *, due: float = 24, **given: Any) -> Debt:
    """A debt since two hours ago; due in so many hours."""
    fields = {"environment": None if gate in (RATIFICATION, REVIEW) else "production", **given}
    return Debt(gate=gate, since=NOW - hours(2), due_by=NOW + hours(due), **fields)


def owing(*rows: Debt, **given: Any) -> ChangeRequest:
    """An emergency that was used and owes that."""
    made = emergency(**{"used_by": (use(UID, finished=True),), **given})
    return made.model_copy(update={"status": made.status.model_copy(update={"debts": rows})})


def after(found: ChangeRequest, later: dict[Any, str] | None = None) -> dict[str, str | None]:
    """What settled each debt."""
    word = ratification(found, RULES, release(), {}, Voices())
    return {row.gate: row.settled_by for row in settled(found, RULES, release(), word, later or {}, NOW)}


def test_a_use_owes_what_it_skipped_ratification_and_review() -> None:
    skipped = NamedVerdict("Order", Verdict(Outcome.PASSED, "Bypassed", owes=(Owed("SignOffs", "no", "uat"),)))
    rows = incurred("production", RULES[0], [skipped], NOW)
    assert [(row.gate, row.environment, row.upstream, row.due_by - NOW) for row in rows] == [
        ("SignOffs", "production", "uat", hours(120)),
        (RATIFICATION, None, None, hours(72)),
        (REVIEW, None, None, hours(120)),
    ]


def test_of_two_uses_the_earlier_date_holds_and_what_is_skipped_again_is_owed_again() -> None:
    first = (debt("Soak", due=1), debt("Evidence", due=1, settled_by="x"), debt(REVIEW, due=1, settled_by="x"))
    rows = added(first, (debt("Soak"), debt("Evidence"), debt(REVIEW), debt("Cadence")))
    assert [(row.gate, row.due_by - NOW, row.settled_by) for row in rows] == [
        ("Soak", hours(1), None),
        ("Evidence", hours(24), None),
        (REVIEW, hours(1), "x"),
        ("Cadence", hours(24), None),
    ]


def test_a_gate_that_is_open_by_now_settles_its_debt_and_no_other() -> None:
    found = owing(debt("Soak"), debt("Evidence"))
    assert after(found, {found.status.debts[0].key: "Soak: soaked 24h"}) == {
        "Soak": "Soak: soaked 24h",
        "Evidence": None,
    }


@pytest.mark.parametrize("gate", ["Cadence", "ChangeWindow"])
def test_the_review_answers_for_time_that_was_not_kept(gate: str) -> None:
    assert after(owing(debt(gate)))[gate] is None
    said = after(owing(debt(gate), review=[reviewed()]))[gate]
    assert said == "reviewed by carla@example as cab: Successful, which answers for the time"


@pytest.mark.parametrize(
    ("people", "whole"),
    [
        (("alice@example", "bob@example"), True),
        (("alice@example", "Alice@example"), False),
        (("alice@example", "erin@example"), False),
        (("alice@example", "jo@example"), False),
        (("alice@example", "ann@example"), False),
        (("alice@example", "rita@example"), False),
        (("alice@example", "system:serviceaccount:a:b"), False),
    ],
)
def test_who_ratifies(people: Sequence[str], *, whole: bool) -> None:
    found = owing(debt(RATIFICATION), approvals=(ERIN, *(approval(who) for who in people)))
    assert (after(found)[RATIFICATION] is not None) is whole


def test_ratification_binds_like_any_approval() -> None:
    for odd in ({"generation": 2}, {"plan_digest": "sha256:" + "0" * 64}, {"role": "ecab"}):
        entries = (ERIN, approval("alice@example"), approval("bob@example", **{"role": "cab", **odd}))
        assert after(owing(debt(RATIFICATION), approvals=entries))[RATIFICATION] is None
    left = ratification(owing(approvals=(ERIN, approval("alice@example"))), RULES, release(), {1: "left"}, Voices())
    assert left is not None
    assert left.count.summary == "0/2 cab"


def test_whose_ratification_is_still_missing_is_asked_for() -> None:
    found = owing(debt(RATIFICATION), approvals=(ERIN, approval("alice@example")))
    word = ratification(found, RULES, release(), {}, Voices())
    assert [need.role for need in to_ratify(found, word)] == ["cab"]
    assert word is not None
    assert word.words == "ratification 1/2 cab: needs 1 more of role cab"


@pytest.mark.parametrize(
    ("outcome", "role", "done"),
    [("BackedOut", "cab", True), ("Failed", "cab", True), ("Successful", "cab", False), ("BackedOut", "sre", False)],
)
def test_what_the_board_refused_is_settled_by_its_own_word_that_it_is_gone(
    outcome: str, role: str, *, done: bool
) -> None:
    refused = (ERIN, approval("alice@example", decision="Rejected"))
    found = owing(debt(RATIFICATION), approvals=refused, review=[reviewed(outcome=outcome, role=role)])
    assert (after(found)[RATIFICATION] is not None) is done


@pytest.mark.parametrize(
    ("by", "role", "accepts", "counts"),
    [
        ("carla@example", "cab", ["Evidence"], True),
        ("carla@example", "cab", ["Soak"], False),
        ("carla@example", "ecab", ["Evidence"], False),
        ("erin@example", "cab", ["Evidence"], False),
        ("Erin@example", "cab", ["Evidence"], False),
        ("jo@example", "cab", ["Evidence"], False),
        ("ann@example", "cab", ["Evidence"], False),
    ],
)
def test_who_accepts_a_debt_in_writing(by: str, role: str, accepts: list[str], *, counts: bool) -> None:
    found = owing(debt("Evidence"), approvals=(ERIN,), review=[reviewed(by, role=role, accepts=accepts)])
    assert (after(found)["Evidence"] is not None) is counts


def test_a_deputy_of_whoever_let_it_through_is_no_other_person() -> None:
    for_erin = approval("dan@example", "ecab", on_behalf_of="erin@example")
    for person in ("dan@example", "erin@example"):
        found = owing(debt("Soak"), approvals=(for_erin,), review=[reviewed(person, accepts=["Soak"])])
        assert after(found)["Soak"] is None


@pytest.mark.parametrize(
    ("given_", "makes_up"),
    [
        ({}, True),
        ({"gate": GateStatus(name="Evidence", outcome=Outcome.PASSED, reason="Bypassed")}, False),
        ({"gate": GateStatus(name="Evidence", outcome=Outcome.NOT_APPLICABLE, reason="NotApplicable")}, False),
        ({"gate": GateStatus(name="Order", outcome=Outcome.PASSED, reason="Passed")}, False),
        ({"release_name": "payments-2.4.0"}, False),
        ({"action": "Rollback"}, False),
        ({"phase": Phase.ROLLED_BACK}, False),
        ({"deployed": NOW - hours(3)}, False),
    ],
)
def test_another_release_that_passed_the_gate_makes_up_for_it(given_: dict[str, Any], *, makes_up: bool) -> None:
    gate = given_.pop("gate", GateStatus(name="Evidence", outcome=Outcome.PASSED, reason="Passed"))
    fields = {"release_name": "payments-2.5.0", "phase": Phase.SUCCEEDED, "deployed": NOW - hours(1), **given_}
    later = promotion("later", started=fields["deployed"], **fields)
    later = later.model_copy(update={"status": later.status.model_copy(update={"gates": (gate,)})})
    assert (made_up_for(debt("Evidence"), successor("payments-2.4.0", [later])) is not None) is makes_up
    back = promotion(
        "back", release_name="payments-2.4.0", action="Rollback", phase=Phase.SUCCEEDED, started=NOW, deployed=NOW
    )
    assert successor("payments-2.4.0", [later, back]) is None


@given(
    st.lists(st.sampled_from([b.value for b in Bypass] + [RATIFICATION, REVIEW]), unique=True, min_size=1),
    st.lists(st.sampled_from([b.value for b in Bypass]), unique=True),
    st.sampled_from(["carla@example", "erin@example", "jo@example", "system:serviceaccount:a:b"]),
    st.sampled_from(["cab", "ecab", "sre"]),
)
def test_no_single_review_settles_what_the_board_has_to_ratify(
    gates: list[str], accepts: list[str], by: str, role: str
) -> None:
    rows = [debt(gate) for gate in gates]
    found = owing(*rows, approvals=(ERIN,), review=[reviewed(by, role=role, accepts=accepts)])
    said = after(found)
    assert said.get(RATIFICATION) is None
    done = {gate for gate, word in said.items() if word}
    if by in ("jo@example", "system:serviceaccount:a:b"):
        assert not done
    elif by == "erin@example" or role != "cab":
        assert done <= {"Cadence", "ChangeWindow", REVIEW}


def test_once_settled_stays_settled() -> None:
    found = owing(debt("Soak", settled_by="so", settled_at=NOW - hours(1)))
    assert settled(found, RULES, release(), None, {}, NOW) == found.status.debts


def test_where_nobody_says_who_ratifies_nothing_is_ratified() -> None:
    found = owing(debt(RATIFICATION), approvals=(ERIN, approval("alice@example"), approval("bob@example")))
    assert ratification(found, (), release(), {}, Voices()) is None
    assert open_debts(found.model_copy(update={"status": found.status.model_copy(
        update={"debts": settled(found, (), release(), None, {}, NOW)})}))  # fmt: skip


RECORD: dict[str, Any] = {"type": "Emergency", "releaseRef": None, "unauthorised": {"application": "payments"}}


def test_a_change_without_permission_owes_its_review_from_when_it_was_found() -> None:
    found = change(approvals=(), **RECORD)
    (row,) = unauthorised(found, (), NOW)
    assert (row.gate, row.since, row.due_by) == (REVIEW, NOW - hours(48), NOW + hours(72))
    assert unauthorised(change(), RULES, NOW) == ()


# Whom it keeps out.


LATE = owing(debt(REVIEW, due=-1), name="chg-76")


def test_what_is_overdue_keeps_others_out_and_names_it() -> None:
    found = verdict(reasons.REVIEW_DEBT, world(owing=(LATE,)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.DEBT_OVERDUE)
    assert found.message.startswith("chg-76 owes Review overdue since 2026-12-01 11:00Z: settle it")


def test_what_is_not_due_yet_shuts_the_gate_when_it_is() -> None:
    soon = owing(debt(REVIEW, due=3), debt("Soak", due=2), name="chg-76")
    found = verdict(reasons.REVIEW_DEBT, world(owing=(soon,)))
    assert (found.open, found.retry_at) == (True, NOW + hours(2))
    assert not verdict(reasons.REVIEW_DEBT, world(owing=(soon,)), NOW + hours(2)).open


def at_work(*bypass: str) -> Any:
    """An emergency where ``bypass`` is allowed."""
    where = lenient(bypass=list(bypass), orderDownTo=None)
    stack = (*FIVE[:4], where)
    return replace(world(stack_environments=stack, changes=(emergency(),)), owing=(LATE,))


def test_an_emergency_is_not_held() -> None:
    assert verdict(reasons.REVIEW_DEBT, at_work()).outcome is Outcome.NOT_APPLICABLE


def test_an_emergency_takes_over_what_is_overdue_where_that_may_be_bypassed() -> None:
    rows = {row.gate: row.verdict for row in evaluate_all(at_work("ReviewDebt"), NOW)}
    found = rows[reasons.REVIEW_DEBT]
    assert (found.outcome, found.reason) == (Outcome.PASSED, reasons.BYPASSED)
    assert [owed.gate for owed in found.owes] == ["ReviewDebt"]


def test_its_own_debts_do_not_hold_the_change_that_owes_them() -> None:
    mine = owing(debt(REVIEW, due=-1))
    s = replace(at_work("ReviewDebt"), owing=(mine,), changes=(mine,))
    assert verdict(reasons.REVIEW_DEBT, s).reason == reasons.PASSED


@pytest.mark.parametrize(
    ("environment", "application", "owes"),
    [
        ("production", "payments", True),
        ("uat", "payments", False),
        ("production", "ledger", False),
        ("production", None, True),
    ],
)
def test_for_which_target_something_is_owed(environment: str, application: str | None, *, owes: bool) -> None:
    assert owes_for(owing(debt(REVIEW)), environment, application, "payments") is owes
    assert owes_for(change(approvals=(), **RECORD), environment, application, None) is False
    found = change(approvals=(), **RECORD)
    found = found.model_copy(update={"status": found.status.model_copy(update={"debts": unauthorised(found, (), NOW)})})
    assert owes_for(found, environment, application, None) is owes


def test_a_change_whose_release_is_gone_owes_for_every_application_there() -> None:
    assert owes_for(owing(debt(REVIEW)), "production", "ledger", None)


def test_narrowing_the_change_takes_no_debt_away() -> None:
    assert owes_for(owing(debt(REVIEW), environments=["uat"]), "production", "payments", "payments")
    assert overdue(owing(debt(REVIEW, due=-1), environments=["uat"]), NOW)
