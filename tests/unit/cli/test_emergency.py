"""`emergency rollback` and `emergency deploy`."""

from typing import Any

import pytest

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Promotion
from tests.unit.cli.fakes import DIGEST, OTHER, STACK, Clock, FakeApi, data, environment, promotion, release, run

CONTROL = {
    "normal": {"approvals": [{"role": "cab"}]},
    "emergency": {"approvals": [{"role": "ecab"}], "bypass": ["Soak"]},
}
INCIDENT = ("emergency", "--incident", "INC-77")
BACK = (*INCIDENT, "rollback", "production")
NAME = "inc-77-payments-2.3.0-production"


def proof(version: str, deployed: str = "2026-11-01T10:00:00Z", **given: Any) -> dict[str, Any]:
    """A release that was in production, verified."""
    row = {
        "name": "production",
        "environmentUID": "uid-production",
        "digest": DIGEST,
        "deployedAt": deployed,
        "verifiedAt": deployed,
        "promotionUID": "p",
        **given,
    }
    return release(version, {"environments": [{k: v for k, v in row.items() if v is not None}]})


def api(*more: dict[str, Any]) -> FakeApi:
    """Production runs 2.4.0; 2.3.0 and 2.2.0 ran there before."""
    return FakeApi(
        environment("production", "Production", "2.4.0", changeControl=CONTROL),
        release("2.4.0"),
        proof("2.2.0", "2026-10-01T10:00:00Z"),
        proof("2.3.0"),
        *more,
    )


def assessed(server: FakeApi, name: str = NAME) -> Clock:
    """The operator assesses the change while the command waits."""

    def look(_: int) -> None:
        found = server.objects["ChangeRequest", STACK, name]
        found["status"] = {
            "observedGeneration": 1,
            "phase": "Authorize",
            "planDigest": OTHER,
            "howToApprove": f'kubectl patch lfchg {name} -p \'[{{"value":{{"role":"ecab"}}}}]\'',
            "waitsFor": "0/1 ecab: needs 1 more of role ecab",
        }
        found["metadata"]["generation"] = 1

    return Clock(look)


def test_going_back_writes_the_change_and_the_promotion_and_says_who_approves() -> None:
    server = api()
    result = run(server, *BACK, clock=assessed(server))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        f"changerequests.lockflight.dev/{NAME} created",
        "promotions.lockflight.dev/payments-2.3.0-production-rollback created",
    ]
    assert lines[2] == "it waits for: 0/1 ecab: needs 1 more of role ecab"
    assert lines[3] == f"approve: lockflight -n payments approve {NAME} --role ecab"
    assert lines[4].startswith("or with kubectl: kubectl patch lfchg")
    change = ChangeRequest.model_validate(server.objects["ChangeRequest", STACK, NAME])
    assert change.spec.incident is not None
    assert (change.spec.type, change.spec.incident.id, change.spec.incident.severity) == ("Emergency", "INC-77", "Sev1")
    assert (change.spec.release, change.spec.environments) == ("payments-2.3.0", ("production",))
    assert change.spec.rollback_plan is not None
    promoted = Promotion.model_validate(
        {"status": {}, **server.objects["Promotion", STACK, "payments-2.3.0-production-rollback"]}
    )
    assert promoted.spec.action == "Rollback"
    assert promoted.spec.change_request_ref is not None
    assert promoted.spec.change_request_ref.name == NAME


def test_pressed_twice_it_is_done_once() -> None:
    server = api()
    run(server, *BACK, clock=assessed(server))
    again = run(server, *BACK, clock=assessed(server))
    assert again.exit_code == 0, again.output
    assert [line.rpartition(" ")[2] for line in again.stdout.splitlines()[:2]] == ["unchanged", "unchanged"]


def test_an_operator_that_does_not_answer_keeps_nobody_waiting_for_ever() -> None:
    result = run(api(), *BACK, "--timeout", "5s")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"approve: lockflight -n payments approve {NAME} --role ecab"


