"""One approval for the releases of several stacks, on a day on which a library has a hole."""

from collections.abc import Mapping
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction
from lockflight.api.common import API_VERSION, CREATOR_ANNOTATION
from tests.workflow.world import EVIDENCE, PRODUCTION, ROOT, FakeWorld

ONE = {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}}}
TWO = {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 2}]}}}


def put(fake: FakeWorld, kind: str, place: str, name: str, spec: Mapping[str, Any], by: str = "jo") -> None:
    metadata = {"name": name, "namespace": place, "annotations": {CREATOR_ANNOTATION: by}}
    fake.cluster.put({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": dict(spec)})


def stack(fake: FakeWorld, name: str, control: Mapping[str, Any] = ONE, author: str = "ann") -> None:
    """A stack whose release waits for production."""
    fake.cluster.put_namespace(f"{name}-production", stack=name, environment="production", tier="Production")
    put(fake, "Environment", name, "production", {**PRODUCTION, **control})
    part = {"name": "app", "chart": fake.chart(), "values": {"greeting": name}}
    spec = {
        "application": name,
        "version": "1.0.1",
        "source": {"branch": "main", "tag": "v1.0.1", "authors": [author]},
        "components": [part],
        "evidence": EVIDENCE,
    }
    put(fake, "Release", name, f"{name}-1.0.1", spec)


def promote(fake: FakeWorld, name: str, **spec: object) -> None:
    ref = {"releaseRef": {"name": f"{name}-1.0.1"}, "environmentRef": {"name": "production"}}
    put(fake, "Promotion", name, "go", {**ref, **spec})


def raised(fake: FakeWorld, *stacks: str, place: str = ROOT, **more: object) -> None:
    spec = {
        "type": "Normal",
        "title": "CVE-2026-1",
        "reason": "a hole in a library",
        "releases": [{"stack": name, "name": f"{name}-1.0.1"} for name in stacks],
        "environments": ["production"],
        "risk": {"assessment": "a patch"},
        "rollbackPlan": {"strategy": "Uninstall"},
        **more,
    }
    put(fake, "ChangeRequest", place, "cve", spec, by="sam")


async def approve(fake: FakeWorld, *people: str, place: str = ROOT, **more: object) -> None:
    for who in people:
        raw = fake.cluster.raw("ChangeRequest", place, "cve")
        entry = {
            "role": "cab",
            "decision": "Approved",
            "by": who,
            "planDigest": raw["status"].get("planDigest"),
            "generation": raw["metadata"]["generation"],
            **more,
        }
        raw["status"]["approvals"] = [*raw["status"].get("approvals", ()), entry]
        fake.cluster.put(raw)
    await fake.settle()


def whole(fake: FakeWorld, place: str = ROOT) -> dict[str, Any]:
    status: dict[str, Any] = fake.cluster.raw("ChangeRequest", place, "cve")["status"]
    return status


def gate(fake: FakeWorld, name: str) -> tuple[str, str]:
    rows = fake.cluster.raw("Promotion", name, "go")["status"]["gates"]
    row = next(row for row in rows if row["name"] == "ChangeControl")
    return row["reason"], row["message"]


def phase(fake: FakeWorld, name: str) -> str:
    return str(fake.cluster.raw("Promotion", name, "go")["status"]["phase"])


async def day(fake: FakeWorld, ledger: Mapping[str, Any] = ONE, **more: object) -> None:
    """Two stacks, a bulk change over both, and a promotion in each."""
    stack(fake, "payments")
    stack(fake, "ledger", ledger, author="lea")
    raised(fake, "payments", "ledger", **more)
    for name in ("payments", "ledger"):
        promote(fake, name)
    await fake.settle()


async def test_one_approval_lets_each_stack_go(fake: FakeWorld) -> None:
    await day(fake)
    status = whole(fake)
    assert [row["environment"] for row in status["plans"]] == ["payments/production", "ledger/production"]
    assert status["subject"] == "payments/payments-1.0.1, ledger/ledger-1.0.1"
    assert (status["phase"], status["approvalsSummary"]) == ("Authorize", "0/1 cab")
    assert gate(fake, "payments")[0] == "ApprovalsMissing"
    await approve(fake, "alice")
    assert (phase(fake, "payments"), phase(fake, "ledger")) == ("Succeeded", "Succeeded")
    status = whole(fake)
    assert {use["environment"]: use["finished"] for use in status["usedBy"]} == {
        "payments/production": True,
        "ledger/production": True,
    }
    assert status["phase"] == "Review"
    assert fake.cluster.raw("Promotion", "ledger", "go")["status"]["change"] == f"{ROOT}/cve"
    applied = [record.spec for record in fake.records(AuditAction.APPLIED)]
    assert {entry.facts["change"]["name"] for entry in applied} == {"cve"}


async def test_the_strictest_of_all_stacks_counts_for_each(fake: FakeWorld) -> None:
    await day(fake, TWO)
    assert whole(fake)["approvalsSummary"] == "0/2 cab"
    await approve(fake, "alice")
    reason, message = gate(fake, "payments")
    assert reason == "ApprovalsMissing"
    assert "as far as all its stacks go: 1/2 cab" in message
    await approve(fake, "bob")
    assert (phase(fake, "payments"), phase(fake, "ledger")) == ("Succeeded", "Succeeded")


@pytest.mark.parametrize("who", ["ann", "lea", "sam", "jo"])
async def test_no_author_of_any_release_approves_any(fake: FakeWorld, who: str) -> None:
    await day(fake)
    await approve(fake, who)
    assert whole(fake)["phase"] == "Authorize"
    assert {phase(fake, name) for name in ("payments", "ledger")} == {"Waiting"}


async def test_another_plan_in_one_stack_voids_the_approval_for_all(fake: FakeWorld) -> None:
    await day(fake, schedule={"start": "2026-12-01T12:00:00Z", "end": "2026-12-02T12:00:00Z"})
    await approve(fake, "alice")
    assert whole(fake)["phase"] == "Scheduled"
    raw = fake.cluster.raw("Environment", "ledger", "production")
    fake.cluster.put({**raw, "spec": {**raw["spec"], "values": {"replicaCount": 9}}})
    await fake.settle()
    assert whole(fake)["phase"] == "Authorize"
    await fake.later(hours=4)
    assert {phase(fake, name) for name in ("payments", "ledger")} == {"Waiting"}
    await approve(fake, "alice")
    assert (phase(fake, "payments"), phase(fake, "ledger")) == ("Succeeded", "Succeeded")


async def test_a_rejection_ends_it_for_all(fake: FakeWorld) -> None:
    await day(fake, TWO)
    await approve(fake, "alice")
    await approve(fake, "bob", decision="Rejected")
    assert whole(fake)["phase"] == "Rejected"
    assert {phase(fake, name) for name in ("payments", "ledger")} == {"Rejected"}


async def test_in_a_stack_it_permits_nothing(fake: FakeWorld) -> None:
    stack(fake, "payments")
    raised(fake, "payments", place="payments")
    promote(fake, "payments", changeRequestRef={"name": "cve"})
    await fake.settle()
    assert "is raised in lockflight-system" in str(whole(fake, "payments"))
    await approve(fake, "alice", place="payments")
    assert gate(fake, "payments")[0] == "ChangeMissing"


async def test_another_change_of_the_operators_namespace_permits_nothing(fake: FakeWorld) -> None:
    stack(fake, "payments")
    spec = {
        "type": "Normal",
        "title": "one",
        "reason": "one",
        "releaseRef": {"name": "payments-1.0.1"},
        "environments": ["production"],
        "risk": {"assessment": "none"},
        "rollbackPlan": {"strategy": "Uninstall"},
    }
    put(fake, "ChangeRequest", ROOT, "cve", spec)
    promote(fake, "payments", changeRequestRef={"name": "cve", "namespace": ROOT})
    await fake.settle()
    assert gate(fake, "payments")[0] == "ChangeMissing"


async def test_it_speaks_for_the_releases_that_it_names_alone(fake: FakeWorld) -> None:
    await day(fake)
    stack(fake, "fx")
    promote(fake, "fx", changeRequestRef={"name": "cve", "namespace": ROOT})
    await approve(fake, "alice")
    assert gate(fake, "fx")[0] == "ChangeMissing"


async def test_named_by_namespace_it_is_found_beside_a_change_of_the_stack(fake: FakeWorld) -> None:
    await day(fake)
    own = {
        "type": "Normal",
        "title": "own",
        "reason": "own",
        "releaseRef": {"name": "payments-1.0.1"},
        "environments": ["production"],
        "risk": {"assessment": "none"},
        "rollbackPlan": {"strategy": "Uninstall"},
    }
    put(fake, "ChangeRequest", "payments", "own", own)
    await fake.settle()
    assert gate(fake, "payments")[0] == "AmbiguousChange"
    fake.cluster.delete("Promotion", "payments", "go")
    promote(fake, "payments", changeRequestRef={"name": "cve", "namespace": ROOT})
    await approve(fake, "alice")
    assert phase(fake, "payments") == "Succeeded"


async def test_what_a_stacks_people_handed_over_counts_in_the_stack(fake: FakeWorld) -> None:
    await day(fake)
    delegation = {
        "from": "alice",
        "to": "dan",
        "roles": ["cab"],
        "start": "2026-11-30T00:00:00Z",
        "end": "2026-12-15T00:00:00Z",
        "reason": "leave",
    }
    put(fake, "Delegation", "payments", "leave", delegation, by="alice")
    await fake.settle()
    await approve(fake, "dan", onBehalfOf="alice")
    assert {phase(fake, name) for name in ("payments", "ledger")} == {"Waiting"}


async def test_who_delivers_in_one_stack_is_apart_in_all(fake: FakeWorld) -> None:
    control = {"changeControl": {**ONE["changeControl"], "independence": "Function"}}
    for name in ("payments", "ledger"):
        fake.cluster.put_namespace(name, independence="Function")
    stack(fake, "payments", control)
    stack(fake, "ledger", control)
    raised(fake, "payments", "ledger")
    await fake.settle()
    fake.cluster.releasers.add("alice")
    await approve(fake, "alice")
    assert "may create releases or promotions" in str(whole(fake)["waitsFor"])
    fake.cluster.releasers.clear()
    await approve(fake, "bob")
    assert whole(fake)["phase"] == "Scheduled"


async def test_a_conflict_with_a_stacks_own_change_is_shown_on_both(fake: FakeWorld) -> None:
    times = {"start": "2030-01-01T08:00:00Z", "end": "2030-01-01T10:00:00Z"}
    await day(fake, schedule=times)
    own = {
        "type": "Normal",
        "title": "own",
        "reason": "own",
        "releaseRef": {"name": "ledger-1.0.1"},
        "environments": ["production"],
        "risk": {"assessment": "none"},
        "rollbackPlan": {"strategy": "Uninstall"},
        "schedule": {**times, "start": "2030-01-01T09:00:00Z"},
    }
    put(fake, "ChangeRequest", "ledger", "own", own)
    await fake.settle()
    (seen,) = whole(fake)["conflicts"]
    assert (seen["change"], seen["environment"], seen["goesFirst"]) == ("own", "ledger/production", False)
    (back,) = fake.cluster.raw("ChangeRequest", "ledger", "own")["status"]["conflicts"]
    assert (back["change"], back["environment"], back["goesFirst"]) == ("cve", "production", True)


async def test_who_left_before_it_is_used_is_noticed(fake: FakeWorld) -> None:
    await day(fake, schedule={"start": "2026-12-01T12:00:00Z", "end": "2026-12-02T12:00:00Z"})
    await approve(fake, "alice")
    assert whole(fake)["phase"] == "Scheduled"
    fake.cluster.leavers.add("alice")
    await fake.later(minutes=1)
    assert whole(fake)["phase"] == "Authorize"
    await fake.later(hours=4)
    assert {phase(fake, name) for name in ("payments", "ledger")} == {"Waiting"}


async def test_its_way_back_needs_no_other_change(fake: FakeWorld) -> None:
    stack(fake, "payments")
    before = fake.cluster.raw("Release", "payments", "payments-1.0.1")
    old = {**before["spec"], "version": "1.0.0", "source": {"branch": "main", "tag": "v1.0.0"}}
    put(fake, "Release", "payments", "payments-1.0.0", old)
    first = {"releaseRef": {"name": "payments-1.0.0"}, "environmentRef": {"name": "production"}}
    put(fake, "Promotion", "payments", "first", first)
    own = {
        "type": "Normal",
        "title": "own",
        "reason": "own",
        "releaseRef": {"name": "payments-1.0.0"},
        "environments": ["production"],
        "risk": {"assessment": "none"},
        "rollbackPlan": {"strategy": "Uninstall"},
    }
    put(fake, "ChangeRequest", "payments", "chg-1", own)
    await fake.settle()
    await fake.approve("chg-1")
    await fake.settle()
    raised(fake, "payments", rollbackPlan={"strategy": "HelmRollback"})
    promote(fake, "payments")
    await fake.settle()
    await approve(fake, "alice")
    assert phase(fake, "payments") == "Succeeded"
    back = {**first, "action": "Rollback", "changeRequestRef": {"name": "cve", "namespace": ROOT}}
    put(fake, "Promotion", "payments", "back", back)
    await fake.settle()
    status = fake.cluster.raw("Promotion", "payments", "back")["status"]
    reason = next(row["reason"] for row in status["gates"] if row["name"] == "ChangeControl")
    assert (status["phase"], reason) == ("Succeeded", "BackOut")
