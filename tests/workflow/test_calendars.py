"""A calendar says which sprint it is and which trains come; a release rides its train."""

from datetime import timedelta

from tests.workflow.world import PRODUCTION, ROOT, FakeWorld

AT_ANY_TIME = {"start": "2026-11-01T00:00:00Z", "end": "2027-12-01T00:00:00Z"}
SPRINT = {"start": "2026-11-02"}


async def test_a_calendar_shows_sprint_train_and_the_next_six(fake: FakeWorld) -> None:
    await fake.create("ReleaseCalendar", "four-weekly", {"timeZone": "Europe/Berlin", "sprint": SPRINT})
    await fake.settle()
    status = await fake.status("ReleaseCalendar", "four-weekly")
    # It is Tuesday, 1 December, 10:00 in Berlin: train 2026.12 went to production an hour ago.
    assert status["sprint"] == {"number": 1, "start": "2026-11-30", "end": "2026-12-13", "train": "2026.13"}
    assert (status["train"], status["cutOff"]) == ("2026.13", "2026-12-23T16:00:00Z")
    assert [row["name"] for row in status["trains"]] == [
        "2026.12", "2026.13", "2027.01", "2027.02", "2027.03", "2027.04",
    ]  # fmt: skip
    assert status["trains"][0] == {
        "name": "2026.12",
        "cutOff": "2026-11-25T16:00:00Z",
        "candidate": "2026-11-30T08:00:00Z",
        "production": "2026-12-01T08:00:00Z",
        "productionUntil": "2026-12-03T08:00:00Z",
    }


async def test_a_calendar_moves_on_by_itself(fake: FakeWorld) -> None:
    await fake.create("ReleaseCalendar", "four-weekly", {"timeZone": "Europe/Berlin", "sprint": SPRINT})
    await fake.settle()
    await fake.later(days=2)
    assert (await fake.status("ReleaseCalendar", "four-weekly"))["trains"][0]["name"] == "2026.13"
    await fake.later(days=12)
    assert (await fake.status("ReleaseCalendar", "four-weekly"))["sprint"]["number"] == 2


async def test_a_calendar_shows_the_boards_next_meeting_and_then_the_one_after(fake: FakeWorld) -> None:
    tuesday = {"name": "tuesday", "rrule": "FREQ=WEEKLY;BYDAY=TU", "at": "14:00", "submitBy": "-2bd 12:00"}
    spec = {"timeZone": "Europe/Berlin", "sprint": SPRINT, "cab": {"meetings": [tuesday]}}
    await fake.create("ReleaseCalendar", "four-weekly", spec)
    await fake.settle()
    meeting = (await fake.status("ReleaseCalendar", "four-weekly"))["nextMeeting"]
    assert meeting == {"name": "tuesday", "at": "2026-12-01T13:00:00Z", "submitBy": "2026-11-27T11:00:00Z"}
    await fake.later(hours=4)
    meeting = (await fake.status("ReleaseCalendar", "four-weekly"))["nextMeeting"]
    assert meeting["at"] == "2026-12-08T13:00:00Z"


