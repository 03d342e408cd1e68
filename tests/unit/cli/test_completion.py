"""The shell completes names from the API server."""

import pytest
from click.shell_completion import ShellComplete

from lockflight.cli.app import App
from lockflight.cli.errors import UnreachableError
from lockflight.cli.main import cli
from tests.unit.cli.fakes import FakeApi, change, environment, promotion, release


def _offered(api: FakeApi, arguments: list[str], incomplete: str = "") -> list[str]:
    shell = ShellComplete(cli, {"obj": App(server=api)}, "lockflight", "_LOCKFLIGHT_COMPLETE")
    return [item.value for item in shell.get_completions(arguments, incomplete)]


@pytest.mark.parametrize(
    ("arguments", "incomplete", "offered"),
    [
        (["why"], "", ["payments-2.4.0-uat"]),
        (["promote"], "pay", ["payments-2.3.0", "payments-2.4.0"]),
        (["promote", "payments-2.4.0"], "", ["production", "uat"]),
        (["-n", "payments", "approve"], "chg", ["chg-1042"]),
        (["-n", "elsewhere", "approve"], "chg", []),
        (["diff"], "x", []),
    ],
)
def test_names_are_offered_where_they_are_asked_for(arguments: list[str], incomplete: str, offered: list[str]) -> None:
    api = FakeApi(
        release("2.4.0"),
        release("2.3.0"),
        environment("uat", "UAT"),
        environment("production", "Production"),
        promotion("2.4.0", "uat"),
        change(),
    )
    assert _offered(api, arguments, incomplete) == offered


def test_a_server_that_is_away_offers_nothing_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise UnreachableError("away")

    api = FakeApi()
    monkeypatch.setattr(api, "list", away)
    assert _offered(api, ["why"]) == []
