"""Occurrences as spans: open or not, every minute, around the days on which clocks are changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockflight.policy.time.recurrence import Recurrence, recurrence
from lockflight.policy.time.rrule import parse
from lockflight.policy.time.zones import InvalidTime, wall, zone
from tests.unit.policy.time.oracle import MINUTE, SHIFTS, begins, dial

Meant = Callable[[datetime], bool]

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def daily(at: datetime) -> tuple[str, Meant]:
    return "FREQ=DAILY", lambda r: (r.hour, r.minute) == (at.hour, at.minute)


def hourly(at: datetime) -> tuple[str, Meant]:
    return "FREQ=HOURLY", lambda r: r.minute == at.minute


def every_third_hour(at: datetime) -> tuple[str, Meant]:
    return "FREQ=HOURLY;INTERVAL=3", lambda r: (r - at) % timedelta(hours=3) == timedelta(0)


def weekly(at: datetime) -> tuple[str, Meant]:
    days = {(at.weekday() + n) % 7 for n in (4, 5, 6)}
    rule = f"FREQ=WEEKLY;BYDAY={','.join(_DAYS[d] for d in sorted(days))}"
    return rule, lambda r: r.weekday() in days and (r.hour, r.minute) == (at.hour, at.minute)


def every_other_day_twice(at: datetime) -> tuple[str, Meant]:
    rule = f"FREQ=DAILY;INTERVAL=2;BYHOUR=2,{at.hour};BYMINUTE={at.minute}"
    return rule, lambda r: (r.date() - at.date()).days % 2 == 0 and r.hour in (2, at.hour) and r.minute == at.minute


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(SHIFTS),
    st.sampled_from([daily, hourly, every_third_hour, weekly, every_other_day_twice]),
    st.integers(0, 1439),
    st.integers(1, 30 * 60),
)
def test_it_is_open_in_every_minute_in_which_a_clock_and_a_stopwatch_say_so(
    shift: tuple[str, str], kind: Callable[[datetime], tuple[str, Meant]], minute: int, lasts: int
) -> None:
    name, day = shift
    start = datetime.fromisoformat(day) - timedelta(days=6) + minute * MINUTE
    rule, meant = kind(start)
    found = recurrence(rule, start.isoformat(), name, lasts * MINUTE)
    starts = sorted(set(begins(name, day, lambda r: r >= start and meant(r))))
    # Two days more than the longest occurrence lie before the first minute that is asked for.
    asked = [at for at, _ in dial(name, day)][2 * 1440 :: 17]
    for now in asked:
        running = [s for s in starts if s <= now < s + lasts * MINUTE]
        following = next((s for s in starts if s > now), None)
        around = found.around(now)
        assert (around.current.start if around.current else None) == max(running, default=None), now
        if following is not None:
            assert around.next is not None
            assert around.next.start == following, now


@pytest.mark.parametrize(
    ("name", "rule", "start", "lasts", "utc"),
    [
        # Fridays at 18:00 keep wall time over the change of clocks.
        ("Europe/Berlin", "FREQ=WEEKLY;BYDAY=FR", "2026-10-16T18:00:00", 1, ["16T16:00", "23T16:00", "30T17:00"]),
        # 02:30 does not exist on the 28th: it is put forward by the gap.
        ("Europe/Berlin", "FREQ=DAILY", "2027-03-27T02:30:00", 1, ["27T01:30", "28T01:30", "29T00:30"]),
        # 02:15 comes twice on the 25th: it opens once, the first time.
        ("Europe/Berlin", "FREQ=DAILY", "2026-10-24T02:15:00", 1, ["24T00:15", "25T00:15", "26T01:15"]),
        # 30 December 2011 is not there: its window is that of the 31st.
        ("Pacific/Apia", "FREQ=DAILY", "2011-12-29T09:00:00", 1, ["29T19:00", "30T19:00", "31T19:00"]),
    ],
)
def test_occurrences_on_days_on_which_clocks_change(
    name: str, rule: str, start: str, lasts: int, utc: list[str]
) -> None:
    found = recurrence(rule, start, name, timedelta(hours=lasts))
    spans = islice(found.between(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)), 3)
    assert [f"{span.start:%dT%H:%M}" for span in spans] == utc


def test_a_duration_is_elapsed_time_whatever_the_clocks_do_meanwhile() -> None:
    found = recurrence("FREQ=DAILY", "2026-10-24T20:00:00", "Europe/Berlin", timedelta(hours=12))
    current = found.around(datetime(2026, 10, 25, 0, 0, tzinfo=UTC)).current
    assert current is not None
    assert current.end == datetime(2026, 10, 25, 6, 0, tzinfo=UTC)
    assert f"{current.end.astimezone(found.where):%H:%M}" == "07:00"


def test_of_overlapping_occurrences_the_latest_end_is_reported() -> None:
    found = recurrence("FREQ=HOURLY", "2026-11-02T00:00:00", "UTC", timedelta(hours=5))
    current = found.around(datetime(2026, 11, 3, 12, 30, tzinfo=UTC)).current
    assert current is not None
    assert current.end == datetime(2026, 11, 3, 17, 0, tzinfo=UTC)


def test_a_window_is_half_open_and_touches_the_next_one_without_a_gap() -> None:
    found = recurrence("FREQ=DAILY", "2026-11-02T00:00:00", "UTC", timedelta(days=1))
    midnight = datetime(2026, 11, 4, tzinfo=UTC)
    current = found.around(midnight).current
    assert current is not None
    assert current.start == midnight
    assert found.around(datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC)).current is None


def test_a_window_over_new_year_is_open_in_both_years() -> None:
    found = recurrence("FREQ=YEARLY", "2020-12-20T18:00:00", "Europe/Berlin", timedelta(days=16))
    for day in (datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC)):
        current = found.around(day).current
        assert current is not None
        assert (current.start.year, current.end.year) == (2026, 2027)
    assert found.around(datetime(2027, 1, 6, tzinfo=UTC)).current is None


def test_a_leap_day_recurs_every_four_years_and_after_eight_around_2100() -> None:
    found = recurrence("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-01-01T00:00:00", "UTC", timedelta(days=1))
    following = found.around(datetime(2096, 3, 1, tzinfo=UTC)).next
    assert following is not None
    assert following.start == datetime(2104, 2, 29, tzinfo=UTC)


def test_a_counted_rule_ends() -> None:
    found = recurrence("FREQ=WEEKLY;COUNT=2", "2026-11-02T09:00:00", "UTC", timedelta(hours=1))
    assert found.around(datetime(2026, 11, 9, 8, tzinfo=UTC)).next is not None
    assert found.around(datetime(2026, 11, 9, 9, tzinfo=UTC)).next is None
    assert found.around(datetime(2026, 11, 16, 9, tzinfo=UTC)).current is None


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(hours=-1), timedelta(days=367)])
def test_a_duration_is_longer_than_nothing_and_no_longer_than_a_year(lasts: timedelta) -> None:
    with pytest.raises(InvalidTime, match=r"spec\.recurrence\.duration"):
        recurrence("FREQ=DAILY", "2026-11-02T09:00:00", "UTC", lasts)


@pytest.mark.parametrize(
    ("start", "name", "field"),
    [
        ("2026-02-30T00:00:00", "UTC", "spec.start"),
        ("2026-02-01T00:00:00", "Europe/Atlantis", "spec.timeZone"),
    ],
)
def test_a_start_or_a_zone_that_does_not_exist_is_refused(start: str, name: str, field: str) -> None:
    with pytest.raises(InvalidTime, match=field):
        recurrence("FREQ=DAILY", start, name, timedelta(hours=1))


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_what_it_says_does_not_depend_on_what_it_was_asked_before(first: int, second: int) -> None:
    rule = parse("FREQ=MONTHLY;BYDAY=-1FR", wall("2026-01-01T18:00:00"))
    asked, alone = (Recurrence(rule, wall("2026-01-01T18:00:00"), zone("UTC"), timedelta(days=3)) for _ in range(2))
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    asked.around(new_year + timedelta(days=first))
    now = new_year + timedelta(days=second)
    assert asked.around(now) == alone.around(now)
