"""Times, calendars and changes that cannot be right: what is wrong is named, and nothing gets through by it."""

from typing import Any

import pytest

from tests.workflow.world import INTEGRATION, PRODUCTION, UAT, FakeWorld

DAY = {"reason": "stop", "timeZone": "UTC", "start": "2026-11-01T00:00:00"}
CALENDAR = {"timeZone": "Europe/Berlin", "sprint": {"start": "2026-11-02"}}


def recurs(rrule: str, duration: str = "2h") -> dict[str, Any]:
    return {**DAY, "recurrence": {"rrule": rrule, "duration": duration}}


async def ready(fake: FakeWorld, kind: str, name: str) -> tuple[str, str]:
    """Reason and message of an object's condition Ready."""
    rows = (await fake.status(kind, name))["conditions"]
    return next((str(row["reason"]), str(row["message"])) for row in rows if row["type"] == "Ready")


@pytest.mark.parametrize(
    ("spec", "field", "found", "allowed"),
    [
        (
            recurs("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
            "spec.recurrence.rrule",
            "BYMONTHDAY=30",
            "write one that does",
        ),
        (recurs("FREQ=DAILY;UNTIL=20200101T000000"), "spec.recurrence.rrule", "UNTIL=2020", "write one that does"),
        # The API server refuses these; an object that was there before its rules is judged all the same.
        (recurs("FREQ=SECONDLY"), "spec.recurrence.rrule", "FREQ=SECONDLY", "allowed is"),
        (recurs("FREQ=DAILY", "0h"), "spec.recurrence.duration", "0:00:00", "longer than nothing"),
        (recurs("FREQ=DAILY", "9000h"), "spec.recurrence.duration", "375 days", "up to 366d"),
        ({**DAY, "end": "2026-11-01T00:00:00"}, "spec.end", "2026-11-01T00:00:00", "does not lie after"),
        ({**DAY, "start": "2100-02-29T00:00:00"}, "spec.start", "2100-02-29", "write one such as"),
        ({**DAY, "timeZone": "Europe/Atlantis"}, "spec.timeZone", "Europe/Atlantis", "write one such as"),
    ],
)
async def test_a_freeze_that_cannot_be_says_so_and_holds(
    fake: FakeWorld, spec: dict[str, Any], field: str, found: str, allowed: str
) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.create("FreezeWindow", "stop", spec)
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    reason, message = await ready(fake, "FreezeWindow", "stop")
    assert reason == "Invalid"
    assert all(part in message for part in (field, found, allowed)), message
    assert await fake.phase(promotion) == "OnHold"
    assert await fake.gate(promotion, "Freeze") == "FreezeInvalid"
    assert fake.helm.calls == []


@pytest.mark.parametrize(
    ("spec", "field", "found"),
    [
        ({"train": {"candidate": "+9d 09:00"}}, "candidate", "before production"),
        ({"train": {"cutOff": "+5d 17:00"}}, "cutOff", "before"),
        ({"timeZone": "Europe/Atlantis"}, "spec.timeZone", "Europe/Atlantis"),
        ({"sprint": {"start": "2026-02-30"}}, "spec.sprint.start", "2026-02-30"),
        (
            {
                "changeWindows": [
                    {"name": "w", "types": ["Normal"], "rrule": "FREQ=DAILY;BYMONTHDAY=0", "duration": "1h"}
                ]
            },
            "spec.changeWindows[w].rrule",
            "BYMONTHDAY=0",
        ),
        (
            {"changeWindows": [{"name": "w", "types": ["Normal"], "rrule": "FREQ=DAILY", "duration": "0m"}]},
            "spec.changeWindows[w].duration",
            "0:00:00",
        ),
        (
            {"cab": {"meetings": [{"name": "m", "rrule": "FREQ=SECONDLY", "at": "14:00"}]}},
            "spec.cab.meetings[m].rrule",
            "FREQ=SECONDLY",
        ),
        ({"holidays": {"country": "XX"}}, "spec.holidays.country", "XX"),
    ],
)
async def test_a_calendar_that_cannot_be_says_so_and_lets_nothing_leave(
    fake: FakeWorld, spec: dict[str, Any], field: str, found: str
) -> None:
    await fake.create("ReleaseCalendar", "four-weekly", {**CALENDAR, **spec})
    await fake.environment("uat", {**UAT, "calendarRef": {"name": "four-weekly"}})
    promotion = await fake.promote(await fake.release("1.0.0"), "uat")
    await fake.settle()
    reason, message = await ready(fake, "ReleaseCalendar", "four-weekly")
    assert reason == "CalendarInvalid"
    assert field in message, message
    assert found in message, message
    assert await fake.phase(promotion) == "Waiting"
    assert fake.helm.calls == []


async def test_a_leap_day_comes_again_in_four_years_and_not_on_the_first_of_march(fake: FakeWorld) -> None:
    leap = {**recurs("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "24h"), "start": "2024-02-29T00:00:00"}
    await fake.create("FreezeWindow", "leap", leap)
    await fake.settle()
    assert (await fake.status("FreezeWindow", "leap"))["next"] == {
        "start": "2028-02-29T00:00:00Z",
        "end": "2028-03-01T00:00:00Z",
    }


async def test_between_windows_that_touch_nothing_slips_through(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    spans = (("first", "08:00:00", "10:00:00"), ("second", "10:00:00", "12:00:00"))
    for name, start, end in spans:
        await fake.create("FreezeWindow", name, {**DAY, "start": f"2026-12-01T{start}", "end": f"2026-12-01T{end}"})
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    # 09:00 is in the first; 10:00 is in the second already; 12:00 is in none.
    await fake.later(hours=1)
    assert (await fake.phase(promotion), fake.helm.calls) == ("OnHold", [])
    assert "payments/second" in await fake.said(promotion)
    await fake.later(hours=2)
    assert await fake.phase(promotion) == "Succeeded"


async def test_two_calendars_that_disagree_each_bind_their_own_environment(fake: FakeWorld) -> None:
    """UAT's train leaves next week, when production's has left for good: the release takes production's next."""
    daily = {"sprints": 1, "cutOff": "+0d 00:00", "candidate": "+0d 00:00", "production": "+0d 00:00"}
    slow = {**CALENDAR, "timeZone": "UTC", "sprint": {"start": "2026-11-30", "length": "1w"}}
    quick = {**CALENDAR, "timeZone": "UTC", "sprint": {"start": "2026-11-30", "length": "2d"}}
    await fake.create("ReleaseCalendar", "slow", {**slow, "train": {**daily, "productionFor": "5d"}})
    await fake.create("ReleaseCalendar", "quick", {**quick, "train": {**daily, "productionFor": "1d"}})
    await fake.environment("uat", {**UAT, "calendarRef": {"name": "slow"}})
    await fake.environment("production", {**PRODUCTION, "promotesFrom": ["uat"], "calendarRef": {"name": "quick"}})
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release, schedule={"start": "2026-12-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"})
    uat, production = await fake.promote(release, "uat"), await fake.promote(release, "production")
    await fake.settle()
    await fake.approve("chg-1")
    await fake.settle()
    rows = {row["calendar"]: row for row in (await fake.status("Release", release))["trains"]}
    assert set(rows) == {"payments/slow", "payments/quick"}
    assert rows["payments/slow"]["candidate"] == "2026-12-07T00:00:00Z"
    assert rows["payments/quick"]["productionUntil"] == "2026-12-03T00:00:00Z"
    assert await fake.gate(uat, "Cadence") == "TrainNotDue"
    # Production's train has left while the release waited for UAT's: neither speaks for the other.
    await fake.later(days=2, hours=3)
    assert await fake.gate(uat, "Cadence") == "TrainNotDue"
    assert await fake.gate(production, "Cadence") == "TrainMissed"
    assert await fake.gate(production, "Order") == "NotPassed"
    assert fake.helm.calls == []


@pytest.mark.parametrize(
    ("environments", "says"),
    [
        (["moon"], "spec.environments names moon, which no release reaches: environment moon does not exist"),
        (["production"], "environment uat is closed: spec.promotesFrom is gone"),
    ],
)
async def test_a_change_for_an_environment_that_its_release_never_reaches_is_put_to_nobody(
    fake: FakeWorld, environments: list[str], says: str
) -> None:
    await fake.environment("uat", {**UAT, "promotesFrom": ["gone"]})
    await fake.environment("production", {**PRODUCTION, "promotesFrom": ["uat"]})
    await fake.change("chg-1", await fake.release("1.0.0"), environments=environments)
    await fake.settle()
    status = await fake.status("ChangeRequest", "chg-1")
    (approved,) = [row for row in status["conditions"] if row["type"] == "Approved"]
    assert (status["phase"], approved["reason"]) == ("Assess", "NoPlan")
    assert says in approved["message"]
    assert "(environments of payments: production, uat)" in approved["message"]
    assert "howToApprove" not in status
    assert "planDigest" not in status

    await fake.environment("uat", UAT)
    await fake.edit("ChangeRequest", "chg-1", environments=["production"])
    await fake.settle()
    assert (await fake.status("ChangeRequest", "chg-1"))["phase"] == "Authorize"


async def test_a_hotfix_is_not_kept_from_the_board_by_an_environment_that_it_may_skip(fake: FakeWorld) -> None:
    await fake.environment("uat", {**UAT, "promotesFrom": ["gone"]})
    await fake.environment("production", {**PRODUCTION, "promotesFrom": ["uat"]})
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release, hotfix={"defect": "PAY-512"})
    await fake.change("chg-2", release)
    await fake.settle()
    phases = [(await fake.status("ChangeRequest", name))["phase"] for name in ("chg-1", "chg-2")]
    assert phases == ["Authorize", "Assess"]


async def test_two_changes_of_each_others_release_permit_nothing(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    one, two = await fake.release("1.0.0"), await fake.release("1.1.0")
    await fake.change("chg-1", one)
    await fake.change("chg-2", two)
    await fake.settle()
    await fake.approve("chg-1")
    await fake.approve("chg-2")
    crossed = [
        await fake.promote(one, "production", changeRequestRef={"name": "chg-2"}),
        await fake.promote(two, "production", changeRequestRef={"name": "chg-1"}),
    ]
    await fake.settle()
    assert [await fake.phase(name) for name in crossed] == ["Rejected", "Rejected"]
    assert [await fake.gate(name, "ChangeControl") for name in crossed] == ["ChangeForAnotherRelease"] * 2
    assert "change chg-2 spec.releaseRef is payments-1.1.0, needed is payments-1.0.0" in await fake.said(crossed[0])
    assert fake.helm.calls == []
    assert [await fake.uses(name) for name in ("chg-1", "chg-2")] == [[], []]


async def test_approvers_that_nobody_is_any_more_are_told_apart_from_those_who_did_not_come_yet(
    fake: FakeWorld,
) -> None:
    await fake.environment("production", PRODUCTION)
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    promotion = await fake.promote(release, "production")
    await fake.settle()
    await fake.approve("chg-1")
    fake.cluster.leavers.add("alice")
    await fake.settle()
    waits = str((await fake.status("ChangeRequest", "chg-1"))["waitsFor"])
    assert waits.startswith("0/1 cab: needs 1 more of role cab; not counted: alice (cab) ")
    assert await fake.gate(promotion, "ChangeControl") == "ApprovalsMissing"
    assert fake.helm.calls == []
