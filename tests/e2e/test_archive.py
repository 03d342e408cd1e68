"""The archive with a running operator: written, held, and gone on from once the cluster lost its records."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lockflight.cli.main import cli
from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.operator import install
from lockflight.devcluster.providers import ClusterLike
from tests.e2e.conftest import Operator
from tests.e2e.stack import Stack, eventually

ROOT = "lockflight-system"
OPERATOR = f"system:serviceaccount:{ROOT}:lockflight"
INTEGRATION = [{"name": "integration", "tier": "Integration", "spec": {"autoPromote": False}}]
PETRA = [{"kind": "User", "name": "petra"}]
ARCHIVED = {
    "archive": {"kind": "Directory", "directory": {"claimName": "trail"}, "seconds": 1},
    "people": {"legal": PETRA, "restorers": PETRA},
}


@pytest.fixture
def archive(operator: Operator, cluster: ClusterLike) -> Iterator[Path]:
    """The session's operator, with an archive for the time of the test."""
    install(cluster, ARCHIVED)
    assert operator.stop() == 0
    operator.start()
    yield operator.folder / "volumes" / "archive"
    install(cluster)
    assert operator.stop() == 0
    operator.start()


def audit(stack: Stack, who: str, *arguments: str) -> Any:
    common = ["--kubeconfig", str(stack.cluster.kubeconfig(who)), "-n", stack.name, "-o", "json"]
    result = CliRunner().invoke(cli, ["audit", *arguments, *common])
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout) if result.stdout.startswith(("{", "[")) else result.output


def records(stack: Stack) -> dict[str, str]:
    """Name and action."""
    shown = stack.kubectl("get", "lfaudit", "-l", f"lockflight.dev/stack={stack.name}", "-o", "json", namespace=ROOT)
    return {item["metadata"]["name"]: item["spec"]["action"] for item in json.loads(shown)["items"]}


def archived(archive: Path, stack: Stack) -> set[str]:
    return {path.stem for path in (archive / "records" / stack.name).glob("*.jsonl")}


def test_records_are_archived_held_and_gone_on_from(operator: Operator, archive: Path, stack: Stack) -> None:
    stack.install(INTEGRATION)
    stack.reaches(stack.promote(stack.release("1.0.0"), "integration"), "Succeeded")
    eventually(lambda: "Finished" in records(stack).values(), "the end to be sealed")
    eventually(lambda: archived(archive, stack) == records(stack).keys(), "the archive to have all")
    place = ("--archive", str(archive))
    assert audit(stack, "admin", "verify", *place)["findings"] == []

    audit(stack, "petra", "hold", stack.name, "--reason", "case 7")
    first = min(records(stack))
    remove = ("delete", "lfaudit", first, "--as", OPERATOR)

    def held() -> bool:
        try:
            stack.kubectl(*remove, "--dry-run=server", namespace=ROOT)
        except CommandFailedError as refused:
            return "a legal hold is on these audit records" in str(refused)
        return False

    eventually(held, "the hold to be known")
    audit(stack, "petra", "unhold", stack.name)
    eventually(lambda: not held(), "the hold to be lifted")

    # Somebody with the operator's rights removes everything: what is sealed next would begin a second chain.
    operator.kill()
    lost = len(records(stack))
    for name in sorted(records(stack)):
        stack.kubectl("delete", "lfaudit", name, "--as", OPERATOR, namespace=ROOT)
    operator.start()
    waiting = stack.promote(stack.release("1.1.0"), "integration")
    eventually(lambda: "audit restore" in stack.status("lfpromo", waiting).get("waitsFor", ""), "the promotion to wait")
    assert records(stack) == {}

    assert audit(stack, "petra", "restore", stack.name, *place)["ordered"] is True
    stack.reaches(waiting, "Succeeded")
    found = records(stack)
    assert found[f"{stack.name}-{lost + 1:010}"] == "Imported"
    eventually(lambda: len(archived(archive, stack)) == lost + len(records(stack)), "the archive to go on")
    eventually(lambda: audit(stack, "admin", "verify", *place)["findings"] == [], "the whole trail to fit")
    assert audit(stack, "admin", "verify")["findings"] == [], "also what is in the cluster by itself"
