"""Wall clocks, zones and daylight saving, against an oracle that walks through the minutes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lockflight.api.common import Tier
from lockflight.policy.windows import InvalidWindow, both_clocks, instant, selects, span, zone
from tests.unit.policy.builders import freeze

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "UTC")
AROUND_SHIFTS = tuple(
    datetime.fromisoformat(day)
    for day in (
        "2026-03-29T00:00:00",
        "2026-10-25T00:00:00",
        "2026-03-08T00:00:00",
        "2026-11-01T00:00:00",
        "2026-04-05T00:00:00",
        "2026-10-04T00:00:00",
        "2026-02-15T00:00:00",
        "2026-07-01T00:00:00",
    )
)


def first_reading(wall: datetime, where: ZoneInfo) -> datetime:
    """The oracle: the first minute at which a clock in the zone shows ``wall`` or, if it never does, jumps over it."""
    at = wall.replace(tzinfo=UTC) - timedelta(hours=15)
    for _ in range(31 * 60):
        shown, before = (t.astimezone(where).replace(tzinfo=None) for t in (at, at - MINUTE))
        if shown == wall:
            return at
        if before < wall < shown:
            # The clock jumped over it: as late as it would have been read on the clock before the jump.
            return at + (wall - before - MINUTE)
        at += MINUTE
    raise AssertionError(wall)


walls = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(AROUND_SHIFTS), st.integers(0, 6 * 60)
)


@given(walls, st.sampled_from(ZONES))
def test_a_wall_clock_reading_is_the_instant_at_which_a_clock_first_shows_it(wall: datetime, name: str) -> None:
    assert instant(wall.isoformat(), zone(name)) == first_reading(wall, zone(name))


@given(walls, st.integers(1, 36 * 60), st.sampled_from(ZONES), st.integers(-120, 38 * 60))
def test_a_freeze_covers_every_minute_from_its_start_to_just_before_its_end(
    start: datetime, lasts: int, name: str, minutes: int
) -> None:
    end, where = start + lasts * MINUTE, zone(name)
    begins, ends = first_reading(start, where), first_reading(end, where)
    assume(begins < ends)
    found = span(freeze(timeZone=name, start=start.isoformat(), end=end.isoformat()))
    at = begins + minutes * MINUTE
    assert found[1] is not None
    assert (found[0] <= at < found[1]) == (begins <= at < ends)


@pytest.mark.parametrize(
    ("name", "wall", "utc"),
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
    ],
)
def test_daylight_saving_as_it_is_written_down(name: str, wall: str, utc: str) -> None:
    assert instant(wall, zone(name)) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_day_on_the_wall_clock_may_have_25_hours() -> None:
    start, end = span(freeze(start="2026-10-25T00:00:00", end="2026-10-26T00:00:00"))
    assert end is not None
    assert end - start == timedelta(hours=25)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "Europe", "", "../etc/passwd", "localtime", "Factory", "CET/CEST"])
def test_an_unknown_zone_is_an_error_and_never_utc(name: str) -> None:
    with pytest.raises(InvalidWindow, match=r"spec\.timeZone"):
        zone(name)


def test_a_window_that_daylight_saving_leaves_nothing_of_is_invalid() -> None:
    with pytest.raises(InvalidWindow, match="does not lie after"):
        span(freeze(start="2026-03-29T02:30:00", end="2026-03-29T03:15:00"))


def test_until_lifted_has_no_end() -> None:
    assert span(freeze(end=None))[1] is None


def test_an_instant_is_told_on_both_clocks() -> None:
    at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert both_clocks(at, zone("Europe/Berlin")) == "2026-07-01 14:00 CEST (2026-07-01 12:00Z)"


names = st.sampled_from(["uat", "production"])
tiers = st.sampled_from(list(Tier))
apps = st.sampled_from(["payments", "ledger"])


@given(st.sets(tiers), st.sets(names), st.sets(apps), tiers, names, apps)
def test_selectors_are_anded_and_their_lists_are_ored(
    chosen_tiers: set[Tier], chosen_names: set[str], chosen_apps: set[str], tier: Tier, name: str, app: str
) -> None:
    window = freeze(
        environments={"tiers": sorted(chosen_tiers), "names": sorted(chosen_names)}, applications=sorted(chosen_apps)
    )
    expected = (
        (not chosen_tiers or tier in chosen_tiers)
        and (not chosen_names or name in chosen_names)
        and (not chosen_apps or app in chosen_apps)
    )
    assert selects(window, environment=name, tier=tier, application=app) is expected
