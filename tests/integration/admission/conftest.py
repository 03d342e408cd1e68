"""The world in which the policies are attacked: the charts' own RBAC, the shipped policies, real certificates."""

import json
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from lockflight.admission.shipped import policies
from lockflight.admission.tokens import Guard
from lockflight.assets import asset
from lockflight.devcluster import Person
from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.providers import ClusterLike, open_cluster

from . import attacks_archive, attacks_guard
from .world import (
    API,
    JSON_PATCH,
    MERGE_PATCH,
    OWNER,
    ROOT,
    STACK,
    TARGET,
    Caller,
    RefusedError,
    World,
    append,
    attempts,
    entry,
)

CRDS = asset("crds")
PEOPLE = (
    Person("alice", ("cab",)),
    Person("bob", ("cab",)),
    Person("erin", ("ecab",)),
    Person("eve", ("developers", "ecab")),
    Person("quinn", ("qa",)),
    Person("jo", ("developers",)),
    Person("joan", ("developers", "cab")),
    Person("dan", ("deputies",)),
    Person("requester", ("cab",)),
    Person("tess", ("developers", "qa")),
    Person("gov", ("platform",)),
    Person("maker", ("platform", "cab")),
    Person("verbs"),
    Person("resources"),
    Person("super"),
    Person("nosy"),
    Person("ops"),
    Person("ops2"),
    Person("sre", ("sre",)),
    Person("incident"),
    Person("counsel"),
    Person("glass", ("lockflight-break-glass",)),
)
VALUES = {
    "stack": STACK,
    "environments": [{"name": "uat", "tier": "UAT"}, {"name": "production", "tier": "Production"}],
    "people": {
        "releasers": [{"kind": "Group", "name": "developers"}],
        "approvers": {"cab": [{"kind": "Group", "name": "cab"}], "ecab": [{"kind": "Group", "name": "ecab"}]},
        "deputies": {"cab": [{"kind": "Group", "name": "deputies"}]},
        "relays": {"cab": [{"kind": "ServiceAccount", "name": "relay", "namespace": STACK}]},
        "attesters": {
            "ops": [{"kind": "User", "name": "quinn"}],
            "unit-tests": [
                {"kind": "User", "name": "quinn"},
                {"kind": "ServiceAccount", "name": "robot", "namespace": STACK},
            ],
        },
        "waivers": {"test-lead": [{"kind": "User", "name": "tess"}]},
        "signers": {"qa": [{"kind": "Group", "name": "qa"}]},
        "governors": [{"kind": "Group", "name": "platform"}],
    },
}
# Rights that no stack hands out: an administrator by binding, wildcards by verb and by resource, a robot with the right
# to approve, and somebody with every right on these objects but none of the virtual ones.
EXTRA = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: admission}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: relay, namespace: admission}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robot, namespace: admission}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: lockflight-approve-cab}
subjects: [{kind: ServiceAccount, name: robot}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robot-waive, namespace: admission}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: lockflight-waive-test-lead}
subjects: [{kind: ServiceAccount, name: robot}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robot-approver, namespace: admission}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: lockflight-approver}
subjects: [{kind: ServiceAccount, name: robot}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-super}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: super, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: admission-verbs}
rules:
- {apiGroups: [lockflight.dev], resources: [approvalroles], resourceNames: [cab], verbs: ["*"]}
- {apiGroups: [lockflight.dev], resources: [changerequests/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-verbs}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admission-verbs}
subjects: [{kind: User, name: verbs, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: admission-resources}
rules:
- {apiGroups: [lockflight.dev], resources: ["*"], verbs: [approve, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-resources}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admission-resources}
subjects: [{kind: User, name: resources, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: admission-nosy}
rules:
- apiGroups: [lockflight.dev]
  resources:
  - environments
  - releases
  - promotions
  - changerequests
  - freezewindows
  - releasecalendars
  - auditrecords
  - standardchanges
  - delegations
  verbs: [get, list, create, update, patch, delete, deletecollection]
- apiGroups: [lockflight.dev]
  resources:
  - environments/status
  - releases/status
  - promotions/status
  - changerequests/status
  - freezewindows/status
  - releasecalendars/status
  - standardchanges/status
  - delegations/status
  verbs: [get, update, patch]
- apiGroups: [""]
  resources: [namespaces, namespaces/status, namespaces/finalize, configmaps]
  verbs: [get, create, update, patch, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-nosy}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admission-nosy}
subjects: [{kind: User, name: nosy, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: admission-records}
rules:
- {apiGroups: [lockflight.dev], resources: [auditrecords], verbs: [create, patch, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-records}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admission-records}
subjects: [{kind: ServiceAccount, name: lockflight, namespace: lockflight-system}]
---
# Every right on workloads and on roles, and no right of ours.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: admission-ops}
rules:
- {apiGroups: ["", apps, batch, rbac.authorization.k8s.io], resources: ["*"], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-ops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admission-ops}
subjects:
- {kind: User, name: ops, apiGroup: rbac.authorization.k8s.io}
- {kind: User, name: ops2, apiGroup: rbac.authorization.k8s.io}
- {kind: User, name: sre, apiGroup: rbac.authorization.k8s.io}
- {kind: User, name: glass, apiGroup: rbac.authorization.k8s.io}
- {kind: User, name: "system:kube-scheduler", apiGroup: rbac.authorization.k8s.io}
- {kind: ServiceAccount, name: pod, namespace: admission}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: pod, namespace: admission}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-incident}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: lockflight-incident-manager}
subjects: [{kind: User, name: incident, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: admission-counsel}
rules:
- {apiGroups: [lockflight.dev], resources: [auditrecords], resourceNames: [held, ledger], verbs: [hold]}
- {apiGroups: [lockflight.dev], resources: [auditrecords], resourceNames: [ledger], verbs: [restore]}
- {apiGroups: [""], resources: [namespaces], verbs: [get, patch, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-counsel}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admission-counsel}
subjects: [{kind: User, name: counsel, apiGroup: rbac.authorization.k8s.io}]
---
# A whole Namespace, with what a client claims of its fields.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: admission-puts}
rules:
- {apiGroups: [""], resources: [namespaces], verbs: [update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admission-puts}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admission-puts}
subjects: [{kind: User, name: incident, apiGroup: rbac.authorization.k8s.io}]
"""
SHIPPED = policies(Guard(platforms=("KWOK",)))
"""As the chart installs them on the embedded cluster."""


def template(cluster: ClusterLike, chart: str, *options: str, values: object = None) -> str:
    done = subprocess.run(
        ["helm", "template", "x", str(asset(f"charts/{chart}")), "-n", "lockflight-system", "--values", "-", *options],
        input=yaml.safe_dump(values or {}),
        env=cluster.env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def apply(cluster: ClusterLike, text: str) -> None:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)


def apply_when_known(cluster: ClusterLike, text: str) -> None:
    """Apply objects of ours: admission learns of new kinds a moment after their CRDs are established."""
    for _ in attempts("our kinds are known to admission"):
        try:
            apply(cluster, text)
        except CommandFailedError as refusal:
            if "ServiceUnavailable" not in refusal.stderr:
                raise
        else:
            return


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLike]:
    """A cluster of its own: policies bind everybody, and a running operator would answer what is tried here."""
    opened = open_cluster(tmp_path_factory.mktemp("admission"), people=PEOPLE)
    try:
        yield opened
        opened.check()
    finally:
        opened.down()


@pytest.fixture(scope="package")
def world(cluster: ClusterLike) -> Iterator[World]:
    """The stack ``admission`` with the shipped policies in force; both are gone afterwards."""
    apply(cluster, "\n---\n".join(path.read_text() for path in sorted(CRDS.glob("*.yaml"))))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
    apply(cluster, "{apiVersion: v1, kind: Namespace, metadata: {name: lockflight-system}}")
    operator = [f"--show-only=templates/{name}.yaml" for name in ("rbac", "roles", "serviceaccount")]
    apply(cluster, template(cluster, "lockflight", *operator))
    await_roles(cluster)
    stack = template(cluster, "lockflight-stack", values=VALUES)
    apply_when_known(cluster, stack)
    apply(cluster, EXTRA)
    shipped = "\n---\n".join(SHIPPED.values())
    named = {TARGET: attacks_guard.named(TARGET), ROOT: "user:lockflight-dev-admin create serviceaccounts/token"}
    for namespace, lines in named.items():
        cluster.kubectl("annotate", "--overwrite", "namespace", namespace, f"{attacks_guard.WRITERS}={lines}")
    callers = {name: Caller(cluster.kubeconfig(name)) for name in ("admin", *(person.name for person in PEOPLE))}

    for who, (namespace, name) in _ACCOUNTS.items():
        token = cluster.token(namespace, name)
        callers[who] = Caller(cluster.service_account_kubeconfig(namespace, name, token))
    scheduler = cluster.kubeconfig("kube-scheduler")
    if scheduler.exists():
        callers["scheduler"] = Caller(scheduler)
    made = World(callers)
    made.old = made.planned()
    apply(cluster, shipped)
    try:
        await_policies(made)
        yield made
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=shipped)
        _await_gone(made)
        for text in (stack, EXTRA):
            cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=text)
        for caller in callers.values():
            caller.close()


def await_roles(cluster: ClusterLike) -> None:
    """ClusterRoles that aggregate are filled by a controller, a moment after they came."""
    for _ in attempts("ClusterRoles are put together"):
        roles = json.loads(cluster.kubectl("get", "clusterroles", "-o", "json"))["items"]
        if all(role["rules"] for role in roles if "aggregationRule" in role):
            return


_ACCOUNTS = {
    "operator": (ROOT, "lockflight"),
    "robot": (STACK, "robot"),
    "relay": (STACK, "relay"),
    "pod": (STACK, "pod"),
}


def await_policies(world: World) -> None:
    """Policies act about a second after they came: probe until each does, without leaving a trace."""
    for _ in attempts("what people make is stamped"):
        if all(_created_by(world, plural) == "jo" for plural in ("changerequests", "promotions", "releases")):
            break
    change, promotion, used = world.make("changerequests"), world.make("promotions"), world.make("releases")
    world.observe(used, inUse=True)
    labels = {"metadata": {"labels": {"lockflight.dev/tier": "Local"}}}
    glass = {attacks_guard.UNTIL: "x"}
    probes = [
        ("PATCH", change.status, append("approvals", entry()), JSON_PATCH),
        ("PATCH", promotion.status, append("signOffs", entry()), JSON_PATCH),
        ("PATCH", used.status, {"status": {"inUse": False}}, MERGE_PATCH),
        ("PATCH", change.path, {"metadata": {"ownerReferences": [OWNER]}}, MERGE_PATCH),
        ("DELETE", used.path, None, "application/json"),
        ("DELETE", f"{API}/namespaces/{STACK}/environments/uat", None, "application/json"),
        ("PATCH", f"/api/v1/namespaces/{TARGET}", labels, MERGE_PATCH),
        ("POST", f"{API}/namespaces/{STACK}/auditrecords", world.record(), "application/json"),
        ("PATCH", f"/api/v1/namespaces/{TARGET}", {"metadata": {"annotations": glass}}, MERGE_PATCH),
        ("PATCH", f"/api/v1/namespaces/{STACK}", {"metadata": {"annotations": attacks_archive.HOLD}}, MERGE_PATCH),
        ("POST", f"/api/v1/namespaces/{TARGET}/configmaps", attacks_guard.configmap(), "application/json"),
        ("POST", f"/api/v1/namespaces/{ROOT}/configmaps", attacks_guard.configmap(), "application/json"),
    ]
    for _ in attempts("the policies are in force"):
        if all(_refuses(world, *probe) for probe in probes):
            return


def _await_gone(world: World) -> None:
    for _ in attempts("the policies are gone"):
        if _created_by(world) is None:
            return


def _created_by(world: World, plural: str = "changerequests") -> str | None:
    """The creator that a new object would bear; empty where it is refused, None where nobody minds."""
    try:
        obj = world.send("jo", "POST", f"{API}/namespaces/{STACK}/{plural}?dryRun=All", world.manifest(plural))
    except RefusedError:
        return ""
    found = obj["metadata"].get("annotations", {})
    if plural == "releases" and "lockflight.dev/creator-groups" not in found:
        return None
    creator: str | None = found.get("lockflight.dev/creator")
    return creator


def _refuses(world: World, method: str, path: str, body: object, content: str) -> bool:
    try:
        world.send("nosy", method, path + "?dryRun=All", body, content)
    except RefusedError:
        return True
    return False
