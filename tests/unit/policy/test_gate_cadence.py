"""Cadence: a release rides its train, and a change is raised early enough."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase
from lockflight.api.environment import Environment
from lockflight.api.promotion import Outcome
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.cadence.boarding import seat
from lockflight.policy.effective import effective
from lockflight.policy.model import HelmStatus, Snapshot, Verdict
from tests.unit.policy.builders import (
    BEFORE,
    FIVE,
    ROOT,
    calendar,
    change,
    environment,
    promotion,
    release,
    revision,
    use,
    verdict,
    world,
)

# The release of the world was made on Sunday 29 November 2026, after the cut-off of train 2026.12.
BEFORE_CUT_OFF = datetime(2026, 11, 25, 15, 59, tzinfo=UTC)
PRODUCTION = datetime(2026, 12, 1, 8, tzinfo=UTC)
CANDIDATE = datetime(2026, 11, 30, 8, tzinfo=UTC)
UNTIL = datetime(2026, 12, 3, 8, tzinfo=UTC)
NEXT = datetime(2026, 12, 29, 8, tzinfo=UTC)
FOLLOWS = {"calendarRef": {"name": "four-weekly"}}
SECOND = timedelta(seconds=1)


def scene(
    *,
    made: datetime = BEFORE_CUT_OFF,
    to: str = "production",
    kept: ReleaseCalendar | None = None,
    train: str | None = None,
    **given: Any,
) -> Snapshot:
    tier = {"production": "Production", "uat": "UAT", "system-test": "SystemTest", "integration": "Integration"}[to]
    shipped = release(train=train)
    shipped = shipped.model_copy(update={"metadata": shipped.metadata.model_copy(update={"creation_timestamp": made})})
    stack = tuple(environment(to, tier, **FOLLOWS) if e.metadata.name == to else e for e in FIVE)
    return world(stack_environments=stack, environment=next(e for e in stack if e.metadata.name == to),
                 release=shipped, calendar=kept or calendar(), **given)  # fmt: skip


def judge(s: Snapshot, now: datetime) -> Verdict:
    return verdict(reasons.CADENCE, s, now)


@pytest.mark.parametrize(
    ("now", "outcome", "reason", "retry_at"),
    [
        (PRODUCTION - SECOND, Outcome.WAITING, reasons.TRAIN_NOT_DUE, PRODUCTION),
        (PRODUCTION, Outcome.PASSED, reasons.PASSED, UNTIL),
        (UNTIL - SECOND, Outcome.PASSED, reasons.PASSED, UNTIL),
        (UNTIL, Outcome.WAITING, reasons.TRAIN_MISSED, NEXT),
        (NEXT, Outcome.PASSED, reasons.PASSED, datetime(2026, 12, 31, 8, tzinfo=UTC)),
    ],
)
def test_production_is_open_from_the_trains_time_until_it_has_left(
    now: datetime, outcome: Outcome, reason: str, retry_at: datetime
) -> None:
    found = judge(scene(), now)
    assert (found.outcome, found.reason, found.retry_at) == (outcome, reason, retry_at)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [(CANDIDATE - SECOND, Outcome.WAITING), (CANDIDATE, Outcome.PASSED), (UNTIL - SECOND, Outcome.PASSED)],
)
def test_uat_is_open_from_the_candidates_time(now: datetime, outcome: Outcome) -> None:
    assert judge(scene(to="uat"), now).outcome is outcome


def test_the_message_says_which_train_and_when_on_both_clocks() -> None:
    assert judge(scene(), PRODUCTION - SECOND).message == (
        "payments-2.4.0 is on train 2026.12: it enters tier Production from 2026-12-01 09:00 CET (2026-12-01 08:00Z) "
        "until 2026-12-03 09:00 CET (2026-12-03 08:00Z)"
    )


def test_late_scope_is_told_which_cut_off_it_did_not_make() -> None:
    found = judge(scene(made=BEFORE_CUT_OFF + timedelta(minutes=1)), PRODUCTION)
    assert (found.reason, found.retry_at) == (reasons.TRAIN_NOT_DUE, NEXT)
    assert found.message.startswith(
        "payments-2.4.0 is on train 2026.13, for it was made after the cut-off of 2026.12 "
        "(2026-11-25 17:00 CET (2026-11-25 16:00Z)): it enters tier Production from 2026-12-29 09:00 CET"
    )


def test_a_missed_train_is_named_with_the_one_that_follows() -> None:
    assert judge(scene(), UNTIL).message.startswith("payments-2.4.0 missed train 2026.12 and is on the next, 2026.13:")


@pytest.mark.parametrize(
    ("train", "reason", "says"),
    [
        ("2027.01", reasons.TRAIN_NOT_DUE, "is on train 2027.01: it enters"),
        ("2026.99", reasons.TRAIN_UNKNOWN, "spec.train 2026.99 is no train of this calendar: allowed are 2026.12, "),
    ],
)
def test_a_release_that_names_a_train_waits_for_it(train: str, reason: str, says: str) -> None:
    found = judge(scene(train=train), PRODUCTION)
    assert found.reason == reason
    assert says in found.message


def test_a_release_that_names_an_earlier_train_gets_in_no_earlier() -> None:
    found = judge(scene(train="2026.12", made=CANDIDATE), PRODUCTION)
    assert (found.outcome, found.retry_at) == (Outcome.WAITING, NEXT)
    assert "(spec.train 2026.12 is earlier and does not count)" in found.message


def test_what_the_release_was_put_on_counts_and_not_a_calendar_that_changed() -> None:
    s = scene()
    assert s.release is not None
    row = seat(s.release, calendar(), BEFORE_CUT_OFF).row
    shipped = s.release.model_copy(update={"status": s.release.status.model_copy(update={"trains": (row,)})})
    later = calendar(train={"production": "+5bd 09:00"})
    assert judge(scene(kept=later), PRODUCTION).outcome is Outcome.WAITING
    assert judge(replace(s, calendar=later, release=shipped), PRODUCTION).outcome is Outcome.PASSED


@pytest.mark.parametrize("to", ["integration", "system-test"])
def test_below_uat_no_train_is_waited_for(to: str) -> None:
    found = judge(scene(to=to), BEFORE_CUT_OFF)
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_an_environment_without_calendar_waits_for_no_train() -> None:
    assert judge(world(calendar=calendar()), CANDIDATE).outcome is Outcome.NOT_APPLICABLE


def test_a_calendar_that_is_not_there_shuts_the_gate() -> None:
    found = judge(replace(scene(), calendar=None), PRODUCTION)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CALENDAR_MISSING)
    assert found.message == (
        "spec.calendarRef four-weekly: no such ReleaseCalendar in this stack or the operator's namespace: create it"
    )


@pytest.mark.parametrize("broken", [{"timeZone": "Europe/Atlantis"}, {"train": {"candidate": "+9d 09:00"}}])
def test_a_calendar_that_makes_no_sense_shuts_the_gate(broken: dict[str, Any]) -> None:
    found = judge(scene(kept=calendar(**broken)), PRODUCTION)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CALENDAR_INVALID)
    assert found.message.startswith("calendar payments/four-weekly: spec.t")


def test_the_way_back_of_an_approved_change_waits_for_no_train() -> None:
    brought = use("uid-payments-2.4.0-production", at=UNTIL, finished=True)
    back = scene(
        promotion=promotion("back", release_name="payments-2.3.1", action="Rollback"),
        changes=(change(phase=ChangePhase.REVIEW, used_by=(brought,)),),
        revisions=(revision(1, status=HelmStatus.SUPERSEDED), revision(2, "2.4.0")),
    )
    back = replace(back, release=BEFORE)
    assert judge(back, UNTIL + SECOND).outcome is Outcome.NOT_APPLICABLE
    assert judge(replace(back, changes=(change(),)), UNTIL + SECOND).outcome is Outcome.WAITING


# Lead times

LEAD = {"cab": {"minLeadTime": {"Normal": "3bd"}}}
RAISED = datetime(2026, 11, 26, 9, tzinfo=UTC)
EARLIEST = datetime(2026, 12, 1, 9, tzinfo=UTC)


def raised(at: datetime = RAISED, **spec: Any) -> Any:
    found = change(**spec)
    return found.model_copy(update={"metadata": found.metadata.model_copy(update={"creation_timestamp": at})})


@pytest.mark.parametrize(
    ("now", "outcome", "reason"),
    [
        (EARLIEST - SECOND, Outcome.WAITING, reasons.LEAD_TIME),
        (EARLIEST, Outcome.PASSED, reasons.PASSED),
    ],
)
def test_work_starts_no_sooner_after_its_change_was_raised_than_the_board_says(
    now: datetime, outcome: Outcome, reason: str
) -> None:
    found = judge(scene(kept=calendar(**LEAD), changes=(raised(),)), now)
    assert (found.outcome, found.reason) == (outcome, reason)


def test_a_lead_time_names_change_type_and_both_clocks() -> None:
    schedule = {"start": "2026-12-01T09:00:00+01:00", "end": "2026-12-01T10:00:00+01:00"}
    found = judge(scene(kept=calendar(**LEAD), changes=(raised(schedule=schedule),)), PRODUCTION)
    assert found.message == (
        "change chg-1042 was raised 2026-11-26 10:00 CET (2026-11-26 09:00Z); Normal changes need 3bd, so it starts at "
        "2026-12-01 10:00 CET (2026-12-01 09:00Z) or later: its schedule ends before, move spec.schedule of chg-1042"
    )
    assert found.retry_at == EARLIEST


@pytest.mark.parametrize("kind", ["Standard", "Emergency"])
def test_a_change_of_a_type_without_lead_time_is_not_held(kind: str) -> None:
    assert judge(scene(kept=calendar(**LEAD), changes=(raised(type=kind),)), PRODUCTION).open


def test_whoever_has_neither_train_nor_lead_time_is_told_both() -> None:
    found = judge(scene(kept=calendar(**LEAD), changes=(raised(),)), PRODUCTION - SECOND)
    assert found.retry_at == EARLIEST
    assert "is on train 2026.12" in found.message
    assert "was raised" in found.message


# Inheritance


def governed(mine: dict[str, Any], base: dict[str, Any]) -> Any:
    baseline: Environment = environment("production", namespace=ROOT, **base)
    return effective(environment(**mine), baseline, FIVE)


def test_a_baselines_calendar_is_inherited_and_is_the_operators_own() -> None:
    found = governed({}, FOLLOWS)
    assert found.problems == ()
    assert (found.spec.calendar_ref.name, found.calendar_in_root) == ("four-weekly", True)


def test_a_stack_names_a_calendar_of_its_own_where_the_baseline_names_none() -> None:
    found = governed(FOLLOWS, {})
    assert (found.spec.calendar_ref.name, found.calendar_in_root) == ("four-weekly", False)


def test_a_stack_does_not_follow_another_calendar_than_the_baseline_says() -> None:
    found = governed({"calendarRef": {"name": "weekly"}}, FOLLOWS)
    assert found.problems == ("spec.calendarRef is weekly: allowed is four-weekly, as the baseline says",)
    assert found.spec.calendar_ref.name == "four-weekly"


@given(st.integers(0, 400 * 24 * 60), st.integers(0, 100 * 24 * 60), st.sampled_from(["uat", "production"]))
def test_time_alone_opens_the_gate_at_the_instant_it_names_and_not_before(made: int, waits: int, to: str) -> None:
    at = BEFORE_CUT_OFF + timedelta(minutes=made)
    s, now = scene(made=at, to=to), at + timedelta(minutes=waits)
    found = judge(s, now)
    assert found.retry_at is not None
    assert now < found.retry_at
    assert judge(s, found.retry_at - SECOND).open is found.open
    assert judge(s, found.retry_at).open is not found.open or found.open
