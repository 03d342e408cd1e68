"""`promote` and `abort`."""

import pytest

from lockflight.api.kinds import Kind
from lockflight.api.promotion import Action
from lockflight.cli.client import Manifest
from lockflight.cli.errors import UnreachableError
from lockflight.cli.promote import free_name
from tests.unit.cli.fakes import STACK, Clock, FakeApi, data, environment, promotion, release, run

UAT = ("promote", "payments-2.4.0", "uat")


def _api(*more: dict[str, object]) -> FakeApi:
    return FakeApi(release("2.4.0"), environment("uat", "UAT"), *more)


def test_a_promotion_is_named_after_release_and_environment() -> None:
    api = _api()
    result = run(api, *UAT)
    assert result.stdout == "promotions.lockflight.dev/payments-2.4.0-uat created\n"
    assert result.stderr == "what it waits for: lockflight why payments-2.4.0-uat\n"
    assert api.objects["Promotion", STACK, "payments-2.4.0-uat"]["spec"] == {
        "releaseRef": {"name": "payments-2.4.0"},
        "environmentRef": {"name": "uat"},
        "action": "Deploy",
    }


@pytest.mark.parametrize("phase", [None, "Waiting", "OnHold", "Deploying", "AwaitingSignOff"])
def test_an_open_promotion_is_left_as_it_is(phase: str | None) -> None:
    assert run(_api(promotion("2.4.0", "uat", phase)), *UAT).stdout.endswith("unchanged\n")


def test_what_runs_there_already_is_not_promoted_again() -> None:
    api = FakeApi(release("2.4.0"), environment("uat", "UAT", "2.4.0"), promotion("2.4.0", "uat", "Succeeded"))
    assert run(api, *UAT).stdout.endswith("unchanged\n")


@pytest.mark.parametrize("phase", ["Failed", "RolledBack", "Aborted", "Succeeded"])
def test_after_an_attempt_that_is_over_there_is_another_one(phase: str) -> None:
    assert run(_api(promotion("2.4.0", "uat", phase)), *UAT).stdout.startswith(
        "promotions.lockflight.dev/payments-2.4.0-uat-2 created"
    )


def test_a_rollback_has_a_name_of_its_own_and_names_its_change() -> None:
    api = _api(promotion("2.4.0", "uat", "Succeeded"))
    run(api, *UAT, "--rollback", "--change", "chg-7")
    spec = api.objects["Promotion", STACK, "payments-2.4.0-uat-rollback"]["spec"]
    assert (spec["action"], spec["changeRequestRef"]) == ("Rollback", {"name": "chg-7"})


def test_an_open_promotion_under_another_change_is_said_so() -> None:
    result = run(_api(promotion("2.4.0", "uat", change="chg-1")), *UAT, "--change", "chg-2")
    assert result.exit_code == 1
    assert "runs under chg-1: lockflight abort" in result.stderr


@pytest.mark.parametrize("arguments", [("promote", "nothing", "uat"), ("promote", "payments-2.4.0", "nowhere")])
def test_what_does_not_exist_ends_with_3_and_creates_nothing(arguments: tuple[str, ...]) -> None:
    api = _api()
    assert run(api, *arguments).exit_code == 3
    assert not api.writes


def test_a_promotion_created_by_somebody_else_at_the_same_moment_is_taken() -> None:
    api = _api()
    api.before_create = lambda: api.put(promotion("2.4.0", "uat"))
    assert run(api, *UAT).stdout.endswith("unchanged\n")


@pytest.mark.parametrize(("phase", "code"), [("Succeeded", 0), ("Failed", 1), ("Superseded", 1), ("Expired", 1)])
def test_waiting_ends_with_the_promotion(phase: str, code: int) -> None:
    api = _api()
    clock = Clock(lambda n: api.put(promotion("2.4.0", "uat", phase if n == 2 else "Deploying", waitsFor="Helm")))
    result = run(api, *UAT, "--wait", clock=clock)
    assert result.exit_code == code
    assert "Deploying: Helm" in result.stderr
    assert (f"ended {phase}" in result.stderr) == bool(code)


def test_waiting_ends_with_4_at_the_deadline() -> None:
    result = run(_api(promotion("2.4.0", "uat", waitsFor="cab: 1 of 2")), *UAT, "--wait", "--timeout", "10s")
    assert result.exit_code == 4
    assert "is still Waiting: cab: 1 of 2" in result.stderr


def test_a_server_that_is_away_for_a_while_ends_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    api = _api(promotion("2.4.0", "uat", "Deploying"))
    answer, away = api.get, [True, True, False]

    def get(kind: Kind, namespace: str, name: str) -> Manifest:
        if clock.slept and away and away.pop():
            raise UnreachableError("away")
        return answer(kind, namespace, name)

    monkeypatch.setattr(api, "get", get)
    clock = Clock(lambda n: api.put(promotion("2.4.0", "uat", "Succeeded")) if n == 4 else None)
    assert run(api, *UAT, "--wait", clock=clock).exit_code == 0


def test_a_server_that_stays_away_ends_the_wait_with_5_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    api = _api(promotion("2.4.0", "uat", "Deploying"))
    answer = api.get

    def get(kind: Kind, namespace: str, name: str) -> Manifest:
        if clock.slept:
            raise UnreachableError("away")
        return answer(kind, namespace, name)

    monkeypatch.setattr(api, "get", get)
    clock = Clock()
    assert run(api, *UAT, "--wait", "--timeout", "2m", clock=clock).exit_code == 5
    assert clock.slept == 60 + 12


def test_a_duration_that_is_none_is_wrong_usage() -> None:
    assert run(_api(), *UAT, "--wait", "--timeout", "soon").exit_code == 2


def test_abort_aborts_once() -> None:
    api = _api(promotion("2.4.0", "uat"))
    assert run(api, "abort", "payments-2.4.0-uat").stdout.endswith("aborted\n")
    assert run(api, "abort", "payments-2.4.0-uat").stdout.endswith("unchanged\n")
    assert data(run(api, "abort", "payments-2.4.0-uat", "-o", "json"))["spec"]["abort"] is True


def test_what_is_over_cannot_be_aborted() -> None:
    result = run(_api(promotion("2.4.0", "uat", "Succeeded")), "abort", "payments-2.4.0-uat")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: promotion payments-2.4.0-uat has ended already: Succeeded\n",
    )


def test_names_count_up() -> None:
    taken = {"r-e", "r-e-2", "r-e-rollback"}
    assert free_name("r", "e", Action.DEPLOY, taken) == "r-e-3"
    assert free_name("r", "e", Action.ROLLBACK, taken) == "r-e-rollback-2"


def test_a_bulk_change_is_named_with_its_namespace() -> None:
    api = FakeApi(release("2.4.0"), environment("production", "Production"))
    result = run(api, "promote", "payments-2.4.0", "production", "--change", "lockflight-system/cve")
    assert result.exit_code == 0, result.output
    made = api.objects["Promotion", STACK, "payments-2.4.0-production"]
    assert made["spec"]["changeRequestRef"] == {"name": "cve", "namespace": "lockflight-system"}
