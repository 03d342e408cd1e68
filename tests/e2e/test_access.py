"""Who gets into the targets, and which data: on a real API server, with RBAC, the guard and the chart's own roles."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.stack import Stack, eventually

ACCESS = [{"level": "View", "subjects": [{"kind": "Group", "name": "auditors"}]}]
RULE = {"approvals": [{"role": "ecab"}], "ratify": {"approvals": [{"role": "cab", "count": 2}]}}
PRODUCTION: dict[str, Any] = {
    "promotesFrom": [],
    "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}, "emergency": RULE},
    "access": ACCESS,
}
PEOPLE = {"approvers": {"cab": [{"kind": "Group", "name": "cab"}], "ecab": [{"kind": "Group", "name": "ecab"}]}}
READS = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "{{ .Release.Name }}-report"},
    "spec": {
        "schedule": "0 0 1 1 *",
        "suspend": True,
        "jobTemplate": {
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [
                            {
                                "name": "report",
                                "image": "{{ .Values.image }}",
                                "envFrom": [{"secretRef": {"name": "ledger"}}],
                            }
                        ],
                    }
                }
            }
        },
    },
}


def _may(stack: Stack, group: str, *what: str) -> bool:
    """Whether somebody in that group may do it in production."""
    asked = ["auth", "can-i", *what, "--as=somebody", f"--as-group={group}"]
    try:
        return stack.kubectl(*asked, namespace=f"{stack.name}-production").strip() == "yes"
    except Exception:  # noqa: BLE001 - kubectl says no by its exit code
        return False


def _bindings(stack: Stack) -> dict[str, list[str]]:
    """The bindings that Lockflight made in production: name and whom they name."""
    listed = stack.kubectl(
        "get", "rolebindings", "-l", "lockflight.dev/access", "-o", "json", namespace=f"{stack.name}-production"
    )
    return {o["metadata"]["name"]: [s["name"] for s in o["subjects"]] for o in json.loads(listed)["items"]}


def test_data_that_may_not_be_there_is_named_with_what_refers_to_it(stack: Stack) -> None:
    def reads_the_ledger(folder: Path) -> None:
        (folder / "templates" / "report.yaml").write_text(yaml.safe_dump(READS))

    stack.install([{"name": "integration", "tier": "Integration"}])
    target, label = f"{stack.name}-integration", "lockflight.dev/data-class"
    stack.kubectl("create", "secret", "generic", "ledger", namespace=target)
    stack.kubectl("label", "secret", "ledger", f"{label}=Production", namespace=target)
    stack.chart("1.0.0", edit=reads_the_ledger)
    promotion = f"{stack.release('1.0.0')}-integration"

    message = stack.says(promotion, "DataPolicy", "DataLabelNotAllowed")
    assert message.startswith(f"Secret ledger (CronJob {stack.name}-app-report, spec.jobTemplate.spec.template.spec.")
    assert "containers[report].envFrom[0].secretRef.name) is Production" in message
    assert stack.deployed(target) == {}

    stack.kubectl("label", "--overwrite", "secret", "ledger", f"{label}=Anonymised", namespace=target)
    stack.reaches(promotion, "Succeeded")


def test_access_comes_and_goes_with_the_spec_and_what_is_given_by_hand_closes_the_gate(stack: Stack) -> None:
    stack.install([{"name": "production", "tier": "Production", "spec": PRODUCTION}], people=PEOPLE)
    target = f"{stack.name}-production"
    eventually(lambda: _may(stack, "auditors", "list", "pods"), "auditors to be let in")
    assert not _may(stack, "auditors", "get", "secrets")
    rows = eventually(lambda: stack.status("lfenv", "production").get("access"), "access to be shown")
    assert ("Group auditors", "View", False) in [(r["subject"], r["level"], r["foreign"]) for r in rows]

    # By hand, during an audit.
    stack.kubectl("create", "rolebinding", "by-hand", "--clusterrole=edit", "--group=e2e-auditors", namespace=target)
    promotion = stack.promote(stack.release("1.0.0"), "production")
    message = stack.says(promotion, "AccessLadder", "AccessAboveCeiling")
    assert f"Group e2e-auditors has Edit by RoleBinding by-hand in {target}" in message
    stack.kubectl("delete", "rolebinding", "by-hand", namespace=target)
    stack.says(promotion, "AccessLadder", "Passed", 90)

    # What is deleted by hand is made again, what the spec names no more is taken away.
    stack.kubectl("delete", "rolebinding", "lockflight-access-view", namespace=target)
    eventually(lambda: "lockflight-access-view" in _bindings(stack), "the binding to be made again", 120)
    patch = json.dumps({"spec": {"access": None}})
    stack.kubectl("patch", "lfenv", "production", "--type=merge", "-p", patch, person="petra")
    eventually(lambda: not _may(stack, "auditors", "list", "pods"), "auditors to be out")


def test_an_approved_emergency_lets_somebody_in_for_a_time(stack: Stack) -> None:
    stack.install([{"name": "production", "tier": "Production", "spec": PRODUCTION}], people=PEOPLE)
    subjects = [{"kind": "Group", "name": "firefighters"}]
    box = {"environment": "production", "level": "Edit", "duration": "15s", "subjects": subjects}
    stack.change(
        "chg-77",
        stack.release("1.0.0"),
        type="Emergency",
        incident={"id": "INC-77", "severity": "Sev1", "openedAt": "2026-01-01T00:00:00Z"},
        access=[box],
    )
    assert "lockflight-access-edit-chg-77" not in _bindings(stack)
    seen = stack.status("lfchg", "chg-77")["planDigest"]
    stack.append("erin", "lfchg", "chg-77", "approvals", {"role": "ecab", "decision": "Approved", "planDigest": seen})
    eventually(lambda: "lockflight-access-edit-chg-77" in _bindings(stack), "firefighters to be let in")
    eventually(lambda: "lockflight-access-edit-chg-77" not in _bindings(stack), "the time to be over")
    records = json.loads(stack.kubectl("get", "lfaudit", "-o", "json", namespace="lockflight-system", person="admin"))[
        "items"
    ]
    mine = [r["spec"]["action"] for r in records if r["spec"]["stack"] == stack.name]
    assert {"AccessGiven", "AccessEnded"} <= set(mine)
