"""Steps of a promotion's life, written in one way: phase, history, conditions."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.conditions import Condition, condition, merge
from lockflight.api.promotion import HistoryEntry, Phase, PromotionStatus

_HISTORY = 32


def text_of(message: str, limit: int = 2048) -> str:
    """A message that fits its field."""
    return message if len(message) <= limit else message[: limit - 1] + "…"


def enter(status: PromotionStatus, phase: Phase, now: datetime, message: str) -> PromotionStatus:
    """The status in ``phase``; a step into the phase it is in already leaves the history alone."""
    if status.phase is phase:
        return status
    entry = HistoryEntry(phase=phase, at=now, message=text_of(message, 512))
    return status.model_copy(
        update={
            "phase": phase,
            "history": (*status.history, entry)[-_HISTORY:],
            "in_use": phase.executing,
        }
    )


def conditions(
    status: PromotionStatus,
    succeeded: bool | None,  # noqa: FBT001
    reason: str,
    message: str,
    *,
    stalled: bool = False,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """Succeeded, and kstatus' Reconciling while unfinished; ``stalled``: it never gets there. Waiting is not that."""
    parts = [
        condition(reasons.SUCCEEDED, succeeded, reason, message, generation=generation, now=now),
        condition(reasons.RECONCILING, succeeded is None, reason, message, generation=generation, now=now),
        condition(reasons.STALLED, stalled, reason, message, generation=generation, now=now),
    ]
    return merge(status.conditions, parts)


def finish(
    status: PromotionStatus, phase: Phase, reason: str, message: str, now: datetime, *, generation: int
) -> PromotionStatus:
    """The status at its end."""
    ended = enter(status, phase, now, message)
    execution = ended.execution.model_copy(update={"finished_at": now}) if ended.execution else None
    return ended.model_copy(
        update={
            "observed_generation": generation,
            "conditions": conditions(
                ended,
                phase is Phase.SUCCEEDED,
                reason,
                message,
                # Whatever waits for it must not go on, even where nothing failed: kstatus has no other word for that.
                stalled=phase is not Phase.SUCCEEDED,
                generation=generation,
                now=now,
            ),
            "execution": execution,
            "finished_at": now,
            "waits_for": None,
            "forecast": None,
            "in_use": False,
        }
    )
