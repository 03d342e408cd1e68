"""What the operator cannot do, as the charts install it: with the stack's chart, for it is given rights there, too."""

from typing import Any

import pytest

from lockflight.policy.labels import deployer

from .helm import find, rights, template

ROOT_NAMESPACE = "lockflight-system"
STACK = {
    "stack": "payments",
    "environments": [{"name": "uat", "tier": "UAT"}, {"name": "production", "tier": "Production"}],
}
ACCOUNT = {"kind": "ServiceAccount", "name": "lockflight", "namespace": ROOT_NAMESPACE}
READ = {"get", "list", "watch"}
S3 = {"kind": "S3", "s3": {"bucket": "trail", "secretName": "archive-keys", "lock": "Compliance"}}
Granted = tuple[str, str, str, str, str]
"""Namespace (empty: everywhere), group, resource, name (empty: any), verb."""


@pytest.fixture(scope="module")
def granted() -> set[Granted]:
    """Everything that the operator's account is bound to."""
    objects = [*template("lockflight"), *template("lockflight-stack", STACK)]
    found: set[Granted] = set()
    for binding in objects:
        if binding["kind"] not in {"RoleBinding", "ClusterRoleBinding"} or ACCOUNT not in binding["subjects"]:
            continue
        namespace = binding["metadata"].get("namespace", "")
        ref = binding["roleRef"]
        role = find(objects, ref["kind"], ref["name"], namespace if ref["kind"] == "Role" else None)
        found |= {(namespace if binding["kind"] == "RoleBinding" else "", *right) for right in rights(role)}
    return found


def test_it_is_bound_to_something(granted: set[Granted]) -> None:
    assert ("", "lockflight.dev", "promotions/status", "", "patch") in granted
    assert ("payments", "", "secrets", "", "get") in granted


def test_nothing_is_held_by_wildcard(granted: set[Granted]) -> None:
    assert not [right for right in granted if any("*" in part for part in right)]


def test_it_writes_no_workload(granted: set[Granted]) -> None:
    written = {(group, resource) for _, group, resource, _, verb in granted if verb not in READ}
    foreign = {(group, resource) for group, resource in written if group != "lockflight.dev"}
    assert foreign <= {
        ("", "events"),
        # A policy lets it mend broken glass there, and nothing else.
        ("", "namespaces"),
        ("", "users"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
        ("coordination.k8s.io", "leases"),
    }


def test_it_writes_no_spec_of_ours_but_new_promotions_changes_and_records(granted: set[Granted]) -> None:
    written = {(resource, verb) for _, group, resource, _, verb in granted if group == "lockflight.dev"}
    written = {(resource, verb) for resource, verb in written if verb not in READ and not resource.endswith("/status")}
    assert {verb for _, verb in written} <= {"create", "delete"}
    assert {resource for resource, _ in written} <= {"promotions", "changerequests", "auditrecords", "freezewindows"}


def test_finished_objects_are_removed_only_where_they_do_not_stay_for_ever() -> None:
    def verbs(days: int) -> set[str]:
        role = find(template("lockflight", {"retention": {"objectDays": days}}), "ClusterRole", "lockflight-operator")
        return {verb for rule in role["rules"] if "promotions" in rule["resources"] for verb in rule["verbs"]}

    assert verbs(90) - verbs(0) == {"delete"}


@pytest.mark.parametrize("archive", [{"kind": "None"}, S3, {"kind": "Directory", "directory": {"claimName": "trail"}}])
def test_records_are_removed_only_where_there_is_an_archive(archive: dict[str, Any]) -> None:
    role = find(template("lockflight", {"archive": archive}), "Role", "lockflight-audit", ROOT_NAMESPACE)
    assert (("lockflight.dev", "auditrecords", "", "delete") in rights(role)) is (archive["kind"] != "None")


@pytest.mark.parametrize("resource", ["secrets", "configmaps"])
def test_it_reads_secrets_in_bound_stacks_only_and_by_name(granted: set[Granted], resource: str) -> None:
    assert {(where, verb) for where, _, what, _, verb in granted if what == resource} == {("payments", "get")}


def test_it_acts_as_virtual_users_only_each_by_name(granted: set[Granted]) -> None:
    acted = {(resource, name) for _, _, resource, name, verb in granted if verb == "impersonate"}
    assert {resource for resource, _ in acted} == {"users"}
    assert {("users", deployer(f"payments-{name}")) for name in ("uat", "production")} <= acted
    virtual = ("lockflight:deployer:", "lockflight:access:")
    assert all(name.startswith(virtual) or name == "lockflight:probe" for _, name in acted)


@pytest.mark.parametrize("verb", ["bind", "escalate", "approve", "sign-off", "govern", "lift", "waive", "relay"])
def test_it_neither_gives_rights_nor_decides(granted: set[Granted], verb: str) -> None:
    assert not [right for right in granted if right[-1] == verb]


def test_it_sees_who_may_do_what_and_changes_nothing_of_it(granted: set[Granted]) -> None:
    assert {right[-1] for right in granted if right[1] == "rbac.authorization.k8s.io"} == {"list"}


def test_it_reaches_neither_tokens_nor_nodes(granted: set[Granted]) -> None:
    assert not [right for right in granted if right[2].split("/")[0] in {"nodes", "serviceaccounts", "pods"}]


def containers(values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    pod = find(template("lockflight", values), "Deployment", "lockflight")["spec"]["template"]["spec"]
    found: list[dict[str, Any]] = pod["containers"]
    return found


def test_no_secret_stands_in_arguments_or_environment() -> None:
    secrets = {
        "registryCredentials": {"secretName": "registry"},
        "secretsDigest": {"secretName": "digest"},
        "archive": S3,
        "checkpoints": {"secretName": "checkpoints"},
    }
    (container,) = containers(secrets)
    assert not [item for item in container["env"] if "valueFrom" in item]
    assert "envFrom" not in container
    assert container["command"] == ["python", "-m", "lockflight.main"]
    mounted = {mount["name"] for mount in container["volumeMounts"] if mount.get("readOnly")}
    assert {"registry", "secrets-digest", "archive", "checkpoints"} <= mounted
