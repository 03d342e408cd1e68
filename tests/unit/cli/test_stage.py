"""`env show`: inputs, outputs, who may give each, and what is missing."""

from typing import Any

import pytest

from lockflight.api.reasons import GATES
from tests.unit.cli.fakes import FakeApi, data, environment, obj, promotion, release, run

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
EXIT = {
    "verification": [
        {"name": "smoke", "helmTest": {}},
        {"name": "pen-test", "external": {"role": "security", "timeout": "72h"}},
    ],
    "signOffs": [{"role": "business", "count": 2}],
}
ENTRY = {"evidence": ["unit-tests"], "branches": ["main"], "taggedOnly": True}
CAB = {"normal": {"approvals": [{"role": "cab", "count": 2}]}, "standard": {"catalogue": [{"role": "cab", "count": 1}]}}


def role(name: str, verb: str, resource: str, *names: str) -> list[dict[str, Any]]:
    rules = [{"apiGroups": ["lockflight.dev"], "resources": [resource], "verbs": [verb], "resourceNames": list(names)}]
    metadata = {"name": name, "namespace": "payments"}
    return [
        {"metadata": metadata, "rules": rules},
        {
            "metadata": metadata,
            "roleRef": {"kind": "Role", "name": name},
            "subjects": [{"kind": "Group", "name": name}],
        },
    ]


def api(*more: Any) -> FakeApi:
    return FakeApi(
        environment("uat", "UAT", promotesFrom=[], exit=EXIT, entry=ENTRY),
        environment(
            "production",
            "Production",
            changeControl=CAB,
            soak="24h",
            calendarRef={"name": "four-weekly"},
            entry=ENTRY,
            governance={"approvals": [{"role": "board", "count": 1}]},
        ),
        release("2.4.0", source={"branch": "main", "tag": "v2.4.0"}, evidence=[]),
        *more,
    )


def rows(result: Any, which: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in data(result)[which]}


def test_every_gate_has_a_row() -> None:
    inputs = rows(run(api(), "env", "show", "production", "-o", "json"), "inputs")
    assert {row["gate"] for row in inputs.values()} == set(GATES)


def test_what_goes_in_and_what_comes_out_is_told() -> None:
    result = run(api(), "env", "show", "uat")
    assert result.exit_code == 0, result.output
    for words in (
        "uat: tier UAT",
        "evidence unit-tests",
        "attest on evidencetypes/unit-tests",
        "merged to main, tagged as its version",
        "verification smoke",
        "helm test",
        "role security, within 72h",
        "2 sign-off",
        "role business",
    ):
        assert words in result.stdout, words


@pytest.mark.parametrize(
    ("given", "where", "row"),
    [
        (role("testers", "sign-off", "approvalroles", "business"), "outputs", "2 sign-off"),
        (role("hunters", "attest", "evidencetypes", "security"), "outputs", "verification pen-test"),
        (role("ci", "attest", "evidencetypes", "unit-tests"), "inputs", "evidence unit-tests"),
    ],
)
def test_who_may_give_it_is_named(given: list[dict[str, Any]], where: str, row: str) -> None:
    made = api()
    made.rbac = {"roles": given[:1], "rolebindings": given[1:]}
    found = rows(run(made, "env", "show", "uat", "-o", "json"), where)[row]
    assert found["holders"] == [f"Group {given[0]['metadata']['name']}"]


def test_what_is_missing_for_a_release_is_told() -> None:
    result = run(api(), "env", "show", "uat", "--release", "payments-2.4.0", "-o", "json")
    inputs, outputs = rows(result, "inputs"), rows(result, "outputs")
    assert (inputs["evidence unit-tests"]["stands"], "unit-tests" in inputs["evidence unit-tests"]["says"]) == (
        "missing",
        True,
    )
    assert inputs["merged to main, tagged as its version"]["stands"] == "given"
    assert inputs["a target namespace that is bound"]["stands"] == "not known"
    assert outputs["verification smoke"]["stands"] == "not known"


def test_what_came_out_so_far_is_told() -> None:
    checks = [{"name": "smoke", "state": "Passed"}, {"name": "pen-test", "state": "Running", "role": "security"}]
    there = promotion("2.4.0", "uat", "AwaitingVerification", verification=checks)
    outputs = rows(run(api(there), "env", "show", "uat", "--release", "payments-2.4.0", "-o", "json"), "outputs")
    assert [row["stands"] for row in outputs.values()] == ["given", "missing", "missing"]


def test_an_environment_that_there_is_not_is_an_error() -> None:
    result = run(api(), "env", "show", "nowhere")
    assert result.exit_code != 0
    assert "nowhere" in result.stderr


def test_a_release_that_there_is_not_is_an_error() -> None:
    assert run(api(), "env", "show", "uat", "--release", "payments-9.9.9").exit_code != 0


def test_a_freeze_stands_at_its_row() -> None:
    freeze = {"reason": "Audit", "timeZone": "UTC", "start": "2026-11-20T18:00:00", "end": "2026-12-02T00:00:00"}
    made = api(obj("FreezeWindow", "audit", freeze, creationTimestamp="2026-11-01T09:00:00Z"))
    inputs = rows(run(made, "env", "show", "uat", "--release", "payments-2.4.0", "-o", "json"), "inputs")
    assert (inputs["no freeze"]["stands"], "Audit" in inputs["no freeze"]["says"]) == ("missing", True)
