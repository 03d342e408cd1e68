"""``attest`` and ``wait --step``: what a pipeline says and waits for."""

from typing import Any

import pytest

from tests.unit.cli.fakes import DIGEST, STACK, FakeApi, obj, run

NAME = "payments-2.4.0-production"


def promotion(state: str = "Authorized", phase: str = "Deploying") -> dict[str, Any]:
    spec = {"releaseRef": {"name": "payments-2.4.0"}, "environmentRef": {"name": "production"}}
    status = {
        "phase": phase,
        "plan": {"digest": DIGEST, "namespace": "payments-production"},
        "steps": [{"name": "load", "state": state, "role": "ops"}],
        "attestations": [],
        "waitsFor": "step load may be taken",
    }
    return dict(obj("Promotion", NAME, spec, status))


def test_a_word_binds_to_what_was_planned() -> None:
    api = FakeApi(promotion())
    result = run(api, "attest", NAME, "load", "--role", "ops", "--result", "Passed", "--comment", "run 7")
    assert result.exit_code == 0, result.output
    assert api.objects["Promotion", STACK, NAME]["status"]["attestations"] == [
        {
            "role": "ops",
            "step": "load",
            "result": "Passed",
            "comment": "run 7",
            "by": "alice",
            "groups": ["cab", "system:authenticated"],
            "generation": 1,
            "planDigest": DIGEST,
        }
    ]


def test_a_step_that_there_is_not_is_named() -> None:
    api = FakeApi(promotion())
    result = run(api, "attest", NAME, "other", "--role", "ops", "--result", "Passed")
    assert "has no step other; its steps are: load" in result.stderr
    assert api.writes == []


def test_a_pipeline_waits_for_its_step() -> None:
    result = run(FakeApi(promotion()), "wait", NAME, "--step", "load")
    assert result.stdout == f"step load of {NAME} is Authorized: step load may be taken\n"


@pytest.mark.parametrize(
    ("state", "phase", "says"),
    [
        ("Done", "Deploying", "step load is Done"),
        ("Failed", "Failed", "step load is Failed"),
        ("Pending", "Rejected", "step load is Pending"),
    ],
)
def test_a_step_that_will_not_open_is_not_waited_for(state: str, phase: str, says: str) -> None:
    result = run(FakeApi(promotion(state, phase)), "wait", NAME, "--step", "load", "--timeout", "1s")
    assert result.exit_code != 0
    assert says in result.stderr


def test_when_the_time_is_up_it_says_what_was_missing() -> None:
    result = run(FakeApi(promotion("Pending", "Waiting")), "wait", NAME, "--step", "load", "--timeout", "3s")
    assert f"time is up: step load of {NAME} is not open" in result.stderr


def test_why_shows_what_is_waited_for_and_from_whom() -> None:
    made = promotion()
    made["status"]["execution"] = {"holder": "operator-1", "fencing": 1, "startedAt": "2026-11-24T11:00:00Z"}
    result = run(FakeApi(made), "why", NAME)
    assert "waits for: step load may be taken" in result.stdout
    assert "step load" in result.stdout
    assert "ops says how it goes" in result.stdout


def verified_by_others(state: str = "Running") -> dict[str, Any]:
    made = promotion("Done", "AwaitingVerification")
    rows = [{"name": "smoke", "state": "Passed"}, {"name": "pen-test", "state": state, "role": "security"}]
    made["status"] |= {"verification": rows, "waitsFor": "verification pen-test waits for somebody"}
    return made


def test_a_word_on_a_verification_names_it() -> None:
    api = FakeApi(verified_by_others())
    result = run(api, "attest", NAME, "pen-test", "--role", "security", "--result", "Passed")
    assert result.exit_code == 0, result.output
    entry = api.objects["Promotion", STACK, NAME]["status"]["attestations"][0]
    assert (entry["verification"], "step" in entry) == ("pen-test", False)


def test_what_lockflight_runs_itself_nobody_attests() -> None:
    api = FakeApi(verified_by_others())
    result = run(api, "attest", NAME, "smoke", "--role", "security", "--result", "Passed")
    assert "verifications of others: pen-test" in result.stderr
    assert api.writes == []


def test_a_pipeline_waits_for_its_verification() -> None:
    result = run(FakeApi(verified_by_others()), "wait", NAME, "--step", "pen-test")
    assert result.stdout == f"verification pen-test of {NAME} is open: verification pen-test waits for somebody\n"


def test_a_verification_that_is_over_is_not_waited_for() -> None:
    result = run(FakeApi(verified_by_others("Passed")), "wait", NAME, "--step", "pen-test", "--timeout", "1s")
    assert result.exit_code != 0
    assert "verification pen-test is Passed" in result.stderr
