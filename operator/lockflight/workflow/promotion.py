"""Reconcile a Promotion: gather, decide, persist intent, act, observe."""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from lockflight.api import reasons
from lockflight.api.conditions import find
from lockflight.api.environment import Environment
from lockflight.api.promotion import (
    Action,
    ComponentStatus,
    Execution,
    GateStatus,
    Phase,
    PlannedComponentStatus,
    PlanStatus,
    Promotion,
    PromotionStatus,
)
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import NamedVerdict, Plan, Snapshot
from lockflight.policy.promotion import Decision, Finish, Start, Wait, decide, return_revision, sign_offs
from lockflight.ports import GoneError, NotLeaderError, Severity
from lockflight.workflow import change as changes
from lockflight.workflow import gather
from lockflight.workflow.deps import Deps, Running
from lockflight.workflow.execute import run
from lockflight.workflow.gather import Gathered
from lockflight.workflow.progress import conditions, enter, finish, text_of
from lockflight.workflow.status import write

log = structlog.get_logger()


async def reconcile(deps: Deps, promotion: Promotion) -> datetime | None:
    """One pass; when to look again, or None where only an event can change anything. Raises PortError."""
    phase = promotion.status.phase
    if phase is not None and phase.final:
        return None
    if promotion.metadata.deletion_timestamp is not None:
        return None
    if phase is not None and phase.executing:
        return await _resume(deps, promotion)
    if phase is Phase.AWAITING_SIGN_OFF:
        return await _sign_off(deps, promotion)
    return await _wait(deps, promotion)


async def _wait(deps: Deps, promotion: Promotion) -> datetime | None:
    seen = await gather.shown(deps, promotion)
    verdicts, decision = _judge(deps, seen.snapshot)
    if not isinstance(decision, Start):
        return await _settle(deps, seen.snapshot, verdicts, decision)
    target = _target(seen.snapshot)
    holder = deps.targets.setdefault(target, promotion.metadata.uid)
    if holder != promotion.metadata.uid:
        # The peer's end wakes this one; the second is for the peer that ends without a word.
        return deps.clock.now() + deps.options.plan_retry
    try:
        read = await gather.fresh(deps, promotion)
        verdicts, decision = _judge(deps, read.snapshot)
        if not isinstance(decision, Start) or read.planned is None:
            return await _settle(deps, read.snapshot, verdicts, decision)
        await _start(deps, read, verdicts)
    except GoneError:
        _deleted(deps, promotion)
    finally:
        if deps.targets.get(target) == promotion.metadata.uid:
            del deps.targets[target]
    return None


def _judge(deps: Deps, snapshot: Snapshot) -> tuple[tuple[NamedVerdict, ...], Decision]:
    now = deps.clock.now()
    verdicts = evaluate_all(snapshot, now)
    return verdicts, decide(snapshot, verdicts, now)


async def _settle(
    deps: Deps, snapshot: Snapshot, verdicts: tuple[NamedVerdict, ...], decision: Decision
) -> datetime | None:
    """Write what was decided short of starting."""
    promotion, now = snapshot.promotion, deps.clock.now()
    status = _shown(promotion.status, snapshot, verdicts)
    generation = promotion.metadata.generation
    for row in verdicts:
        deps.metrics.gauge(
            "gate_blocked",
            0 if row.verdict.open else 1,
            environment=promotion.spec.environment_ref.name,
            gate=row.gate,
        )
    match decision:
        case Finish():
            status = finish(status, decision.phase, decision.reason, decision.message, now, generation=generation)
            await write(deps, promotion, status, guarded=True)
            deps.events.emit(promotion, Severity.WARNING, decision.phase.value, decision.message)
            deps.metrics.count(
                "promotion_transitions_total",
                environment=promotion.spec.environment_ref.name,
                phase=decision.phase.value,
            )
            return None
        case Wait():
            before = find(promotion.status.conditions, reasons.SUCCEEDED)
            status = enter(status, decision.phase, now, decision.message)
            status = status.model_copy(
                update={
                    "observed_generation": generation,
                    "conditions": conditions(
                        status, None, decision.reason, decision.message, generation=generation, now=now
                    ),
                    "forecast": decision.forecast,
                    "waits_for": text_of(decision.message, 512),
                }
            )
            await write(deps, promotion, status)
            if before is None or before.reason != decision.reason:
                deps.events.emit(promotion, Severity.NORMAL, decision.reason, decision.message)
            return decision.retry_at
        case Start():
            return now + timedelta(seconds=1)


