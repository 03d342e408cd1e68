"""Reconcile a FreezeWindow: show its phase, its instants and whom it holds. Gates judge the spec themselves."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.conditions import condition, merge
from lockflight.api.freezewindow import FreezePhase, FreezeWindow
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.time.zones import InvalidTime
from lockflight.policy.windows import span
from lockflight.workflow.deps import Deps
from lockflight.workflow.status import write

_SHOWN = 64


async def reconcile(deps: Deps, freeze: FreezeWindow) -> datetime | None:
    """One pass; the next instant at which its phase changes."""
    now, generation = deps.clock.now(), freeze.metadata.generation
    root = freeze.metadata.namespace == deps.options.root_namespace
    starts: datetime | None = None
    ends: datetime | None = None
    try:
        starts, ends = span(freeze)
        phase = _phase(freeze, starts, ends, now)
        message = {
            FreezePhase.LIFTED: f"lifted: {freeze.spec.lift.reason if freeze.spec.lift else ''}",
            FreezePhase.ACTIVE: f"{freeze.spec.reason}: nothing starts where it applies",
        }.get(phase, freeze.spec.reason)
        ready, reason = True, phase.value
    except InvalidTime as problem:
        phase, message, ready, reason = (
            FreezePhase.INVALID,
            f"{problem}; until mended it holds everything it selects",
            False,
            "Invalid",
        )
    held = [
        f"{p.metadata.namespace}/{p.metadata.name}"
        for p in deps.store.of(Promotion, None if root else freeze.metadata.namespace)
        if p.status.phase is Phase.ON_HOLD
        and any(g.name == reasons.FREEZE and freeze.metadata.name in g.message for g in p.status.gates)
    ]
    deps.metrics.gauge("freeze_window_active", float(phase is FreezePhase.ACTIVE), window=freeze.metadata.name)
    status = freeze.status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": merge(
                freeze.status.conditions,
                [condition(reasons.READY, ready, reason, message, generation=generation, now=now)],
            ),
            "phase": phase,
            "starts_at": starts,
            "ends_at": ends,
            "affected": tuple(sorted(held)[:_SHOWN]),
        }
    )
    await write(deps, freeze, status)
    return next((t for t in (starts, ends) if t is not None and t > now and phase is not FreezePhase.LIFTED), None)


def _phase(freeze: FreezeWindow, starts: datetime, ends: datetime | None, now: datetime) -> FreezePhase:
    if freeze.spec.lift is not None:
        return FreezePhase.LIFTED
    if now < starts:
        return FreezePhase.UPCOMING
    return FreezePhase.ACTIVE if ends is None or now < ends else FreezePhase.ENDED