def test_a_release_that_is_there_is_brought() -> None:
    server = api(release("2.4.1"))
    name = "inc-77-payments-2.4.1-production"
    arguments = ("--reason", "refunds are paid twice", "--past-freeze", "year-end")
    result = run(server, *INCIDENT, "deploy", "payments-2.4.1", "production", *arguments, clock=assessed(server, name))
    assert result.exit_code == 0, result.output
    spec = server.objects["ChangeRequest", STACK, name]["spec"]
    assert spec["title"] == "INC-77: bring payments-2.4.1 in production"
    assert spec["rollbackPlan"]["strategy"] == "HelmRollback"
    assert spec["freezeOverride"] == {"windows": ["year-end"], "justification": "refunds are paid twice"}
    assert server.objects["Promotion", STACK, "payments-2.4.1-production"]["spec"]["action"] == "Deploy"


def test_a_release_that_is_not_there_is_created_first() -> None:
    server = api()
    chart = f"oci://registry.example/charts/payments:2.4.1@{DIGEST}"
    arguments = ("--application", "payments", "--version", "2.4.1", "--chart", chart, "--hotfix-of", "payments-2.4.0")
    name = "inc-77-payments-2.4.1-production"
    result = run(server, *INCIDENT, "deploy", "payments-2.4.1", "production", *arguments, clock=assessed(server, name))
    assert result.exit_code == 0, result.output
    assert [made for done, made in server.writes if done == "create"] == [
        "payments-2.4.1",
        name,
        "payments-2.4.1-production",
    ]
    assert server.objects["Release", STACK, "payments-2.4.1"]["spec"]["type"] == "Hotfix"


def test_programs_get_both_objects() -> None:
    server = api()
    found = data(run(server, "-o", "json", *BACK, clock=assessed(server)))
    assert found["change"]["metadata"]["name"] == NAME
    assert found["promotion"]["kind"] == "Promotion"


@pytest.mark.parametrize(
    ("more", "arguments", "words"),
    [
        ((), (*INCIDENT, "rollback", "uat"), "not found"),
        ((), (*BACK, "--application", "ledger"), "ledger does not run in production"),
        ((), (*INCIDENT, "deploy", "payments-9.9.9", "production"), "not found"),
        ((), (*INCIDENT, "deploy", "payments-2.4.1", "production", "--chart", "oci://r/c"), "give --application"),
        ((), ("emergency", "--incident", "INC 77", "rollback", "production"), "pattern"),
        ((promotion("2.4.1", "production", change="chg-1"), release("2.4.1")),
         (*INCIDENT, "deploy", "payments-2.4.1", "production"), "runs under chg-1"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    more: tuple[dict[str, Any], ...], arguments: tuple[str, ...], words: str
) -> None:
    server = api(*more)
    if "uat" in arguments:
        server.objects.pop(("Environment", STACK, "uat"), None)
    result = run(server, *arguments)
    assert result.exit_code != 0
    assert words in result.output
    assert server.writes == []


def test_where_nothing_ran_before_there_is_nothing_to_go_back_to() -> None:
    server = FakeApi(
        environment("production", "Production", "2.4.0"), release("2.4.0"), proof("2.3.0", verifiedAt=None)
    )
    result = run(server, *BACK)
    assert "no release of payments ran in production, verified, before payments-2.4.0" in result.stderr


def test_another_emergency_of_the_same_name_is_not_taken_for_this_one() -> None:
    server = api()
    run(server, *BACK, clock=assessed(server))
    result = run(server, *BACK, "--reason", "something else")
    assert result.exit_code != 0
    assert "exists and is another one: give --name" in result.stderr


def test_a_severity_that_the_environment_does_not_take_stops_before_anything_is_written() -> None:
    server = api()
    result = run(server, *INCIDENT, "--severity", "Sev2", "rollback", "production")
    assert result.exit_code == 1
    assert "takes emergencies of severity Sev1 only, and INC-77 is Sev2" in result.stderr
    assert server.writes == []
