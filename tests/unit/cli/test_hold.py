"""`hold` and `unhold`."""

from typing import Any

import pytest

from tests.unit.cli.fakes import STACK, FakeApi, environment, release, run

WHY = "INC-77 is looked into"


def api(**spec: Any) -> FakeApi:
    return FakeApi(environment("production", "Production", **spec), release("2.4.0"))


def spec(server: FakeApi) -> dict[str, Any]:
    found: dict[str, Any] = server.objects["Environment", STACK, "production"]["spec"]
    return found


def test_an_environment_is_held_and_let_go_on() -> None:
    server = api()
    assert "held" in run(server, "hold", "--env", "production", WHY).stdout
    assert spec(server)["hold"] == {"reason": WHY}
    assert "unchanged" in run(server, "hold", "--env", "production", WHY).stdout
    assert "no longer held" in run(server, "unhold", "--env", "production").stdout
    assert "hold" not in spec(server)


@pytest.mark.parametrize("values", [None, {"replicaCount": 2}])
def test_one_application_is_held_there_and_its_values_stay(values: dict[str, Any] | None) -> None:
    before = {"payments": {"values": values}} if values else {}
    server = api(**({"applications": before} if before else {}))
    run(server, "hold", "--env", "production", "--application", "payments", WHY)
    assert spec(server)["applications"]["payments"]["hold"] == {"reason": WHY}
    run(server, "unhold", "--env", "production", "--application", "payments")
    assert spec(server)["applications"] == before


@pytest.mark.parametrize(
    "words",
    [
        ("hold", WHY),
        ("hold", "--env", "production", "payments-2.4.0", WHY),
        ("hold", "--application", "payments", "payments-2.4.0", WHY),
        ("unhold",),
        ("unhold", "payments-2.4.0", "--env", "production"),
    ],
)
def test_what_is_not_said_clearly_is_refused(words: tuple[str, ...]) -> None:
    assert run(api(), *words).exit_code == 2
