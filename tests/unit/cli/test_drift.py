"""`drift show` and `drift take-over`."""

from typing import Any

from tests.unit.cli.fakes import DIGEST, OTHER, STACK, FakeApi, change, data, environment, obj, release, run

ROW: dict[str, Any] = {
    "application": "payments",
    "namespace": "payments-production",
    "state": "Drifted",
    "digest": DIGEST,
    "since": "2026-11-24T10:00:00Z",
    "count": 9,
    "objects": [
        {
            "kind": "Deployment",
            "name": "payments-app",
            "fields": [{"path": "/spec/replicas", "what": "is 5, promoted was 3", "manager": "kubectl"}],
        }
    ],
}


def api(*rows: dict[str, Any], **spec: Any) -> FakeApi:
    here = environment("production", "Production", "2.3.1")
    here["status"]["drift"] = list(rows)
    mine = change()
    mine["spec"] |= spec
    return FakeApi(here, mine, release("2.4.0"))


def taken(found: FakeApi) -> Any:
    return found.objects["ChangeRequest", STACK, "chg-1042"]["spec"].get("takesOver")


def test_every_field_is_shown_with_who_wrote_it() -> None:
    result = run(api(ROW), "drift", "show", "production")
    assert result.exit_code == 0, result.stderr
    assert "Deployment payments-app  /spec/replicas  is 5, promoted was 3  kubectl" in result.stdout
    assert "8 more fields differ" in result.stdout
    assert DIGEST in result.stdout


def test_programs_read_the_same() -> None:
    assert data(run(api(ROW), "drift", "show", "production", "-o", "json"))[0]["digest"] == DIGEST


def test_where_nothing_drifted_that_is_said() -> None:
    assert "is what was last promoted" in run(api(), "drift", "show", "production").stdout


def test_what_could_not_be_compared_is_said() -> None:
    row = {**ROW, "state": "Unknown", "message": "no answer", "objects": [], "digest": None, "count": 0}
    assert "could not be compared: no answer" in run(api(row), "drift", "show", "production").stdout


def test_a_change_takes_over_what_was_shown() -> None:
    found = api(ROW, takesOver=[{"environment": "uat", "drift": OTHER}, {"environment": "production", "drift": OTHER}])
    result = run(found, "drift", "take-over", "production", "--change", "chg-1042", "-y")
    assert result.exit_code == 0, result.stderr
    assert "/spec/replicas" in result.stderr
    assert taken(found) == [{"environment": "uat", "drift": OTHER}, {"environment": "production", "drift": DIGEST}]
    again = run(found, "drift", "take-over", "production", "--change", "chg-1042", "-y")
    assert "unchanged" in again.stdout


def test_nobody_takes_over_without_being_asked() -> None:
    found = api(ROW)
    result = run(found, "drift", "take-over", "production", "--change", "chg-1042", stdin="n\n", terminal=True)
    assert result.exit_code == 0
    assert taken(found) is None


def test_there_must_be_something_to_take_over() -> None:
    result = run(
        api({**ROW, "application": "ledger"}), "drift", "take-over", "production", "--change", "chg-1042", "-y"
    )
    assert (result.exit_code, "nothing of payments drifted" in result.stderr) == (1, True)


def record(name: str, phase: str, created: str) -> dict[str, Any]:
    spec = {
        "type": "Emergency",
        "title": "changed",
        "reason": "so",
        "environments": ["production"],
        "unauthorised": {"application": "payments"},
    }
    return obj("ChangeRequest", name, spec, {"phase": phase}, creationTimestamp=created)


def test_what_was_shown_is_put_back_through_the_open_record() -> None:
    found = api(ROW)
    found.put(record("old", "Closed", "2026-11-25T10:00:00Z"))
    found.put(record("open", "Review", "2026-11-24T10:00:00Z"))
    result = run(found, "drift", "put-back", "production", "-y")
    assert result.exit_code == 0, result.stderr
    assert found.objects["ChangeRequest", STACK, "open"]["spec"]["putBack"] == {"drift": DIGEST}
    assert "putBack" not in found.objects["ChangeRequest", STACK, "old"]["spec"]


def test_without_a_record_it_says_what_to_do_instead() -> None:
    result = run(api(ROW), "drift", "put-back", "production", "-y")
    assert (result.exit_code, "promote once more what runs there" in result.stderr) == (1, True)


def test_where_nothing_drifted_there_is_nothing_to_put_back() -> None:
    assert "nothing drifted in production" in run(api(), "drift", "put-back", "production", "-y").stderr


def test_the_change_must_be_for_that_environment() -> None:
    result = run(api(ROW), "drift", "take-over", "uat", "--change", "chg-1042", "-y")
    assert "name a change for uat" in result.stderr
