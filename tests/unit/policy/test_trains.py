"""Sprints and trains, their names and times."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.cadence import view
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.cadence.trains import Train
from tests.unit.policy.builders import calendar

FOUR_WEEKLY = trains(calendar())


def first(count: int, since: str = "2026-11-02", **spec: Any) -> list[Train]:
    found = trains(calendar(**spec))
    day = date.fromisoformat(since)
    return list(islice((t for t in found.since(day) if t.end >= day), count))


def local(when: datetime) -> str:
    return f"{when.astimezone(FOUR_WEEKLY.zone):%a %Y-%m-%d %H:%M}"


def test_two_sprints_of_two_weeks_make_a_train_every_four_weeks() -> None:
    one, two = first(2)
    assert (one.start, one.end) == (date(2026, 11, 2), date(2026, 11, 29))
    assert (two.start, two.end) == (date(2026, 11, 30), date(2026, 12, 27))
    assert [local(t) for t in (one.cut_off, one.candidate, one.production, one.until)] == [
        "Wed 2026-11-25 17:00", "Mon 2026-11-30 09:00", "Tue 2026-12-01 09:00", "Thu 2026-12-03 09:00",
    ]  # fmt: skip


def test_a_train_is_the_nth_that_ends_in_its_year() -> None:
    assert [t.name for t in first(4)] == ["2026.12", "2026.13", "2027.01", "2027.02"]


@pytest.mark.parametrize(
    ("train", "names"),
    [
        ({"sprints": 1}, ["2026.23", "2026.24", "2026.25", "2026.26", "2027.01"]),
        ({"every": "Month"}, ["2026.11", "2026.12", "2027.01", "2027.02", "2027.03"]),
        ({"every": "Month", "name": "{year}-{month}"}, ["2026-11", "2026-12", "2027-01", "2027-02", "2027-03"]),
        ({"every": "Quarter", "name": "{quarter}-{year}"}, ["04-2026", "01-2027", "02-2027", "03-2027", "04-2027"]),
        ({"sprints": 6, "name": "r{number}.{year}"}, ["r01.2027", "r02.2027", "r03.2027", "r04.2027", "r05.2027"]),
    ],
)  # fmt: skip
def test_trains_of_other_lengths(train: dict[str, Any], names: list[str]) -> None:
    assert [t.name for t in first(5, train=train)] == names


@pytest.mark.parametrize(("every", "end"), [("Month", date(2026, 11, 29)), ("Quarter", date(2026, 12, 27))])
def test_a_month_or_quarter_has_the_sprints_whose_last_day_falls_into_it(every: str, end: date) -> None:
    (train,) = first(1, train={"every": every})
    assert train.end == end


def test_no_train_left_before_the_calendar_began() -> None:
    assert next(FOUR_WEEKLY.since(date(2020, 1, 1))).start == date(2026, 11, 2)


rules = st.one_of(
    st.fixed_dictionaries({"sprints": st.integers(1, 8)}),
    st.just({"every": "Month"}),
    st.just({"every": "Quarter"}),
)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
minutes = st.integers(0, 6 * 365 * 24 * 60)
lengths = st.sampled_from(["1w", "2w", "3w", "10d", "4w"])


@given(rules, lengths, st.dates(date(2023, 12, 1), date(2029, 1, 31)))
def test_trains_follow_one_another_without_gap_and_each_has_a_name_of_its_own(
    rule: dict[str, Any], length: str, start: date
) -> None:
    found = list(islice(trains(calendar(sprint={"start": str(start), "length": length}, train=rule)).since(start), 15))
    assert found[0].start <= start <= found[0].end
    for one, two in pairwise(found):
        assert two.start == one.end + timedelta(days=1)
        assert (one.cut_off, one.production) < (two.cut_off, two.production)
    assert len({t.name for t in found}) == len(found)


@given(rules, lengths, st.dates(date(2026, 1, 1), date(2031, 12, 31)))
def test_a_sprint_is_a_part_of_the_train_it_works_for(rule: dict[str, Any], length: str, day: date) -> None:
    found = trains(calendar(sprint={"start": "2026-01-01", "length": length}, train=rule))
    sprint = found.sprint(day)
    train = found.train(found.of_sprint(sprint))
    assert train.start <= sprint.start <= day <= sprint.end <= train.end


@given(minutes, rules)
def test_what_is_shown_holds_until_the_instant_at_which_it_changes(minute: int, rule: dict[str, Any]) -> None:
    found, now = trains(calendar(sprint={"start": "2026-06-01"}, train=rule)), NEW_YEAR + timedelta(minutes=minute)
    seen = view.at(found, now)
    assert now < seen.changes_at
    last = seen.changes_at - timedelta(seconds=1)
    assert view.at(found, max(now, last)) == seen
    assert view.at(found, seen.changes_at) != seen


def test_the_state_in_the_middle_of_a_sprint() -> None:
    seen = view.at(FOUR_WEEKLY, datetime(2026, 11, 26, 12, tzinfo=UTC))
    assert seen.sprint is not None
    assert (seen.sprint.start, seen.sprint_number) == (date(2026, 11, 16), 2)
    assert seen.sprint_train is not None
    assert seen.sprint_train.name == "2026.12"
    # Its cut-off was yesterday: what is made now is late for it.
    assert seen.boarding.name == "2026.13"
    assert [t.name for t in seen.upcoming] == ["2026.12", "2026.13", "2027.01", "2027.02", "2027.03", "2027.04"]


def test_before_the_first_sprint_there_is_a_train_and_no_sprint() -> None:
    seen = view.at(FOUR_WEEKLY, datetime(2026, 10, 1, tzinfo=UTC))
    assert (seen.sprint, seen.boarding.name) == (None, "2026.12")
    assert local(seen.changes_at) == "Mon 2026-11-02 00:00"


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ({"candidate": "+7d 09:00"}, r"times of train 2026\.12 do not follow .*candidate 2026-12-07 09:00 CET"),
        ({"cutOff": "+3d 09:00"}, r"cutOff 2026-12-03 09:00 CET \(2026-12-03 08:00Z\)"),
    ],
)
def test_times_that_do_not_follow_one_another_make_a_calendar_invalid(train: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidCalendar, match=says):
        first(1, train=train)


def test_a_zone_that_does_not_exist_makes_a_calendar_invalid() -> None:
    with pytest.raises(InvalidCalendar, match=r"spec\.timeZone 'Europe/Atlantis' is no IANA time zone"):
        trains(calendar(timeZone="Europe/Atlantis"))


# Holidays

BAVARIA = {"country": "DE", "subdivision": "BY"}


def test_holidays_move_what_is_counted_in_business_days() -> None:
    # Train 2026.13 ends on Sunday, 27 December; 25 and 26 December are holidays, 24 December one of their own.
    (plain, moved) = (first(2, **given)[1] for given in ({}, {"holidays": {**BAVARIA, "dates": ["2026-12-24"]}}))
    assert (local(plain.cut_off), local(moved.cut_off)) == ("Wed 2026-12-23 17:00", "Mon 2026-12-21 17:00")
    assert local(plain.production) == local(moved.production) == "Tue 2026-12-29 09:00"


def test_a_production_time_runs_over_new_year_and_its_holiday() -> None:
    (train,) = first(
        1, "2026-12-28", sprint={"start": "2026-12-16", "length": "7d"}, train={"sprints": 2}, holidays=BAVARIA
    )
    assert local(train.production) == "Thu 2026-12-31 09:00"
    assert local(train.until) == "Tue 2027-01-05 09:00"


@pytest.mark.parametrize(
    ("holidays", "says"),
    [
        ({"country": "XX"}, r"spec\.holidays\.country is 'XX'"),
        ({"country": "DE", "subdivision": "XX"}, r"spec\.holidays\.subdivision is 'XX': DE has BB, BE"),
        ({"subdivision": "BY"}, "give its country too"),
    ],
)
def test_holidays_that_do_not_exist_make_a_calendar_invalid(holidays: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidCalendar, match=says):
        trains(calendar(holidays=holidays))


@given(st.sampled_from(["DE", "GB", "JP", "US", "SA"]), st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_no_time_in_business_days_falls_on_a_holiday(country: str, day: date) -> None:
    found = trains(calendar(holidays={"country": country}, sprint={"start": "2025-12-29"}))
    train = next(found.since(day))
    for when in (train.cut_off, train.candidate, train.production, train.until):
        assert found.works(when.astimezone(found.zone).date())
