"""When the change board meets, and whose changes are on the agenda."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.meetings import meeting_for, meetings, next_meeting
from lockflight.policy.cadence.offsets import InvalidCalendar
from tests.unit.policy.builders import calendar

TUESDAY = {"name": "tuesday", "rrule": "FREQ=WEEKLY;BYDAY=TU", "at": "14:00", "submitBy": "-2bd 12:00"}
HOUR = timedelta(hours=1)


def board(*rules: dict[str, Any], **spec: Any) -> ReleaseCalendar:
    return calendar(cab={"meetings": list(rules or (TUESDAY,))}, **spec)


def test_a_meeting_keeps_its_time_of_day_when_the_clocks_change() -> None:
    found = meetings(board(), datetime(2027, 3, 22, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC))
    assert [m.at for m in found] == [datetime(2027, 3, 23, 13, tzinfo=UTC), datetime(2027, 3, 30, 12, tzinfo=UTC)]


def test_changes_raised_before_the_deadline_are_on_the_agenda_and_later_ones_on_the_next() -> None:
    deadline = datetime(2026, 12, 4, 11, tzinfo=UTC)  # the Friday before, at noon in Berlin
    first, late = meeting_for(board(), deadline - timedelta(seconds=1)), meeting_for(board(), deadline)
    assert first is not None
    assert late is not None
    assert (first.at, first.submit_by) == (datetime(2026, 12, 8, 13, tzinfo=UTC), deadline)
    assert late.at == datetime(2026, 12, 15, 13, tzinfo=UTC)


def test_without_a_deadline_it_is_the_meeting_itself() -> None:
    (found,) = meetings(
        board({**TUESDAY, "submitBy": None}), datetime(2026, 12, 8, tzinfo=UTC), datetime(2026, 12, 9, tzinfo=UTC)
    )
    assert found.submit_by == found.at


def test_holidays_move_the_deadline_back() -> None:
    found = next_meeting(board(holidays={"dates": ["2026-12-04"]}), datetime(2026, 12, 3, tzinfo=UTC))
    assert found is not None
    assert found.submit_by == datetime(2026, 12, 3, 11, tzinfo=UTC)


def test_of_several_the_first_is_next() -> None:
    monthly = {"name": "monthly", "rrule": "FREQ=MONTHLY;BYDAY=1MO", "at": "09:00"}
    found = next_meeting(board(TUESDAY, monthly), datetime(2026, 12, 2, tzinfo=UTC))
    assert found is not None
    assert (found.name, found.at) == ("monthly", datetime(2026, 12, 7, 8, tzinfo=UTC))


def test_a_calendar_without_meetings_has_none() -> None:
    assert next_meeting(calendar(), datetime(2026, 12, 2, tzinfo=UTC)) is None
    assert meeting_for(calendar(), datetime(2026, 12, 2, tzinfo=UTC)) is None


def test_a_board_that_has_met_for_the_last_time_has_no_next_meeting() -> None:
    last = {**TUESDAY, "rrule": "FREQ=WEEKLY;BYDAY=TU;UNTIL=20261231T000000Z"}
    assert next_meeting(board(last), datetime(2027, 1, 5, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("rrule", "says"),
    [
        ("FREQ=WEEKLY;BYDAY=XX", r"spec\.cab\.meetings\[tuesday\]\.rrule has BYDAY=XX"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "meets no day"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(rrule: str, says: str) -> None:
    with pytest.raises(InvalidCalendar, match=says):
        next_meeting(board({**TUESDAY, "rrule": rrule}), datetime(2026, 12, 2, tzinfo=UTC))


@given(st.integers(0, 3 * 365 * 24 * 60))
def test_the_next_meeting_is_the_first_of_those_to_come(minute: int) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC) + timedelta(minutes=minute)
    found = next_meeting(board(), now)
    ahead = [m for m in meetings(board(), now, now + timedelta(days=60)) if m.at > now]
    assert found == ahead[0]
    local = found.at.astimezone(trains(board()).zone)
    assert (local.weekday(), local.hour, local.minute) == (1, 14, 0)
