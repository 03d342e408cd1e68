"""Emergencies: who lets one through, what it skips, and that nothing else is skipped by it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.changerecords import Bypass
from lockflight.api.environment import Environment
from lockflight.api.promotion import Outcome, Phase
from lockflight.policy.bypass import SKIPPABLE
from lockflight.policy.effective import effective
from lockflight.policy.gates import evaluate_all, judge
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.promotion import Finish, Start, Wait, decide
from lockflight.policy.verdicts import denied, waiting
from tests.unit.policy.builders import (
    FIVE,
    IMAGE,
    NOW,
    OTHER_IMAGE,
    approval,
    calendar,
    change,
    digest,
    emergency,
    environment,
    freeze,
    hours,
    lenient,
    passage,
    planned,
    promotion,
    release,
    verdict,
    world,
)

SYSTEM_TEST = passage("system-test")


def stack(production: Environment) -> tuple[Environment, ...]:
    """The five, with another production."""
    return (*FIVE[:4], production)


def at_work(production: Environment | None = None, **given: Any) -> Snapshot:
    """An approved emergency on its way to a production that accepts it; the environments further up are known."""
    stages = stack(production or lenient())
    base = world(stack_environments=stages, **{"changes": (emergency(),), **given})
    upstream = {e.metadata.name: effective(e, None, stages) for e in stages}
    return replace(base, upstream=upstream)


@pytest.mark.parametrize(
    ("given", "outcome", "reason"),
    [
        ({}, Outcome.PASSED, reasons.PASSED),
        ({"approvals": ()}, Outcome.WAITING, reasons.APPROVALS_MISSING),
        ({"approvals": (approval("carl@example"), approval("bob@example"))}, Outcome.WAITING, "ApprovalsMissing"),
        ({"approvals": (approval("jo@example", "ecab"),)}, Outcome.WAITING, reasons.APPROVALS_MISSING),
        ({"approvals": (approval("ann@example", "ecab"),)}, Outcome.WAITING, reasons.APPROVALS_MISSING),
        ({"approvals": (approval("erin@example", "ecab", generation=2),)}, Outcome.WAITING, "ApprovalsMissing"),
        (
            {"approvals": (approval("erin@example", "ecab", plan_digest=digest("x")),)},
            Outcome.WAITING,
            "ApprovalsMissing",
        ),
        ({"approvals": (approval("erin@example", "ecab", "Rejected"),)}, Outcome.DENIED, reasons.CHANGE_REJECTED),
        ({"incident": {"id": "I", "severity": "Sev2", "openedAt": NOW}}, Outcome.WAITING, "SeverityNotAllowed"),
        ({"incident": {"id": "I", "severity": "Sev1", "openedAt": NOW}}, Outcome.PASSED, reasons.PASSED),
        (
            {"incident": {"id": "I", "severity": "Sev1", "openedAt": NOW + hours(1)}},
            Outcome.WAITING,
            reasons.INCIDENT_IN_FUTURE,
        ),
    ],
)
def test_change_control_judges_an_emergency(given: Mapping[str, Any], outcome: Outcome, reason: str) -> None:
    found = verdict(reasons.CHANGE_CONTROL, at_work(changes=(emergency(**given),)))
    assert (found.outcome, found.reason) == (outcome, reason)


def test_an_incident_that_is_to_come_opens_with_its_time() -> None:
    later = emergency(incident={"id": "I", "severity": "Sev1", "openedAt": NOW + hours(1)})
    assert verdict(reasons.CHANGE_CONTROL, at_work(changes=(later,))).retry_at == NOW + hours(1)


def test_an_environment_that_says_nothing_accepts_no_emergency() -> None:
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(emergency(),)))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.CHANGE_TYPE_NOT_ALLOWED)


SHUT: dict[str, tuple[dict[str, Any], str]] = {
    Bypass.SOAK: ({"release": release(passed=(passage(longestSoak="1h", running_since=None),))}, reasons.SOAK),
    Bypass.CHANGE_WINDOW: (
        {
            "calendar": calendar(
                changeWindows=[
                    {"name": "night", "types": ["Emergency"], "rrule": "FREQ=DAILY;BYHOUR=2", "duration": "1h"}
                ]
            )
        },
        reasons.CHANGE_WINDOW,
    ),
    Bypass.EVIDENCE: ({"release": release(evidence=[])}, reasons.EVIDENCE),
    Bypass.SIGN_OFFS: ({"release": release(passed=(passage(signed_off_at=None),))}, reasons.ORDER),
    Bypass.ORDER: ({"release": release(passed=(SYSTEM_TEST,))}, reasons.ORDER),
}


def strict(**rule: Any) -> Environment:
    """Production that asks for a soak and for evidence, and accepts emergencies."""
    made = lenient(**rule)
    spec = made.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return environment(**{**spec, "tier": "Production", "soak": "24h", "entry": {"evidence": ["unit-tests"]}})


@pytest.mark.parametrize("skipped", SHUT, ids=str)
def test_what_is_listed_is_skipped_and_owed(skipped: Bypass) -> None:
    spoilt, gate = SHUT[skipped]
    only = {"bypass": [skipped.value], "orderDownTo": "SystemTest" if skipped is Bypass.ORDER else None}
    s = at_work(strict(**only), **spoilt)
    rows = {row.gate: row.verdict for row in evaluate_all(s, NOW)}
    assert not judge(gate, s, NOW).open
    assert (rows[gate].outcome, rows[gate].reason) == (Outcome.PASSED, reasons.BYPASSED)
    assert "bypassed by emergency chg-77 (INC-77), and owed: " in rows[gate].message
    assert [owed.gate for owed in rows[gate].owes] == [skipped]


@pytest.mark.parametrize("skipped", SHUT, ids=str)
def test_what_is_not_listed_stays_shut(skipped: Bypass) -> None:
    spoilt, gate = SHUT[skipped]
    others = [b.value for b in Bypass if b is not skipped]
    down_to = None if skipped is Bypass.ORDER else "UAT"
    found = verdict(gate, at_work(strict(bypass=others, orderDownTo=down_to), **spoilt))
    assert not found.open
    assert found.owes == ()


@pytest.mark.parametrize("skipped", SHUT, ids=str)
@pytest.mark.parametrize("kind", ["Normal", "Emergency without approvals"])
def test_only_an_approved_emergency_skips_anything(skipped: Bypass, kind: str) -> None:
    spoilt, gate = SHUT[skipped]
    asked = change() if kind == "Normal" else emergency(approvals=())
    s = at_work(strict(), **{**spoilt, "changes": (asked,)})
    if kind == "Normal" and skipped is Bypass.CHANGE_WINDOW:
        return
    assert not verdict(gate, s).open


def test_what_an_emergency_will_skip_is_waited_for_and_not_denied() -> None:
    s = at_work(strict(), release=release(evidence=[]), changes=(emergency(approvals=()),))
    found = verdict(reasons.EVIDENCE, s)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.EVIDENCE_MISSING)
    assert found.message.endswith("; skipped once emergency chg-77 is approved")
    assert isinstance(decide(s, evaluate_all(s, NOW), NOW), Wait)
    approved = replace(s, changes=(emergency(),))
    assert isinstance(decide(approved, evaluate_all(approved, NOW), NOW), Start)


@pytest.mark.parametrize(
    ("given", "gate"),
    [
        ({"release": release(evidence=[{"type": "unit-tests", "result": "Failed"}])}, reasons.EVIDENCE),
        ({"plan": planned(images=(OTHER_IMAGE,))}, reasons.ARTIFACTS),
        ({"release": release(hold={"reason": "x"}, passed=())}, reasons.HOLD),
        ({"deployer_may": False}, reasons.BINDING),
        ({"admission": None}, reasons.ADMISSION),
        ({"release": release(passed=())}, reasons.ORDER),
        ({"release": release(passed=(passage("integration"),))}, reasons.ORDER),
    ],
)
def test_what_keeps_the_wrong_bytes_and_people_out_is_never_skipped(given: Mapping[str, Any], gate: str) -> None:
    s = at_work(strict(), **given)
    assert not verdict(gate, s).open
    assert not isinstance(decide(s, evaluate_all(s, NOW), NOW), Start)


def test_the_bytes_are_those_that_passed_where_it_did_pass() -> None:
    only_there = release(passed=(passage("system-test", images=(IMAGE,)),))
    assert verdict(reasons.ARTIFACTS, at_work(release=only_there)).open
    found = verdict(reasons.ARTIFACTS, at_work(release=only_there, plan=planned(images=(OTHER_IMAGE,))))
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.FOREIGN_IMAGE)


@pytest.mark.parametrize(("tier", "opens"), [("Integration", True), ("SystemTest", True), ("UAT", False)])
def test_order_is_skipped_down_to_the_tier_named(tier: str, *, opens: bool) -> None:
    s = at_work(lenient(orderDownTo=tier), release=release(passed=(SYSTEM_TEST,)))
    assert verdict(reasons.ORDER, s).open is opens


def test_a_skipped_environment_is_named_in_what_is_owed() -> None:
    found = verdict(reasons.ORDER, at_work(release=release(passed=(SYSTEM_TEST,))))
    assert [(owed.gate, owed.upstream) for owed in found.owes] == [("Order", "uat")]


def test_missing_sign_offs_further_up_are_owed_too() -> None:
    unsigned = release(passed=(passage("system-test", signed_off_at=None),))
    found = verdict(reasons.ORDER, at_work(release=unsigned))
    assert [(owed.gate, owed.upstream) for owed in found.owes] == [("Order", "uat"), ("SignOffs", "system-test")]
    assert not verdict(reasons.ORDER, at_work(lenient(bypass=["Order"]), release=unsigned)).open


def test_a_cycle_of_environments_has_no_way_round() -> None:
    s = at_work(release=release(passed=()))
    there, back = s.upstream["uat"], s.upstream["system-test"]
    loop = {"uat": there, "system-test": replace(back, promotes_from=("uat",))}
    s = replace(s, upstream={**loop, "uat": replace(there, promotes_from=("system-test",))})
    low = lenient(orderDownTo="Integration")
    s = replace(s, environment=low, effective=effective(low, None, stack(low)))
    assert verdict(reasons.ORDER, s).reason == reasons.NOT_PASSED


OVERRIDE = {"approvals": [{"role": "cab", "count": 2}], "emergency": [{"role": "ecab", "count": 1}]}


@pytest.mark.parametrize(
    ("spec", "asks", "opens"),
    [
        ({}, False, False),
        ({"exempt": {"changeTypes": ["Normal"]}}, False, False),
        ({"exempt": {"changeTypes": ["Emergency"]}}, False, True),
        ({"override": OVERRIDE}, False, False),
        ({"override": OVERRIDE}, True, True),
        ({"override": {"approvals": [{"role": "cab", "count": 2}]}}, True, False),
    ],
)
def test_the_freeze_alone_decides_whether_an_emergency_passes_it(
    spec: dict[str, Any], *, asks: bool, opens: bool
) -> None:
    past = {"freezeOverride": {"windows": ["year-end"], "justification": "INC-77"}} if asks else {}
    found = verdict(reasons.FREEZE, at_work(freezes=(freeze(**spec),), changes=(emergency(**past),)))
    assert found.open is opens
    assert found.owes == ()


def test_a_release_that_was_rejected_upstream_is_not_brought_by_an_emergency() -> None:
    row = passage(signed_off_at=None, promotion_uid="uid-rejected")
    rejected = promotion("rejected", to="uat", phase=Phase.REJECTED, started=NOW - hours(5), deployed=NOW - hours(5))
    s = at_work(release=release(passed=(row, SYSTEM_TEST)), upstream_promotions=(rejected,))
    found = verdict(reasons.ORDER, s)
    assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.REJECTED_UPSTREAM)


ODD = st.sampled_from(
    [reasons.CANNOT_TELL, reasons.EVIDENCE_FAILED, reasons.SCHEDULE_OVER, reasons.CALENDAR_INVALID, reasons.DOWNGRADE]
)


@given(
    st.dictionaries(st.sampled_from(reasons.GATES), ODD, min_size=1, max_size=4),
    st.booleans(),
)
def test_no_answer_but_those_that_may_be_skipped_is_skipped(odd: dict[str, str], final: bool) -> None:
    from lockflight.policy.bypass import bypass

    s = at_work()
    verdicts = {row.gate: row.verdict for row in evaluate_all(s, NOW)}
    shut = {gate: (denied if final else waiting)(reason, "no") for gate, reason in odd.items()}
    found = bypass(s, verdicts[reasons.CHANGE_CONTROL])
    assert found is not None

    def says(gate: str, _: Snapshot, __: object) -> Verdict:
        return {**verdicts, **shut}[gate]

    after = found.applied({**verdicts, **shut}, NOW, says)
    assert {gate for gate, verdict in after.items() if not verdict.open} == set(odd)


def test_every_answer_that_may_be_skipped_belongs_to_a_gate_that_may_be_bypassed() -> None:
    assert set(SKIPPABLE) <= set(Bypass)
    never = {
        reasons.BINDING, reasons.ARTIFACTS, reasons.CHANGE_CONTROL, reasons.CONCURRENCY, reasons.ADMISSION,
        reasons.FREEZE, reasons.HOLD, reasons.RULES, reasons.SOURCE, reasons.VERSION, reasons.ROLLBACK_PLAN,
    }  # fmt: skip
    assert not never & set(SKIPPABLE)


def test_a_denied_emergency_skips_nothing_and_ends() -> None:
    rejected = emergency(approvals=(approval("erin@example", "ecab", "Rejected"),))
    s = at_work(strict(), release=release(evidence=[]), changes=(rejected,))
    assert verdict(reasons.EVIDENCE, s).reason == reasons.EVIDENCE_MISSING
    assert isinstance(decide(s, evaluate_all(s, NOW), NOW), Finish)
