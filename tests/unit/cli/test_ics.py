"""The calendar file says what the entries say, to any program that reads RFC 5545."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse
from hypothesis import given
from hypothesis import strategies as st

from lockflight.cli import ics
from lockflight.policy.cadence.entries import Entry, What
from tests.unit.cli.icalendar import plain, read, when

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNTIL = datetime(2027, 12, 1, tzinfo=UTC)

texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from('\n,;:\\"äé漢🚂'), min_size=1, max_size=300
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda d: d.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001
entries = st.builds(
    lambda what, uid, title, start, lasts, detail: Entry(
        what, uid, title, start, None if lasts is None else start + timedelta(seconds=lasts), detail
    ),
    st.sampled_from(list(What)), st.from_regex(r"\A[a-z0-9.-]{1,60}\Z"), texts, instants,
    st.none() | st.integers(1, 10**7), texts,
)  # fmt: skip


@given(st.lists(entries, max_size=5), texts)
def test_what_is_read_back_is_what_was_written(given_: list[Entry], name: str) -> None:
    head, events = read(ics.text(given_, name, NOW, UNTIL, BERLIN).encode())
    assert plain({"X": ({}, head["X-WR-CALNAME"])}, "X") == name
    assert len(events) == len(given_)
    for entry, event in zip(given_, events, strict=True):
        assert event["UID"][1] == f"{entry.uid}@lockflight.dev"
        assert plain(event, "DESCRIPTION") == entry.detail
        lifted = entry.what is What.FREEZE and entry.end is None
        assert plain(event, "SUMMARY") == entry.title + (" (until lifted)" if lifted else "")
        assert when(event, "DTSTART") == entry.start
        # Another reader of the same form.
        assert isoparse(event["DTSTART"][1]) == entry.start
        if entry.end is not None:
            assert when(event, "DTEND") == entry.end


def test_whole_days_are_days_and_their_end_is_the_first_day_after() -> None:
    start, end = datetime(2026, 11, 1, 23, tzinfo=UTC), datetime(2026, 11, 15, 23, tzinfo=UTC)
    _, (event,) = read(
        ics.text([Entry(What.SPRINT, "s", "Sprint 1", start, end, days=True)], "x", NOW, UNTIL, BERLIN).encode()
    )
    assert (when(event, "DTSTART"), when(event, "DTEND")) == (date(2026, 11, 2), date(2026, 11, 16))


def test_a_freeze_without_end_reaches_to_the_end_of_the_file_and_says_so() -> None:
    _, (event,) = read(ics.text([Entry(What.FREEZE, "f", "Freeze: stop", NOW)], "x", NOW, UNTIL, BERLIN).encode())
    assert (when(event, "DTEND"), plain(event, "SUMMARY")) == (UNTIL, "Freeze: stop (until lifted)")


def test_a_control_character_does_not_break_the_file() -> None:
    _, (event,) = read(ics.text([Entry(What.CHANGE, "c", "a\x00b\r\nc\x0bd", NOW)], "x", NOW, UNTIL, BERLIN).encode())
    assert plain(event, "SUMMARY") == "a b\nc d"
