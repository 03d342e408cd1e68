"""A robot syncs a release, its change and its promotion from Git; people decide; what Git says never differs."""

import json
from typing import Any

from tests.e2e.stack import API, Stack, eventually
from tests.gitops import argo, flux, kstatus

TWO = [
    {"name": "integration", "tier": "Integration"},
    {
        "name": "production",
        "tier": "Production",
        "spec": {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}}},
    },
]
TRACKED = {"argocd.argoproj.io/tracking-id": "delivery"}


class Git:
    """What is in Git, and the robot that brings it into the cluster by server-side apply."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.objects: list[dict[str, Any]] = []
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gitops"}}
        stack.kubectl("apply", "-f", "-", stdin=json.dumps(account))
        token = stack.cluster.token(stack.name, "gitops")
        self._kubeconfig = f"--kubeconfig={stack.cluster.service_account_kubeconfig(stack.name, 'gitops', token)}"

    def commit(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        """Another object."""
        metadata = {"name": name, "namespace": self.stack.name, "annotations": TRACKED}
        self.objects.append({"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec})

    def sync(self, *options: str) -> list[dict[str, Any]]:
        """All objects as they are then."""
        command = ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", "-"]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": self.objects})
        said = self.stack.kubectl(self._kubeconfig, *command, "-o", "json", *options, stdin=text)
        answer = json.loads(said)
        found: list[dict[str, Any]] = answer.get("items", [answer])
        return found


def shown(stack: Stack, kind: str, name: str) -> tuple[str, str, str]:
    """What Argo CD, kstatus and Flux make of an object."""
    obj = stack.get(kind, name)
    return argo().of(obj)[0], kstatus(obj), flux(obj)


def test_what_git_says_never_differs_and_people_decide(stack: Stack) -> None:
    robot = {"kind": "ServiceAccount", "name": "gitops", "namespace": stack.name}
    stack.install(TWO, people={"releasers": [robot, {"kind": "Group", "name": "developers"}]})
    git = Git(stack)
    place, digest = stack.chart("1.0.0")
    release, change, promotion = f"{stack.name}-1.0.0", "chg-1", f"{stack.name}-1.0.0-production"
    evidence = [{"type": kind, "result": "Passed"} for kind in ("static-analysis", "unit-tests", "integration-tests")]
    chart = {"oci": place, "version": "1.0.0", "digest": digest}
    source = {"branch": "main", "tag": "v1.0.0"}
    spec = {"application": stack.name, "version": "1.0.0", "chart": chart, "source": source, "evidence": evidence}
    git.commit("Release", release, spec)
    asked = {"type": "Normal", "title": "1.0.0", "reason": "a test", "releaseRef": {"name": release}}
    plan = {"risk": {"assessment": "none"}, "rollbackPlan": {"strategy": "Uninstall"}}
    git.commit("ChangeRequest", change, {**asked, "environments": ["production"], **plan})
    refs = {"releaseRef": {"name": release}, "environmentRef": {"name": "production"}}
    git.commit("Promotion", promotion, {**refs, "changeRequestRef": {"name": change}})
    for obj in git.sync():
        assert (argo().of(obj)[0], kstatus(obj), flux(obj)) == ("Progressing", "InProgress", "InProgress")

    stack.reaches(f"{release}-integration", "Succeeded")
    assert "argocd.argoproj.io/tracking-id" not in stack.get("lfpromo", f"{release}-integration")["metadata"].get(
        "annotations", {}
    )
    eventually(lambda: shown(stack, "lfchg", change) == ("Suspended", "InProgress", "InProgress"), "the change to wait")
    assert shown(stack, "lfpromo", promotion) == ("Suspended", "InProgress", "InProgress")
    stack.append("jo", "lfchg", change, "submissions", {"role": "requester"})
    eventually(lambda: stack.status("lfchg", change).get("phase") == "Authorize", "the change to be put forward")
    stack.approve(change, "alice")
    stack.reaches(promotion, "Succeeded")
    eventually(lambda: stack.status("lfchg", change).get("phase") == "Review", "the change to be carried out")
    assert shown(stack, "lfpromo", promotion) == ("Healthy", "Current", "Current")
    assert shown(stack, "lfrel", release) == ("Healthy", "Current", "Current")
    assert shown(stack, "lfchg", change) == ("Suspended", "Current", "InProgress")
    assert shown(stack, "lfenv", "production") == ("Healthy", "Current", "Current")

    for options in (["--dry-run=server"], []):
        for obj in git.sync(*options):
            live = stack.get(obj["kind"].lower(), obj["metadata"]["name"])
            # Applying it again wrote nothing: whatever else is written meanwhile is the operator's, in status.
            assert (obj["spec"], obj["metadata"]) == (live["spec"], live["metadata"])
            assert live["metadata"]["generation"] == 1
    assert [entry["by"] for entry in stack.status("lfchg", change)["approvals"]] == ["alice"]
