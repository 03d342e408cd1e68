"""Targets that are not as they should be: missing, another's, without rights or room, or in somebody else's hands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockflight.devcluster.errors import CommandFailedError
from tests.e2e.conftest import Neighbour
from tests.e2e.stack import Stack, eventually

ONE = [{"name": "integration", "tier": "Integration"}]
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "reader"},
    "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
}


def test_a_namespace_that_is_missing_not_bound_or_without_a_deployer(stack: Stack) -> None:
    stack.install(ONE)
    stack.create("Environment", "other", {"tier": "Integration"}, person="petra")
    release = stack.release("1.0.0")
    target, promotion = f"{stack.name}-other", f"{release}-other"

    message = stack.says(promotion, "Binding", "NamespaceMissing")
    assert f"namespace {target} does not exist" in message
    assert "lockflight stack init" in message
    stack.reaches(f"{release}-integration", "Succeeded")

    stack.kubectl("create", "namespace", target)
    message = stack.says(promotion, "Binding", "NamespaceNotBound")
    assert f"has no label lockflight.dev/stack, needed is {stack.name}" in message

    labels = [f"lockflight.dev/stack={stack.name}", "lockflight.dev/environment=other"]
    stack.kubectl("label", "namespace", target, *labels, "lockflight.dev/tier=Production")
    message = stack.says(promotion, "Binding", "NamespaceBoundElsewhere")
    assert "has lockflight.dev/tier=Production, needed is Integration" in message
    assert "claims a lower tier" in message

    stack.kubectl("label", "namespace", target, "lockflight.dev/tier=Integration", "--overwrite")
    message = stack.says(promotion, "Binding", "DeployerWithoutRights")
    assert f"lockflight:deployer:{target}" in message
    assert stack.status("lfpromo", promotion)["phase"] == "Waiting"


def test_the_namespace_of_another_stack_is_out_of_reach(make_stack: Callable[[], Stack]) -> None:
    mine, other = make_stack(), make_stack()
    mine.install(ONE)
    other.install(ONE)
    foreign = f"{other.name}-integration"
    mine.create("Environment", "raid", {"tier": "Integration", "target": {"namespace": foreign}}, person="petra")

    release = mine.release("1.0.0")

    message = mine.says(f"{release}-raid", "Binding", "NamespaceBoundElsewhere")
    assert f"namespace {foreign} has lockflight.dev/stack={other.name}, needed is {mine.name}" in message
    assert mine.deployed(foreign) == {}
    passes = other.release("1.0.0")
    other.reaches(f"{passes}-integration", "Succeeded")


def test_people_without_the_right_cannot_bind_a_namespace(stack: Stack) -> None:
    stack.install(ONE)
    with pytest.raises(CommandFailedError, match="is forbidden"):
        stack.kubectl("label", "namespace", f"{stack.name}-integration", "lockflight.dev/stack=x", person="petra")


def test_a_chart_that_needs_more_rights_than_the_deployer_has(stack: Stack) -> None:
    def with_role(folder: Path) -> None:
        (folder / "templates" / "role.yaml").write_text(yaml.safe_dump(ROLE))

    stack.install(ONE)
    stack.chart("1.0.0", edit=with_role)
    release = stack.release("1.0.0")

    status = stack.reaches(f"{release}-integration", "RolledBack")
    message = next(c for c in status["conditions"] if c["type"] == "Succeeded")["message"]
    assert f'User "lockflight:deployer:{stack.name}-integration" cannot' in message
    assert 'resource "roles"' in message
    assert "deployer.rules" in message
    assert stack.deployed(f"{stack.name}-integration") == {}


def test_a_quota_that_leaves_no_room(stack: Stack) -> None:
    stack.install([{**ONE[0], "spec": {"timeout": "4s"}}])
    target = f"{stack.name}-integration"
    stack.kubectl("create", "quota", "pods", "--hard=pods=0", namespace=target)
    stack.kubectl("create", "quota", "services", "--hard=services=0", namespace=target)
    first = stack.release("1.0.0")

    status = stack.reaches(f"{first}-integration", "RolledBack")
    message = next(c for c in status["conditions"] if c["type"] == "Succeeded")["message"]
    assert "exceeded quota: services" in message

    stack.kubectl("delete", "quota", "services", namespace=target)
    second = stack.release("1.0.1")
    status = stack.reaches(f"{second}-integration", "RolledBack")
    message = next(c for c in status["conditions"] if c["type"] == "Succeeded")["message"]
    assert "exceeded quota: pods" in message
    assert stack.deployed(target) == {}


def test_a_helm_release_that_somebody_made_by_hand_is_not_overwritten(stack: Stack) -> None:
    stack.install(ONE)
    target = f"{stack.name}-integration"
    stack.chart("0.1.0")
    stack.helm("install", f"{stack.name}-app", str(stack.work / "app-0.1.0.tgz"), "-n", target)

    release = stack.release("1.0.0")

    message = stack.says(f"{release}-integration", "Binding", "Unmanaged")
    assert f"Helm release {stack.name}-app in {target} was not made by Lockflight" in message
    assert "helm uninstall" in message
    assert stack.deployed(target) == {f"{stack.name}-app": "app-0.1.0"}


def test_a_lock_that_somebody_else_left_is_shown_and_not_broken(stack: Stack, neighbour: Neighbour) -> None:
    stack.install(ONE)
    target = f"{stack.name}-integration"
    first = stack.release("1.0.0")
    stack.reaches(f"{first}-integration", "Succeeded")
    secret = f"sh.helm.release.v1.{stack.name}-app.v1"
    owner = json.loads(stack.kubectl("get", "secret", secret, "-o", "json", namespace=target))["metadata"]["labels"]
    ours = [f"{label}-" for label in owner if label.startswith("lockflight")]
    assert ours
    stack.kubectl("label", "secret", secret, "--overwrite", "status=pending-upgrade", *ours, namespace=target)

    second = stack.release("1.1.0")

    message = stack.says(f"{second}-integration", "Concurrency", "HelmLocked")
    assert f"Helm release {stack.name}-app revision 1 is pending-upgrade, and not by Lockflight" in message
    neighbour.gets_through()
    labels = json.loads(stack.kubectl("get", "secret", secret, "-o", "json", namespace=target))["metadata"]["labels"]
    assert labels["status"] == "pending-upgrade"


POD: dict[str, Any] = {"restartPolicy": "Never", "containers": [{"name": "check", "image": "registry.example/check:1"}]}
NEVER = {"metadata": {"annotations": {"lockflight.dev/kwok-never-ready": "true"}}}


def _job(timeout: str, pod: dict[str, Any]) -> dict[str, Any]:
    template = {"spec": {"template": pod}}
    return {"verification": [{"name": "endless", "job": {"timeout": timeout, "template": template}}]}


@pytest.mark.embedded
def test_a_verification_that_never_ends_ends_at_its_timeout(stack: Stack, neighbour: Neighbour) -> None:
    stack.install([{**ONE[0], "spec": {"exit": _job("3s", {**NEVER, "spec": POD})}}])
    release = stack.release("1.0.0")
    eventually(lambda: stack.status("lfpromo", f"{release}-integration").get("phase") == "Verifying", "verification")
    neighbour.gets_through()

    status = stack.reaches(f"{release}-integration", "RolledBack")
    check = status["verification"][0]
    assert check["state"] == "Failed"
    assert "did not finish within 3s" in check["message"] or "DeadlineExceeded" in check["message"]
    assert "3s" in check["message"]


def test_a_job_that_is_no_job_is_named(stack: Stack) -> None:
    stack.install([{**ONE[0], "spec": {"exit": _job("10s", {"spec": {**POD, "restartPolicy": "Sometimes"}})}}])
    release = stack.release("1.0.0")

    status = stack.reaches(f"{release}-integration", "RolledBack")
    message = status["verification"][0]["message"]
    assert "restartPolicy" in message
    assert "Sometimes" in message


@pytest.mark.embedded
def test_pods_that_never_get_ready_end_at_the_timeout(stack: Stack) -> None:
    def never(folder: Path) -> None:
        file = folder / "templates" / "app.yaml"
        text = file.read_text()
        assert "checksum/page:" in text
        file.write_text(
            text.replace("checksum/page:", 'lockflight.dev/kwok-never-ready: "true"\n        checksum/page:')
        )

    stack.install([{**ONE[0], "spec": {"timeout": "3s"}}])
    stack.chart("1.0.0", edit=never)
    release = stack.release("1.0.0")

    status = stack.reaches(f"{release}-integration", "RolledBack")
    message = next(c for c in status["conditions"] if c["type"] == "Succeeded")["message"]
    assert f"{stack.name}-app" in message
    assert "after 3s, its timeout" in message
    assert stack.deployed(f"{stack.name}-integration") == {}
