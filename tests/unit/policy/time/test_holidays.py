"""Business days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.time.holidays import holidays
from lockflight.policy.time.zones import InvalidTime

BAVARIA = holidays("DE", "BY", ["2026-12-24"])


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-12-24", "holiday"),
        ("2026-12-25", "Christmas Day"),
        ("2027-01-06", "Epiphany"),
        ("2026-12-23", None),
        ("2026-12-27", None),
    ],
)
def test_a_holiday_has_a_name(day: str, why: str | None) -> None:
    assert BAVARIA.holiday(date.fromisoformat(day)) == why


def test_a_holiday_of_a_subdivision_is_a_working_day_elsewhere() -> None:
    epiphany = date(2027, 1, 6)
    assert not BAVARIA.is_business_day(epiphany)
    assert holidays("DE", "BE").is_business_day(epiphany)


def test_weekends_are_those_of_the_country() -> None:
    friday = date(2026, 11, 27)
    assert holidays().is_business_day(friday)
    assert not holidays("EG").is_business_day(friday)
    assert holidays("EG").is_business_day(date(2026, 11, 29))


@pytest.mark.parametrize(
    ("day", "by", "to"),
    [
        ("2026-12-23", 1, "2026-12-28"),
        ("2026-12-23", 0, "2026-12-23"),
        ("2026-12-24", 0, "2026-12-28"),
        ("2026-12-28", -1, "2026-12-23"),
        ("2027-01-07", -1, "2027-01-05"),
        ("2026-12-26", -3, "2026-12-21"),
    ],
)
def test_shifts_in_business_days(day: str, by: int, to: str) -> None:
    assert BAVARIA.shift(date.fromisoformat(day), by) == date.fromisoformat(to)


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(-60, 60))
def test_a_shift_passes_exactly_that_many_business_days(day: date, by: int) -> None:
    found = BAVARIA.shift(day, by)
    step = timedelta(days=1 if by >= 0 else -1)
    passed, walked = 0, day - step if by == 0 else day
    while walked != found:
        walked += step
        passed += BAVARIA.is_business_day(walked)
    assert passed == max(1, abs(by))
    assert BAVARIA.is_business_day(found)


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        (("XX", None, ()), "spec.holidays.country is 'XX': allowed are the ISO codes AD, AE"),
        (("de", None, ()), "spec.holidays.country is 'de'"),
        (("DE", "XX", ()), "spec.holidays.subdivision is 'XX': DE has BB, BE, BW, BY"),
        ((None, "BY", ()), "give its country too"),
        ((None, None, ("24.12.2026",)), "spec.holidays.dates has '24.12.2026'"),
        ((None, None, ("2026-02-30",)), "spec.holidays.dates has '2026-02-30'"),
    ],
)
def test_what_nobody_knows_is_refused(given_: tuple[str | None, str | None, tuple[str, ...]], says: str) -> None:
    with pytest.raises(InvalidTime) as refused:
        holidays(*given_)
    assert says in str(refused.value)


def test_a_shift_is_bounded() -> None:
    with pytest.raises(InvalidTime, match="401bd is too far"):
        BAVARIA.shift(date(2026, 1, 1), 401)
    always = holidays(dates=[(date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(2100)])
    with pytest.raises(InvalidTime, match="hardly any business days"):
        always.shift(date(2026, 1, 1), 1)
