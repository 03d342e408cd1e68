"""The audit trail of a release, as an auditor reads it; and what an intruder with the highest rights cannot hide."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from click.testing import CliRunner

from lockflight.cli.main import cli
from tests.e2e.stack import Stack, eventually

ROOT = "lockflight-system"
OPERATOR = f"system:serviceaccount:{ROOT}:lockflight"
PRODUCTION = [
    {
        "name": "production",
        "tier": "Production",
        "spec": {
            "promotesFrom": [],
            "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}},
        },
    },
]
REMOVER = f"""
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: remover, namespace: {ROOT}}}
rules: [{{apiGroups: [lockflight.dev], resources: [auditrecords], verbs: [delete]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: remover, namespace: {ROOT}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: remover}}
subjects: [{{kind: ServiceAccount, name: lockflight, namespace: {ROOT}}}]
"""


def ask(stack: Stack, *arguments: str) -> Any:
    """What the command prints with -o json."""
    common = ["--kubeconfig", str(stack.cluster.kubeconfig("admin")), "-n", stack.name, "-o", "json"]
    result = CliRunner().invoke(cli, ["audit", *arguments, *common])
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def findings(stack: Stack) -> list[str]:
    return [finding["flaw"] for finding in ask(stack, "verify")["findings"]]


def actions(stack: Stack) -> list[str]:
    shown = stack.kubectl("get", "lfaudit", "-l", f"lockflight.dev/stack={stack.name}", "-o", "json", namespace=ROOT)
    return [item["spec"]["action"] for item in json.loads(shown)["items"]]


def test_the_trail_of_a_release_is_complete_and_a_forgery_is_found(stack: Stack) -> None:
    stack.install(PRODUCTION)
    release = stack.release("1.0.0")
    promotion = stack.promote(release, "production")
    change = stack.change("chg-1", release)
    seen = stack.status("lfchg", change)["planDigest"]
    stack.append("alice", "lfchg", change, "approvals", {"role": "cab", "decision": "Approved", "planDigest": seen})
    stack.reaches(promotion, "Succeeded")
    eventually(lambda: actions(stack)[-1:] == ["Finished"], "the end to be sealed")
    assert [a for a in actions(stack) if a != "RulesChanged"] == ["Approved", "Applied", "Finished"]
    eventually(lambda: findings(stack) == [], "the trail to fit")

    told = ask(stack, "show", change)
    applied = next(one for one in told if one["action"] == "Applied")
    (approval,) = applied["facts"]["change"]["approvals"]
    assert (approval["by"], "cab" in approval["groups"]) == ("alice", True)
    listed = ask(stack, "population", "--from", "2020-01-01", "--to", "2099-12-31", "--tier", "Production")
    assert (listed["complete"], [d["promotion"] for d in listed["deployments"]]) == (True, [promotion])
    rules = ask(stack, "rules", "--env", "production", "--on", "2099-12-31")
    assert {"Environment"} <= {rule["subject"]["kind"] for rule in rules}

    forge_a_helm_release(stack)
    assert findings(stack) == ["DeploymentWithoutRecord"]

    with somebody_as_the_operator(stack):
        gone = next(name for name in names(stack) if name.endswith("2"))
        stack.kubectl("delete", "lfaudit", gone, "--as", OPERATOR, namespace=ROOT)
    assert "Gap" in findings(stack)


def names(stack: Stack) -> list[str]:
    shown = stack.kubectl("get", "lfaudit", "-l", f"lockflight.dev/stack={stack.name}", "-o", "name", namespace=ROOT)
    return [line.partition("/")[2] for line in shown.splitlines()]


def forge_a_helm_release(stack: Stack) -> None:
    """A further revision with the labels of the sealed one, by the only user who may write there."""
    target = f"{stack.name}-production"
    shown = stack.kubectl("get", "secret", "-l", "owner=helm", "-o", "json", namespace=target)
    (secret,) = json.loads(shown)["items"]
    labels = {**secret["metadata"]["labels"], "version": "2"}
    name = secret["metadata"]["name"].removesuffix(".v1") + ".v2"
    forged = {**secret, "metadata": {"name": name, "namespace": target, "labels": labels}}
    stack.kubectl(
        "create", "--as", f"lockflight:deployer:{target}", "-f", "-", stdin=yaml.safe_dump(forged), namespace=target
    )


@contextmanager
def somebody_as_the_operator(stack: Stack) -> Iterator[None]:
    """RBAC is given to the operator, and the operator is impersonated: no policy can tell."""
    stack.cluster.kubectl("apply", "-f", "-", stdin=REMOVER)
    try:
        yield
    finally:
        stack.cluster.kubectl("delete", "-f", "-", stdin=REMOVER)
