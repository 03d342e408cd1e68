"""The end of a promotion that is not being carried out: written once, told to people and Prometheus."""

from lockflight.api.promotion import Phase, Promotion, PromotionStatus
from lockflight.ports import Severity
from lockflight.workflow import sealing
from lockflight.workflow.deps import Deps
from lockflight.workflow.progress import finish
from lockflight.workflow.status import write


async def end(
    deps: Deps, promotion: Promotion, phase: Phase, reason: str, message: str, *, status: PromotionStatus | None = None
) -> None:
    """End it, unless it changed since it was judged. Raises ConflictError."""
    now, generation = deps.clock.now(), promotion.metadata.generation
    final = finish(status or promotion.status, phase, reason, message, now, generation=generation)
    written = await write(deps, promotion, final, guarded=True)
    severity = Severity.NORMAL if phase is Phase.SUCCEEDED else Severity.WARNING
    deps.events.emit(promotion, severity, phase.value, message)
    deps.metrics.count(
        "promotion_transitions_total", environment=promotion.spec.environment_ref.name, phase=phase.value
    )
    await sealing.promotion(deps, written)
