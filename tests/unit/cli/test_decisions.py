"""`approve`, `reject`, `withdraw` and `sign-off`: shown, asked, sent with what was shown."""

from typing import Any

import pytest

from lockflight.cli.errors import CliError
from tests.unit.cli.fakes import DIGEST, OTHER, STACK, FakeApi, change, data, environment, promotion, release, run

PLAN = {"digest": DIGEST, "namespace": "payments-production", "components": []}


def _api(*more: dict[str, Any], **status: Any) -> FakeApi:
    return FakeApi(release("2.4.0"), environment("production", "Production"), change(**status), *more)


def _entries(api: FakeApi, name: str = "chg-1042") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = api.objects["ChangeRequest", STACK, name]["status"]["approvals"]
    return entries


def test_an_approval_carries_who_and_what_was_shown() -> None:
    api = _api()
    result = run(api, "approve", "chg-1042", "--role", "cab", "--comment", "looks fine", "--yes")
    assert result.exit_code == 0
    assert _entries(api) == [
        {
            "role": "cab",
            "decision": "Approved",
            "comment": "looks fine",
            "by": "alice",
            "groups": ["cab", "system:authenticated"],
            "generation": 3,
            "planDigest": OTHER,
        }
    ]
    assert f"approved as cab by alice, plan {OTHER}" in result.stdout


@pytest.mark.parametrize(("command", "decision"), [("reject", "Rejected"), ("withdraw", "Withdrawn")])
def test_the_other_decisions(command: str, decision: str) -> None:
    api = _api()
    run(api, command, "chg-1042", "--role", "cab", "-y")
    assert [e["decision"] for e in _entries(api)] == [decision]


def test_what_is_approved_is_shown_before_it_is_asked() -> None:
    api = _api()
    result = run(api, "approve", "chg-1042", "--role", "cab", stdin="y\n", terminal=True)
    before, asked, _ = result.stdout.partition("Approve chg-1042 as cab, plan bbbbbbbbbbbb?")
    assert asked
    assert f"plan digest: {OTHER}" in before
    assert "1. helm rollback payments-app" in before
    assert len(_entries(api)) == 1


def test_no_is_no() -> None:
    api = _api()
    assert run(api, "approve", "chg-1042", "--role", "cab", stdin="n\n", terminal=True).exit_code == 0
    assert not api.writes


def test_where_nobody_can_be_asked_yes_must_be_given() -> None:
    api = _api()
    result = run(api, "approve", "chg-1042", "--role", "cab")
    assert result.exit_code == 2
    assert "give --yes" in result.stderr
    assert not api.writes


@pytest.mark.parametrize(
    "status", [{"planDigest": None}, {"observedGeneration": 2}, {"planDigest": None, "waitsFor": "release is missing"}]
)
def test_nobody_approves_what_is_not_planned(status: dict[str, Any]) -> None:
    api = _api(**status)
    result = run(api, "approve", "chg-1042", "--role", "cab", "--yes")
    assert result.exit_code == 1
    assert "has no plan to approve" in result.stderr
    assert status.get("waitsFor", "") in result.stderr
    assert not api.writes


def test_several_are_decided_each_and_one_that_cannot_be_does_not_keep_the_others() -> None:
    api = _api(change("chg-2", planDigest=None), change("chg-3"))
    result = run(api, "approve", "chg-1042", "chg-2", "chg-3", "--role", "cab", "--yes")
    assert result.exit_code == 1
    assert result.stderr.endswith("error: 1 of 3 changes could not be decided\n")
    assert len(_entries(api)) == len(_entries(api, "chg-3")) == 1


def test_the_servers_refusal_is_passed_through() -> None:
    api = _api()
    api.refuse = CliError("four eyes: alice created this")
    result = run(api, "approve", "chg-1042", "--role", "cab", "--yes", "-o", "json")
    assert (result.exit_code, result.stderr) == (1, "error: four eyes: alice created this\n")


def test_programs_get_the_change_back() -> None:
    shown = data(run(_api(), "approve", "chg-1042", "--role", "cab", "--yes", "-o", "json"))
    assert shown["status"]["approvals"][0]["role"] == "cab"


@pytest.mark.parametrize("role", ["", "CAB", "a/b"])
def test_a_role_that_is_none_is_wrong_usage(role: str) -> None:
    assert run(_api(), "approve", "chg-1042", "--role", role, "--yes").exit_code == 2


def test_a_sign_off_carries_who_and_what_was_shown() -> None:
    api = FakeApi(
        promotion(
            "2.4.0",
            "production",
            "AwaitingSignOff",
            plan=PLAN,
            releaseDigest=OTHER,
            verification=[{"name": "smoke", "state": "Passed"}],
        )
    )
    result = run(api, "sign-off", "payments-2.4.0-production", "--role", "business", "--yes")
    assert "verification smoke: Passed" in result.stdout
    assert "signed off as business by alice" in result.stdout
    entry = api.objects["Promotion", STACK, "payments-2.4.0-production"]["status"]["signOffs"][0]
    assert (entry["decision"], entry["by"], entry["generation"], entry["planDigest"]) == (
        "Approved",
        "alice",
        1,
        DIGEST,
    )


def test_a_sign_off_can_be_refused() -> None:
    api = FakeApi(promotion("2.4.0", "uat", "AwaitingSignOff", plan=PLAN))
    run(api, "sign-off", "payments-2.4.0-uat", "--role", "business", "--reject", "--comment", "slow", "--yes")
    entry = api.objects["Promotion", STACK, "payments-2.4.0-uat"]["status"]["signOffs"][0]
    assert (entry["decision"], entry["comment"]) == ("Rejected", "slow")


def test_a_sign_off_can_be_withdrawn_after_the_end() -> None:
    api = FakeApi(promotion("2.4.0", "uat", "Succeeded", plan=PLAN))
    result = run(api, "sign-off", "payments-2.4.0-uat", "--role", "business", "--withdraw", "--yes")
    assert "withdrawn as business by alice" in result.stdout
    entry = api.objects["Promotion", STACK, "payments-2.4.0-uat"]["status"]["signOffs"][0]
    assert (entry["decision"], entry["planDigest"]) == ("Withdrawn", DIGEST)


def test_nobody_withdraws_and_refuses_at_once() -> None:
    api = FakeApi(promotion("2.4.0", "uat", "AwaitingSignOff", plan=PLAN))
    result = run(api, "sign-off", "payments-2.4.0-uat", "--role", "business", "--withdraw", "--reject", "--yes")
    assert (result.exit_code, api.writes) == (2, [])


@pytest.mark.parametrize(("phase", "plan"), [("Succeeded", PLAN), ("Waiting", None)])
def test_there_must_be_something_to_sign_off(phase: str, plan: dict[str, Any] | None) -> None:
    api = FakeApi(promotion("2.4.0", "uat", phase, **({"plan": plan} if plan else {})))
    result = run(api, "sign-off", "payments-2.4.0-uat", "--role", "business", "--yes")
    assert result.exit_code == 1
    assert "see lockflight why payments-2.4.0-uat" in result.stderr
