"""`verify rerun`: another promotion of the same, where there is a reason."""

from typing import Any

import pytest

from tests.unit.cli.fakes import STACK, FakeApi, promotion, run

NAME = "payments-2.4.0-uat"
FAILED = [{"name": "smoke", "state": "Failed"}]
PASSED = [{"name": "smoke", "state": "Passed"}]


def tried(phase: str, verification: list[dict[str, Any]], name: str = NAME, **spec: Any) -> dict[str, Any]:
    made = dict(promotion("2.4.0", "uat", phase, verification=verification))
    return {**made, "metadata": {**made["metadata"], "name": name}, "spec": {**made["spec"], **spec}}


@pytest.mark.parametrize(
    ("phase", "rows"),
    [("Failed", FAILED), ("RolledBack", FAILED), ("AwaitingSignOff", PASSED), ("AwaitingVerification", PASSED)],
)
def test_it_creates_another_promotion_of_the_same(phase: str, rows: list[dict[str, Any]]) -> None:
    api = FakeApi(tried(phase, rows, changeRequestRef={"name": "chg-1042"}))
    result = run(api, "verify", "rerun", NAME)
    assert result.exit_code == 0, result.output
    made = api.objects["Promotion", STACK, f"{NAME}-2"]
    assert made["spec"]["releaseRef"] == {"name": "payments-2.4.0"}
    assert (made["spec"]["changeRequestRef"], "abort" in made["spec"]) == ({"name": "chg-1042"}, False)


@pytest.mark.parametrize(
    ("phase", "rows"), [("Succeeded", PASSED), ("Waiting", []), ("Deploying", []), ("Verifying", FAILED)]
)
def test_where_nothing_failed_there_is_nothing_to_run_again(phase: str, rows: list[dict[str, Any]]) -> None:
    api = FakeApi(tried(phase, rows))
    result = run(api, "verify", "rerun", NAME)
    assert "there is nothing to run again" in " ".join(result.stderr.split())
    assert api.writes == []


def test_one_that_is_under_way_is_named() -> None:
    api = FakeApi(tried("Failed", FAILED), tried("Waiting", [], f"{NAME}-2"))
    assert f"{NAME}-2 brings payments-2.4.0 to uat already" in run(api, "verify", "rerun", NAME).stderr


def test_it_ends_after_five() -> None:
    names = (NAME, *(f"{NAME}-{n}" for n in range(2, 6)))
    api = FakeApi(*(tried("Failed", FAILED, name) for name in names))
    assert "5 times: mend it" in run(api, "verify", "rerun", NAME).stderr
    assert api.writes == []
