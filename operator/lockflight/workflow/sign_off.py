"""A promotion that waits for sign-off: it holds nothing, and a newer deployment ends it."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.model import Snapshot
from lockflight.policy.promotion import Finish, sign_offs
from lockflight.workflow import gather, sealing
from lockflight.workflow.deps import Deps
from lockflight.workflow.ended import end
from lockflight.workflow.overtaken import overtaken
from lockflight.workflow.progress import conditions, text_of
from lockflight.workflow.status import write


async def sign_off(deps: Deps, promotion: Promotion) -> datetime | None:
    """One pass: whether it is signed off, shown by what the watches told, decided by fresh reads."""
    await sealing.promotion(deps, promotion)
    seen = await gather.beside(deps, promotion)
    if _signed(seen) is None:
        await _keep_asking(deps, seen)
        return None
    snapshot = await gather.beside_fresh(deps, promotion)
    if snapshot.promotion.status.phase is not Phase.AWAITING_SIGN_OFF:
        return deps.clock.now()
    ended = _signed(snapshot)
    if ended is None:
        await _keep_asking(deps, snapshot)
    else:
        await end(deps, snapshot.promotion, ended.phase, ended.reason, ended.message)
    return None


def _signed(s: Snapshot) -> Finish | None:
    """How it ends, or None while sign-offs are missing or cannot be counted."""
    ended = overtaken(s, "sign-off")
    if ended is not None:
        return ended
    if s.effective is None or s.release is None:
        return None
    result = sign_offs(s.promotion, s.effective, s.release, s.rights)
    if result.rejected:
        return Finish(Phase.REJECTED, reasons.SIGN_OFF_REJECTED, result.message)
    return Finish(Phase.SUCCEEDED, reasons.SUCCEEDED, result.message) if result.complete else None


async def _keep_asking(deps: Deps, s: Snapshot) -> None:
    promotion, generation, now = s.promotion, s.promotion.metadata.generation, deps.clock.now()
    if s.release is None:
        message = f"release {promotion.spec.release_ref.name} is gone: its sign-offs cannot be counted"
    elif s.effective is None:
        message = f"environment {promotion.spec.environment_ref.name} is gone: its sign-offs cannot be counted"
    else:
        message = sign_offs(promotion, s.effective, s.release, s.rights).message
    said = conditions(promotion.status, None, reasons.AWAITING_SIGN_OFF, message, generation=generation, now=now)
    update = {"observed_generation": generation, "conditions": said, "waits_for": text_of(message, 512)}
    await write(deps, promotion, promotion.status.model_copy(update=update), guarded=True)
