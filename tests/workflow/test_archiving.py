"""Records leave the cluster only once they are archived, old enough and held by nobody; the chain stays whole."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditSubject
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Promotion
from lockflight.policy.archiving import LEGAL_HOLD_PREFIX, RESTORE_PREFIX, link_of, order, place, read, start_of
from lockflight.policy.audit import AuditEntry, Flaw, Head, genesis, head_of, verify
from lockflight.policy.auditcheck import Deployed, Observed, compare
from lockflight.ports import UnreachableError
from lockflight.workflow.archiving import Archiver, Retention
from lockflight.workflow.trail import AuditTrail
from tests.fakes import FakeArchive
from tests.workflow.test_sealing import SIGNED
from tests.workflow.world import PRODUCTION, ROOT, FakeWorld

STACK = "payments"
DAYS = timedelta(days=1)


class Kept:
    """A world with an archive."""

    def __init__(self, world: FakeWorld | None = None, archive: FakeArchive | None = None) -> None:
        self.world = world or FakeWorld()
        self.archive = archive or FakeArchive()
        self.restart()

    def restart(self) -> None:
        """A new process: nothing is known but what is in the cluster and in the archive."""
        world = self.world
        self.trail = AuditTrail(world.cluster, world.clock, ROOT, self.archive)
        world.process.deps.audit = self.trail
        self.archiver = Archiver(world.process.deps, self.trail, self.archive, Retention())

    async def round(self) -> None:
        await self.archiver.round()

    async def seal(self, name: str, uid: str = "", action: AuditAction = AuditAction.FINISHED) -> None:
        subject = AuditSubject(kind="Promotion", namespace=STACK, name=name, uid=uid or f"uid-{name}")
        await self.trail.seal(STACK, AuditEntry(action, subject))

    def pass_days(self, days: int) -> None:
        self.world.clock.advance(days * DAYS)

    @property
    def records(self) -> list[AuditRecord]:
        return [record for record in self.world.cluster.records() if record.spec.stack == STACK]

    @property
    def numbers(self) -> list[int]:
        return [record.spec.sequence for record in self.records]

    @property
    def archived(self) -> list[AuditRecord]:
        return [read(name, self.archive.kept[name]) for name in sorted(self.archive.kept)]

    @property
    def failing(self) -> float:
        return self.world.metrics.of("audit_archive_failing", stack=STACK)[-1]

    def whole(self) -> None:
        """What is in the cluster is whole by itself, and with the archive from the very first record on."""
        records = self.records
        assert verify(STACK, records, after=start_of(STACK, records)) == ()
        first = records[0].spec.sequence
        everything = [*(r for r in self.archived if r.spec.sequence < first), *records]
        assert verify(STACK, everything) == ()


@pytest.fixture
async def kept() -> Kept:
    """Three records, archived, of which two are older than ninety days."""
    made = Kept()
    await made.seal("p1")
    await made.seal("p2")
    await made.round()
    made.pass_days(91)
    await made.seal("p3")
    return made


async def test_every_record_is_archived_once_as_it_was_sealed() -> None:
    kept = Kept()
    for name in ("p1", "p2"):
        await kept.seal(name)
        await kept.round()
    await kept.round()
    assert kept.archive.puts == [place(STACK, 1), place(STACK, 2)]
    assert [r.spec for r in kept.archived] == [r.spec for r in kept.records]
    assert kept.archive.until[place(STACK, 1)] == kept.records[0].spec.instant + timedelta(days=2557)
    assert kept.world.metrics.of("audit_archive_behind", stack=STACK)[-1] == 0


async def test_a_long_chain_takes_several_rounds_and_loses_nothing_meanwhile() -> None:
    kept = Kept()
    for number in range(5):
        await kept.seal(f"p{number}")
    kept.pass_days(95)
    await kept.seal("p5")
    kept.archiver.at_once = 2
    for round_ in (1, 2):
        await kept.round()
        assert len(kept.archive.kept) == 2 * round_
        assert kept.numbers == [1, 2, 3, 4, 5, 6]
    await kept.round()
    assert kept.numbers == [6, 7]


async def test_the_next_process_goes_on_where_the_last_one_ended(kept: Kept) -> None:
    kept.archive.puts.clear()
    kept.restart()
    await kept.round()
    assert place(STACK, 1) not in kept.archive.puts
    assert place(STACK, 3) in kept.archive.puts


async def test_old_records_leave_and_the_chain_says_where_they_are(kept: Kept) -> None:
    kept.pass_days(1)
    await kept.round()
    assert kept.numbers == [3, 4]
    link = link_of(kept.records[-1].spec)
    assert kept.records[-1].spec.action is AuditAction.ARCHIVED
    assert link is not None
    assert link.up_to == head_of(kept.archived[1].spec)
    await kept.round()
    kept.whole()


async def test_what_is_not_yet_old_enough_stays() -> None:
    kept = Kept()
    await kept.seal("p1")
    await kept.seal("p2")
    kept.pass_days(90)
    await kept.round()
    assert kept.numbers == [1, 2]


async def test_the_last_record_stays_however_old(kept: Kept) -> None:
    kept.pass_days(400)
    await kept.round()
    assert kept.numbers == [3, 4], "the one before it says that they left"
    for _ in range(4):
        kept.pass_days(400)
        await kept.round()
    kept.whole()


async def test_nothing_leaves_while_the_archive_does_not_answer(kept: Kept) -> None:
    kept.pass_days(1)
    kept.archive.problem = UnreachableError("no answer")
    await kept.round()
    assert kept.numbers == [1, 2, 3]
    assert kept.failing == 1
    kept.archive.problem = None
    await kept.round()
    assert kept.numbers == [3, 4]
    assert kept.failing == 0


@pytest.mark.parametrize("spoiled", ["edited", "gone"])
async def test_what_the_archive_has_otherwise_stays_in_the_cluster(kept: Kept, spoiled: str) -> None:
    kept.pass_days(1)
    if spoiled == "gone":
        del kept.archive.kept[place(STACK, 1)]
    else:
        kept.archive.kept[place(STACK, 1)] = kept.archive.kept[place(STACK, 1)].replace(b"p1", b"p9")
    await kept.round()
    assert kept.numbers == [1, 2, 3]
    assert kept.failing == 1


async def test_a_chain_that_does_not_hold_together_is_not_archived() -> None:
    kept = Kept()
    await kept.seal("p1")
    await kept.seal("p2")
    raw = kept.world.cluster.raw("AuditRecord", ROOT, "payments-0000000002")
    kept.world.cluster.break_raw({**raw, "spec": {**raw["spec"], "by": "mallory"}})
    kept.restart()
    await kept.round()
    assert kept.archive.puts == [place(STACK, 1)]
    assert kept.failing == 1


async def test_a_start_that_is_missing_without_word_is_not_archived_over(kept: Kept) -> None:
    for number in (1, 2):
        kept.world.cluster.delete("AuditRecord", ROOT, f"payments-{number:010}")
    kept.archive.kept.clear()
    kept.restart()
    await kept.round()
    assert kept.archive.kept == {}
    assert kept.failing == 1
    records = kept.records
    (gap,) = verify(STACK, records, after=start_of(STACK, records))
    assert gap.flaw is Flaw.GAP


@pytest.mark.parametrize("what", [STACK, "all.stacks"])
async def test_a_legal_hold_keeps_records_in_the_cluster(kept: Kept, what: str) -> None:
    kept.pass_days(1)
    holds = kept.world.cluster.annotations[ROOT] = {LEGAL_HOLD_PREFIX + what: "lena: case 7"}
    await kept.round()
    assert kept.numbers[:3] == [1, 2, 3]
    assert kept.failing == 0
    holds.clear()
    await kept.round()
    await kept.round()
    assert kept.numbers[0] == 3


async def test_a_hold_and_its_end_are_sealed_also_across_the_archive(kept: Kept) -> None:
    holds = kept.world.cluster.annotations[ROOT] = {LEGAL_HOLD_PREFIX + STACK: "lena: case 7"}
    for _ in range(2):
        await kept.round()
        kept.restart()
    del holds[LEGAL_HOLD_PREFIX + STACK]
    await kept.round()
    holds[LEGAL_HOLD_PREFIX + STACK] = "lena: case 7"
    await kept.round()
    said = [(r.spec.action.value, r.spec.by) for r in kept.records if r.spec.subject.kind == "Namespace"]
    assert said == [("Held", "lena"), ("Released", None), ("Held", "lena")]
    kept.pass_days(200)
    await kept.seal("p9")
    del holds[LEGAL_HOLD_PREFIX + STACK]
    for _ in range(3):
        await kept.round()
        kept.restart()
    kept.whole()
    assert [r.spec.action.value for r in kept.records] == ["Finished", "Released", "Archived"]
    holds[LEGAL_HOLD_PREFIX + STACK] = "lena: case 9"
    await kept.round()
    kept.restart()
    await kept.round()
    assert [r.spec.action.value for r in kept.records][3:] == ["Held"]


async def test_a_hold_of_another_stack_is_not_ours(kept: Kept) -> None:
    kept.pass_days(1)
    kept.world.cluster.annotations[ROOT] = {LEGAL_HOLD_PREFIX + "ledger": "lena: case 7"}
    await kept.round()
    assert kept.numbers == [3, 4]


@pytest.mark.parametrize("after", range(1, 6))
async def test_a_process_that_dies_at_any_write_leaves_a_whole_chain(kept: Kept, after: int) -> None:
    kept.pass_days(1)
    for name in ("p4", "p5"):
        await kept.seal(name)
    await kept.round()
    kept.pass_days(95)
    await kept.seal("p6")
    cluster, writes = kept.world.cluster, len(kept.world.cluster.writes)

    def strike() -> bool:
        return len(cluster.writes) - writes >= after

    original = cluster._asked

    def asked(verb: str, *what: Any) -> None:
        if strike() and verb in ("create", "delete"):
            raise UnreachableError("the process is no more")
        original(verb, *what)

    cluster._asked = asked  # type: ignore[method-assign]
    await kept.round()
    cluster._asked = original  # type: ignore[method-assign]
    kept.restart()
    await kept.round()
    await kept.round()
    kept.whole()
    assert kept.numbers[0] > 5


async def test_what_is_not_at_its_end_is_not_sealed_again_by_the_next_process() -> None:
    kept = Kept()
    world = kept.world
    await world.environment("production", PRODUCTION)
    await world.change("chg-1", await world.release("1.0.0"))
    await world.settle()
    await world.approve("chg-1")
    await world.settle()
    await kept.round()
    kept.pass_days(95)
    await kept.seal("other")
    await kept.round()
    assert [r.spec.action for r in kept.records] == [AuditAction.FINISHED, AuditAction.ARCHIVED]
    before = kept.numbers
    await world.restart()
    kept.restart()
    await world.settle()
    added = [r for r in kept.records if r.spec.sequence > before[-1]]
    assert [r.spec.action for r in added if r.spec.action in (AuditAction.APPROVED, AuditAction.RULES_CHANGED)] == []
    await kept.round()
    kept.whole()


async def test_a_rule_keeps_its_history_also_where_its_last_version_is_archived() -> None:
    kept = Kept()
    await kept.world.environment("production", {**PRODUCTION, "soak": "24h"})
    await kept.world.settle()
    await kept.round()
    kept.pass_days(95)
    await kept.seal("other")
    await kept.round()
    await kept.world.restart()
    kept.restart()
    await kept.world.edit("Environment", "production", soak="1h")
    await kept.world.settle()
    (edited,) = (r for r in kept.records if r.spec.action is AuditAction.RULES_CHANGED)
    assert edited.spec.facts["diff"] == [{"path": "/soak", "from": "24h", "to": "1h"}]


@pytest.mark.parametrize("days", [1, 60, 95])
async def test_what_runs_and_what_is_open_fits_also_where_the_start_is_archived(days: int) -> None:
    kept = Kept()
    world = kept.world
    await world.environment("production", {**PRODUCTION, "exit": SIGNED})
    deployed: list[Deployed] = []
    for number, strategy in ((0, "Uninstall"), (1, "HelmRollback"), (2, "HelmRollback")):
        release = await world.release(f"1.{number}.0")
        await world.change(f"chg-{number}", release, strategy)
        await world.settle()
        await world.approve(f"chg-{number}")
        promotion = await world.promote(release, "production")
        await world.settle()
        found = await world.helm.revisions("payments-production", "payments")
        newest = max(revision.revision for revision in found)
        deployed += [Deployed("payments-production", r, world.clock.now()) for r in found if r.revision == newest]
        if number < 2:
            await world.sign(promotion, "carol")
            await world.settle()
        await kept.round()
        kept.pass_days(days)
    await kept.seal("other")
    await kept.round()
    kept.pass_days(1)
    await kept.round()
    now = {r.revision: r for r in await world.helm.revisions("payments-production", "payments")}
    seen = Observed(
        deployed=[replace(one, revision=now[one.revision.revision]) for one in deployed],
        namespaces=frozenset({"payments-production"}),
        promotions=[o for o in await world.objects() if isinstance(o, Promotion)],
        changes=[o for o in await world.objects() if isinstance(o, ChangeRequest)],
    )
    assert compare(kept.records, seen) == ()
    first = kept.records[0].spec.sequence
    assert (first > 1) is (days > 1)
    assert compare([*(r for r in kept.archived if r.spec.sequence < first), *kept.records], seen) == ()
    kept.whole()


# A cluster that is lost.


async def lost(kept: Kept) -> Kept:
    """A new cluster beside the old archive."""
    await kept.round()
    made = Kept(FakeWorld(), kept.archive)
    made.world.clock.move_to(kept.world.clock.now())
    return made


def head(kept: Kept) -> Head:
    return head_of(kept.archived[-1].spec)


async def test_a_new_cluster_seals_nothing_beside_what_the_archive_holds(kept: Kept) -> None:
    new = await lost(kept)
    with pytest.raises(UnreachableError, match="go on from the archive with lockflight audit restore payments"):
        await new.seal("q1")
    assert new.records == []


async def test_a_new_stack_is_not_begun_while_the_archive_does_not_answer() -> None:
    kept = Kept()
    kept.archive.problem = UnreachableError("no answer")
    with pytest.raises(UnreachableError, match="so none is begun"):
        await kept.seal("p1")


async def test_a_chain_goes_on_while_the_archive_does_not_answer(kept: Kept) -> None:
    kept.restart()
    kept.archive.problem = UnreachableError("no answer")
    await kept.seal("p4")
    assert kept.numbers[-1] == 4


async def test_what_was_ordered_by_its_head_goes_on_behind_it(kept: Kept) -> None:
    new = await lost(kept)
    end = head(kept)
    new.world.cluster.annotations[ROOT] = {RESTORE_PREFIX + STACK: order("rita", end)}
    await new.round()
    (first,) = new.records
    assert (first.spec.action, first.spec.sequence, first.spec.previous) == (
        AuditAction.IMPORTED,
        end.sequence + 1,
        end.hash,
    )
    assert first.spec.by == "rita"
    await new.seal("q1")
    await new.round()
    await new.round()
    assert new.failing == 0
    new.whole()
    assert [r.spec.sequence for r in new.archived] == list(range(1, end.sequence + 3))


async def test_an_order_is_carried_out_once(kept: Kept) -> None:
    new = await lost(kept)
    new.world.cluster.annotations[ROOT] = {RESTORE_PREFIX + STACK: order("rita", head(kept))}
    for _ in range(2):
        await new.round()
        new.restart()
    assert len(new.records) == 1


@pytest.mark.parametrize(
    "how", ["another hash", "an earlier head", "edited", "cut in the middle", "of another stack", "nonsense"]
)
async def test_an_archive_that_is_not_what_was_ordered_is_not_gone_on_from(kept: Kept, how: str) -> None:
    new = await lost(kept)
    end, archive = head(kept), new.archive.kept
    text = order("rita", end)
    if how == "another hash":
        text = order("rita", Head(end.sequence, genesis("payments").hash))
    elif how == "an earlier head":
        text = order("rita", head_of(kept.archived[1].spec))
    elif how == "edited":
        archive[place(STACK, 1)] = archive[place(STACK, 1)].replace(b"p1", b"p9")
    elif how == "cut in the middle":
        del archive[place(STACK, 2)]
    elif how == "of another stack":
        archive[place(STACK, 1)] = archive[place(STACK, 1)].replace(b'"stack":"payments"', b'"stack":"ledger"')
    else:
        text = "rita: everything"
    new.world.cluster.annotations[ROOT] = {RESTORE_PREFIX + STACK: text}
    await new.round()
    assert new.records == []
    assert new.failing == 1


async def test_a_cluster_set_back_to_a_snapshot_goes_on_behind_the_archive() -> None:
    kept = Kept()
    for name in ("p1", "p2", "p3"):
        await kept.seal(name)
    await kept.round()
    end = head(kept)
    for number in range(2, end.sequence + 1):
        kept.world.cluster.delete("AuditRecord", ROOT, f"payments-{number:010}")
    kept.restart()
    with pytest.raises(UnreachableError, match=f"up to number {end.sequence}, the cluster up to number 1"):
        await kept.seal("q1")
    kept.world.cluster.annotations[ROOT] = {RESTORE_PREFIX + STACK: order("rita", end)}
    await kept.round()
    assert kept.numbers == [1, end.sequence + 1]
    records = kept.records
    assert verify(STACK, records, after=start_of(STACK, records)) == ()
    await kept.round()
    assert kept.failing == 0
