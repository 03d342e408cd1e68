"""Verification by others: the promotion waits for their word and holds nothing; a newer deployment ends it.

What they say is acted upon where Lockflight's own checks are: back in phase Verifying, alone on the target.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.promotion import Phase, Promotion, PromotionStatus, VerificationStatus
from lockflight.policy.external import asked
from lockflight.policy.model import Snapshot
from lockflight.policy.others import Rows, asked_for, cancelled, failed, judged, opened, passed, still_open
from lockflight.workflow import gather, sealing
from lockflight.workflow.deps import Deps
from lockflight.workflow.ended import end
from lockflight.workflow.overtaken import overtaken
from lockflight.workflow.progress import conditions, enter, text_of
from lockflight.workflow.rights import answers
from lockflight.workflow.run import Forward
from lockflight.workflow.status import write

LOOK_AGAIN: Final = timedelta(minutes=1)
"""Where somebody's word did not count: whether it does now."""

Alone = Callable[[], AbstractAsyncContextManager[bool]]


async def begin(work: Forward) -> datetime | None:
    """Open what others verify, once Lockflight's own checks have passed; until when to wait. None: nothing is open."""
    rows = opened(work.status.verification, asked_for(work.promotion, work.governed), work.deps.clock.now())
    waiting = still_open(rows)
    if not waiting:
        return None
    now, generation = work.deps.clock.now(), work.promotion.metadata.generation
    message = _words(work.promotion, waiting, ())
    status = enter(work.status, Phase.AWAITING_VERIFICATION, now, "applied; others verify it")
    await work.save(_asking(status.model_copy(update={"verification": rows}), message, now, generation=generation))
    work.announce(Phase.AWAITING_VERIFICATION, message)
    await sealing.promotion(work.deps, work.promotion)
    return _next(waiting)


async def look(deps: Deps, promotion: Promotion, alone: Alone) -> datetime | None:
    """One pass: shown by what the watches told, decided by fresh reads. Raises PortError."""
    await sealing.promotion(deps, promotion)
    seen = await gather.beside(deps, promotion)
    rows, ignored = await _judged(deps, seen, fresh=False)
    if overtaken(seen, "its verification") is None and not _over(seen.promotion.status, rows):
        return await _keep_asking(deps, seen, rows, ignored)
    async with alone() as mine:
        if not mine:
            return deps.clock.now() + deps.options.plan_retry
        return await _decide(deps, promotion)


async def _decide(deps: Deps, promotion: Promotion) -> datetime | None:
    snapshot = await gather.beside_fresh(deps, promotion)
    current, now = snapshot.promotion, deps.clock.now()
    if current.status.phase is not Phase.AWAITING_VERIFICATION:
        return now
    ended = overtaken(snapshot, "its verification")
    if ended is not None:
        status = current.status.model_copy(update={"verification": cancelled(current.status.verification, now)})
        await end(deps, current, ended.phase, ended.reason, ended.message, status=status)
        return None
    rows, ignored = await _judged(deps, snapshot, fresh=True)
    if not _over(current.status, rows):
        return await _keep_asking(deps, snapshot, rows, ignored)
    status = current.status.model_copy(update={"verification": rows})
    bad = failed(status)
    words = f"verification {bad.name} failed: {bad.message}" if bad else "everything is verified"
    await deps.leadership.fence()
    await write(deps, current, enter(status, Phase.VERIFYING, now, words), guarded=True)
    # It is taken up like any execution that another pass began.
    return now


async def _judged(deps: Deps, s: Snapshot, *, fresh: bool) -> tuple[Rows, tuple[str, ...]]:
    promotion, now = s.promotion, deps.clock.now()
    rows = promotion.status.verification
    if s.release is None or s.effective is None:
        # Whether more is asked for is not known: nothing is decided.
        gone = "release" if s.release is None else "environment"
        return rows, (f"anything, for its {gone} is gone",)
    rights = await answers(deps, s.stack, asked(promotion), fresh=fresh)
    return judged(promotion, opened(rows, asked_for(promotion, s.effective), now), rights, now)


def _over(status: PromotionStatus, rows: Rows) -> bool:
    after = status.model_copy(update={"verification": rows})
    return failed(after) is not None or passed(after)


async def _keep_asking(deps: Deps, s: Snapshot, rows: Rows, ignored: tuple[str, ...]) -> datetime | None:
    promotion, now, generation = s.promotion, deps.clock.now(), s.promotion.metadata.generation
    waiting = still_open(rows)
    status = promotion.status.model_copy(update={"verification": rows})
    message = _words(promotion, waiting, ignored)
    await write(deps, promotion, _asking(status, message, now, generation=generation), guarded=True)
    times = [t for t in (_next(waiting), now + LOOK_AGAIN if ignored else None) if t is not None]
    return min(times, default=None)


def _asking(status: PromotionStatus, message: str, now: datetime, *, generation: int) -> PromotionStatus:
    said = conditions(status, None, reasons.AWAITING_VERIFICATION, message, generation=generation, now=now)
    update = {"observed_generation": generation, "conditions": said, "waits_for": text_of(message, 512)}
    return status.model_copy(update=update)


def _words(promotion: Promotion, waiting: Rows, ignored: tuple[str, ...]) -> str:
    name = promotion.metadata.name
    open_ = "; ".join(
        f"verification {row.name} waits for somebody who may speak as {row.role}, until {_due(row)}: lockflight attest "
        f"{name} {row.name} --role {row.role} --result Passed"
        for row in waiting
    )
    not_counted = f"not counted: {', '.join(ignored)}" if ignored else ""
    return text_of("; ".join(filter(None, (open_, not_counted))))


def _due(row: VerificationStatus) -> str:
    return f"{row.due_by:%Y-%m-%d %H:%MZ}" if row.due_by else "?"


def _next(waiting: Rows) -> datetime | None:
    return min((row.due_by for row in waiting if row.due_by is not None), default=None)
