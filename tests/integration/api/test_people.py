"""What people do with stock kubectl: the people's lists, the columns, the short names, explain."""

import json

import pytest

from lockflight.api.kinds import KINDS, Kind
from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.providers import ClusterLike

from .objects import Json, documented
from .server import MERGE_PATCH, NAMESPACE, Server

LISTS = [
    ("ChangeRequest", "lfchg", "approvals"),
    ("ChangeRequest", "lfchg", "submissions"),
    ("ChangeRequest", "lfchg", "review"),
    ("Promotion", "lfpromo", "signOffs"),
    ("Promotion", "lfpromo", "attestations"),
    ("Release", "lfrel", "evidence"),
    ("StandardChange", "lfstd", "approvals"),
    ("Environment", "lfenv", "approvals"),
    ("FreezeWindow", "lffw", "approvals"),
    ("ReleaseCalendar", "lfcal", "approvals"),
]
ENTRIES: dict[str, Json] = {
    "submissions": {"role": "requester"},
    "attestations": {"role": "ops", "step": "load", "result": "Passed"},
    "evidence": {"type": "unit-tests", "result": "Passed"},
    "review": {"role": "cab", "outcome": "Successful", "summary": "as planned"},
}
EMPTY = {
    "ChangeRequest": {"submissions": [], "approvals": [], "review": []},
    "Promotion": {"signOffs": [], "attestations": []},
    "Release": {"evidence": []},
    "StandardChange": {"approvals": []},
    "Environment": {"approvals": []},
    "FreezeWindow": {"approvals": []},
    "ReleaseCalendar": {"approvals": []},
}


@pytest.mark.parametrize(("kind", "short", "entries"), LISTS)
def test_the_first_entry_finds_its_list(
    cluster: ClusterLike, server: Server, kind: str, short: str, entries: str
) -> None:
    stored = server.create(documented(kind)[0])
    assert stored["status"] == {**EMPTY[kind], "observedGeneration": 0}
    entry = ENTRIES.get(entries, {"role": "cab", "decision": "Approved"})
    patch = json.dumps([{"op": "add", "path": f"/status/{entries}/-", "value": entry}])
    cluster.kubectl(
        "-n", NAMESPACE, "patch", short, stored["metadata"]["name"], "--subresource=status", "--type=json", "-p", patch
    )  # fmt: skip
    assert server.get(stored)["status"][entries] == [entry]


@pytest.mark.parametrize(("kind", "short", "entries"), LISTS)
def test_the_operator_writes_beside_the_list(server: Server, kind: str, short: str, entries: str) -> None:
    del short
    stored = server.create(documented(kind)[0])
    entry = ENTRIES.get(entries, {"role": "cab", "decision": "Approved"})
    server.patch_status(stored, [{"op": "add", "path": f"/status/{entries}/-", "value": entry}])
    server.patch_status(stored, {"status": {"observedGeneration": 1}}, MERGE_PATCH)
    assert server.get(stored)["status"] == {**EMPTY[kind], entries: [entry], "observedGeneration": 1}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_its_names_and_columns(cluster: ClusterLike, server: Server, kind: Kind) -> None:
    server.create(documented(kind.name)[0])
    head = cluster.kubectl("-n", NAMESPACE, "get", kind.short, "-o", "wide").splitlines()[0]
    columns = [column.name.upper() for column in kind.columns]
    assert " ".join(head.split()) == " ".join(["NAME", *columns])
    listed = cluster.kubectl("-n", NAMESPACE, "get", "lockflight", "-o", "name")
    assert f"{kind.name.lower()}.lockflight.dev/" in listed


def test_columns_say_what_a_change_waits_for(cluster: ClusterLike, server: Server) -> None:
    stored = server.create(documented("ChangeRequest")[0])
    status: Json = {
        "phase": "Authorize",
        "subject": "payments-2.4.0",
        "approvalsSummary": "1/2 cab",
        "waitsFor": "cab: 1 of 2 approvals",
    }
    server.patch_status(stored, {"status": status}, MERGE_PATCH)
    row = cluster.kubectl("-n", NAMESPACE, "get", "lfchg", stored["metadata"]["name"], "--no-headers").strip()
    expected = (
        "Normal", "payments-2.4.0", "1/2 cab", "2026-12-01T20:00:00+01:00", "Authorize", "cab: 1 of 2 approvals"
    )  # fmt: skip
    assert all(text in row for text in expected), row


def test_kubectl_waits_for_a_condition(cluster: ClusterLike, server: Server) -> None:
    stored = server.create(documented("Promotion")[0])
    condition = {
        "type": "Succeeded",
        "status": "True",
        "reason": "Verified",
        "message": "",
        "lastTransitionTime": "2026-11-24T12:00:00Z",
    }
    server.patch_status(stored, {"status": {"conditions": [condition]}}, MERGE_PATCH)
    name = f"lfpromo/{stored['metadata']['name']}"
    with pytest.raises(CommandFailedError):
        # kubectl believes a condition only where the spec as it is was looked at.
        cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Succeeded", name, "--timeout=1s")
    server.patch_status(stored, {"status": {"observedGeneration": 1}}, MERGE_PATCH)
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Succeeded", name, "--timeout=10s")
    with pytest.raises(CommandFailedError):
        cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", name, "--timeout=1s")


def test_explain_tells_what_a_field_means(cluster: ClusterLike) -> None:
    told = " ".join(cluster.kubectl("explain", "lfenv.spec.soak").split())
    assert "Shortest uninterrupted stay, verified, in the upstream environment." in told
