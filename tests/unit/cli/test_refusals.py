"""What the API server refuses becomes one line and an exit code."""

import json

import pytest

from lockflight.cli.client import refusal


def _status(message: str, reason: str = "", name: str = "") -> bytes:
    return json.dumps({"kind": "Status", "message": message, "reason": reason, "details": {"name": name}}).encode()


@pytest.mark.parametrize(
    ("code", "text", "exit_code", "says"),
    [
        (401, _status("Unauthorized"), 1, "log in again"),
        (403, _status("jo cannot create releases", "Forbidden"), 1, "jo cannot create releases; ask for that right"),
        (404, _status("the server could not find the requested resource"), 3, "install the chart"),
        (404, _status('releases "x" not found', "NotFound", "x"), 3, "check the name and --namespace"),
        (409, _status('releases "x" already exists', "AlreadyExists"), 1, "choose another name"),
        (409, _status("the object has been modified", "Conflict"), 1, "look again, then repeat"),
        (422, _status("spec.version: Invalid value", "Invalid"), 1, "spec.version: Invalid value"),
        (503, b"no endpoints", 5, "no endpoints"),
        (429, b"", 5, "HTTP 429"),
        (400, b"[]", 1, "[]"),
    ],
)
def test_each_refusal_has_its_exit_code_and_says_what_to_do(code: int, text: bytes, exit_code: int, says: str) -> None:
    problem = refusal(code, text)
    assert problem.exit_code == exit_code
    assert says in problem.message
    assert "\n" not in problem.message


def test_a_policy_speaks_for_itself() -> None:
    message = "ValidatingAdmissionPolicy 'x' with binding 'x' denied request: four eyes: jo created this"
    assert refusal(403, _status(message, "Forbidden")).message == message
