"""`calendar`: a month of trains, freezes and planned changes."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.fakes import DIGEST, FakeApi, data, environment, obj, run
from tests.unit.cli.icalendar import plain, read

FOUR_WEEKLY = {"timeZone": "Europe/Berlin", "sprint": {"start": "2026-11-02"}}
ROOT = "lockflight-system"

USE = {"environment": "production", "promotionUID": "u", "planDigest": DIGEST, "at": "2026-12-01T08:30:00Z"}


def freeze(name: str = "year-end", **spec: Any) -> dict[str, Any]:
    given = {
        "reason": "Year end",
        "timeZone": "Europe/Berlin",
        "start": "2026-12-18T18:00:00",
        "end": "2027-01-05T00:00:00",
    }
    full = {**given, "environments": {"tiers": ["Production"]}, **spec}
    return obj("FreezeWindow", name, {k: v for k, v in full.items() if v is not None}, namespace=ROOT)


def planned(name: str = "chg-1", phase: str = "Scheduled", **status: Any) -> dict[str, Any]:
    spec = {
        "type": "Normal", "title": "Payments 2.4.0", "reason": "Refund limits",
        "releaseRef": {"name": "payments-2.4.0"}, "environments": ["production"],
        "schedule": {"start": "2026-12-01T09:00:00+01:00", "end": "2026-12-01T11:00:00+01:00"},
    }  # fmt: skip
    return obj("ChangeRequest", name, spec, {"phase": phase, "approvals": [], **status})


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(
        environment("production", "Production", calendarRef={"name": "four-weekly"}),
        obj("ReleaseCalendar", "four-weekly", FOUR_WEEKLY),
        freeze(),
        planned(),
    )


def test_a_month_shows_its_days_and_what_happens_on_them(api: FakeApi) -> None:
    result = run(api, "calendar", "2026-12")
    lines = result.stdout.splitlines()
    assert lines[:7] == [
        "December 2026, payments, Europe/Berlin",
        "Mon    Tue    Wed    Thu    Fri    Sat    Sun",
        "        1 P*   2 P    3 P    4      5      6",
        " 7      8      9     10     11     12     13",
        "14     15     16     17     18 F   19 F   20 F",
        "21 F   22 F   23 CF  24 F   25 F   26 F   27 F",
        "28 UF  29 PF  30 PF  31 PF",
    ]
    assert (
        "C cut-off, U to UAT, P to production, M CAB meeting, W change window, F freeze, ! critical date, "
        "* planned change"
    ) in lines
    table = "\n".join(lines[9:])
    assert "Tue 2026-12-01 09:00 CET  Thu 2026-12-03 09:00 CET  Production  Train 2026.12 to production" in table
    assert "Tue 2026-12-01 09:00 CET  Tue 2026-12-01 11:00 CET  Change      chg-1: Payments 2.4.0" in table
    assert "Mon 2026-11-30            Sun 2026-12-13            Sprint      Sprint 1 of train 2026.13" in table
    assert "Wed 2026-12-23 17:00 CET  -                         Cut-off     Cut-off of train 2026.13" in table
    assert "Fri 2026-12-18 18:00 CET  Tue 2027-01-05 00:00 CET  Freeze      Freeze: Year end" in table


def test_meetings_are_shown_and_in_the_feed_with_their_deadline(api: FakeApi, tmp_path: Path) -> None:
    tuesday = {"name": "tuesday", "rrule": "FREQ=WEEKLY;BYDAY=TU", "at": "14:00", "submitBy": "-2bd 12:00"}
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "cab": {"meetings": [tuesday]}}))
    lines = run(api, "calendar", "2026-12").stdout.splitlines()
    assert "1 PM*" in lines[2]
    run(api, "calendar", "2026-12", "--months", "1", "--ics", str(tmp_path / "x.ics"))
    (event, *_) = [e for e in read((tmp_path / "x.ics").read_bytes())[1] if "cab.tuesday.20261208" in e["UID"][1]]
    assert event["DTSTART"][1] == "20261208T130000Z"
    assert plain(event, "DESCRIPTION") == (
        "Changes raised before 2026-12-04 12:00 CET (2026-12-04 11:00Z) are on the agenda."
    )


def test_the_month_that_is_is_the_default(api: FakeApi) -> None:
    assert run(api, "calendar").stdout.startswith("November 2026, payments, Europe/Berlin\n")


def test_several_months_follow_one_another(api: FakeApi) -> None:
    text = run(api, "calendar", "2026-12", "--months", "2").stdout
    assert text.index("December 2026") < text.index("January 2027, payments")


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (planned(phase="Rejected"), False),
        (planned(phase="Cancelled"), False),
        (planned(phase="New"), True),
        (planned(phase="Closed", usedBy=[USE]), True),
    ],
)  # fmt: skip
def test_a_change_that_will_not_be_carried_out_is_not_shown(api: FakeApi, change: dict[str, Any], shown: bool) -> None:
    api.put(change)
    assert ("chg-1" in run(api, "calendar", "2026-12").stdout) is shown


def test_a_bulk_change_stands_in_the_calendar_of_every_stack_that_it_names(api: FakeApi) -> None:
    for name, stack in (("cve-day", "payments"), ("elsewhere", "ledger")):
        bulk = planned(name)
        del bulk["spec"]["releaseRef"]
        bulk["spec"]["releases"] = [{"stack": stack, "name": f"{stack}-2.4.1"}]
        bulk["metadata"]["namespace"] = ROOT
        api.put(bulk)
    text = run(api, "calendar", "2026-12").stdout
    assert "cve-day: Payments 2.4.0" in text
    assert "elsewhere" not in text


def test_a_freeze_that_recurs_is_shown_each_time(api: FakeApi) -> None:
    monthly = {"rrule": "FREQ=MONTHLY;BYDAY=-1FR", "duration": "48h"}
    api.put(freeze("month-end", reason="Month end", start="2026-11-01T18:00:00", recurrence=monthly, end=None))
    text = run(api, "calendar", "2026-12", "--months", "2").stdout
    assert "Fri 2026-12-25 18:00 CET  Sun 2026-12-27 18:00 CET  Freeze      Freeze: Month end" in text
    assert "Fri 2027-01-29 18:00 CET  Sun 2027-01-31 18:00 CET  Freeze      Freeze: Month end" in text


WINDOWS = [
    {"name": "tue-thu", "types": ["Standard"], "rrule": "FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=9", "duration": "6h"},
    {"name": "nights", "types": ["Standard", "Normal"], "rrule": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=22", "duration": "8h",
     "onHolidays": "Closed"},
]  # fmt: skip
REGULATOR = {"name": "regulator", "date": "2026-12-15"}
YEAR_END = {"name": "year-end", "date": "12-31", "freeze": {"before": "2bd", "after": "1d"}, "tiers": ["Production"]}


def test_change_windows_are_shown_each_time_and_not_on_holidays_that_close_them(api: FakeApi) -> None:
    spec = {**FOUR_WEEKLY, "changeWindows": WINDOWS, "holidays": {"dates": ["2026-12-25"]}}
    api.put(obj("ReleaseCalendar", "four-weekly", spec))
    result = run(api, "calendar", "2026-12")
    assert " 8 W" in result.stdout
    assert "11 W" in result.stdout
    table = result.stdout
    assert "Tue 2026-12-08 09:00 CET  Tue 2026-12-08 15:00 CET  Change window  Change window tue-thu" in table
    assert "Fri 2026-12-11 22:00 CET  Sat 2026-12-12 06:00 CET  Change window  Change window nights" in table
    assert "Fri 2026-12-25 22:00" not in table
    entries = data(run(api, "calendar", "2026-12", "-o", "json"))["entries"]
    assert {e["detail"] for e in entries if e["what"] == "Change window"} == {
        "For changes of type Standard.",
        "For changes of type Standard, Normal.",
    }


def test_a_window_that_was_open_when_the_month_began_is_in_it(api: FakeApi) -> None:
    long = {"name": "long", "types": ["Normal"], "rrule": "FREQ=MONTHLY;BYMONTHDAY=30", "duration": "72h"}
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "changeWindows": [long]}))
    assert "Mon 2026-11-30 00:00 CET  Thu 2026-12-03 00:00 CET  Change window" in run(api, "calendar", "2026-12").stdout


def test_critical_dates_are_shown_with_the_freezes_that_they_make(api: FakeApi) -> None:
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "criticalDates": [YEAR_END, REGULATOR]}))
    lines = run(api, "calendar", "2026-12").stdout.splitlines()
    table = "\n".join(lines)
    assert "15 F!" in table
    assert "31 PF!" in table
    assert "Thu 2026-12-31            Thu 2026-12-31            Critical date  Critical date: year-end" in table
    assert "Tue 2026-12-29 00:00 CET  Sat 2027-01-02 00:00 CET  Freeze         Freeze: year-end" in table
    assert "Tue 2026-12-15 00:00 CET  Wed 2026-12-16 00:00 CET  Freeze         Freeze: regulator" in table


def test_a_date_without_a_year_is_in_every_year_of_the_feed(api: FakeApi) -> None:
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "criticalDates": [YEAR_END, REGULATOR]}))
    _, events = read(run(api, "calendar", "2026-12", "--months", "24", "--ics", "-").stdout_bytes)
    found = {plain(event, "UID"): event for event in events}
    for year in (2026, 2027):
        assert f"payments.four-weekly.year-end.{year}-12-31@lockflight.dev" in found
    freeze_of = found["payments.four-weekly.year-end.2026-12-31.freeze@lockflight.dev"]
    assert plain(freeze_of, "DESCRIPTION") == "Critical date 2026-12-31. Holds tiers Production."
    assert plain(freeze_of, "TRANSP") == "OPAQUE"
    assert sum("regulator" in uid for uid in found) == 2


def test_a_window_that_makes_no_sense_is_named(api: FakeApi) -> None:
    never = {"name": "never", "types": ["Normal"], "rrule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "duration": "1h"}
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "changeWindows": [never]}))
    result = run(api, "calendar", "2026-12")
    assert "left out: calendar payments/four-weekly: " in result.stderr
    assert "spec.changeWindows[never].rrule" in result.stderr
    assert "chg-1" in result.stdout


def test_a_lifted_freeze_is_not_shown(api: FakeApi) -> None:
    api.put(freeze(lift={"reason": "over"}))
    assert "Year end" not in run(api, "calendar", "2026-12").stdout


def test_times_are_shown_in_the_zone_asked_for(api: FakeApi) -> None:
    assert "Tue 2026-12-01 17:00 JST" in run(api, "calendar", "2026-12", "--time-zone", "Asia/Tokyo").stdout


def test_a_baselines_calendar_is_the_operators(api: FakeApi) -> None:
    api.put(
        obj("Environment", "production", {"tier": "Production", "calendarRef": {"name": "four-weekly"}}, namespace=ROOT)
    )
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "timeZone": "Asia/Tokyo"}, namespace=ROOT))
    assert run(api, "calendar", "2026-12").stdout.startswith("December 2026, payments, Asia/Tokyo\n")


def test_without_a_calendar_freezes_and_changes_are_shown_all_the_same(api: FakeApi) -> None:
    api.put(environment("production", "Production"))
    result = run(api, "calendar", "2026-12", "--time-zone", "Europe/Berlin")
    assert "no environment here follows a ReleaseCalendar" in result.stderr
    assert "Freeze: Year end" in result.stdout


def test_a_calendar_that_makes_no_sense_is_named_and_left_out(api: FakeApi) -> None:
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "timeZone": "Europe/Atlantis"}))
    result = run(api, "calendar", "2026-12")
    assert "left out: calendar payments/four-weekly: spec.timeZone 'Europe/Atlantis'" in result.stderr
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("December",), 2, "write one such as 2026-12"),
        (("--time-zone", "Europe/Atlantis"), 2, "is no IANA zone"),
        (("--calendar", "weekly"), 3, "neither in payments nor in lockflight-system"),
    ],
)
def test_what_is_asked_wrongly_is_said(api: FakeApi, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run(api, "calendar", *arguments)
    assert (result.exit_code, says in result.stderr) == (code, True)


def test_programs_get_the_entries(api: FakeApi) -> None:
    (production, *_) = [
        e for e in data(run(api, "calendar", "2026-12", "-o", "json"))["entries"] if e["what"] == "Production"
    ]
    assert production == {
        "what": "Production",
        "title": "Train 2026.12 to production",
        "start": "2026-12-01T08:00:00Z",
        "end": "2026-12-03T08:00:00Z",
        "detail": "Its releases may enter tier Production; what has not started by the end takes the next train.",
        "uid": "payments.four-weekly.2026.12.production",
    }


def test_a_feed_has_a_year_of_it_and_keeps_its_identities(api: FakeApi, tmp_path: Path) -> None:
    feed = tmp_path / "releases.ics"
    assert run(api, "calendar", "--ics", str(feed)).exit_code == 0
    head, events = read(feed.read_bytes())
    assert head["X-WR-CALNAME"] == "Releases of payments"
    titles = {plain(event, "UID"): plain(event, "SUMMARY") for event in events}
    assert len(titles) == len(events)
    assert titles["change.payments.chg-1@lockflight.dev"] == "chg-1: Payments 2.4.0"
    assert titles["freeze.lockflight-system.year-end@lockflight.dev"] == "Freeze: Year end"
    assert titles["payments.four-weekly.2027.09.cut-off@lockflight.dev"] == "Cut-off of train 2027.09"

    # A moved cut-off is the same entry at another time.
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "train": {"cutOff": "-5bd 12:00"}}))
    assert run(api, "calendar", "--ics", str(feed)).exit_code == 0
    assert {plain(event, "UID") for event in read(feed.read_bytes())[1]} == titles.keys()
    assert list(tmp_path.iterdir()) == [feed]


def test_a_feed_goes_to_standard_output_as_it_is(api: FakeApi) -> None:
    _, events = read(run(api, "calendar", "2026-12", "--months", "1", "--ics", "-").stdout_bytes)
    assert any(plain(event, "SUMMARY") == "Train 2026.12 to production" for event in events)


def test_a_file_that_cannot_be_written_says_so(api: FakeApi, tmp_path: Path) -> None:
    result = run(api, "calendar", "--ics", str(tmp_path / "missing" / "releases.ics"))
    assert (result.exit_code, "cannot be written: No such file or directory" in result.stderr) == (1, True)
