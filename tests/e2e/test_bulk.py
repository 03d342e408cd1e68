"""One approval in the operator's namespace for the releases of two stacks."""

import json
from collections.abc import Callable

import pytest
import yaml

from lockflight.devcluster.errors import CommandFailedError
from tests.e2e.stack import API, Stack, eventually

ROOT = "lockflight-system"
ENVIRONMENTS = [
    {
        "name": "production",
        "tier": "Production",
        "spec": {"promotesFrom": [], "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}}},
    }
]
# Raising it and looking is for both, deciding for alice alone: what bob may in the stacks he may not here.
RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: bulk, namespace: lockflight-system}
rules:
- {apiGroups: [lockflight.dev], resources: [changerequests], verbs: [create, get, list]}
- {apiGroups: [lockflight.dev], resources: [changerequests/status], verbs: [get, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: bulk, namespace: lockflight-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: bulk}
subjects: [{kind: User, name: jo}, {kind: User, name: alice}, {kind: User, name: bob}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: bulk-approve, namespace: lockflight-system}
rules:
- {apiGroups: [lockflight.dev], resources: [approvalroles], resourceNames: [cab], verbs: [approve]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: bulk-approve, namespace: lockflight-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: bulk-approve}
subjects: [{kind: User, name: alice}]
"""
ENTRY = json.dumps([{"op": "add", "path": "/status/approvals/-", "value": {"role": "cab", "decision": "Approved"}}])


def test_a_cve_day_is_one_approval(make_stack: Callable[[], Stack]) -> None:
    one, two = make_stack(), make_stack()
    for stack in (one, two):
        stack.install(ENVIRONMENTS)
    one.kubectl("apply", "-f", "-", stdin=RIGHTS, namespace=ROOT)
    releases = {stack.name: stack.release("1.0.0") for stack in (one, two)}
    spec = {
        "type": "Normal",
        "title": "CVE day",
        "reason": "a hole in a library",
        "releases": [{"stack": name, "name": release} for name, release in releases.items()],
        "environments": ["production"],
        "risk": {"assessment": "a patch"},
        "rollbackPlan": {"strategy": "Uninstall"},
    }
    name = f"cve-{one.name}"
    manifest = {"apiVersion": API, "kind": "ChangeRequest", "metadata": {"name": name, "namespace": ROOT}, "spec": spec}
    one.kubectl("create", "-f", "-", person="jo", stdin=yaml.safe_dump(manifest), namespace=ROOT)

    def bulk() -> dict[str, object]:
        found: dict[str, object] = one.get("lfchg", name, namespace=ROOT).get("status", {})
        return found

    eventually(lambda: bulk().get("planDigest"), "a plan over both stacks")
    promotions = {stack.name: stack.promote(releases[stack.name], "production") for stack in (one, two)}
    one.says(promotions[one.name], "ChangeControl", "ApprovalsMissing")

    decide = ("patch", "lfchg", name, "--subresource=status", "--type=json", "-p", ENTRY)
    with pytest.raises(CommandFailedError) as refusal:
        one.kubectl(*decide, person="bob", namespace=ROOT)
    assert "you may not approve as 'cab'" in refusal.value.stderr
    one.kubectl(*decide, person="alice", namespace=ROOT)
    for stack in (one, two):
        stack.reaches(promotions[stack.name], "Succeeded")
    eventually(lambda: bulk().get("phase") == "Review", "both uses")
    assert len(bulk()["usedBy"]) == 2  # type: ignore[arg-type]
