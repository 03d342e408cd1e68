"""Between the steps of a bundle: whether people took back what let it start."""

from typing import Final

from lockflight.api import reasons
from lockflight.api.promotion import Action, Promotion
from lockflight.policy.gates import evaluate_all
from lockflight.policy.override import aborting
from lockflight.workflow import gather
from lockflight.workflow.deps import Deps

_PEOPLES: Final = (reasons.RULES, reasons.HOLD, reasons.CHANGE_CONTROL, reasons.ADMISSION)
_NOT_A_WORD: Final = (
    reasons.CANNOT_TELL,
    reasons.PLAN_MISSING,
    reasons.PLAN_CHANGED,
    reasons.APPROVAL_EXPIRED,
    reasons.SCHEDULE_OVER,
)


async def shut_by_people(deps: Deps, promotion: Promotion) -> str | None:
    """Judge again, from fresh reads, before a further Helm action; what shut meanwhile, or None to go on.

    Time stops nothing that has begun: a freeze lets it finish unless it says Abort, and so does the end of a schedule.
    A way back is never stopped half-way. Raises PortError.
    """
    if promotion.spec.action is Action.ROLLBACK:
        return None
    read = await gather.fresh(deps, promotion)
    now = deps.clock.now()
    freeze = aborting(read.snapshot, now)
    if freeze is not None:
        return freeze
    for row in evaluate_all(read.snapshot, now):
        verdict = row.verdict
        if row.gate in _PEOPLES and not verdict.open and verdict.reason not in _NOT_A_WORD:
            return f"{row.gate} shut: {verdict.message}"
    return None
