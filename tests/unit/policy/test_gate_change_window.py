"""ChangeWindow and critical dates: what a calendar opens and shuts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.promotion import Outcome
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.changewindows import windows_for
from lockflight.policy.critical import critical_freezes
from lockflight.policy.model import Snapshot
from lockflight.policy.time.zones import InvalidTime
from tests.unit.policy.builders import FIVE, NOW, approval, calendar, change, environment, freeze, verdict, world

# NOW is Tuesday 1 December 2026, 13:00 in Berlin.
MORNING = {"name": "tue-thu", "types": ["Standard"], "rrule": "FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=9", "duration": "6h"}
EVENING = {"name": "evening", "types": ["Standard", "Normal"], "rrule": "FREQ=DAILY;BYHOUR=20", "duration": "2h"}
SCHEDULE = {"start": "2026-12-01T12:00:00+01:00", "end": "2026-12-01T22:00:00+01:00"}
STRICT = environment(entry={"requireWindow": True})


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-12-{text}:00+01:00")


def asked(
    kind: str | None, *windows: dict[str, Any], strict: bool = False, schedule: Any = None, **spec: Any
) -> Snapshot:
    """A change of ``kind`` for production, whose calendar has ``windows``."""
    found = calendar(changeWindows=list(windows), **spec) if windows or spec else None
    given: dict[str, Any] = {"calendar": found}
    given["changes"] = (change(type=kind, schedule=schedule),) if kind else ()
    if strict:
        given["environment"] = STRICT
    return world(**given)


@pytest.mark.parametrize(
    ("now", "reason", "again"),
    [
        ("01T08:59", reasons.WINDOW_CLOSED, "01T09:00"),
        ("01T09:00", reasons.PASSED, "01T15:00"),
        ("01T14:59", reasons.PASSED, "01T15:00"),
        ("01T15:00", reasons.WINDOW_CLOSED, "03T09:00"),
        ("02T12:00", reasons.WINDOW_CLOSED, "03T09:00"),
    ],
)
def test_a_standard_change_runs_inside_a_window_that_lists_it(now: str, reason: str, again: str) -> None:
    found = verdict(reasons.CHANGE_WINDOW, asked("Standard", MORNING), at(now))
    assert (found.reason, found.retry_at) == (reason, at(again))


def test_several_windows_are_alternatives_and_touching_ones_are_one() -> None:
    noon = {"name": "noon", "types": ["Standard"], "rrule": "FREQ=DAILY;BYHOUR=15", "duration": "1h"}
    found = verdict(reasons.CHANGE_WINDOW, asked("Standard", MORNING, noon, EVENING), at("01T13:00"))
    assert (found.open, found.retry_at) == (True, at("01T16:00"))
    assert "inside change window tue-thu, until 2026-12-01 16:00 CET (2026-12-01 15:00Z)" in found.message
    shut = verdict(reasons.CHANGE_WINDOW, asked("Standard", MORNING, noon, EVENING), at("01T16:00"))
    assert (shut.reason, shut.retry_at) == (reasons.WINDOW_CLOSED, at("01T20:00"))


@pytest.mark.parametrize(
    ("windows", "now", "reason", "again"),
    [
        ((), "01T13:00", reasons.PASSED, "01T22:00"),
        ((MORNING,), "01T13:00", reasons.PASSED, "01T22:00"),  # lists Standard only
        ((EVENING,), "01T13:00", reasons.WINDOW_CLOSED, "01T20:00"),
        ((EVENING,), "01T20:30", reasons.PASSED, "01T22:00"),
        ((EVENING,), "01T11:00", reasons.SCHEDULE_NOT_BEGUN, "01T12:00"),
        ((EVENING,), "01T22:00", reasons.SCHEDULE_OVER, None),
    ],
)
def test_a_normal_change_runs_inside_its_schedule_and_a_window_that_lists_it_if_there_is_one(
    windows: tuple[dict[str, Any], ...], now: str, reason: str, again: str | None
) -> None:
    found = verdict(reasons.CHANGE_WINDOW, asked("Normal", *windows, schedule=SCHEDULE), at(now))
    assert (found.reason, found.retry_at) == (reason, at(again) if again else None)


def test_a_schedule_in_which_no_window_opens_is_to_be_moved() -> None:
    short = {"start": "2026-12-01T12:00:00+01:00", "end": "2026-12-01T14:00:00+01:00"}
    found = verdict(reasons.CHANGE_WINDOW, asked("Normal", EVENING, schedule=short), at("01T13:00"))
    assert found.reason == reasons.WINDOW_CLOSED
    assert "after the schedule of the change ends: move it into 2026-12-01 20:00 CET" in found.message


@pytest.mark.parametrize(
    ("kind", "windows", "schedule", "reason"),
    [
        ("Normal", (), None, reasons.WINDOW_MISSING),
        ("Normal", (MORNING,), None, reasons.WINDOW_MISSING),
        ("Normal", (), SCHEDULE, reasons.PASSED),
        ("Normal", (EVENING,), None, reasons.WINDOW_CLOSED),
        ("Standard", (), None, reasons.WINDOW_MISSING),
        ("Standard", (), SCHEDULE, reasons.WINDOW_MISSING),
        ("Standard", (MORNING,), None, reasons.PASSED),
        (None, (MORNING,), None, reasons.NO_CHANGE),
    ],
)
def test_a_required_window_fails_closed(
    kind: str | None, windows: tuple[dict[str, Any], ...], schedule: Any, reason: str
) -> None:
    assert verdict(reasons.CHANGE_WINDOW, asked(kind, *windows, strict=True, schedule=schedule)).reason == reason


def test_a_window_is_required_also_where_no_change_is() -> None:
    uat = environment("uat", "UAT", entry={"requireWindow": True}, exit={"signOffs": [{"role": "business"}]})
    for windows, open_ in (([MORNING], True), ([EVENING], False), ([], False)):
        s = world(environment=uat, changes=(), calendar=calendar(changeWindows=windows))
        assert verdict(reasons.CHANGE_WINDOW, s).open is open_, windows
    assert verdict(reasons.CHANGE_WINDOW, world(environment=FIVE[3], changes=())).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("spec", [{"timeZone": "Europe/Atlantis"}, {"sprint": {"start": "2026-02-30"}}])
def test_a_calendar_that_cannot_be_judged_opens_nothing(spec: dict[str, Any]) -> None:
    found = verdict(reasons.CHANGE_WINDOW, asked("Standard", MORNING, **spec))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.WINDOW_INVALID)


def test_a_window_names_the_field_that_is_wrong() -> None:
    never = {**MORNING, "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}
    found = verdict(reasons.CHANGE_WINDOW, asked("Standard", never))
    assert "spec.changeWindows[tue-thu].rrule" in found.message


@pytest.mark.parametrize(("on_holidays", "opens"), [("Closed", "27T09:00"), ("Open", "25T09:00")])
def test_a_window_stays_closed_on_holidays_where_it_says_so(on_holidays: str, opens: str) -> None:
    daily = {**MORNING, "rrule": "FREQ=DAILY;BYHOUR=9", "onHolidays": on_holidays}
    found = calendar(changeWindows=[daily], holidays={"country": "DE"})
    following = windows_for(found, change(type="Standard").spec.type, at("24T20:00")).next
    assert following is not None
    assert following.span.start == at(opens)


def test_a_window_of_every_hour_opens_again_after_days_of_holidays() -> None:
    hourly = {**MORNING, "rrule": "FREQ=HOURLY", "duration": "30m", "onHolidays": "Closed"}
    holidays = {"country": "DE", "dates": ["2026-12-23", "2026-12-24"]}
    found = calendar(changeWindows=[hourly], holidays=holidays)
    following = windows_for(found, change(type="Standard").spec.type, at("23T00:10")).next
    assert following is not None
    assert following.span.start == at("27T00:00")


YEAR_END = {"name": "year-end", "date": "12-31", "freeze": {"before": "8bd", "after": "2bd"}, "tiers": ["Production"]}
BAVARIA = {"country": "DE", "subdivision": "BY", "dates": ["2026-12-24"]}


def closing(**spec: Any) -> ReleaseCalendar:
    """Eight business days before the end of the year, two after."""
    return calendar(**{"criticalDates": [YEAR_END], "holidays": BAVARIA, **spec})


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-12-16T23:45:00+01:00", True),
        ("2026-12-16T23:51:00+01:00", False),  # the work would not end before
        ("2026-12-17T00:00:00+01:00", False),
        ("2027-01-05T23:59:59+01:00", False),
        ("2027-01-06T00:00:00+01:00", True),
        ("2027-12-21T12:00:00+01:00", False),
    ],
)
def test_a_critical_date_makes_a_freeze_in_business_days_every_year(now: str, *, open_: bool) -> None:
    found = verdict(reasons.FREEZE, world(calendar=closing()), datetime.fromisoformat(now))
    assert found.open is open_, found.message


def test_a_critical_date_says_what_it_is_and_selects_tiers() -> None:
    now = datetime(2026, 12, 20, tzinfo=UTC)
    found = verdict(reasons.FREEZE, world(calendar=closing()), now)
    assert found.message == (
        "freeze payments/year-end (critical date 2026-12-31 of calendar four-weekly) "
        "until 2027-01-06 00:00 CET (2027-01-05 23:00Z)"
    )
    uat = environment("uat", "UAT", exit={"signOffs": [{"role": "business"}]})
    assert verdict(reasons.FREEZE, world(environment=uat, calendar=closing()), now).open


def test_a_critical_date_may_be_overridden_like_any_freeze() -> None:
    now = datetime(2026, 12, 20, tzinfo=UTC)
    rule = {**YEAR_END, "override": {"approvals": [{"role": "cab", "count": 2}]}}
    asks = {"freezeOverride": {"windows": ["year-end"], "justification": "it must be"}}
    both = change(**asks, seen=now, approvals=[approval("alice"), approval("bob")])
    assert verdict(reasons.FREEZE, world(calendar=closing(criticalDates=[rule]), changes=(both,)), now).open
    assert not verdict(reasons.FREEZE, world(calendar=closing(), changes=(both,)), now).open


def test_a_freeze_and_a_critical_date_that_touch_are_one_to_whoever_waits() -> None:
    before = freeze("books", start="2026-12-10T00:00:00", end="2026-12-17T00:00:00")
    found = verdict(reasons.FREEZE, world(calendar=closing(), freezes=(before,)), datetime(2026, 12, 12, tzinfo=UTC))
    assert found.retry_at == datetime(2027, 1, 5, 23, 0, tzinfo=UTC)
    assert "then freeze payments/year-end" in found.message


def test_a_leap_day_and_a_date_of_one_year_are_critical_when_they_are_there() -> None:
    dates = [{"name": "leap", "date": "02-29"}, {"name": "once", "date": "2027-03-15"}]
    found = [f.spec.start[:10] for f in critical_freezes(calendar(criticalDates=dates), NOW)]
    assert found == ["2027-03-15"]
    found = [f.spec.start[:10] for f in critical_freezes(calendar(criticalDates=dates), NOW.replace(year=2028))]
    assert found == ["2028-02-29", "2027-03-15"]


def test_an_unknown_country_closes_what_the_calendar_binds() -> None:
    wrong = closing(holidays={"country": "XX"})
    with pytest.raises(InvalidTime, match=r"spec\.holidays\.country"):
        critical_freezes(wrong, NOW)
    assert verdict(reasons.FREEZE, world(calendar=wrong)).reason == reasons.FREEZE_INVALID
