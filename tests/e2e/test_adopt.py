"""A Helm release that somebody made by hand is taken over as it is, promoted under its own name, and removed."""

import json

import yaml

from tests.e2e.stack import EVIDENCE, Stack, eventually

ENVIRONMENTS = [{"name": "integration", "tier": "Integration", "spec": {"autoPromote": False}}]


def _objects(stack: Stack, namespace: str) -> dict[str, str]:
    """The UID of each Deployment by name."""
    found = json.loads(stack.kubectl("get", "deployments", "-o", "json", namespace=namespace))["items"]
    return {obj["metadata"]["name"]: obj["metadata"]["uid"] for obj in found}


def test_what_helm_runs_already_is_taken_over_and_later_removed(stack: Stack) -> None:
    stack.install(ENVIRONMENTS)
    target = f"{stack.name}-integration"
    place, _ = stack.chart()
    stack.helm("install", "billing", place, "--version", "1.0.0", "--plain-http", "-n", target)
    there = _objects(stack, target)

    charts = place.rsplit("/", 1)[0]
    options = ("--env", "integration", "--tier", "Integration", "--application", stack.name, "--charts", charts)
    drafted = stack.lockflight("adopt", target, *options, person="admin")
    assert drafted.returncode == 0, drafted.stderr
    drafts = {obj["kind"]: obj for obj in yaml.safe_load_all(drafted.stdout) if obj}
    release = drafts["Release"]["metadata"]["name"]
    known = {
        "source": {"branch": "main", "tag": "v1.0.0"},
        "evidence": [{"type": kind, "result": "Passed"} for kind in EVIDENCE],
    }
    stack.create("Release", release, {**drafts["Release"]["spec"], **known})

    stack.reaches(stack.promote(release, "integration"), "Succeeded")
    assert [row["revision"] for row in stack.revisions(target, "billing")] == [1, 2]
    assert set(stack.deployed(target)) == {"billing"}
    assert _objects(stack, target) == there

    removed = stack.lockflight("remove", stack.name, "--env", "integration", person="jo")
    assert removed.returncode == 0, removed.stderr
    stack.reaches(removed.stdout.split("/", 1)[1].split()[0], "Succeeded")
    assert stack.deployed(target) == {}
    eventually(lambda: not stack.status("lfenv", "integration").get("targets"), "the environment to say so")
