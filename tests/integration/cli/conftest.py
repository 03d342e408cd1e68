"""A stack of its own on the real API server, with people who hold rights by name.

In it the shipped validating policies are in force and nothing stamps, as on a server that is too old for that: the
command line has to send what would be stamped.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml

from lockflight.admission import foureyes, people
from lockflight.assets import asset
from lockflight.devcluster import CommandFailedError, Person
from lockflight.devcluster.providers import ClusterLike

STACK = "cli"
LOCKFLIGHT = Path(sys.executable).with_name("lockflight")
OPERATOR = "system:serviceaccount:lockflight-system:lockflight"

WORLD = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {STACK}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: read, namespace: {STACK}}}
rules: [{{apiGroups: [lockflight.dev], resources: [environments, releases, promotions, changerequests, freezewindows,
  releasecalendars], verbs: [get, list]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: develop, namespace: {STACK}}}
rules: [{{apiGroups: [lockflight.dev], resources: [releases, promotions, changerequests], verbs: [create, patch]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: cab, namespace: {STACK}}}
rules:
- {{apiGroups: [lockflight.dev], resources: [changerequests/status], verbs: [get, patch]}}
- {{apiGroups: [lockflight.dev], resources: [approvalroles], resourceNames: [cab], verbs: [approve]}}
- {{apiGroups: [lockflight.dev], resources: [freezewindows], verbs: [create, patch, govern]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: qa, namespace: {STACK}}}
rules:
- {{apiGroups: [lockflight.dev], resources: [promotions/status], verbs: [get, patch]}}
- {{apiGroups: [lockflight.dev], resources: [approvalroles], resourceNames: [qa], verbs: [sign-off]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: operate, namespace: {STACK}}}
rules: [{{apiGroups: [lockflight.dev], resources: ["*"], verbs: [get, list, patch, update]}}]
""" + "".join(
    f"""---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {role}, namespace: {STACK}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: "{name}"}}]
"""
    for role, kind, name in (
        ("read", "Group", "system:authenticated"),
        ("develop", "Group", "developers"),
        ("cab", "Group", "cab"),
        ("qa", "Group", "qa"),
        ("operate", "User", OPERATOR),
    )
)


@dataclass(frozen=True)
class World:
    """The cluster, and commands as people type them."""

    cluster: ClusterLike

    def lockflight(self, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command as ``who``, in the stack."""
        return subprocess.run(
            [str(LOCKFLIGHT), "-n", STACK, *arguments],
            env=self.cluster.env_for(who),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def kubectl_lockflight(self, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command as kubectl's plugin."""
        environment = self.cluster.env_for(who)
        environment["PATH"] = f"{LOCKFLIGHT.parent}{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            ["kubectl", "lockflight", "-n", STACK, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def observe(self, kind: str, name: str, status: str) -> None:
        """Write status as the operator does."""
        command = ("patch", kind, name, "-n", STACK, "--subresource=status", "--type=merge", "-p", status)
        self.cluster.kubectl(*command, "--as", OPERATOR)

    def status(self, kind: str, name: str, path: str) -> str:
        """A field, by JSON path."""
        return self.cluster.kubectl("get", kind, name, "-n", STACK, "-o", f"jsonpath={{{path}}}")


def strict_policies() -> str:
    """The validating policies for people's lists and four eyes, in this stack only and under names of their own."""
    made: list[dict[str, Any]] = []
    for _, objects in (*people.policies(), *foureyes.policies()):
        for obj in objects:
            if not obj["kind"].startswith("Validating"):
                continue
            obj["metadata"]["name"] = "cli-" + obj["metadata"]["name"]
            if "policyName" in obj["spec"]:
                obj["spec"]["policyName"] = "cli-" + obj["spec"]["policyName"]
                only = {"matchLabels": {"kubernetes.io/metadata.name": STACK}}
                obj["spec"].setdefault("matchResources", {})["namespaceSelector"] = only
            made.append(obj)
    return yaml.safe_dump_all(made)


def _await_policies(cluster: ClusterLike) -> None:
    """Policies act about a second after they came: forge a creator, without leaving a trace, until it is refused."""
    forged = (
        "{apiVersion: lockflight.dev/v1alpha1, kind: Promotion, "
        f"metadata: {{name: probe, namespace: {STACK}, annotations: {{lockflight.dev/creator: somebody}}}}, "
        "spec: {releaseRef: {name: r}, environmentRef: {name: uat}}}"
    )
    deadline = monotonic() + 30
    while monotonic() < deadline:
        try:
            cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=forged)
        except CommandFailedError:
            return
        sleep(0.1)
    pytest.fail("the policies never came into force")


@pytest.fixture(scope="package")
def world(cluster: ClusterLike) -> Iterator[World]:
    """The stack; gone afterwards."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(asset("crds")))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
    cluster.kubectl("apply", "-f", "-", stdin=WORLD)
    cluster.kubectl(
        "apply",
        "-f",
        "-",
        stdin=f"{{apiVersion: lockflight.dev/v1alpha1, kind: Environment, metadata: {{name: uat, namespace: {STACK}}}, "
        "spec: {tier: UAT}}",
    )
    cluster.add_person(Person("joan", ("developers", "cab")))
    strict = strict_policies()
    cluster.kubectl("apply", "-f", "-", stdin=strict)
    try:
        _await_policies(cluster)
        yield World(cluster)
    finally:
        cluster.kubectl("delete", "--wait=false", "-f", "-", stdin=strict)
        cluster.kubectl("delete", "namespace", STACK, "--wait=false")
