"""Finished objects leave the cluster once they are old, sealed and of no use; nothing else does."""

from datetime import timedelta

import pytest

from lockflight.api.auditrecord import AuditAction, AuditSubject
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.archiving import LEGAL_HOLD_PREFIX
from lockflight.policy.audit import AuditEntry
from lockflight.policy.records import of_promotion
from lockflight.workflow.pruning import Pruner
from tests.unit.policy.builders import promotion
from tests.workflow.world import ROOT, FakeWorld

STACK, DAYS = "payments", timedelta(days=1)


class Shelved:
    """A world with one promotion whose Release is gone and that was refused; its end is sealed or not."""

    def __init__(self) -> None:
        self.world = FakeWorld()
        self.deps = self.world.process.deps
        self.pruner = Pruner(self.deps, 90 * DAYS)

    async def refused(self, name: str, *, sealed: bool = True) -> Promotion:
        now = self.world.clock.now()
        made = promotion(name, release_name="gone", phase=Phase.REJECTED, created=now, finished=now)
        kept = self.world.cluster.put(made)
        assert isinstance(kept, Promotion)
        self.deps.store.put(kept)
        for entry in of_promotion(kept) if sealed else ():
            await self.deps.audit.seal(STACK, entry)
        return kept

    async def begin_the_trail(self) -> None:
        subject = AuditSubject(kind="Promotion", namespace=STACK, name="first", uid="uid-first")
        await self.deps.audit.seal(STACK, AuditEntry(AuditAction.FINISHED, subject))

    async def there(self, name: str) -> bool:
        return await self.world.cluster.get("Promotion", STACK, name) is not None


@pytest.fixture
async def shelved() -> Shelved:
    made = Shelved()
    await made.begin_the_trail()
    return made


async def test_what_is_old_and_sealed_leaves(shelved: Shelved) -> None:
    await shelved.refused("old")
    shelved.world.clock.advance(89 * DAYS)
    await shelved.pruner.round()
    assert await shelved.there("old")
    shelved.world.clock.advance(2 * DAYS)
    await shelved.refused("new")
    await shelved.pruner.round()
    assert (await shelved.there("old"), await shelved.there("new")) == (False, True)


async def test_what_is_not_sealed_stays(shelved: Shelved) -> None:
    await shelved.refused("old", sealed=False)
    shelved.world.clock.advance(91 * DAYS)
    await shelved.pruner.round()
    assert await shelved.there("old")


async def test_what_ended_before_the_trail_began_stays() -> None:
    shelved = Shelved()
    await shelved.refused("old", sealed=False)
    shelved.world.clock.advance(1 * DAYS)
    await shelved.begin_the_trail()
    shelved.world.clock.advance(91 * DAYS)
    await shelved.pruner.round()
    assert await shelved.there("old")


@pytest.mark.parametrize("held", [STACK, "all.stacks"])
async def test_under_a_legal_hold_everything_stays(shelved: Shelved, held: str) -> None:
    await shelved.refused("old")
    shelved.world.clock.advance(91 * DAYS)
    shelved.world.cluster.annotations[ROOT] = {f"{LEGAL_HOLD_PREFIX}{held}": "legal: case 7"}
    await shelved.pruner.round()
    assert await shelved.there("old")
    shelved.world.cluster.annotations[ROOT] = {}
    await shelved.pruner.round()
    assert not await shelved.there("old")


async def test_one_that_was_made_anew_meanwhile_stays_and_the_others_go(shelved: Shelved) -> None:
    first, _ = await shelved.refused("a"), await shelved.refused("b")
    shelved.world.clock.advance(91 * DAYS)
    anew = first.model_copy(update={"metadata": first.metadata.model_copy(update={"uid": "uid-anew"})})
    shelved.world.cluster.delete("Promotion", STACK, "a")
    shelved.world.cluster.put(anew)
    await shelved.pruner.round()
    assert (await shelved.there("a"), await shelved.there("b")) == (True, False)


async def test_a_stack_without_anything_finished_costs_one_request(shelved: Shelved) -> None:
    before = len(shelved.world.cluster.requests)
    await shelved.pruner.round()
    assert len(shelved.world.cluster.requests) - before == 1
    assert not list(shelved.deps.store.of(ChangeRequest, STACK))
