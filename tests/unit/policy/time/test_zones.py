"""Wall clocks, zones and daylight saving, against an oracle that looks at the clock every minute."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.time.zones import InvalidTime, both_clocks, instant, wall, zone
from tests.unit.policy.time.oracle import MINUTE, SHIFTS, begins

hours_around = st.integers(-30 * 60, 30 * 60)


@given(st.sampled_from(SHIFTS), hours_around)
def test_a_wall_clock_reading_is_the_instant_at_which_a_clock_first_shows_it(
    shift: tuple[str, str], minutes: int
) -> None:
    name, day = shift
    reading = datetime.fromisoformat(day) + minutes * MINUTE
    assert instant(reading, zone(name)) == next(begins(name, day, lambda shown: shown == reading))


@pytest.mark.parametrize(
    ("name", "reading", "utc"),
    [
        # Clocks go from 02:00 to 03:00: a start in the gap moves forward by the gap.
        ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00"),
        ("Europe/Berlin", "2026-03-29T01:59:00", "2026-03-29T00:59:00"),
        ("Europe/Berlin", "2026-03-29T03:30:00", "2026-03-29T01:30:00"),
        # Clocks go from 03:00 to 02:00: of a repeated hour it is the first.
        ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00"),
        ("Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00"),
        ("America/New_York", "2026-03-08T02:15:00", "2026-03-08T07:15:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00"),
        # Samoa had no 30 December 2011: it is the same time of the 31st.
        ("Pacific/Apia", "2011-12-30T09:00:00", "2011-12-30T19:00:00"),
        ("Pacific/Apia", "2011-12-31T09:00:00", "2011-12-30T19:00:00"),
    ],
)
def test_daylight_saving_as_it_is_written_down(name: str, reading: str, utc: str) -> None:
    assert instant(wall(reading), zone(name)) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "Europe", "", "../etc/passwd", "localtime", "Factory", "CET/CEST"])
def test_an_unknown_zone_is_an_error_and_never_utc(name: str) -> None:
    with pytest.raises(InvalidTime, match=r"spec\.timeZone"):
        zone(name)


@pytest.mark.parametrize("text", ["2026-02-30T00:00:00", "2027-02-29T00:00:00", "soon", "2026-01-01T00:00:00+01:00"])
def test_a_day_that_does_not_exist_and_a_time_with_an_offset_are_no_wall_clock_readings(text: str) -> None:
    with pytest.raises(InvalidTime, match=r"spec\.start"):
        wall(text, "spec.start")


def test_an_instant_is_told_on_both_clocks() -> None:
    at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert both_clocks(at, zone("Europe/Berlin")) == "2026-07-01 14:00 CEST (2026-07-01 12:00Z)"


def test_a_day_on_the_wall_clock_may_have_25_hours() -> None:
    berlin = zone("Europe/Berlin")
    day = instant(wall("2026-10-26T00:00:00"), berlin) - instant(wall("2026-10-25T00:00:00"), berlin)
    assert day == timedelta(hours=25)
