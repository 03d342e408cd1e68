"""The trail in a cluster: sealed once, whoever seals, whatever fails."""

import asyncio
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction, AuditSubject
from lockflight.policy.audit import AuditEntry, verify
from lockflight.ports import UnreachableError
from lockflight.workflow.trail import AuditTrail
from tests.fakes import FakeClock, FakeCluster

ROOT = "lockflight-system"


def entry(name: str, **facts: Any) -> AuditEntry:
    subject = AuditSubject(kind="Promotion", namespace="payments", name=name, uid=f"uid-{name}")
    return AuditEntry(AuditAction.APPLIED, subject, facts=facts)


def subjects(cluster: FakeCluster) -> list[str]:
    return [one.spec.subject.name for one in cluster.records()]


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


def trail(cluster: FakeCluster) -> AuditTrail:
    return AuditTrail(cluster, FakeClock(), ROOT)


async def test_an_entry_is_sealed_once_however_often_it_is_said(cluster: FakeCluster) -> None:
    mine = trail(cluster)
    for _ in range(3):
        await mine.seal("payments", entry("p1"))
    assert [one.metadata.name for one in cluster.records()] == ["payments-0000000001"]
    assert [verb for verb, *_ in cluster.requests] == ["list", "create"]


async def test_another_process_goes_on_where_the_first_ended(cluster: FakeCluster) -> None:
    await trail(cluster).seal("payments", entry("p1"))
    other = trail(cluster)
    await other.seal("payments", entry("p1"))
    await other.seal("payments", entry("p2"))
    assert subjects(cluster) == ["p1", "p2"]
    assert verify("payments", cluster.records()) == ()


async def test_two_writers_at_once_neither_fork_nor_repeat(cluster: FakeCluster) -> None:
    first, second = trail(cluster), trail(cluster)
    # Both know an empty chain.
    await first.sealed("payments", "nobody", AuditAction.APPLIED)
    await second.sealed("payments", "nobody", AuditAction.APPLIED)
    names = [f"p{number}" for number in range(8)]
    await asyncio.gather(*(w.seal("payments", entry(name)) for name in names for w in (first, second)))
    assert sorted(subjects(cluster)) == names
    assert verify("payments", cluster.records()) == ()


async def test_stacks_have_chains_of_their_own(cluster: FakeCluster) -> None:
    mine = trail(cluster)
    await mine.seal("payments", entry("p1"))
    await mine.seal("ledger", entry("l1"))
    assert [one.metadata.name for one in cluster.records()] == ["ledger-0000000001", "payments-0000000001"]


async def test_a_record_that_cannot_be_written_is_an_error_and_not_forgotten(cluster: FakeCluster) -> None:
    mine = trail(cluster)
    await mine.seal("payments", entry("p1"))
    cluster.problems.append(UnreachableError("no answer"))
    with pytest.raises(UnreachableError):
        await mine.seal("payments", entry("p2"))
    await mine.seal("payments", entry("p2"))
    assert subjects(cluster) == ["p1", "p2"]


async def test_a_record_whose_answer_was_lost_is_not_written_again(cluster: FakeCluster) -> None:
    mine = trail(cluster)
    await mine.sealed("payments", "nobody", AuditAction.APPLIED)
    await trail(cluster).seal("payments", entry("p1"))
    await mine.seal("payments", entry("p1"))
    await mine.seal("payments", entry("p2"))
    assert subjects(cluster) == ["p1", "p2"]


async def test_a_chain_with_an_unreadable_record_is_not_continued(cluster: FakeCluster) -> None:
    await trail(cluster).seal("payments", entry("p1"))
    raw = cluster.raw("AuditRecord", ROOT, "payments-0000000001")
    cluster.break_raw({**raw, "spec": {**raw["spec"], "action": "Nonsense"}})
    with pytest.raises(UnreachableError, match="cannot be read"):
        await trail(cluster).seal("payments", entry("p2"))