async def _start(deps: Deps, read: Gathered, verdicts: tuple[NamedVerdict, ...]) -> None:
    """Use of the approval, then the intent, then Helm: each is in the cluster before the next begins."""
    snapshot, planned = read.snapshot, read.planned
    if planned is None:
        return
    promotion, now = snapshot.promotion, deps.clock.now()
    fencing = await deps.leadership.fence()
    if snapshot.change is not None:
        used = await changes.record_use(deps, snapshot.change, promotion, planned.plan.digest)
        snapshot = replace(snapshot, changes=(used,))
    status = enter(_shown(promotion.status, snapshot, verdicts), Phase.DEPLOYING, now, "every gate is open; applying")
    message = f"applying {promotion.spec.release_ref.name} to {planned.plan.namespace}"
    generation = promotion.metadata.generation
    status = status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": conditions(status, None, "Deploying", message, generation=generation, now=now),
            "execution": Execution(holder=deps.leadership.holder, fencing=fencing, started_at=now),
            "components": _rows(snapshot, planned.plan),
            "change": snapshot.change.metadata.name if snapshot.change else None,
            "release_digest": snapshot.release.status.digest if snapshot.release else None,
            "forecast": None,
            "waits_for": "Helm",
        }
    )
    promotion = await write(deps, promotion, status, guarded=True)
    deps.events.emit(promotion, Severity.NORMAL, "Deploying", message)
    await _carry_out(deps, Gathered(replace(snapshot, promotion=promotion), planned), promotion)


async def _resume(deps: Deps, promotion: Promotion) -> datetime | None:
    """An execution that another process began: read the world again and go on from Helm's storage."""
    if promotion.metadata.uid in deps.running:
        return None
    try:
        read = await gather.fresh(deps, promotion)
        current = read.snapshot.promotion
        if current.status.phase is None or not current.status.phase.executing or current.status.plan is None:
            return deps.clock.now()
        if read.planned is not None and read.planned.plan.digest != current.status.plan.digest:
            read = Gathered(replace(read.snapshot, plan=None), None)
        fencing = await deps.leadership.fence()
        execution = current.status.execution
        if execution is not None and execution.holder != deps.leadership.holder:
            execution = execution.model_copy(update={"holder": deps.leadership.holder, "fencing": fencing})
            current = await write(
                deps, current, current.status.model_copy(update={"execution": execution}), guarded=True
            )
        log.info("taking up an execution after a restart", promotion=promotion.metadata.name)
        await _carry_out(deps, read, current)
    except GoneError:
        _deleted(deps, promotion)
    return None


async def _carry_out(deps: Deps, read: Gathered, promotion: Promotion) -> None:
    running = deps.running.setdefault(promotion.metadata.uid, Running())
    if promotion.spec.abort:
        running.aborted.set()
    try:
        await run(deps, read, promotion, running)
    except NotLeaderError:
        log.warning("leadership lost: execution left to the next leader", promotion=promotion.metadata.name)
        raise
    finally:
        deps.running.pop(promotion.metadata.uid, None)


def _deleted(deps: Deps, promotion: Promotion) -> None:
    """The record went away under the execution: say so where it can still be read."""
    stack, name = promotion.metadata.namespace, promotion.metadata.name
    log.warning("promotion deleted while it was being carried out", promotion=name, namespace=stack)
    environment = deps.store.get(Environment, stack, promotion.spec.environment_ref.name)
    if environment is not None:
        message = (
            f"promotion {name} was deleted while it was being carried out: what it applied is unverified; promote again"
        )
        deps.events.emit(environment, Severity.WARNING, "PromotionDeleted", message)


