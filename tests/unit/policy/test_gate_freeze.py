"""Freeze and ChangeWindow: when nothing moves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase
from lockflight.api.promotion import Outcome
from lockflight.policy.model import HelmStatus, Snapshot
from tests.unit.policy.builders import (
    BEFORE,
    FIVE,
    NOW,
    STACK,
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
