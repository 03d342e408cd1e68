"""`env access`."""

from typing import Any

from tests.unit.cli.fakes import FakeApi, data, environment, run

ROW: dict[str, Any] = {
    "namespace": "payments-production",
    "subject": "Group auditors",
    "level": "Edit",
    "via": "RoleBinding audit",
    "foreign": True,
}


def api(*rows: dict[str, Any]) -> FakeApi:
    here = environment("production", "Production", "2.3.1")
    here["status"]["access"] = list(rows)
    return FakeApi(here)


def test_who_has_what_by_which_binding_and_whether_somebody_asked_for_it() -> None:
    result = run(api(ROW, {**ROW, "subject": "Group sre", "foreign": False}), "env", "access", "production")
    assert result.exit_code == 0, result.stderr
    assert "payments-production  Group auditors  Edit   RoleBinding audit  foreign" in result.stdout
    assert "as declared" in result.stdout


def test_programs_read_the_same() -> None:
    assert data(run(api(ROW), "env", "access", "production", "-o", "json")) == [ROW]


def test_where_nobody_has_any_that_is_said() -> None:
    assert "nobody has access" in run(api(), "env", "access", "production").stdout
