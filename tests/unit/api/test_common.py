"""Durations, instants and names as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lockflight.api.common import Duration, Semver, Tier, Time, format_duration, parse_duration

TIME: TypeAdapter[datetime] = TypeAdapter(Time)
DURATION: TypeAdapter[str] = TypeAdapter(Duration)
SEMVER: TypeAdapter[str] = TypeAdapter(Semver)

YEARS = timedelta(days=9999)


@given(st.timedeltas(min_value=timedelta(0), max_value=YEARS))
def test_a_formatted_duration_reads_back_to_the_second(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == timedelta(seconds=int(value.total_seconds()))


@given(st.timedeltas(min_value=timedelta(0), max_value=YEARS))
def test_a_formatted_duration_is_one_that_the_schema_takes(value: timedelta) -> None:
    DURATION.validate_python(format_duration(value))


@given(st.timedeltas(max_value=timedelta(0)))
def test_a_duration_is_never_negative(value: timedelta) -> None:
    assert format_duration(value) == "0s"


@pytest.mark.parametrize("text", ["9999w9999w9999w9999w", "9999d9999d9999d9999d", "999999h999999h999999h"])
def test_the_longest_duration_may_be_added_to_now(text: str) -> None:
    DURATION.validate_python(text)
    assert (datetime(2026, 11, 24, tzinfo=UTC) + parse_duration(text)).year < 9999


@pytest.mark.parametrize(
    ("text", "hours"), [("24h", 24), ("2w", 336), ("1d12h", 36), ("90m", 1.5), ("3600s", 1), ("0s", 0), ("1w2d", 216)]
)
def test_a_duration_means_elapsed_time(text: str, hours: float) -> None:
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "5", "h", "-5m", "1.5h", "5 m", "5M", "5m\n", "PT5M", "99999d", "1000000s"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write numbers with w, d, h, m or s, such as 24h or 2w"):
        parse_duration(text)
    with pytest.raises(ValidationError):
        DURATION.validate_python(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00Z"),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
        ("2026-12-01T00:30:00-05:30", "2026-12-01T06:00:00Z"),
        ("2026-12-01T09:00:00.123456789Z", "2026-12-01T09:00:00Z"),
    ],
)
def test_an_instant_is_written_in_utc(text: str, utc: str) -> None:
    assert TIME.dump_python(TIME.validate_python(text), mode="json") == utc


@pytest.mark.parametrize("text", ["2026-12-01T09:00:00", "2026-12-01"])
def test_a_time_without_offset_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match=r"has no offset: write RFC 3339 such as 2026-12-01T09:00:00\+01:00"):
        TIME.validate_python(text)


@given(st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(2999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_written_instant_reads_back_to_the_second(value: datetime) -> None:
    written = TIME.dump_python(value, mode="json")
    assert TIME.validate_python(written) == value.replace(microsecond=0)


@pytest.mark.parametrize("text", ["2.4.0", "0.0.0", "1.0.0-rc.1", "2.4.0+cfg.1", "1.0.0-alpha-1+b.7"])
def test_a_semantic_version_is_taken(text: str) -> None:
    assert SEMVER.validate_python(text) == text


@pytest.mark.parametrize("text", ["v2.4.0", "2.4", "02.4.0", "2.4.0-", "2.4.0+", "latest", "2.4.0 "])
def test_what_is_no_semantic_version_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        SEMVER.validate_python(text)


def test_tiers_rise_towards_production() -> None:
    assert Tier.LOCAL.rank < Tier.INTEGRATION.rank < Tier.SYSTEM_TEST.rank < Tier.UAT.rank < Tier.PRODUCTION.rank
