"""`change review`: what is said of a change, and what it owes is shown before anybody is asked."""

import pytest

from tests.unit.cli.fakes import STACK, FakeApi, change, run

SEEN = "2026-11-24T11:00:00Z"
OWED = {"gate": "Evidence", "environment": "production", "since": SEEN, "dueBy": "2026-11-29T11:00:00Z"}
DONE = {"gate": "SignOffs", "environment": "production", "upstream": "uat", "since": SEEN, "dueBy": SEEN}
SAID = ("--role", "cab", "--outcome", "Successful", "--summary", "run by hand", "--yes")


def test_debts_are_shown_and_accepted_with_the_review() -> None:
    owing = change("chg-77", phase="Review", review=[], debts=[OWED, {**DONE, "settledBy": "passed uat"}])
    api = FakeApi(owing)
    result = run(api, "change", "review", "chg-77", *SAID, "--accept", "Evidence")
    assert result.exit_code == 0, result.output
    assert "Evidence: owed until 2026-11-29 11:00Z" in result.stdout
    assert "SignOffs of uat: settled: passed uat" in result.stdout
    (entry,) = api.objects["ChangeRequest", STACK, "chg-77"]["status"]["review"]
    assert (entry["accepts"], entry["outcome"], entry["by"]) == (["Evidence"], "Successful", "alice")


def test_without_debts_nothing_is_accepted() -> None:
    api = FakeApi(change("chg-1", phase="Review", review=[]))
    assert run(api, "change", "review", "chg-1", *SAID).exit_code == 0
    (entry,) = api.objects["ChangeRequest", STACK, "chg-1"]["status"]["review"]
    assert "accepts" not in entry


def test_what_cannot_be_accepted_is_wrong_usage() -> None:
    api = FakeApi(change("chg-77", phase="Review", review=[]))
    assert run(api, "change", "review", "chg-77", *SAID, "--accept", "Ratification").exit_code == 2
    assert api.writes == []


@pytest.mark.parametrize(
    ("phase", "words"),
    [("Authorize", "once it was carried out"), (None, "change chg-1 is New"), ("Closed", "it has ended")],
)
def test_what_was_not_carried_out_is_not_reviewed(phase: str | None, words: str) -> None:
    api = FakeApi(change("chg-1", phase=phase, review=[]))
    result = run(api, "change", "review", "chg-1", *SAID)
    assert result.exit_code != 0
    assert words in " ".join(result.output.split())
    assert api.writes == []
