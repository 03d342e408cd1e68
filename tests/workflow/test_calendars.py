"""A calendar says which sprint it is and which trains come; a release rides its train."""

from tests.workflow.world import FakeWorld

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
