"""Reconcile a FreezeWindow: show when it holds and whom, and cancel what it aborts. Gates judge the spec themselves."""

from dataclasses import dataclass
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.conditions import condition, merge
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezePhase, FreezeWindow, Occurrence, OnRunning
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.policy.agenda import called
from lockflight.policy.lifting import asked_to_lift, lifted
from lockflight.policy.override import aborting
from lockflight.policy.time.recurrence import Around, Span
from lockflight.policy.time.zones import InvalidTime
from lockflight.policy.windows import FOREVER, occurrences
from lockflight.workflow import gather
from lockflight.workflow.deps import Deps
from lockflight.workflow.promotion import interrupt
from lockflight.workflow.ruling import lift_approved, of_scope
from lockflight.workflow.status import write

_SHOWN = 64


@dataclass(frozen=True, slots=True)
class _Seen:
    phase: FreezePhase
    around: Around
    message: str


async def reconcile(deps: Deps, freeze: FreezeWindow) -> datetime | None:
    """One pass; the next instant at which what it shows changes. Raises PortError."""
    now, generation = deps.clock.now(), freeze.metadata.generation
    freeze = await _lifted(deps, freeze)
    seen = _look(freeze, now)
    if seen.phase is FreezePhase.ACTIVE and freeze.spec.on_running is OnRunning.ABORT:
        await _abort(deps, freeze, now)
    selected = _environments(deps, freeze)
    message = seen.message if selected or seen.phase is FreezePhase.INVALID else f"{seen.message} (selects nothing yet)"
    ready = condition(
        reasons.READY, seen.phase is not FreezePhase.INVALID, seen.phase.value, message, generation=generation, now=now
    )
    deps.metrics.gauge("freeze_window_active", float(seen.phase is FreezePhase.ACTIVE), window=freeze.metadata.name)
    transition = _transition(seen, now)
    approvals, approved = await of_scope(deps, freeze)
    status = freeze.status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": merge(freeze.status.conditions, [ready, *approved]),
            "phase": seen.phase,
            "active": _occurrence(seen.around.current),
            "next": _occurrence(seen.around.next),
            "next_transition": transition,
            "environments": selected[:_SHOWN],
            "affected": _held(deps, freeze)[:_SHOWN],
        }
        | approvals
    )
    await write(deps, freeze, status)
    if asked_to_lift(freeze) and freeze.status.approvals:
        # Somebody may be given the right, or asked about, by now: no event tells.
        again = now + deps.options.plan_retry
        return min(again, transition) if transition else again
    return transition


async def _lifted(deps: Deps, freeze: FreezeWindow) -> FreezeWindow:
    """With the time of its lifting, once that is approved by people who may; from fresh answers. Raises PortError."""
    if not asked_to_lift(freeze) or not await lift_approved(deps, freeze):
        return freeze
    status = freeze.status.model_copy(update={"lifted_at": deps.clock.now()})
    return await write(deps, freeze, status, guarded=True)


def _look(freeze: FreezeWindow, now: datetime) -> _Seen:
    nothing = Around(None, None)
    lift, waits = freeze.spec.lift, ""
    if lift is not None and lifted(freeze):
        return _Seen(FreezePhase.LIFTED, nothing, f"lifted: {lift.reason}")
    if lift is not None:
        waits = f"; to be lifted ({lift.reason}) once spec.override's approvals are there: see status.howToApprove"
    try:
        around = occurrences(freeze).around(now)
    except InvalidTime as problem:
        return _Seen(FreezePhase.INVALID, nothing, f"{problem}; until mended it holds everything it selects")
    if around.current is not None:
        return _Seen(FreezePhase.ACTIVE, around, f"{freeze.spec.reason}: nothing starts where it applies{waits}")
    phase = FreezePhase.UPCOMING if around.next is not None else FreezePhase.ENDED
    return _Seen(phase, around, f"{freeze.spec.reason}{waits}")


def _transition(seen: _Seen, now: datetime) -> datetime | None:
    current, following = seen.around
    times = [current.end if current else None, following.start if following else None]
    return min((t for t in times if t is not None and now < t < FOREVER), default=None)


def _occurrence(span: Span | None) -> Occurrence | None:
    return Occurrence(start=span.start, end=span.end if span.end < FOREVER else None) if span else None


def _namespace(deps: Deps, freeze: FreezeWindow) -> str | None:
    """Whom it binds: its stack, or every one."""
    own = freeze.metadata.namespace
    return None if own == deps.options.root_namespace else own


def _environments(deps: Deps, freeze: FreezeWindow) -> tuple[str, ...]:
    where, root = freeze.spec.environments, deps.options.root_namespace
    names = frozenset(where.names) if where else frozenset[str]()
    tiers = frozenset(where.tiers) if where else frozenset[Tier]()
    return tuple(
        sorted(
            f"{e.metadata.namespace}/{e.metadata.name}"
            for e in deps.store.of(Environment, _namespace(deps, freeze))
            if e.metadata.namespace != root
            and (not tiers or e.spec.tier in tiers)
            and (not names or e.metadata.name in names)
        )
    )


def _held(deps: Deps, freeze: FreezeWindow) -> tuple[str, ...]:
    name = f"{called(freeze)} ("
    broken = f"{called(freeze)}: "
    return tuple(
        sorted(
            f"{p.metadata.namespace}/{p.metadata.name}"
            for p in deps.store.of(Promotion, _namespace(deps, freeze))
            if p.status.phase is Phase.ON_HOLD
            and any(g.name == reasons.FREEZE and (name in g.message or broken in g.message) for g in p.status.gates)
        )
    )


async def _abort(deps: Deps, freeze: FreezeWindow, now: datetime) -> None:
    """Cancel what this process executes where the freeze applies; a way back goes on."""
    for promotion in tuple(deps.store.of(Promotion, _namespace(deps, freeze))):
        if promotion.metadata.uid not in deps.running or promotion.spec.action is Action.ROLLBACK:
            continue
        why = aborting(await gather.beside(deps, promotion), now)
        if why is not None:
            interrupt(deps, promotion, why)