def interrupt(deps: Deps, promotion: Promotion) -> None:
    """Abort an execution of this process; nothing where none runs."""
    running = deps.running.get(promotion.metadata.uid)
    if running is None:
        return
    running.aborted.set()
    if running.helm_release is not None:
        deps.helm.cancel(*running.helm_release)


async def _sign_off(deps: Deps, promotion: Promotion) -> datetime | None:
    seen = await gather.shown(deps, promotion)
    snapshot, now, generation = seen.snapshot, deps.clock.now(), promotion.metadata.generation
    if promotion.spec.abort:
        words = "aborted while it waited for sign-off; the release stays where it is"
        await _end(deps, promotion, Phase.ABORTED, "Aborted", words)
        return None
    newer = next((p for p in snapshot.peers if _deployed_after(p, promotion)), None)
    if newer is not None:
        words = f"promotion {newer.metadata.name} deployed here before it was signed off"
        await _end(deps, promotion, Phase.SUPERSEDED, "Superseded", words)
        return None
    if snapshot.effective is None or snapshot.release is None:
        return now + deps.options.plan_retry
    result = sign_offs(promotion, snapshot.effective, snapshot.release)
    if result.rejected:
        await _end(deps, promotion, Phase.REJECTED, "SignOffRejected", result.message)
        return None
    if result.complete:
        await _end(deps, promotion, Phase.SUCCEEDED, "Succeeded", result.message)
        return None
    status = promotion.status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": conditions(
                promotion.status, None, "AwaitingSignOff", result.message, generation=generation, now=now
            ),
            "waits_for": text_of(result.message, 512),
        }
    )
    await write(deps, promotion, status)
    return None


async def _end(deps: Deps, promotion: Promotion, phase: Phase, reason: str, message: str) -> None:
    now = deps.clock.now()
    final = finish(promotion.status, phase, reason, message, now, generation=promotion.metadata.generation)
    await write(deps, promotion, final, guarded=True)
    severity = Severity.NORMAL if phase is Phase.SUCCEEDED else Severity.WARNING
    deps.events.emit(promotion, severity, phase.value, message)
    deps.metrics.count(
        "promotion_transitions_total", environment=promotion.spec.environment_ref.name, phase=phase.value
    )


def _deployed_after(peer: Promotion, promotion: Promotion) -> bool:
    mine, theirs = promotion.status.execution, peer.status.execution
    return mine is not None and theirs is not None and theirs.fencing >= 0 and theirs.started_at > mine.started_at


def _target(snapshot: Snapshot) -> tuple[str, str]:
    namespace = snapshot.namespace.name if snapshot.namespace else ""
    return namespace, snapshot.release.spec.application if snapshot.release else ""


def _shown(status: PromotionStatus, snapshot: Snapshot, verdicts: tuple[NamedVerdict, ...]) -> PromotionStatus:
    gates = tuple(
        GateStatus(
            name=v.gate,
            outcome=v.verdict.outcome,
            reason=v.verdict.reason,
            message=text_of(v.verdict.message, 4096),
            retry_at=v.verdict.retry_at,
        )
        for v in verdicts
    )
    plan = snapshot.plan if isinstance(snapshot.plan, Plan) else None
    return status.model_copy(update={"gates": gates, "plan": plan_status(plan) if plan else None})


def plan_status(plan: Plan) -> PlanStatus:
    """A plan as status shows it."""
    return PlanStatus(
        digest=plan.digest,
        secrets_digest=plan.secrets_digest or None,
        namespace=plan.namespace,
        components=tuple(
            PlannedComponentStatus(
                name=c.name,
                chart_digest=c.chart_digest,
                values_digest=c.values_digest,
                manifest_digest=c.manifest_digest,
                images=c.images[:64],
                values_from=c.values_from[:32],
            )
            for c in plan.components
        ),
    )


def _rows(snapshot: Snapshot, plan: Plan) -> tuple[ComponentStatus, ...]:
    """The components with the verified revision each goes back to."""
    back = {} if snapshot.promotion.spec.action is Action.ROLLBACK else return_revision(snapshot)
    return tuple(
        ComponentStatus(
            name=c.name, helm_release=c.helm_release, previous_revision=back.get(c.helm_release, 0), state="Pending"
        )
        for c in plan.components
    )
