"""An emergency at night: one command, one approval, and everything it skipped is made up for before it closes."""

from typing import Any

from tests.e2e.stack import SMOKE, Stack, eventually

RULE = {
    "approvals": [{"role": "ecab"}],
    "bypass": ["Soak", "SignOffs", "Evidence"],
    # So short that it is overdue before anybody looks.
    "ratify": {"approvals": [{"role": "cab", "count": 2}], "within": "1s"},
}
ENVIRONMENTS = [
    {"name": "uat", "tier": "UAT", "spec": {"promotesFrom": [], "exit": SMOKE}},
    {
        "name": "production",
        "tier": "Production",
        "spec": {
            "promotesFrom": ["uat"],
            "soak": "1h",
            "entry": {"evidence": ["unit-tests"]},
            "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}, "emergency": RULE},
        },
    },
]
PEOPLE = {
    "approvers": {"cab": [{"kind": "Group", "name": "cab"}], "ecab": [{"kind": "Group", "name": "ecab"}]},
}


def _owed(stack: Stack, change: str) -> set[str]:
    rows: list[dict[str, Any]] = stack.status("lfchg", change).get("debts", [])
    return {row["gate"] for row in rows if "settledBy" not in row}


def _settles(stack: Stack, change: str, gate: str) -> None:
    eventually(lambda: gate not in _owed(stack, change), f"{gate} of {change} to be settled")


def test_an_emergency_skips_owes_and_closes(stack: Stack) -> None:
    stack.install(ENVIRONMENTS, people=PEOPLE)
    release = stack.release("1.0.0", evidence=[])
    stack.reaches(stack.promote(release, "uat"), "AwaitingSignOff")

    raised = stack.lockflight("emergency", "--incident", "INC-77", "deploy", release, "production", person="jo")
    assert raised.returncode == 0, raised.stderr
    change, promotion = f"inc-77-{release}-production", f"{release}-production"
    assert f"approve: lockflight -n {stack.name} approve {change} --role ecab" in raised.stdout
    assert stack.says(promotion, "Evidence", "EvidenceMissing").endswith(f"skipped once emergency {change} is approved")

    stack.approve(change, "alice")
    assert stack.gate(promotion, "ChangeControl")["reason"] == "ApprovalsMissing"
    approved = stack.lockflight("approve", change, "--role", "ecab", "--yes", person="erin")
    assert approved.returncode == 0, approved.stderr

    status = stack.reaches(promotion, "Succeeded")
    bypassed = {row["name"] for row in status["gates"] if row["reason"] == "Bypassed"}
    assert bypassed == {"Order", "Soak", "Evidence"}
    assert _owed(stack, change) == {"SignOffs", "Soak", "Evidence", "Ratification", "Review"}

    stack.sign("carol", f"{release}-uat", "business")
    _settles(stack, change, "SignOffs")
    following = stack.promote(stack.release("1.1.0"), "production")
    assert f"{change} owes Ratification overdue since" in stack.says(following, "ReviewDebt", "DebtOverdue")
    # Whoever let it through does not ratify it; alice did as soon as she approved, and bob is the second.
    assert "Ratification" in _owed(stack, change)
    stack.approve(change, "bob")
    _settles(stack, change, "Ratification")
    stack.says(following, "ReviewDebt", "Passed")
    said = ("--role", "cab", "--outcome", "Successful", "--summary", "tests were run by hand")
    given = stack.lockflight(
        "change", "review", change, *said, "--accept", "Evidence", "--accept", "Soak", "--yes", person="bob"
    )
    assert given.returncode == 0, given.stderr
    eventually(lambda: stack.status("lfchg", change).get("phase") == "Closed", f"{change} to close")
    settled = {row["gate"]: row["settledBy"] for row in stack.status("lfchg", change)["debts"]}
    assert settled["Ratification"] == "ratified by alice, bob"
    assert settled["Evidence"] == "accepted by bob as cab: tests were run by hand"
