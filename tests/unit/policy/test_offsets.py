"""Days and business days on a wall clock, against an oracle that walks from day to day."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.cadence.offsets import InvalidCalendar, after, at, business, offset

BERLIN = ZoneInfo("Europe/Berlin")
ONE = timedelta(days=1)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Tokyo")

# Among them those around the day that Samoa skipped.
days = st.one_of(st.dates(date(2023, 12, 1), date(2029, 1, 31)), st.dates(date(2011, 12, 25), date(2012, 1, 5)))
holidays = st.frozensets(days, max_size=60)


def weekday(day: date) -> bool:
    return day.weekday() < 5


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("+0bd 09:00", "2026-11-30 09:00"),  # the Monday itself
        ("+1bd 09:00", "2026-12-01 09:00"),
        ("-1bd 17:00", "2026-11-27 17:00"),  # the Friday before
        ("-3bd 17:00", "2026-11-25 17:00"),
        ("+5bd 09:00", "2026-12-07 09:00"),  # over a weekend
        ("+1d 09:00", "2026-12-01 09:00"),
        ("-1d 23:59", "2026-11-29 23:59"),  # a Sunday is a day
        ("+0d 00:00", "2026-11-30 00:00"),
    ],
)
def test_an_offset_is_counted_from_the_day_after_the_last(text: str, instant: str) -> None:
    found = offset(text, date(2026, 11, 30), BERLIN, weekday)
    assert f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}" == instant


@pytest.mark.parametrize(
    ("day", "count", "found"),
    [
        (date(2026, 11, 28), 0, date(2026, 11, 30)),  # a Saturday is no business day: the next
        (date(2026, 11, 28), 1, date(2026, 12, 1)),
        (date(2026, 11, 28), -1, date(2026, 11, 27)),
        (date(2026, 12, 31), 1, date(2027, 1, 4)),  # over New Year, a holiday
        (date(2028, 2, 28), 1, date(2028, 2, 29)),  # a leap day is worked on
    ],
)
def test_business_days_skip_weekends_and_holidays(day: date, count: int, found: date) -> None:
    new_year = date(2027, 1, 1)
    assert business(day, count, lambda d: weekday(d) and d != new_year) == found


@given(days, st.integers(-40, 40), holidays)
def test_a_business_day_has_so_many_others_between(day: date, count: int, off: frozenset[date]) -> None:
    def works(d: date) -> bool:
        return weekday(d) and d not in off

    found = business(day, count, works)
    assert works(found)
    first, last = min(day, found), max(day, found)
    between = [first + n * ONE for n in range((last - first).days)]
    assert sum(map(works, between)) == abs(count)
    assert found < day if count < 0 else found >= day


def test_a_calendar_of_nothing_but_holidays_is_invalid() -> None:
    with pytest.raises(InvalidCalendar, match=r"spec\.holidays leave no business day around 2026-11-30"):
        business(date(2026, 11, 30), 0, lambda _: False)


@given(days, st.integers(0, 24 * 60 - 1), st.sampled_from(ZONES))
def test_a_time_of_day_is_what_a_clock_there_shows_or_later_by_the_gap(day: date, minute: int, name: str) -> None:
    where, clock = ZoneInfo(name), time(minute // 60, minute % 60)
    found = at(day, clock, where)
    shown, wanted = found.astimezone(where).replace(tzinfo=None), datetime.combine(day, clock)
    skipped = shown - wanted
    assert skipped >= timedelta()
    if skipped:
        # The clock there never showed it: the minute before the gap's end is before the gap's start.
        before = (found - skipped - timedelta(minutes=1)).astimezone(where).replace(tzinfo=None)
        assert before < wanted < shown
    else:
        assert (found - timedelta(hours=1)).astimezone(where).replace(tzinfo=None) != wanted


@pytest.mark.parametrize(
    ("span", "ends"),
    [
        ("2bd", "2026-10-27 09:00"),  # Friday to Tuesday, while the clocks go back an hour
        ("2d", "2026-10-25 09:00"),
        ("48h", "2026-10-25 08:00"),
    ],
)
def test_days_keep_the_time_of_day_and_hours_are_elapsed(span: str, ends: str) -> None:
    start = at(date(2026, 10, 23), time(9), BERLIN)
    assert f"{after(start, span, BERLIN, weekday).astimezone(BERLIN):%Y-%m-%d %H:%M}" == ends


@pytest.mark.parametrize("text", ["3bd 17:00", "-3bd", "-3bd 17", "-3w 17:00", ""])
def test_what_is_no_offset_says_so(text: str) -> None:
    with pytest.raises(InvalidCalendar, match="write one such as -3bd 17:00"):
        offset(text, date(2026, 11, 30), BERLIN, weekday)


def test_what_is_no_span_says_so() -> None:
    with pytest.raises(InvalidCalendar, match="write one such as 2bd"):
        after(datetime(2026, 11, 30, tzinfo=UTC), "2 weeks", BERLIN, weekday)
