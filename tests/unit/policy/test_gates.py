"""All gates: always all of them, in order, and closed when in doubt."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.promotion import Outcome
from lockflight.policy import gates
from lockflight.policy.gates import GATES, evaluate_all
from lockflight.policy.model import NamedVerdict, PlanProblem, Snapshot, Verdict
from lockflight.policy.promotion import Start, decide
from tests.unit.policy.builders import FIVE, NOW, STACK, environment, promotion, release, verdict, world

EMPTY: dict[str, Any] = {
    "release": None,
    "environment": None,
    "effective": None,
    "upstream": {},
    "changes": (),
    "namespace": None,
    "deployer_may": None,
    "plan": None,
    "drift": None,
}


def test_every_gate_of_the_list_is_evaluated_in_its_order() -> None:
    assert tuple(GATES) == reasons.GATES
    assert tuple(row.gate for row in evaluate_all(world(), NOW)) == reasons.GATES


def test_the_world_of_the_tests_is_open() -> None:
    shut = [row for row in evaluate_all(world(), NOW) if not row.verdict.open]
    assert shut == []


def test_a_closed_gate_does_not_hide_the_others() -> None:
    s = world(release=release(passed=()), changes=(), deployer_may=False)
    shut = {row.gate for row in evaluate_all(s, NOW) if not row.verdict.open}
    assert {reasons.BINDING, reasons.ORDER, reasons.ARTIFACTS, reasons.CHANGE_CONTROL} <= shut


def test_without_anything_every_gate_is_closed_and_says_what_is_missing() -> None:
    for row in evaluate_all(Snapshot(stack=STACK, promotion=promotion()), NOW):
        assert row.verdict.reason == reasons.RELEASE_MISSING, row
        assert "payments-2.4.0 does not exist in payments" in row.verdict.message


@pytest.mark.parametrize("missing", EMPTY)
def test_a_snapshot_that_lacks_one_input_never_starts(missing: str) -> None:
    s = replace(world(), **{missing: EMPTY[missing]})
    assert not isinstance(decide(s, evaluate_all(s, NOW), NOW), Start)


def test_a_gate_that_raises_is_closed_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(s: Snapshot, now: object) -> Verdict:
        raise RuntimeError("a defect")

    monkeypatch.setattr(gates, "GATES", {**GATES, reasons.SOAK: broken})
    rows = {row.gate: row.verdict for row in evaluate_all(world(), NOW)}

    assert (rows[reasons.SOAK].outcome, rows[reasons.SOAK].reason) == (Outcome.WAITING, reasons.CANNOT_TELL)
    assert "a defect" in rows[reasons.SOAK].message
    assert rows[reasons.ORDER].open


def test_a_local_environment_has_no_gates_but_binding_rules_and_concurrency() -> None:
    s = world(
        environment=FIVE[0], release=release(evidence=[], source=None, passed=(), hold={"reason": "x"}), changes=()
    )
    judged = {row.gate for row in evaluate_all(s, NOW) if row.verdict.outcome is not Outcome.NOT_APPLICABLE}
    assert judged == gates.EVEN_IN_LOCAL


def test_what_a_gate_says_names_the_object_and_what_to_do() -> None:
    s = world(release=release(passed=()), environment=environment(soak="24h"), changes=(), deployer_may=None, plan=None)
    for row in evaluate_all(s, NOW):
        if not row.verdict.open:
            assert len(row.verdict.message) > 20, row


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """The open world with any of its inputs taken away or broken."""
    s = world()
    for field in fields(Snapshot):
        if field.name in EMPTY and draw(st.booleans()):
            s = replace(s, **{field.name: EMPTY[field.name]})
    if draw(st.booleans()):
        s = replace(s, plan=PlanProblem("ChartNotFound", "no such chart", final=draw(st.booleans())))
    return s


@given(snapshots())
def test_a_promotion_never_starts_with_a_closed_gate(s: Snapshot) -> None:
    verdicts = evaluate_all(s, NOW)
    decision = decide(s, verdicts, NOW)
    assert isinstance(decision, Start) == all(row.verdict.open for row in verdicts)


@given(st.lists(st.sampled_from(reasons.GATES), unique=True), st.sampled_from(Outcome))
def test_a_promotion_never_starts_on_some_of_the_gates(judged: list[str], outcome: Outcome) -> None:
    verdicts = [NamedVerdict(gate, Verdict(outcome, "Because", "why")) for gate in judged]
    started = isinstance(decide(world(), verdicts, NOW), Start)
    assert started == (set(judged) == set(reasons.GATES) and outcome in (Outcome.PASSED, Outcome.NOT_APPLICABLE))


def test_no_gate_reads_a_clock() -> None:
    s = world()
    assert evaluate_all(s, NOW) == evaluate_all(s, NOW)
    assert verdict(reasons.FREEZE, s).open
