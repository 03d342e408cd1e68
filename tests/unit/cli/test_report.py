"""`report cadence`: what each train carried, and whether a faster cadence is advisable."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.cli.fakes import Clock, FakeApi, data, environment, obj, promotion, release, run
from tests.unit.cli.reading import markdown_cells

FOUR_WEEKLY = {"timeZone": "Europe/Berlin", "sprint": {"start": "2026-11-02"}}
FIRST = datetime(2026, 12, 1, 8, tzinfo=UTC)


class Later(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.time = datetime(2027, 2, 1, tzinfo=UTC)


def went(version: str, weeks: int, phase: str = "Succeeded") -> tuple[dict[str, Any], dict[str, Any]]:
    began = FIRST + timedelta(weeks=weeks)
    at = {"startedAt": f"{began:%Y-%m-%dT%H:%M:%SZ}", "attempt": 1, "holder": "operator-1", "fencing": 1}
    there = promotion(
        version, "production", phase, execution=at, deployedAt=f"{began + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        verification=[{"name": "smoke", "state": "Passed"}],
    )  # fmt: skip
    made = release(version)
    made["metadata"]["creationTimestamp"] = f"{began - timedelta(days=9, hours=23):%Y-%m-%dT%H:%M:%SZ}"
    return made, there


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(
        environment("production", "Production", calendarRef={"name": "four-weekly"}),
        obj("ReleaseCalendar", "four-weekly", FOUR_WEEKLY),
        *(thing for index in range(3) for thing in went(f"2.{index}.0", 4 * index)),
    )


def test_a_train_a_line_and_the_verdict(api: FakeApi) -> None:
    assert run(api, "report", "cadence", clock=Later()).stdout.splitlines() == [
        "payments: calendar payments/four-weekly",
        "TRAIN           DEPLOYMENTS  FAILED  EMERGENCIES  HOTFIXES  AUTOMATED  LEAD TIME",
        "2026.12         1            0 (0%)  0 (0%)       0         1 (100%)   10d",
        "2026.13         1            0 (0%)  0 (0%)       0         1 (100%)   10d",
        "2027.01         1            0 (0%)  0 (0%)       0         1 (100%)   10d",
        "outside trains  0            -       -            0         -          -",
        "all             3            0 (0%)  0 (0%)       0         3 (100%)   10d",
        "",
        "Mature enough for a faster cadence: the next step in spec.train is sprints: 1 instead of 2.",
    ]


@pytest.mark.parametrize(
    ("train", "step"),
    [
        ({"every": "Quarter"}, "every: Month instead of every: Quarter"),
        ({"every": "Month"}, "sprints instead of every: Month"),
        ({"sprints": 3}, "sprints: 1 instead of 3"),
        ({"sprints": 1}, "shorter sprints"),
    ],
)
def test_the_next_step_depends_on_where_one_is(api: FakeApi, train: dict[str, Any], step: str) -> None:
    api.put(obj("ReleaseCalendar", "four-weekly", {**FOUR_WEEKLY, "train": train}))
    arguments = ("--min-trains", "0", "--min-automated", "0")
    limits = ("--max-failure-rate", "1", "--max-emergencies", "1")
    text = run(api, "report", "cadence", *arguments, *limits, clock=Later()).stdout
    if "unknown" not in text:
        assert text.endswith(f"the next step in spec.train is {step}.\n")


def test_what_speaks_against_it_is_named_with_its_threshold(api: FakeApi) -> None:
    api.put(went("2.2.0", 8, phase="RolledBack")[1])
    text = run(api, "report", "cadence", clock=Later()).stdout
    assert text.endswith("Not yet mature enough for a faster cadence: change-failure rate 33% (at most 15%).\n")
    assert "Mature" in run(api, "report", "cadence", "--max-failure-rate", "0.4", clock=Later()).stdout


def test_only_the_last_trains_are_looked_at(api: FakeApi) -> None:
    text = run(api, "report", "cadence", "--trains", "2", clock=Later()).stdout
    assert "2026.12" not in text
    assert "2 train(s) with deployments (at least 3 tell something)" in text


def test_programs_get_figures_and_thresholds(api: FakeApi) -> None:
    found = data(run(api, "report", "cadence", "-o", "json", clock=Later()))
    assert (found["calendar"], found["ready"], found["against"]) == ("payments/four-weekly", True, [])
    assert found["trains"][0] == {
        "train": "2026.12", "deployments": 1, "failed": 0, "emergencies": 0, "hotfixes": 0, "passages": 1,
        "automated": 1, "changeFailureRate": 0.0, "emergencyShare": 0.0, "automatedShare": 1.0,
        "leadTimeSeconds": 864000,
    }  # fmt: skip
    assert found["thresholds"]["maxChangeFailureRate"] == 0.15


def test_without_a_calendar_there_is_nothing_to_report_by(api: FakeApi) -> None:
    api.put(environment("production", "Production"))
    result = run(api, "report", "cadence")
    assert (result.exit_code, "name one with --calendar" in result.stderr) == (1, True)


def test_the_cadence_is_a_document_too(api: FakeApi) -> None:
    cells = markdown_cells(run(api, "report", "cadence", "--format", "md", clock=Later()).stdout)
    assert cells[:2] == ["Cadence", "Stack payments, calendar payments/four-weekly, as of 2027-02-01 00:00Z"]
    assert cells[10:13] == ["2026.12", "1", "0 (0%)"]
    assert cells[-1].startswith("Mature enough for a faster cadence")
