"""Whatever happens in whatever order, no record is lost and the chain stays whole."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from lockflight.policy.archiving import LEGAL_HOLD_PREFIX
from lockflight.ports import UnreachableError
from tests.workflow.test_archiving import STACK, Kept
from tests.workflow.world import ROOT

STEPS = ("seal", "seal", "round", "round", "month", "month", "restart", "hold", "lift", "down", "up")


async def lived(steps: list[str]) -> None:
    kept, sealed, uids = Kept(), 0, 0
    held = kept.world.cluster.annotations.setdefault(ROOT, {})
    first = 0
    for step in steps:
        match step:
            case "seal":
                uids += 1
                try:
                    await kept.seal(f"p{uids}")
                    sealed += 1
                except UnreachableError:
                    # A chain is not begun while the archive does not answer.
                    assert kept.archive.problem is not None
                    assert not kept.records
            case "round" if kept.archive.problem is None:
                before, on_hold = kept.numbers[:1], bool(held)
                await kept.round()
                assert not on_hold or kept.numbers[:1] == before, "nothing leaves while it is held"
                assert kept.failing == 0 if kept.records else True
            case "round":
                before = kept.numbers[:1]
                await kept.round()
                assert kept.numbers[:1] == before, "nothing leaves while the archive does not answer"
            case "month":
                kept.pass_days(31)
            case "restart":
                kept.restart()
            case "hold":
                held[LEGAL_HOLD_PREFIX + STACK] = "lena: case 7"
            case "lift":
                held.clear()
            case "down":
                kept.archive.problem = UnreachableError("no answer")
            case "up":
                kept.archive.problem = None
        if kept.records:
            kept.whole()
            assert kept.numbers[0] >= first
            first = kept.numbers[0]
    everywhere = {r.spec.subject.name for r in (*kept.archived, *kept.records) if r.spec.subject.kind == "Promotion"}
    assert len(everywhere) == sealed


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_no_record_is_lost_and_the_chain_stays_whole(steps: list[str]) -> None:
    asyncio.run(lived(steps))
