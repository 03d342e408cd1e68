"""`cab agenda|approve|minutes`: thirty changes in one meeting, each entry bound to its own plan."""

from typing import Any

import pytest

from lockflight.cli.selector import Selector, SelectorType
from tests.unit.cli.fakes import DIGEST, OTHER, STACK, FakeApi, change, data, environment, release, run

SEEN = "2026-11-24T11:00:00Z"


def labelled(name: str, **labels: str) -> dict[str, Any]:
    made = change(name)
    made["metadata"]["labels"] = labels
    return made


def api(*changes: dict[str, Any]) -> FakeApi:
    return FakeApi(release("2.4.0"), environment("production", "Production"), *changes)


def approvals(found: FakeApi, name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = found.objects["ChangeRequest", STACK, name]["status"]["approvals"]
    return entries


def decided(name: str = "chg-1", **entry: Any) -> dict[str, Any]:
    given = {"role": "cab", "decision": "Approved", "by": "alice", "generation": 3, "planDigest": OTHER, **entry}
    return change(name, phase="Scheduled", approvals=[given], observed=[{"index": 0, "at": SEEN}])


def test_the_agenda_has_what_is_to_be_decided() -> None:
    late = change("chg-over")
    late["spec"]["schedule"] = {"start": "2026-11-01T09:00:00Z", "end": "2026-11-02T09:00:00Z"}
    found = run(api(change("chg-1"), decided("chg-2"), late), "cab", "agenda")
    assert "chg-1" in found.stdout
    assert "payments-2.4.0 into production" in found.stdout
    assert "chg-2" not in found.stdout
    assert "chg-over" not in found.stdout


def test_an_agenda_for_programs_names_plans_by_digest() -> None:
    (item,) = data(run(api(change("chg-1")), "cab", "agenda", "-o", "json"))["changes"]
    assert (item["name"], item["planDigest"], item["approvals"]) == ("chg-1", OTHER, "0/2 cab")


def test_the_board_approves_all_but_the_exceptions_each_with_its_plan() -> None:
    found = api(change("chg-1"), change("chg-2", planDigest=DIGEST), change("chg-7"), change("chg-8", phase="Assess"))
    result = run(found, "cab", "approve", "--role", "cab", "--except", "chg-7", "--yes")
    assert result.exit_code == 0
    assert [e["planDigest"] for e in approvals(found, "chg-1")] == [OTHER]
    assert [e["planDigest"] for e in approvals(found, "chg-2")] == [DIGEST]
    assert approvals(found, "chg-7") == []
    assert approvals(found, "chg-8") == []
    assert "chg-8: not ready to be decided" in result.stderr


def test_an_exception_that_is_not_on_the_agenda_stops_everything() -> None:
    found = api(change("chg-1"), change("chg-7"))
    result = run(found, "cab", "approve", "--role", "cab", "--except", "chg-77", "--yes")
    assert result.exit_code == 2
    assert "--except chg-77: not on the agenda, which has chg-1, chg-7" in result.stderr
    assert not found.writes


def test_an_emergency_that_has_to_be_ratified_is_on_the_agenda_and_approved_with_the_others() -> None:
    owed = {"gate": "Ratification", "since": SEEN, "dueBy": "2026-11-27T11:00:00Z"}
    done = change("chg-77", phase="Review", debts=[owed])
    closed = change(
        "chg-76", phase="Closed", debts=[{**owed, "settledBy": "ratified by bob, carol", "settledAt": SEEN}]
    )
    found = api(done, closed)
    assert "chg-77" in run(found, "cab", "agenda").stdout
    assert "chg-76" not in run(found, "cab", "agenda").stdout
    run(found, "cab", "approve", "--role", "cab", "--yes")
    assert [e["planDigest"] for e in approvals(found, "chg-77")] == [OTHER]
    assert approvals(found, "chg-76") == []


def test_labels_choose() -> None:
    found = api(labelled("chg-1", team="refunds"), labelled("chg-2", team="cards"))
    run(found, "cab", "approve", "--role", "cab", "-l", "team=refunds", "--yes")
    assert len(approvals(found, "chg-1")) == 1
    assert approvals(found, "chg-2") == []


def test_minutes_say_who_decided_what_on_which_plan() -> None:
    found = run(api(decided(comment="fine", onBehalfOf="bob")), "cab", "minutes", "--meeting", "2026-11-24")
    assert "# Change advisory board, 2026-11-24" in found.stdout
    assert "Approved as cab by alice for bob" in found.stdout
    assert 'plan bbbbbbbbbbbb: "fine"' in found.stdout


def test_minutes_of_another_day_are_empty() -> None:
    found = run(api(decided()), "cab", "minutes", "--meeting", "2026-11-20")
    assert "No decision was written down on this day." in found.stdout


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        ("team=a", {"team": "a"}, True),
        ("team==a", {"team": "b"}, False),
        ("team!=a", {}, True),
        ("team,!old", {"team": "a"}, True),
        ("team,!old", {"team": "a", "old": ""}, False),
    ],
)
def test_a_selector(text: str, labels: dict[str, str], matches: bool) -> None:
    selector = SelectorType().convert(text, None, None)
    assert isinstance(selector, Selector)
    assert selector.matches(labels) is matches


def test_a_selector_that_is_none() -> None:
    result = run(api(change("chg-1")), "cab", "agenda", "-l", "team in (a)")
    assert result.exit_code == 2
    assert "write key, !key, key=value or key!=value" in result.stderr
