"""`rights`: who may do what, and what is wrong with it."""

from typing import Any

from lockflight.cli.holders import rights
from tests.unit.cli.fakes import FakeApi, data, environment, run

NAMED = ("lockflight-approve-cab", "approvalroles", "cab", "approve")


def role(name: str, resource: str, resource_name: str, verb: str) -> dict[str, Any]:
    rule = {"apiGroups": ["lockflight.dev"], "resources": [resource], "verbs": [verb]}
    return {"metadata": {"name": name}, "rules": [rule | ({"resourceNames": [resource_name]} if resource_name else {})]}


def binding(to: str, kind: str, name: str, ref: str = "Role") -> dict[str, Any]:
    subject = {"kind": kind, "name": name, **({"namespace": "payments"} if kind == "ServiceAccount" else {})}
    return {"metadata": {"name": to}, "roleRef": {"kind": ref, "name": to}, "subjects": [subject]}


def api(**people: tuple[str, set[tuple[str, str, str]]]) -> FakeApi:
    """A stack whose people are bound to a role of ours; what each holds is said."""
    found = FakeApi(environment("production", "Production", changeControl={"normal": {"approvals": [{"role": "cab"}]}}))
    found.rbac["roles"] = [role(*NAMED), role("lockflight-release-manager", "releases", "", "create")]
    found.rbac["rolebindings"] = [
        binding("lockflight-approve-cab", "Group" if not name.startswith("sa_") else "ServiceAccount", kind)
        for name, (kind, _) in people.items()
    ]
    for name, (who, holds) in people.items():
        found.holds[f"system:serviceaccount:payments:{who}" if name.startswith("sa_") else who] = holds
    return found


BOARD = ("change-board", {("approve", "approvalroles", "cab")})
TEAM = ("developers", {("create", "releases", ""), ("create", "promotions", "")})
BOTH = ("everybody", BOARD[1] | TEAM[1])


def test_everybody_whom_rbac_names_stands_there_with_what_they_may() -> None:
    result = run(api(board=BOARD, team=TEAM), "rights", "-n", "payments")
    assert result.exit_code == 0, result.output
    assert [line.split(None, 2) for line in result.stdout.splitlines()[1:]] == [
        ["Group", "change-board", "approve as cab"],
        ["Group", "developers", "create releases, create promotions"],
    ]
    assert result.stderr == ""


def test_one_user_is_asked_for_with_the_groups_that_are_given() -> None:
    stack = api(board=BOARD)
    assert data(run(stack, "rights", "--as", "alice", "-o", "json"))["subjects"][0]["rights"] == []
    asked = data(run(stack, "rights", "--as", "alice", "--as-group", "change-board", "-o", "json"))
    assert asked["subjects"] == [
        {
            "kind": "User",
            "name": "alice",
            "wildcard": False,
            "rights": [{"verb": "approve", "resource": "approvalroles", "name": "cab"}],
        }
    ]


def test_groups_without_a_user_are_wrong_usage() -> None:
    result = run(api(), "rights", "--as-group", "cab")
    assert result.exit_code == 2
    assert "give --as" in result.output


def test_whoever_creates_and_approves_is_found() -> None:
    (found,) = data(run(api(both=BOTH), "rights", "-o", "json"))["findings"]
    assert found.startswith(
        "Group everybody may create releases, create promotions and approve as cab: keep the two apart"
    )


def test_a_wildcard_is_found() -> None:
    result = run(api(board=BOARD, admins=("admins", {("*", "*", "*")})), "rights")
    assert "everything, by a wildcard, but approve and sign off" in result.stdout
    assert "! Group admins holds rights by a wildcard" in result.stderr


def test_a_robot_on_the_board_is_found() -> None:
    found = data(run(api(board=BOARD, sa_ci=("ci", BOARD[1])), "rights", "-o", "json"))["findings"]
    assert found == [
        "ServiceAccount system:serviceaccount:payments:ci holds approve as cab, which a service account never does: "
        "take it out"
    ]


def test_whoever_delivers_and_governs_is_found() -> None:
    holds = TEAM[1] | {("govern", "environments", "")}
    (found,) = data(run(api(board=BOARD, team=("developers", holds)), "rights", "-o", "json"))["findings"]
    assert "whoever delivers makes no rules" in found


def test_a_role_that_nobody_holds_is_found() -> None:
    (found,) = data(run(api(team=TEAM), "rights", "-o", "json"))["findings"]
    assert found.startswith(
        "rules of payments ask for role cab, which nobody holds: name people in people.approvers.cab"
    )


def test_whoever_only_reads_is_no_holder() -> None:
    stack = api(board=BOARD)
    stack.rbac["clusterroles"] = [role("lockflight-viewer", "releases", "", "list")]
    stack.rbac["clusterrolebindings"] = [binding("lockflight-viewer", "Group", "readers", "ClusterRole")]
    stack.holds["readers"] = {("create", "releases", "")}
    assert [s["name"] for s in data(run(stack, "rights", "-o", "json"))["subjects"]] == ["change-board"]


def test_of_bound_namespaces_it_is_told_who_binds_them_and_who_breaks_their_glass() -> None:
    found = {str(right) for right in rights([], [], ["payments-production"]) if right.resource == "targetnamespaces"}
    assert found == {"bind payments-production", "break-glass payments-production"}


def test_who_holds_audit_records_in_the_operators_namespace_is_told() -> None:
    stack = api()
    stack.rbac["roles"].append(role("lockflight-records", "auditrecords", "payments", "hold"))
    stack.rbac["rolebindings"] = [binding("lockflight-records", "User", "rosa")]
    stack.holds["rosa"] = {("hold", "auditrecords", "payments")}
    result = run(stack, "rights", "-n", "payments")
    assert "hold the audit records of payments" in result.stdout
    assert "restore" not in result.stdout
