"""Checkpoints: posted soon after a chain grew and every hour; what they find out that a chain cannot tell."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditRecord
from lockflight.policy.audit import Flaw, Head, head_of, verify
from lockflight.policy.auditjoin import flaws
from lockflight.policy.checkpoints import InvalidCheckpoint, body, parse, text
from lockflight.ports import PortError, UnreachableError
from lockflight.workflow.checkpoints import Notary
from tests.workflow.test_archiving import STACK, Kept


class Receiver:
    """Keeps what is posted; while ``problem`` is set nothing is."""

    def __init__(self) -> None:
        self.got: list[Mapping[str, Any]] = []
        self.problem: PortError | None = None

    async def post(self, content: Mapping[str, Any]) -> None:
        if self.problem is not None:
            raise self.problem
        self.got.append(content)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def notary(kept: Kept, receiver: Receiver) -> Notary:
    return Notary(kept.world.process.deps, kept.trail, receiver)


async def test_a_longer_chain_is_told_and_the_same_one_is_not(kept: Kept, notary: Notary, receiver: Receiver) -> None:
    await notary.round()
    assert receiver.got == [], "there is nothing yet"
    await kept.seal("p1")
    for _ in range(3):
        await notary.round()
    await kept.seal("p2")
    await notary.round()
    assert [row["sequence"] for content in receiver.got for row in content["chains"]] == [1, 2]
    assert receiver.got[-1]["chains"][0]["hash"] == kept.records[-1].spec.hash


async def test_an_unchanged_chain_is_told_every_hour(kept: Kept, notary: Notary, receiver: Receiver) -> None:
    await kept.seal("p1")
    await notary.round()
    kept.world.clock.advance(timedelta(minutes=59))
    await notary.round()
    assert len(receiver.got) == 1
    kept.world.clock.advance(timedelta(minutes=1))
    await notary.round()
    assert len(receiver.got) == 2


async def test_what_could_not_be_posted_is_tried_again(kept: Kept, notary: Notary, receiver: Receiver) -> None:
    await kept.seal("p1")
    receiver.problem = UnreachableError("no answer")
    await notary.round()
    assert kept.world.metrics.of("audit_checkpoint_failing")[-1] == 1
    receiver.problem = None
    await notary.round()
    assert len(receiver.got) == 1
    assert kept.world.metrics.of("audit_checkpoint_failing")[-1] == 0


async def chain(kept: Kept) -> list[AuditRecord]:
    for name in ("p1", "p2", "p3"):
        await kept.seal(name)
    return kept.records


async def test_an_end_that_was_cut_off_is_found(kept: Kept) -> None:
    records = await chain(kept)
    until = head_of(records[-1].spec)
    assert flaws(STACK, records, until) == ()
    assert verify(STACK, records[:-1]) == (), "the chain itself cannot tell"
    assert [found.flaw for found in flaws(STACK, records[:-1], until)] == [Flaw.CUT_OFF]


async def test_an_end_that_was_written_anew_is_found(kept: Kept) -> None:
    records = await chain(kept)
    other = Kept()
    await other.seal("p1")
    other.world.clock.advance(timedelta(seconds=1))
    for name in ("p8", "p9"):
        await other.seal(name)
    assert verify(STACK, other.records) == ()
    (found,) = flaws(STACK, other.records, head_of(records[-1].spec))
    assert found.flaw is Flaw.CUT_OFF


async def test_a_checkpoint_of_what_is_archived_needs_the_archive(kept: Kept) -> None:
    old = head_of((await chain(kept))[0].spec)
    await kept.round()
    kept.pass_days(95)
    await kept.seal("p4")
    await kept.round()
    records = kept.records
    assert [found.flaw for found in flaws(STACK, records, old)] == [Flaw.NOT_COMPARED]
    whole = [*(r for r in kept.archived if r.spec.sequence < records[0].spec.sequence), *records]
    assert flaws(STACK, whole, old) == ()


def test_a_checkpoint_says_what_it_was_written_with(kept: Kept) -> None:
    content = body(
        {"b": Head(2, "sha256:" + "b" * 64), "a": Head(1, "sha256:" + "a" * 64)}, "root", kept.world.clock.now()
    )
    found = parse(text(content, b"signature"))
    assert dict(found.heads) == {"a": Head(1, "sha256:" + "a" * 64), "b": Head(2, "sha256:" + "b" * 64)}
    assert found.signature == b"signature"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"checkpoint":{"format":"x"},"signature":""}', b'{"checkpoint":{"format":1}}', b"\xff"],
)
def test_what_is_no_checkpoint_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidCheckpoint):
        parse(content)
