"""`change create` and `freeze`."""

from typing import Any

import pytest

from tests.unit.cli.fakes import STACK, FakeApi, run

CHANGE = (
    *("change", "create", "--release", "payments-2.4.0", "--environment", "production"),
    *("--title", "Payments 2.4.0", "--reason", "Refund limits"),
)

NOW_ = ("freeze", "now", "--reason", "x", "--time-zone", "UTC")


def _only(api: FakeApi) -> dict[str, Any]:
    (found,) = api.objects.values()
    return found


def test_a_change_says_what_why_and_how_it_is_taken_back() -> None:
    api = FakeApi()
    result = run(
        api,
        *CHANGE,
        *("--strategy", "Manual", "--step", "restore the dump", "--requested-by", "kim"),
        *("--external", "servicenow=CHG0031"),
        *("--schedule-start", "2026-12-01T09:00:00+01:00", "--schedule-end", "2026-12-01T12:00:00+01:00"),
    )
    assert result.stdout == "changerequests.lockflight.dev/chg-x7k2p created\n"
    assert _only(api)["spec"] == {
        "type": "Normal",
        "title": "Payments 2.4.0",
        "reason": "Refund limits",
        "requestedBy": "kim",
        "releaseRef": {"name": "payments-2.4.0"},
        "environments": ["production"],
        "rollbackPlan": {"strategy": "Manual", "steps": ["restore the dump"]},
        "schedule": {"start": "2026-12-01T08:00:00Z", "end": "2026-12-01T11:00:00Z"},
        "externalRefs": [{"system": "servicenow", "id": "CHG0031"}],
        "access": [],
        "takesOver": [],
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--schedule-start", "2026-12-01T09:00:00+01:00"), "go together"),
        (("--schedule-start", "2026-12-01T09:00:00", "--schedule-end", "2026-12-02T09:00:00"), "has no offset"),
        (("--step", "x"), "goes with --strategy"),
        (("--strategy", "Hope"), "Hope"),
        (("--environment", "Prod!"), "environments"),
    ],
)
def test_a_change_that_cannot_be_is_wrong_usage(arguments: tuple[str, ...], says: str) -> None:
    api = FakeApi()
    result = run(api, *CHANGE, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not api.writes


def test_a_freeze_begins_now_on_the_wall_clock_of_its_zone() -> None:
    api = FakeApi()
    result = run(api, "freeze", "now", "--reason", "Sev 1", "--tier", "Production", "--time-zone", "Europe/Berlin")
    assert result.stdout == (
        "freezewindows.lockflight.dev/freeze-20261124-120000 created, in force until lifted: "
        "lockflight freeze lift freeze-20261124-120000 --reason WHY\n"
    )
    assert _only(api)["spec"] == {
        "reason": "Sev 1",
        "timeZone": "Europe/Berlin",
        "start": "2026-11-24T13:00:00",
        "environments": {"tiers": ["Production"], "names": []},
        "applications": [],
    }


@pytest.mark.parametrize(
    ("end", "wall"),
    [
        ("4h", "2026-11-24T17:00:00"),
        ("2026-12-24T18:00", "2026-12-24T18:00:00"),
        ("2026-12-24T18:00:00Z", "2026-12-24T19:00:00"),
    ],
)
def test_a_freeze_ends_after_a_time_or_at_a_time(end: str, wall: str) -> None:
    api = FakeApi()
    run(api, "freeze", "now", "--reason", "x", "--end", end, "--time-zone", "Europe/Berlin", "--exempt", "Emergency")
    assert _only(api)["spec"]["end"] == wall
    assert _only(api)["spec"]["exempt"] == {"changeTypes": ["Emergency"]}


def test_a_freeze_says_who_lets_a_change_past_and_that_it_cancels_what_runs() -> None:
    api = FakeApi()
    run(api, *NOW_, "--abort", "--override", "cab=2", "--override-emergency", "ecab")
    assert _only(api)["spec"] | {"start": ""} == {
        "applications": [],
        "reason": "x",
        "timeZone": "UTC",
        "start": "",
        "onRunning": "Abort",
        "override": {"approvals": [{"role": "cab", "count": 2}], "emergency": [{"role": "ecab", "count": 1}]},
    }


@pytest.mark.parametrize("wrong", [("--override", "cab=0"), ("--override", "=2"), ("--override-emergency", "ecab")])
def test_an_override_that_cannot_be_is_wrong_usage(wrong: tuple[str, ...]) -> None:
    api = FakeApi()
    assert run(api, *NOW_, *wrong).exit_code == 2
    assert not api.writes


@pytest.mark.parametrize(
    "arguments", [("--end", "whenever"), ("--time-zone", "Mars/Base"), ("--time-zone", "../etc"), ("--tier", "Prod")]
)
def test_a_freeze_that_cannot_be_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    api = FakeApi()
    assert run(api, "freeze", "now", "--reason", "x", *arguments).exit_code == 2
    assert not api.writes


def test_a_zone_is_never_guessed_for_a_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XYZ-1")
    api = FakeApi()
    assert "--time-zone" in run(api, "freeze", "now", "--reason", "x", "--end", "2026-12-24T18:00").stderr
    assert run(api, "freeze", "now", "--reason", "x").exit_code == 0
    assert _only(api)["spec"]["timeZone"] == "UTC"


def test_a_freeze_is_lifted_once_and_the_reason_stays() -> None:
    api = FakeApi()
    run(api, "freeze", "now", "--reason", "x", "--name", "f", "--time-zone", "UTC")
    assert run(api, "freeze", "lift", "f", "--reason", "over").stdout.endswith("lifted\n")
    assert run(api, "freeze", "lift", "f", "--reason", "again").stdout.endswith("unchanged\n")
    assert api.objects["FreezeWindow", STACK, "f"]["spec"]["lift"] == {"reason": "over"}
