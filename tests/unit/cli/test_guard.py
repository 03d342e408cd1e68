"""``guard``: who would be refused, and broken glass."""

import json
from pathlib import Path
from typing import Any

import pytest

from lockflight.cli.errors import CliError

from .fakes import FakeApi, data, run

PRODUCTION = {
    "kind": "Namespace",
    "metadata": {"name": "prod", "namespace": "", "labels": {"lockflight.dev/tier": "Production"}},
}
FREE: dict[str, Any] = {"kind": "Namespace", "metadata": {"name": "free", "namespace": ""}}
_FAILURE = "validation.policy.admission.k8s.io/validation_failure"


def said(user: str, operation: str, resource: str) -> str:
    return (
        f"{user} may not {operation} {resource} in namespace prod, which is guarded: promote a release instead; who "
        "must do this day by day is named in annotation lockflight.dev/guard-writers of the namespace: "
        f"user:{user} {operation} {resource}"
    )


def event(number: int, user: str = "sre", verb: str = "patch", *, message: str = "", **more: Any) -> dict[str, Any]:
    """One request that was let through and reported, as the API server logs it."""
    text = message or said(user, "update", "deployments.apps")
    return {
        "kind": "Event",
        "auditID": str(number),
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": user},
        "objectRef": {"resource": "deployments", "apiGroup": "apps", "namespace": "prod"},
        "requestReceivedTimestamp": f"2026-11-24T10:00:0{number}.000000Z",
        "annotations": {_FAILURE: json.dumps([{"policy": "lockflight-guard", "message": text}])},
        **more,
    }


def refused(number: int, user: str, message: str) -> dict[str, Any]:
    text = "ValidatingAdmissionPolicy 'lockflight-guard' with binding 'lockflight-guard' denied request: " + message
    return event(number, user, annotations={}, responseStatus={"code": 403, "message": text})


def log(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in events)


def test_who_would_be_refused_how_often_and_what_lets_them_through() -> None:
    text = log(event(1), event(2), event(3, "backup", "create", message=said("backup", "create", "secrets")))
    result = run(FakeApi(PRODUCTION), "guard", "try", "prod", "--audit-log", "-", stdin=text)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()[1:3]]
    assert rows == [
        ["sre", "patch", "deployments.apps", "2", "2026-11-24T10:00:02.000000Z", "reported"],
        ["backup", "create", "deployments.apps", "1", "2026-11-24T10:00:03.000000Z", "reported"],
    ]
    assert "user:backup create secrets\nuser:sre update deployments.apps\n" in result.output


def test_what_was_refused_counts_too_and_no_line_lets_anybody_into_pods(tmp_path: Path) -> None:
    text = log(
        refused(1, "sre", "nobody works inside the pods of namespace prod, which is guarded: pods/exec is refused")
    )
    (tmp_path / "audit.jsonl").write_text(text)
    result = run(FakeApi(PRODUCTION), "guard", "try", "prod", "--audit-log", str(tmp_path / "audit.jsonl"))
    assert "refused" in result.output
    assert "No line lets anybody work inside pods" in result.output
    assert "Whom of them you want" not in result.output


def test_other_events_namespaces_and_policies_are_none_of_it() -> None:
    elsewhere = event(1, objectRef={"resource": "pods", "namespace": "other"})
    received = event(2, stage="RequestReceived")
    foreign = event(3, annotations={_FAILURE: json.dumps([{"policy": "somebody-else", "message": "no"}])})
    text = "no json\n{broken\n[1]\n{}\n" + log(elsewhere, received, foreign)
    result = run(FakeApi(PRODUCTION), "guard", "try", "prod", "--audit-log", "-", stdin=text)
    assert result.output == "nobody was refused in prod, nor would have been: tier Production, guarded as the tier is\n"


def test_a_request_logged_twice_counts_once() -> None:
    result = run(
        FakeApi(PRODUCTION), "guard", "try", "prod", "--audit-log", "-", "-o", "json", stdin=log(event(1), event(1))
    )
    assert [row["times"] for row in data(result)] == [1]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: f"2026-11-24T10:00:00 kube-apiserver-audit {text}",
        lambda text: json.dumps({"log": text}),
        lambda text: json.dumps({"properties": {"log": text}}),
    ],
    ids=["a prefix, as CloudWatch has it", "a field, as in AKS", "a field of a field"],
)
def test_the_shapes_of_log_services_are_understood(wrap: Any) -> None:
    text = wrap(json.dumps(event(1)))
    result = run(FakeApi(PRODUCTION), "guard", "try", "prod", "--audit-log", "-", "-o", "json", stdin=text)
    assert [row["user"] for row in data(result)] == ["sre"]


def test_a_namespace_that_is_not_guarded_is_said_so() -> None:
    result = run(FakeApi(FREE), "guard", "try", "free", "--audit-log", "-", stdin="")
    assert "it is not guarded, having no label lockflight.dev/tier" in result.output


def test_without_a_log_the_metrics_say_how_often() -> None:
    api = FakeApi(PRODUCTION)
    name = "apiserver_validating_admission_policy_check_total"
    api.exposition = (
        f'{name}{{enforcement_action="audit",error_type="no_error",policy="lockflight-guard",policy_binding="x"}} 3\n'
        f'{name}{{enforcement_action="deny",error_type="no_error",policy="other",policy_binding="x"}} 7\n'
    )
    result = run(api, "guard", "try", "prod")
    assert result.output.startswith("audit: 3 requests, in all guarded namespaces together\n")
    assert data(run(api, "guard", "try", "prod", "-o", "json")) == {"audit": 3}


def test_a_server_that_counted_nothing_needs_a_log() -> None:
    result = run(FakeApi(PRODUCTION), "guard", "try", "prod")
    assert result.exit_code == 1
    assert "give its audit log" in result.output


def annotations(api: FakeApi) -> dict[str, str]:
    found: dict[str, str] = api.read_namespace("prod")["metadata"].get("annotations", {})
    return {key.removeprefix("lockflight.dev/"): value for key, value in found.items()}


def test_the_glass_is_broken_for_a_while_and_mended() -> None:
    api = FakeApi(PRODUCTION)
    result = run(api, "guard", "open", "prod", "--reason", "INC-1", "--for", "30m")
    assert "broken until 2026-11-24T12:30:00Z" in result.output
    until, reason = "break-glass-until", "break-glass-reason"
    assert annotations(api) == {until: "2026-11-24T12:30:00Z", reason: "INC-1", "break-glass": "alice"}
    assert run(api, "guard", "close", "prod").output == "glass of namespace prod mended\n"
    assert annotations(api) == {}
    assert run(api, "guard", "close", "prod").output == "glass of namespace prod is whole\n"


def test_a_length_that_is_none_is_wrong_usage() -> None:
    result = run(FakeApi(PRODUCTION), "guard", "open", "prod", "--reason", "x", "--for", "a while")
    assert result.exit_code == 2
    assert "write a duration such as 30m or 2h" in result.output


def test_what_the_api_server_refuses_is_said() -> None:
    api = FakeApi(PRODUCTION)
    api.refuse = CliError("you may not break or mend the glass of namespace prod")
    result = run(api, "guard", "open", "prod", "--reason", "x")
    assert (result.exit_code, result.output) == (1, "error: you may not break or mend the glass of namespace prod\n")
