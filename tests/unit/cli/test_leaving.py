"""`rollback` and `remove`."""

from typing import Any

from tests.unit.cli.fakes import DIGEST, STACK, FakeApi, environment, obj, release, run

CONTROL = {"normal": {"approvals": [{"role": "cab"}]}}
NEW = ("--reason", "INC-77", "--assessment", "it ran for a month")


def proof(version: str, deployed: str) -> dict[str, Any]:
    """A release that was in production, verified."""
    row = {
        "name": "production",
        "environmentUID": "uid-production",
        "digest": DIGEST,
        "deployedAt": deployed,
        "verifiedAt": deployed,
        "promotionUID": "p",
    }
    return release(version, {"environments": [row]})


def api(*more: dict[str, Any], tier: str = "Production") -> FakeApi:
    """An environment that runs 2.4.0; 2.3.0 and 2.2.0 ran there before."""
    control = {"changeControl": CONTROL} if tier == "Production" else {}
    return FakeApi(
        environment("production", tier, "2.4.0", **control),
        release("2.4.0"),
        proof("2.2.0", "2026-10-01T10:00:00Z"),
        proof("2.3.0", "2026-11-01T10:00:00Z"),
        *more,
    )


def change(name: str, version: str, status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    body = {
        "type": "Normal",
        "title": name,
        "reason": "r",
        "releaseRef": {"name": f"payments-{version}"},
        "environments": ["production"],
        **spec,
    }
    return obj("ChangeRequest", name, body, status)


def made(server: FakeApi, kind: str, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = server.objects[kind, STACK, name]["spec"]
    return spec


def test_where_no_change_is_asked_for_there_is_a_promotion_alone() -> None:
    server = api(tier="Integration")
    assert run(server, "rollback", "payments", "--env", "production").exit_code == 0
    assert made(server, "Promotion", "payments-2.3.0-production-rollback")["action"] == "Rollback"
    assert run(server, "remove", "payments", "--env", "production").exit_code == 0
    assert made(server, "Promotion", "payments-2.4.0-production-remove")["action"] == "Remove"
    assert [name for _, name in server.writes if "change" in name] == []


def test_the_way_back_of_a_change_is_made_under_it() -> None:
    uid = environment("production", "Production", "2.4.0")["status"]["targets"][0]["promotionUID"]
    use = {"environment": "production", "promotionUID": uid, "planDigest": DIGEST, "at": "2026-11-20T10:00:00Z"}
    server = api(change("chg-1", "2.4.0", {"phase": "Review", "usedBy": [use]}))
    assert run(server, "rollback", "payments", "--env", "production").exit_code == 0
    assert made(server, "Promotion", "payments-2.3.0-production-rollback")["changeRequestRef"] == {"name": "chg-1"}


def test_any_other_rollback_raises_a_change_of_its_own() -> None:
    server = api()
    refused = run(server, "rollback", "payments", "--env", "production", "--to", "payments-2.2.0")
    assert (refused.exit_code, server.writes) == (1, [])
    assert "raise it with --reason and --assessment" in refused.stderr
    result = run(server, "rollback", "payments", "--env", "production", "--to", "payments-2.2.0", *NEW)
    assert result.exit_code == 0, result.output
    name = "payments-2.2.0-production-back"
    assert made(server, "ChangeRequest", name)["rollbackPlan"]["strategy"] == "HelmRollback"
    assert made(server, "Promotion", "payments-2.2.0-production-rollback")["changeRequestRef"] == {"name": name}
    assert f"lockflight approve {name}" in result.stderr


def test_a_removal_takes_a_change_that_says_so() -> None:
    server = api(change("brings", "2.4.0", {"phase": "Authorize"}))
    result = run(server, "remove", "payments", "--env", "production", *NEW)
    assert result.exit_code == 0, result.output
    spec = made(server, "ChangeRequest", "payments-2.4.0-production-remove")
    assert (spec["action"], spec["rollbackPlan"]["strategy"]) == ("Remove", "RollForward")
    ref = made(server, "Promotion", "payments-2.4.0-production-remove")["changeRequestRef"]
    assert ref == {"name": "payments-2.4.0-production-remove"}


def test_the_open_change_that_fits_is_taken() -> None:
    server = api(change("goes", "2.4.0", {"phase": "Authorize"}, action="Remove"))
    assert run(server, "remove", "payments", "--env", "production").exit_code == 0
    ref = made(server, "Promotion", "payments-2.4.0-production-remove")["changeRequestRef"]
    assert ref == {"name": "goes"}


def test_what_does_not_run_there_is_said() -> None:
    result = run(api(), "remove", "ledger", "--env", "production")
    assert (result.exit_code, "ledger does not run in production, where payments runs" in result.stderr) == (1, True)
