"""Freeze and ChangeWindow: when nothing moves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase
from lockflight.api.promotion import Outcome, Phase, Promotion
from lockflight.policy.model import HelmStatus, Snapshot
from lockflight.policy.override import aborting, gone_past, lets_through
from tests.unit.policy.builders import (
    BEFORE,
    FIVE,
    NOW,
    STACK,
    approval,
    change,
    environment,
    freeze,
    hours,
    passage,
    promotion,
    release,
    revision,
    use,
    verdict,
    world,
)

END = datetime(2026, 12, 4, 23, 0, tzinfo=UTC)


def test_a_freeze_holds_and_names_itself_its_reason_and_both_clocks() -> None:
    found = verdict(reasons.FREEZE, world(freezes=(freeze(),)))
    assert (found.outcome, found.reason, found.retry_at) == (Outcome.WAITING, reasons.FREEZE_ACTIVE, END)
    assert found.message == (
        "freeze lockflight-system/year-end (Year end) until 2026-12-05 00:00 CET (2026-12-04 23:00Z)"
    )


@pytest.mark.parametrize(
    ("spec", "open_"),
    [
        ({}, False),
        ({"environments": None}, False),
        ({"environments": {"tiers": ["UAT", "Production"]}}, False),
        ({"environments": {"names": ["production"]}}, False),
        ({"environments": {"names": ["production"], "tiers": ["Production"]}}, False),
        ({"environments": {"names": ["production"], "tiers": ["UAT"]}}, True),
        ({"environments": {"names": ["uat"]}}, True),
        ({"applications": ["payments"]}, False),
        ({"applications": ["ledger"]}, True),
        ({"lift": {"reason": "over"}}, True),
        ({"lift": {"reason": "over"}, "override": {"approvals": [{"role": "cab"}]}}, False),
        ({"start": "2026-12-01T13:00:00"}, False),
        ({"start": "2026-12-01T13:11:00", "end": "2026-12-02T00:00:00"}, True),
        ({"end": "2026-12-01T13:00:00"}, True),
        ({"end": "2026-12-01T13:00:01"}, False),
        ({"end": None}, False),
    ],
)
def test_a_freeze_covers_what_it_selects_while_it_lasts(spec: dict[str, Any], open_: bool) -> None:
    assert verdict(reasons.FREEZE, world(freezes=(freeze(**spec),))).open is open_


def test_until_lifted_has_no_time_to_look_again() -> None:
    found = verdict(reasons.FREEZE, world(freezes=(freeze(end=None), freeze("other"))))
    assert found.retry_at is None
    assert "until it is lifted" in found.message


def test_of_overlapping_freezes_all_are_named_and_the_latest_end_counts() -> None:
    short = freeze("quarter-end", STACK, end="2026-12-02T00:00:00")
    found = verdict(reasons.FREEZE, world(freezes=(short, freeze())))
    assert found.retry_at == END
    assert "quarter-end" in found.message
    assert "year-end" in found.message


@pytest.mark.parametrize(
    "spec",
    [
        {"timeZone": "Europe/Atlantis"},
        {"timeZone": "Europe"},
        {"timeZone": "localtime"},
        {"start": "2026-02-30T00:00:00"},
        {"end": "2026-11-01T00:00:00"},
    ],
)
def test_a_freeze_that_cannot_be_judged_holds_what_it_selects(spec: dict[str, Any]) -> None:
    found = verdict(reasons.FREEZE, world(freezes=(freeze(**spec),)))
    assert (found.outcome, found.reason, found.retry_at) == (Outcome.WAITING, reasons.FREEZE_INVALID, None)
    assert "year-end" in found.message
    elsewhere = freeze(environments={"tiers": ["UAT"]}, **spec)
    assert verdict(reasons.FREEZE, world(freezes=(elsewhere,))).open


def test_an_invalid_freeze_does_not_hide_an_active_one() -> None:
    found = verdict(reasons.FREEZE, world(freezes=(freeze("broken", timeZone="Nowhere/X"), freeze())))
    assert found.reason == reasons.FREEZE_ACTIVE
    assert "broken" in found.message


def test_work_must_end_before_the_next_freeze_begins() -> None:
    soon = freeze(start="2026-12-01T13:05:00")
    found = verdict(reasons.FREEZE, world(freezes=(soon,)))
    assert (found.reason, found.retry_at) == (reasons.FREEZE_AHEAD, END)
    assert "nothing was measured here yet, so it is spec.timeout, 10m" in found.message
    assert "begins 2026-12-01 13:05 CET (2026-12-01 12:05Z)" in found.message
    exactly = freeze(start="2026-12-01T13:10:00")
    assert verdict(reasons.FREEZE, world(freezes=(exactly,))).open
    slow = environment(timeout="1h")
    assert not verdict(reasons.FREEZE, world(environment=slow, freezes=(exactly,))).open


def test_an_open_freeze_gate_says_when_the_next_freeze_shuts_it() -> None:
    later = freeze(start="2026-12-01T15:00:00")
    found = verdict(reasons.FREEZE, world(freezes=(later,)))
    assert found.retry_at == datetime(2026, 12, 1, 13, 50, tzinfo=UTC)
    assert not verdict(reasons.FREEZE, world(freezes=(later,)), found.retry_at + timedelta(seconds=1)).open


def test_a_change_of_an_exempt_type_passes_where_change_control_asks_for_its_approvals() -> None:
    exempt = freeze(exempt={"changeTypes": ["Normal"]})
    assert verdict(reasons.FREEZE, world(freezes=(exempt,))).open
    assert not verdict(reasons.FREEZE, world(freezes=(exempt,), changes=())).open
    assert not verdict(reasons.FREEZE, world(freezes=(exempt,), changes=(change(), change("chg-2")))).open


def test_nobody_gets_past_a_freeze_with_a_change_that_nobody_has_to_approve() -> None:
    uat = world(
        environment=FIVE[3],
        freezes=(freeze(environments={"tiers": ["UAT"]}, exempt={"changeTypes": ["Normal"]}),),
        changes=(change(environments=["uat"]),),
    )
    assert uat.change is not None
    assert verdict(reasons.FREEZE, uat).reason == reasons.FREEZE_ACTIVE


def test_a_type_that_change_control_does_not_accept_is_not_exempt() -> None:
    s = world(freezes=(freeze(exempt={"changeTypes": ["Emergency"]}),), changes=(change(type="Emergency"),))
    assert not verdict(reasons.FREEZE, s).open


NIGHTLY = {"end": None, "start": "2026-11-01T12:30:00", "recurrence": {"rrule": "FREQ=DAILY", "duration": "2h"}}


@pytest.mark.parametrize(
    ("at", "open_"),
    [
        ("2026-12-01T11:19:00+00:00", True),
        ("2026-12-01T11:21:00+00:00", False),  # ten minutes of work would run into it
        ("2026-12-01T11:30:00+00:00", False),
        ("2026-12-01T13:29:59+00:00", False),
        ("2026-12-01T13:30:00+00:00", True),
    ],
)
def test_a_recurring_freeze_holds_every_time_it_comes(at: str, open_: bool) -> None:
    assert verdict(reasons.FREEZE, world(freezes=(freeze(**NIGHTLY),)), datetime.fromisoformat(at)).open is open_


def test_freezes_that_touch_or_leave_no_time_for_work_are_one_to_whoever_waits() -> None:
    first = freeze(end="2026-12-02T00:00:00")
    touching = freeze("close", start="2026-12-02T00:00:00", end="2026-12-03T00:00:00")
    near = freeze("audit", start="2026-12-03T00:05:00", end="2026-12-04T00:00:00")
    later = freeze("later", start="2026-12-04T12:00:00", end="2026-12-05T00:00:00")
    found = verdict(reasons.FREEZE, world(freezes=(first, touching, near, later)))
    assert found.retry_at == datetime(2026, 12, 3, 23, 0, tzinfo=UTC)
    assert (
        "then freeze lockflight-system/close (Year end) until 2026-12-03 00:00 CET (2026-12-02 23:00Z)" in found.message
    )
    assert "then freeze lockflight-system/audit" in found.message
    assert "later" not in found.message
    assert verdict(reasons.FREEZE, world(freezes=(first, touching, near, later)), found.retry_at).open


def test_before_a_freeze_that_others_follow_it_says_when_all_are_over() -> None:
    soon = freeze(start="2026-12-01T13:05:00", end="2026-12-02T00:00:00")
    touching = freeze("close", start="2026-12-02T00:00:00", end="2026-12-03T00:00:00")
    found = verdict(reasons.FREEZE, world(freezes=(soon, touching)))
    assert (found.reason, found.retry_at) == (reasons.FREEZE_AHEAD, datetime(2026, 12, 2, 23, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    "recurrence",
    [
        {"rrule": "FREQ=SECONDLY", "duration": "1h"},
        {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "duration": "1h"},
        {"rrule": "FREQ=DAILY", "duration": "0s"},
    ],
)
def test_a_recurrence_that_cannot_be_judged_holds_what_it_selects(recurrence: dict[str, str]) -> None:
    found = verdict(reasons.FREEZE, world(freezes=(freeze(end=None, recurrence=recurrence),)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.FREEZE_INVALID)
    assert "spec.recurrence." in found.message


def took(minutes: int, days: int, **status: Any) -> Promotion:
    """A deployment of payments to production ``days`` ago."""
    began = NOW - hours(24 * days)
    name = f"ago-{days}"
    return promotion(name, phase=Phase.SUCCEEDED, started=began, verified=began + timedelta(minutes=minutes), **status)


def test_the_horizon_is_the_longest_of_the_last_five_deployments_here() -> None:
    soon = freeze(start="2026-12-01T13:30:00")
    past = (took(50, 9), *(took(n, n) for n in range(1, 5)), took(25, 5))
    assert verdict(reasons.FREEZE, world(freezes=(soon,), peers=past)).open
    slow = (*past, took(35, 0))
    found = verdict(reasons.FREEZE, world(freezes=(soon,), peers=slow))
    assert found.reason == reasons.FREEZE_AHEAD
    assert "of the last 5 here the longest took 35m" in found.message


def test_what_was_taken_back_or_never_verified_measures_nothing() -> None:
    soon = freeze(start="2026-12-01T13:05:00")
    bad = (took(1, 1, remediation="Rollback"), promotion("broken", started=NOW - hours(2), deployed=NOW - hours(1)))
    found = verdict(reasons.FREEZE, world(freezes=(soon,), peers=bad))
    assert found.reason == reasons.FREEZE_AHEAD
    assert "nothing was measured here yet" in found.message


OVERRIDE = {"approvals": [{"role": "cab", "count": 2}], "emergency": [{"role": "ecab", "count": 1}]}
ASKS = {"freezeOverride": {"windows": ["year-end"], "justification": "a regulator asks for it"}}


def test_a_change_that_names_the_freeze_and_has_its_approvals_goes_past_it() -> None:
    frozen = (freeze(override=OVERRIDE),)
    one = world(freezes=frozen, changes=(change(**ASKS, approvals=[approval("alice")]),))
    found = verdict(reasons.FREEZE, one)
    assert found.reason == reasons.FREEZE_ACTIVE
    assert "to go past it, change chg-1042 has 1/2 cab, needs 1 more of role cab" in found.message
    assert [(row.who, row.what) for row in found.waiting_for] == [
        ("cab", "1 of 2 approvals of chg-1042 to go past the freeze")
    ]
    assert gone_past(one, NOW) == ()
    both = world(freezes=frozen, changes=(change(**ASKS, approvals=[approval("alice"), approval("bob")]),))
    found = verdict(reasons.FREEZE, both)
    assert found.open
    assert "goes past freeze lockflight-system/year-end" in found.message
    assert gone_past(both, NOW) == frozen


def test_an_override_lets_nothing_past_another_freeze_of_the_same_time() -> None:
    both = [approval("alice"), approval("bob")]
    frozen = (freeze(override=OVERRIDE), freeze("stop", STACK, override=OVERRIDE))
    found = verdict(reasons.FREEZE, world(freezes=frozen, changes=(change(**ASKS, approvals=both),)))
    assert found.reason == reasons.FREEZE_ACTIVE
    assert "payments/stop" in found.message
    assert "year-end" not in found.message


def test_a_freeze_without_override_lets_nobody_past() -> None:
    both = [approval("alice"), approval("bob")]
    found = verdict(reasons.FREEZE, world(freezes=(freeze(),), changes=(change(**ASKS, approvals=both),)))
    assert found.reason == reasons.FREEZE_ACTIVE
    assert "change chg-1042 asks to go past it, which spec.override allows nobody" in found.message


@pytest.mark.parametrize(("kind", "goes"), [("Emergency", True), ("Normal", False)])
def test_an_override_of_an_emergency_has_approvals_of_its_own(kind: str, *, goes: bool) -> None:
    frozen = freeze(override=OVERRIDE)
    asking = change(**ASKS, type=kind, approvals=[approval("eve", role="ecab")])
    assert lets_through(world(freezes=(frozen,), changes=(asking,)), frozen, NOW) is goes


def test_who_asked_for_the_change_does_not_let_it_past() -> None:
    frozen = (freeze(override=OVERRIDE),)
    own = change(**ASKS, approvals=[approval("alice"), approval("rita@example")])
    assert not lets_through(world(freezes=frozen, changes=(own,)), frozen[0], NOW)


def test_an_override_waits_in_an_environment_without_change_control() -> None:
    frozen = (freeze(environments={"tiers": ["UAT"]}, override=OVERRIDE),)
    both = [approval("alice"), approval("bob")]
    s = world(environment=FIVE[3], freezes=frozen, changes=(change(environments=["uat"], **ASKS, approvals=both),))
    found = verdict(reasons.FREEZE, s)
    assert found.reason == reasons.FREEZE_ACTIVE
    assert "has no change control that judges the change" in found.message


def test_only_a_freeze_that_says_abort_aborts_and_not_what_goes_past_it() -> None:
    assert aborting(world(freezes=(freeze(),)), NOW) is None
    abort = (freeze(onRunning="Abort", override=OVERRIDE),)
    assert (
        aborting(world(freezes=abort), NOW) == "freeze lockflight-system/year-end (Year end): spec.onRunning is Abort"
    )
    both = [approval("alice"), approval("bob")]
    assert aborting(world(freezes=abort, changes=(change(**ASKS, approvals=both),)), NOW) is None


def back_out_world(**given: Any) -> Snapshot:
    """2.4.0 runs in production under chg-1042; a rollback to 2.3.1, which was verified there before."""
    brought = promotion(started=NOW - hours(3), deployed=NOW - hours(3), verified=NOW - hours(3))
    return world(
        **{
            "promotion": promotion("back", release_name="payments-2.3.1", action="Rollback"),
            "release": BEFORE,
            "changes": (change(phase=ChangePhase.REVIEW, used_by=(use(brought.metadata.uid, finished=True),)),),
            "peers": (brought,),
            "peer_releases": {r.metadata.name: r for r in (BEFORE, release())},
            "revisions": (
                revision(1, "2.3.1", status=HelmStatus.SUPERSEDED),
                revision(2, "2.4.0", promotion_uid=brought.metadata.uid),
            ),
            **given,
        }
    )


def test_the_way_back_of_an_approved_change_goes_through_a_freeze_and_past_its_schedule() -> None:
    over = change(
        phase=ChangePhase.REVIEW,
        used_by=(use("uid-payments-2.4.0-production", finished=True),),
        schedule={"start": NOW - hours(5), "end": NOW - hours(1)},
    )
    s = back_out_world(freezes=(freeze(),), changes=(over,))
    assert verdict(reasons.FREEZE, s).outcome is Outcome.NOT_APPLICABLE
    assert verdict(reasons.CHANGE_WINDOW, s).outcome is Outcome.NOT_APPLICABLE


def test_a_rollback_with_a_change_of_its_own_waits_for_freeze_and_schedule_like_a_deployment() -> None:
    own = change("chg-2", release_name="payments-2.3.1", schedule={"start": NOW + hours(1), "end": NOW + hours(2)})
    s = back_out_world(freezes=(freeze(),), changes=(own,))
    assert verdict(reasons.FREEZE, s).reason == reasons.FREEZE_ACTIVE
    assert verdict(reasons.CHANGE_WINDOW, s).reason == reasons.SCHEDULE_NOT_BEGUN


def test_a_rollback_where_no_change_is_asked_for_waits_for_a_freeze() -> None:
    s = world(
        environment=FIVE[3],
        promotion=promotion("back", to="uat", release_name="payments-2.3.1", action="Rollback"),
        release=release("2.3.1", passed=(passage("uat", "payments-2.3.1"),)),
        freezes=(freeze(environments={"tiers": ["UAT"]}),),
        changes=(change(environments=["uat"], phase=ChangePhase.REVIEW, used_by=(use("uid-x", environment="uat"),)),),
    )
    assert verdict(reasons.FREEZE, s).reason == reasons.FREEZE_ACTIVE


SCHEDULED = {"start": "2026-12-01T13:00:00+02:00", "end": "2026-12-01T15:00:00+02:00"}


@pytest.mark.parametrize(
    ("at", "outcome", "reason"),
    [
        ("2026-12-01T10:59:59+00:00", Outcome.WAITING, reasons.SCHEDULE_NOT_BEGUN),
        ("2026-12-01T11:00:00+00:00", Outcome.PASSED, reasons.PASSED),
        ("2026-12-01T12:59:59+00:00", Outcome.PASSED, reasons.PASSED),
        ("2026-12-01T13:00:00+00:00", Outcome.DENIED, reasons.SCHEDULE_OVER),
    ],
)
def test_a_change_runs_inside_its_schedule_which_is_half_open(at: str, outcome: Outcome, reason: str) -> None:
    s = world(changes=(change(schedule=SCHEDULED),))
    found = verdict(reasons.CHANGE_WINDOW, s, datetime.fromisoformat(at))
    assert (found.outcome, found.reason) == (outcome, reason)
    assert "13:00Z" in found.message or reason == reasons.SCHEDULE_NOT_BEGUN


def test_before_its_schedule_a_change_says_when() -> None:
    s = world(changes=(change(schedule=SCHEDULED),))
    early = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    found = verdict(reasons.CHANGE_WINDOW, s, early)
    assert found.retry_at == datetime(2026, 12, 1, 11, 0, tzinfo=UTC)
    assert "2026-12-01 13:00 +02:00 (2026-12-01 11:00Z)" in found.message


def test_a_schedule_says_nothing_where_no_change_is_asked_for() -> None:
    s = world(environment=FIVE[3], changes=(change(environments=["uat"], schedule=SCHEDULED),))
    assert verdict(reasons.CHANGE_WINDOW, s).outcome is Outcome.NOT_APPLICABLE


def test_without_a_change_the_window_is_closed() -> None:
    assert verdict(reasons.CHANGE_WINDOW, world(changes=())).outcome is Outcome.WAITING
