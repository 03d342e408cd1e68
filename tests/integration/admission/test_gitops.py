"""A GitOps tool applies the examples again and again: nothing differs, nothing is fought over, nothing used goes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lockflight.api.kinds import BY_NAME
from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.providers import ClusterLike
from tests.documents import ROOT as CHECKOUT
from tests.gitops import kustomize

from .conftest import apply
from .world import API, MERGE_PATCH, STACK, Caller, World

CREATOR, EDITORS = "lockflight.dev/creator", "lockflight.dev/editors"
ARGO = "system:serviceaccount:argocd:application-controller"
ACCOUNT = """
{apiVersion: v1, kind: Namespace, metadata: {name: argocd}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: application-controller, namespace: argocd}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: argocd}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: application-controller, namespace: argocd}]
"""
MANAGERS = ("argocd-controller", "kustomize-controller")


class Tool:
    """A GitOps controller with a service account of its own, which may do everything, as most installations have it."""

    def __init__(self, cluster: ClusterLike) -> None:
        self._cluster = cluster
        apply(cluster, ACCOUNT)
        token = cluster.token("argocd", "application-controller")
        self._kubeconfig = str(cluster.service_account_kubeconfig("argocd", "application-controller", token))
        self.caller = Caller(cluster.service_account_kubeconfig("argocd", "application-controller", token))

    def sync(self, manager: str, git: list[dict[str, Any]], *options: str) -> list[dict[str, Any]]:
        """Server-side apply with its field manager, as both tools do it; the objects as they are then."""
        command = ["apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-", "-o", "json"]
        command += ["--show-managed-fields"]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": git})
        said = self._cluster.kubectl(f"--kubeconfig={self._kubeconfig}", *command, *options, stdin=text)
        answer = json.loads(said)
        found: list[dict[str, Any]] = answer.get("items", [answer])
        return found


@pytest.fixture(scope="module")
def tool(cluster: ClusterLike, world: World) -> Iterator[Tool]:
    made = Tool(cluster)
    yield made
    made.caller.close()


def _path(obj: Mapping[str, Any]) -> str:
    meta = obj["metadata"]
    return f"{API}/namespaces/{meta['namespace']}/{BY_NAME[obj['kind']].plural}/{meta['name']}"


def _ours(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [obj for obj in objects if obj["kind"] in BY_NAME]


def _differences(git: Any, live: Any, path: str = "") -> list[str]:
    """What a three-way merge would change: what Git says and the cluster does not. Lists are compared as a whole."""
    if isinstance(git, dict) and isinstance(live, dict):
        return [d for key, value in git.items() for d in _differences(value, live.get(key), f"{path}/{key}")]
    return [] if git == live else [f"{path}: {git} is {live}"]


BANK = kustomize(CHECKOUT / "manifests/examples/regulated-bank")
SETS = {
    "examples": [
        json.loads(json.dumps(obj).replace("payments", "shop")) for obj in kustomize(CHECKOUT / "manifests/examples")
    ],
    "regulated-bank": [obj for obj in BANK if obj["kind"] != "Delegation"],
}


@pytest.mark.parametrize("name", SETS)
def test_what_was_applied_does_not_differ_from_git(tool: Tool, world: World, name: str) -> None:
    """Neither defaults nor stamps nor the operator's status are a difference, and applying again writes nothing."""
    git = SETS[name]
    for manager in MANAGERS:
        tool.sync(manager, git)
    for obj in _ours(git):
        generation = world.send("admin", "GET", _path(obj))["metadata"]["generation"]
        world.send(
            "operator", "PATCH", _path(obj) + "/status", {"status": {"observedGeneration": generation}}, MERGE_PATCH
        )
    before = {_path(obj): world.send("admin", "GET", _path(obj)) for obj in _ours(git)}
    assert len({obj["kind"] for obj in _ours(git)}) >= 5
    for manager in MANAGERS:
        for options in (["--dry-run=server"], []):
            for obj in _ours(tool.sync(manager, git, *options)):
                assert obj == before[_path(obj)]
    for obj in _ours(git):
        live = before[_path(obj)]
        assert live["metadata"]["annotations"][CREATOR] == ARGO
        assert _differences(obj, live) == []
        stamps = [row for row in live["metadata"]["managedFields"] if CREATOR in json.dumps(row)]
        assert [row for row in stamps if row["manager"] in MANAGERS and row["operation"] == "Apply"] == []


def test_a_deputy_is_not_named_from_git(tool: Tool) -> None:
    """Whoever hands over does it in person; it has no place in a folder that is synced."""
    with pytest.raises(CommandFailedError, match="who hands over"):
        tool.sync("argocd-controller", [obj for obj in BANK if obj["kind"] == "Delegation"])


def test_an_edit_by_hand_is_put_back_and_everybody_who_edited_is_on_record(tool: Tool, world: World) -> None:
    git = [world.manifest("changerequests", "from-git")]
    thing = _path(git[0])
    tool.sync("argocd-controller", git)
    world.send("jo", "PATCH", thing, {"spec": {"title": "by hand"}}, MERGE_PATCH)
    (back,) = tool.sync("argocd-controller", git)
    assert back["spec"]["title"] == git[0]["spec"]["title"]
    stamps = back["metadata"]["annotations"]
    # The creator is one of those who may not approve anyway.
    assert (stamps[CREATOR], stamps[EDITORS]) == (ARGO, "jo")
    assert tool.sync("argocd-controller", git) == [back]


def test_what_it_deletes_and_makes_again_starts_without_approvals(tool: Tool, world: World) -> None:
    """Replace and recreate, as a tool does it where an apply is refused."""
    git = [world.manifest("changerequests", "made-again", requestedBy=None)]
    (first,) = tool.sync("argocd-controller", git)
    tool.caller.send("DELETE", _path(first))
    (second,) = tool.sync("argocd-controller", git)
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert second["status"] == {"observedGeneration": 0, "approvals": [], "submissions": [], "review": []}


TOLD = {
    "releases": "hold it: kubectl",
    "promotions": "abort it first: kubectl",
    "changerequests": "it stays as the record until it is closed",
}


@pytest.mark.parametrize("plural", TOLD)
def test_pruning_what_is_in_use_is_refused_and_the_tool_is_told_what_to_do(
    tool: Tool, world: World, plural: str, cluster: ClusterLike
) -> None:
    git = [world.manifest(plural, f"pruned-{plural}")]
    tool.sync("argocd-controller", git)
    path = _path(git[0])
    world.send("operator", "PATCH", path + "/status", {"status": {"inUse": True}}, MERGE_PATCH)
    kind, name = git[0]["kind"].lower(), git[0]["metadata"]["name"]
    with pytest.raises(CommandFailedError) as refused:
        cluster.kubectl(f"--kubeconfig={tool._kubeconfig}", "-n", STACK, "delete", kind, name)
    assert TOLD[plural] in refused.value.stderr
    # Nothing lingers: it is not even marked for deletion, so no sync hangs on it.
    assert "deletionTimestamp" not in world.send("admin", "GET", path)["metadata"]
    world.send("operator", "PATCH", path + "/status", {"status": {"inUse": False}}, MERGE_PATCH)
    tool.caller.send("DELETE", path)