async def test_a_calendar_that_makes_no_sense_says_so_and_shows_no_train(fake: FakeWorld) -> None:
    spec = {"timeZone": "Europe/Berlin", "sprint": SPRINT, "train": {"candidate": "+7d 09:00"}}
    await fake.create("ReleaseCalendar", "four-weekly", spec)
    await fake.settle()
    status = await fake.status("ReleaseCalendar", "four-weekly")
    (ready,) = status["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "CalendarInvalid")
    assert "candidate before production; until mended no train of this calendar leaves" in ready["message"]
    assert "trains" not in status


async def test_a_calendar_at_rest_is_written_nothing(fake: FakeWorld) -> None:
    await fake.create("ReleaseCalendar", "four-weekly", {"timeZone": "Europe/Berlin", "sprint": SPRINT})
    await fake.settle()
    before = fake.cluster.writes
    await fake.restart()
    assert fake.cluster.writes == before


RIDES = {**PRODUCTION, "calendarRef": {"name": "four-weekly"}}
FOUR_WEEKLY = {"timeZone": "Europe/Berlin", "sprint": SPRINT}


async def _waiting(world: FakeWorld, **calendar: object) -> str:
    """Version 1.0.0, made on Tuesday, 1 December, approved and on its way to production."""
    await world.create("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, **calendar})
    await world.environment("production", RIDES)
    await world.settle()
    release = await world.release("1.0.0")
    await world.change("chg", release, schedule=AT_ANY_TIME)
    promotion = await world.promote(release, "production")
    await world.settle()
    await world.approve("chg")
    await world.settle()
    return promotion


async def test_a_late_release_takes_the_next_train_by_itself(fake: FakeWorld) -> None:
    promotion = await _waiting(fake)
    assert (await fake.phase(promotion), await fake.gate(promotion, "Cadence")) == ("Waiting", "TrainNotDue")
    forecast = (await fake.status("Promotion", promotion))["forecast"]
    assert forecast["earliestStart"] == "2026-12-29T08:00:00Z"
    await fake.later(days=27, hours=22, minutes=59)
    assert await fake.phase(promotion) == "Waiting"
    await fake.later(minutes=1)
    assert await fake.running("production") == {"app": "1.0.0"}


async def test_a_train_is_decided_when_the_release_is_seen_and_not_moved_by_a_changed_calendar(fake: FakeWorld) -> None:
    promotion = await _waiting(fake)
    (row,) = (await fake.status("Release", "payments-1.0.0"))["trains"]
    assert (row["calendar"], row["name"]) == ("payments/four-weekly", "2026.13")
    assert (await fake.status("Release", "payments-1.0.0"))["train"] == "2026.13"
    await fake.edit("ReleaseCalendar", "four-weekly", train={"production": "+0bd 10:00"})
    await fake.settle()
    assert (await fake.status("Release", "payments-1.0.0"))["trains"] == [row]
    await fake.later(days=27)  # Monday, 28 December, 10:00 in Berlin: what the calendar says now
    assert await fake.phase(promotion) == "Waiting"
    await fake.later(hours=23)
    assert await fake.running("production") == {"app": "1.0.0"}


async def test_what_missed_its_train_shows_the_one_it_missed_and_rides_the_next(fake: FakeWorld) -> None:
    promotion = await _waiting(fake)
    await fake.freeze()
    await fake.settle()
    await fake.later(days=30)
    assert await fake.gate(promotion, "Cadence") == "TrainMissed"
    (row,) = (await fake.status("Release", "payments-1.0.0"))["trains"]
    assert (row["name"], row["missed"]) == ("2027.01", ["2026.13"])


async def test_a_release_that_nobody_promotes_rides_nowhere_and_costs_nothing(fake: FakeWorld) -> None:
    await fake.create("ReleaseCalendar", "four-weekly", FOUR_WEEKLY)
    await fake.environment("production", RIDES)
    await fake.settle()
    await fake.release("1.0.0")
    await fake.settle()
    before = [write for write in fake.cluster.writes if write[1] == "Release"]
    await fake.later(days=60)
    await fake.restart()
    assert [write for write in fake.cluster.writes if write[1] == "Release"] == before


async def test_the_calendar_of_the_operators_namespace_will_do(fake: FakeWorld) -> None:
    fake.cluster.put(
        {"kind": "ReleaseCalendar", "metadata": {"name": "four-weekly", "namespace": ROOT}, "spec": FOUR_WEEKLY}
    )
    await fake.environment("production", RIDES)
    promotion = await fake.promote(await fake.release("1.0.0"), "production")
    await fake.settle()
    assert await fake.gate(promotion, "Cadence") == "TrainNotDue"
    assert (await fake.status("Release", "payments-1.0.0"))["trains"][0]["calendar"] == f"{ROOT}/four-weekly"


async def test_a_calendar_that_comes_opens_what_waited_for_it(fake: FakeWorld) -> None:
    await fake.environment("production", RIDES)
    promotion = await fake.promote(await fake.release("1.0.0"), "production")
    await fake.settle()
    assert await fake.gate(promotion, "Cadence") == "CalendarMissing"
    (ready, *_) = [c for c in (await fake.status("Environment", "production"))["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], "spec.calendarRef is four-weekly" in ready["message"]) == ("False", True)
    await fake.create("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "sprint": {"start": "2027-01-04"}})
    await fake.settle()
    assert await fake.gate(promotion, "Cadence") == "TrainNotDue"
    (ready, *_) = [c for c in (await fake.status("Environment", "production"))["conditions"] if c["type"] == "Ready"]
    assert ready["status"] == "True"


async def test_the_calendar_is_read_again_before_helm_starts(fake: FakeWorld) -> None:
    promotion = await _waiting(fake)
    # Nobody has told the operator yet when its time comes.
    fake.cluster.delete("ReleaseCalendar", "payments", "four-weekly")
    fake.clock.advance(timedelta(days=28))
    await fake.process.settle()
    assert await fake.gate(promotion, "Cadence") == "CalendarMissing"
    assert await fake.running("production") == {}
