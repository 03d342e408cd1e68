"""Which train a release is on."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.release import Release
from lockflight.policy.cadence.boarding import UnknownTrain, seat
from lockflight.policy.cadence.calendar import trains
from tests.unit.policy.builders import calendar, release

CALENDAR = calendar()
FOUND = trains(CALENDAR)
CUT_OFF = FOUND.train(0).cut_off
SECOND = timedelta(seconds=1)


def made(at: datetime, **spec: Any) -> Release:
    found = release(**spec)
    return found.model_copy(update={"metadata": found.metadata.model_copy(update={"creation_timestamp": at})})


def on(release_: Release, row: Any) -> Release:
    return release_.model_copy(update={"status": release_.status.model_copy(update={"trains": (row,)})})


@pytest.mark.parametrize(
    ("at", "name"),
    [
        (CUT_OFF - timedelta(days=300), "2026.12"),  # before there was a calendar: its first train
        (CUT_OFF - SECOND, "2026.12"),
        (CUT_OFF, "2026.13"),  # the cut-off itself is too late
        (CUT_OFF + timedelta(days=28), "2027.01"),
    ],
)
def test_a_release_is_on_the_first_train_whose_cut_off_comes_after_it(at: datetime, name: str) -> None:
    assert seat(made(at), CALENDAR, at).row.name == name


def test_late_scope_is_told_for_which_train_it_is_late() -> None:
    taken = seat(made(CUT_OFF), CALENDAR, CUT_OFF)
    assert taken.late_for is not None
    assert taken.late_for.name == "2026.12"
    assert seat(made(CUT_OFF - SECOND), CALENDAR, CUT_OFF).late_for is None


@pytest.mark.parametrize(
    ("wanted", "name", "ignored"),
    [
        (None, "2026.13", None),
        ("2026.13", "2026.13", None),
        ("2027.02", "2027.02", None),
        ("2026.12", "2026.13", "2026.12"),  # earlier than the one it made: that would be a way round the cut-off
    ],
)
def test_a_release_may_name_a_later_train_only(wanted: str | None, name: str, ignored: str | None) -> None:
    taken = seat(made(CUT_OFF, train=wanted), CALENDAR, CUT_OFF)
    assert (taken.row.name, taken.ignored) == (name, ignored)


def test_a_train_that_does_not_exist_is_no_train() -> None:
    with pytest.raises(UnknownTrain, match=r"spec\.train 2026\.14 is no train .* allowed are 2026\.13, 2027\.01, "):
        seat(made(CUT_OFF, train="2026.14"), CALENDAR, CUT_OFF)


def test_a_missed_train_is_followed_by_the_next_that_has_not_left() -> None:
    until = FOUND.train(0).until
    taken = seat(made(CUT_OFF - SECOND), CALENDAR, until)
    assert (taken.row.name, taken.row.missed) == ("2026.13", ("2026.12",))
    assert seat(made(CUT_OFF - SECOND), CALENDAR, until - SECOND).row.name == "2026.12"


def test_what_was_decided_is_not_moved_by_a_changed_calendar() -> None:
    decided = seat(made(CUT_OFF - SECOND), CALENDAR, CUT_OFF).row
    stricter = calendar(train={"cutOff": "-9bd 09:00", "production": "+5bd 09:00"})
    assert seat(made(CUT_OFF - SECOND), stricter, CUT_OFF).row.name == "2026.13"
    assert seat(on(made(CUT_OFF - SECOND), decided), stricter, CUT_OFF).row == decided


def test_after_a_missed_train_the_calendar_of_today_counts() -> None:
    decided = seat(made(CUT_OFF - SECOND), CALENDAR, CUT_OFF).row
    changed = calendar(train={"production": "+5bd 09:00"})
    taken = seat(on(made(CUT_OFF - SECOND), decided), changed, decided.production_until)
    # Under the changed calendar train 2026.12 is still to come.
    assert (taken.row.name, taken.row.missed) == ("2026.12", ("2026.12",))
    assert taken.row.production == trains(changed).train(0).production


def test_another_calendar_decides_for_itself() -> None:
    decided = seat(made(CUT_OFF - SECOND), CALENDAR, CUT_OFF).row
    quarterly = calendar("quarterly", train={"every": "Quarter"})
    taken = seat(on(made(CUT_OFF - SECOND), decided), quarterly, CUT_OFF)
    assert (taken.row.calendar, taken.row.name) == ("payments/quarterly", "2026.04")


instants = st.integers(-60 * 24 * 60, 3 * 365 * 24 * 60).map(lambda m: CUT_OFF + timedelta(minutes=m))
rules = st.sampled_from([{"sprints": 1}, {"sprints": 2}, {"every": "Month"}, {"every": "Quarter"}])


@given(instants, st.integers(0, 200 * 24 * 60), rules)
def test_every_release_is_on_one_train_and_never_on_one_that_was_closed_or_has_left(
    at: datetime, waits: int, rule: dict[str, Any]
) -> None:
    kept, now = calendar(train=rule), at + timedelta(minutes=waits)
    row, found = seat(made(at), kept, now).row, trains(kept)
    assert at < row.cut_off
    assert now < row.production_until
    # By brute force: of all trains that were open when it was made, the first that has not left.
    all_trains = (found.train(index) for index in range(found.of_sprint(found.sprint(date(2026, 11, 2))), 10**9))
    assert row.name == next(t for t in all_trains if at < t.cut_off and now < t.until).name
