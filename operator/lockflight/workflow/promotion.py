"""Reconcile a Promotion: gather, decide, persist intent, act, observe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from lockflight.api import reasons
from lockflight.api.conditions import find
from lockflight.api.emergency import Debt
from lockflight.api.environment import Environment
from lockflight.api.promotion import Action, Execution, Phase, Promotion
from lockflight.policy.bulk import called, part
from lockflight.policy.debts import incurred
from lockflight.policy.emergency import is_emergency
from lockflight.policy.emergencyrules import terms
from lockflight.policy.external import pending
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import NamedVerdict, Plan, PlanProblem, Snapshot
from lockflight.policy.override import gone_past, overridden
from lockflight.policy.promotion import Decision, Finish, Start, Wait, decide
from lockflight.policy.targets import application_changed
from lockflight.ports import ConflictError, GoneError, NotLeaderError, Severity, UnreachableError
from lockflight.workflow import catalogue, gather, others, sealing
from lockflight.workflow import change as changes
from lockflight.workflow.deps import Deps, Running
from lockflight.workflow.ended import end
from lockflight.workflow.execute import run
from lockflight.workflow.gather import Gathered
from lockflight.workflow.progress import conditions, enter, text_of
from lockflight.workflow.recording import WAITS_FOR_HELM
from lockflight.workflow.shown import rows, shown
from lockflight.workflow.sign_off import sign_off
from lockflight.workflow.status import write

log = structlog.get_logger()

_WARNINGS: Final = (reasons.NOT_TESTED_TOGETHER, reasons.REQUIREMENT_IGNORED)
_PASSING: Final = ("CannotTell", "HelmStorageUnreadable", "RegistryUnreachable")


async def reconcile(deps: Deps, promotion: Promotion) -> datetime | None:
    """One pass; when to look again, or None where only an event can change anything. Raises PortError."""
    phase = promotion.status.phase
    if phase is not None and phase.final:
        await sealing.finished(deps, promotion)
        if promotion.status.observed_generation != promotion.metadata.generation:
            # An abort that comes too late keeps nobody from taking a sign-off back: that binds to what was observed.
            seen = promotion.status.model_copy(update={"observed_generation": promotion.metadata.generation})
            await write(deps, promotion, seen)
        return None
    if promotion.metadata.deletion_timestamp is not None:
        return None
    if phase is not None and phase.executing:
        return await _resume(deps, promotion)
    if phase is Phase.AWAITING_VERIFICATION:
        return await others.look(deps, promotion, lambda: _alone(deps, promotion, _executed_target(promotion)))
    if phase is Phase.AWAITING_SIGN_OFF:
        return await sign_off(deps, promotion)
    return await _wait(deps, promotion)


async def _wait(deps: Deps, promotion: Promotion) -> datetime | None:
    """Judge by what the watches told; whatever cannot be taken back is decided by fresh reads."""
    seen = await gather.shown(deps, promotion)
    verdicts, decision = _judge(deps, seen.snapshot)
    if isinstance(decision, Wait):
        return await _keep_waiting(deps, seen.snapshot, verdicts, decision)
    if isinstance(decision, Finish):
        return await _decide(deps, promotion, may_start=False)
    async with _alone(deps, promotion, _target(seen.snapshot)) as alone:
        if not alone:
            # The other's end wakes this one; the time is for the one that ends without a word.
            return deps.clock.now() + deps.options.plan_retry
        async with deps.slots.held(promotion.metadata.uid):
            return await _decide(deps, promotion, may_start=True)


async def _decide(deps: Deps, promotion: Promotion, *, may_start: bool) -> datetime | None:
    read = await gather.fresh(deps, promotion)
    verdicts, decision = _judge(deps, read.snapshot)
    match decision:
        case Wait():
            return await _keep_waiting(deps, read.snapshot, verdicts, decision)
        case Finish():
            await _not_carried_out(deps, read.snapshot, verdicts, decision)
        case Start() if may_start:
            return await _start(deps, read, verdicts)
        case Start():
            return deps.clock.now()
    return None


@asynccontextmanager
async def _alone(deps: Deps, promotion: Promotion, target: tuple[str, str]) -> AsyncIterator[bool]:
    """Whether no other promotion starts or executes on ``target`` in this process; nobody else does inside."""
    uid = promotion.metadata.uid
    if deps.targets.setdefault(target, uid) != uid:
        yield False
        return
    try:
        yield True
    finally:
        del deps.targets[target]


def _judge(deps: Deps, snapshot: Snapshot) -> tuple[tuple[NamedVerdict, ...], Decision]:
    now = deps.clock.now()
    verdicts = evaluate_all(snapshot, now)
    return verdicts, decide(snapshot, verdicts, now)


async def _keep_waiting(
    deps: Deps, snapshot: Snapshot, verdicts: tuple[NamedVerdict, ...], decision: Wait
) -> datetime | None:
    promotion, now = snapshot.promotion, deps.clock.now()
    generation = promotion.metadata.generation
    _measure(deps, promotion, verdicts)
    before = find(promotion.status.conditions, reasons.SUCCEEDED)
    status = enter(shown(promotion.status, snapshot, verdicts), decision.phase, now, decision.message)
    said = conditions(status, None, decision.reason, decision.message, generation=generation, now=now)
    status = status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": said,
            "forecast": decision.forecast,
            "waits_for": text_of(decision.message, 512),
        }
    )
    # Guarded: a leader that was deposed must not write a waiting phase over its successor's execution.
    await write(deps, promotion, status, guarded=True)
    if before is None or before.reason != decision.reason:
        deps.events.emit(promotion, Severity.NORMAL, decision.reason, decision.message)
    return decision.retry_at


async def _not_carried_out(
    deps: Deps, snapshot: Snapshot, verdicts: tuple[NamedVerdict, ...], decision: Finish
) -> None:
    promotion = snapshot.promotion
    _measure(deps, promotion, verdicts)
    status = shown(promotion.status, snapshot, verdicts)
    await end(deps, promotion, decision.phase, decision.reason, decision.message, status=status)


def _measure(deps: Deps, promotion: Promotion, verdicts: tuple[NamedVerdict, ...]) -> None:
    environment = promotion.spec.environment_ref.name
    for row in verdicts:
        deps.metrics.gauge("gate_blocked", 0 if row.verdict.open else 1, environment=environment, gate=row.gate)


async def _start(deps: Deps, read: Gathered, verdicts: tuple[NamedVerdict, ...]) -> datetime | None:
    """Use of the approval, then the intent, then Helm: each is in the cluster before the next begins."""
    snapshot, planned = read.snapshot, read.planned
    if planned is None:
        msg = "a promotion was let through without a plan"
        raise ValueError(msg)
    fencing = await deps.leadership.fence()
    change = snapshot.change if _controlled(snapshot) else None
    if change is not None:
        try:
            if snapshot.standard is not None:
                await catalogue.record_use(deps, snapshot.standard, change, snapshot.promotion)
            past = gone_past(snapshot, deps.clock.now())
            owes = _owes(snapshot, verdicts, deps.clock.now())
            uses = snapshot.whole or change
            change = await changes.record_use(deps, uses, snapshot.promotion, planned.plan.digest, past, owes)
            for freeze in past:
                await deps.audit.seal(snapshot.stack, overridden(change, freeze, snapshot.promotion))
        except GoneError as gone:
            raise ConflictError(str(gone)) from gone
        mine = part(change, snapshot.stack) or change
        snapshot = replace(snapshot, changes=(mine,), whole=change if snapshot.whole is not None else None)
    promotion = await _intend(deps, snapshot, planned.plan, verdicts, fencing)
    read = replace(read, snapshot=replace(snapshot, promotion=promotion))
    return await _carry_out(deps, read, promotion, again=False)


async def _intend(
    deps: Deps, snapshot: Snapshot, plan: Plan, verdicts: tuple[NamedVerdict, ...], fencing: int
) -> Promotion:
    """What is about to happen, written only if the promotion is as it was judged."""
    promotion, now = snapshot.promotion, deps.clock.now()
    removes = promotion.spec.action is Action.REMOVE
    doing, reason = ("removing", reasons.REMOVING) if removes else ("applying", reasons.DEPLOYING)
    status = enter(shown(promotion.status, snapshot, verdicts), Phase.DEPLOYING, now, f"every gate is open; {doing}")
    message = f"{doing} {promotion.spec.release_ref.name} {'from' if removes else 'to'} {plan.namespace}"
    generation = promotion.metadata.generation
    status = status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": conditions(status, None, reason, message, generation=generation, now=now),
            "execution": Execution(holder=deps.leadership.holder, fencing=fencing, started_at=now),
            "components": rows(snapshot, plan),
            "steps": pending(plan.steps) if promotion.spec.action is Action.DEPLOY else (),
            "change": called(snapshot.change, snapshot.stack) if snapshot.change else None,
            "application": snapshot.release.spec.application if snapshot.release else None,
            "release_digest": snapshot.release.status.digest if snapshot.release else None,
            "forecast": None,
            "waits_for": WAITS_FOR_HELM,
        }
    )
    try:
        promotion = await write(deps, promotion, status, guarded=True)
    except GoneError as gone:
        raise ConflictError(str(gone)) from gone
    deps.events.emit(promotion, Severity.NORMAL, reason, message)
    for row in verdicts:
        if row.verdict.reason in _WARNINGS:
            deps.events.emit(promotion, Severity.WARNING, row.verdict.reason, row.verdict.message)
    return promotion


def _owes(snapshot: Snapshot, verdicts: tuple[NamedVerdict, ...], now: datetime) -> tuple[Debt, ...]:
    """What an emergency owes from its use on; a way back owes nothing of its own."""
    change, effective = snapshot.change, snapshot.effective
    rule = terms(effective.spec.change_control) if effective else None
    back = any(row.verdict.reason == reasons.BACK_OUT for row in verdicts if row.gate == reasons.CHANGE_CONTROL)
    if change is None or effective is None or rule is None or back or not is_emergency(change):
        return ()
    return incurred(effective.name, rule, verdicts, now)


def _controlled(snapshot: Snapshot) -> bool:
    """Whether the environment asks for a change: only there an approval is used up."""
    return snapshot.effective is not None and snapshot.effective.spec.change_control is not None


async def _resume(deps: Deps, promotion: Promotion) -> datetime | None:
    """An execution that another process or pass began: read the world again and go on from Helm's storage."""
    if promotion.metadata.uid in deps.running:
        return None
    async with _alone(deps, promotion, _executed_target(promotion)) as alone:
        if not alone:
            return deps.clock.now() + deps.options.plan_retry
        async with deps.slots.held(promotion.metadata.uid):
            return await _take_over(deps, promotion)


async def _take_over(deps: Deps, promotion: Promotion) -> datetime | None:
    read = await gather.fresh(deps, promotion)
    current = read.snapshot.promotion
    if current.status.phase is None or not current.status.phase.executing:
        return deps.clock.now()
    if isinstance(read.snapshot.plan, PlanProblem) and _passing(read.snapshot.plan) and not current.spec.abort:
        return await _keep_executing(deps, current, read.snapshot.plan)
    plan = current.status.plan
    if read.planned is not None and (plan is None or read.planned.plan.digest != plan.digest):
        # What would be applied now is not what was let through.
        read = replace(read, snapshot=replace(read.snapshot, plan=None), planned=None)
    current = await _take_up(deps, current)
    log.info("taking up an execution", promotion=promotion.metadata.name, namespace=promotion.metadata.namespace)
    read = replace(read, snapshot=replace(read.snapshot, promotion=current))
    return await _carry_out(deps, read, current, again=True)


def _executed_target(promotion: Promotion) -> tuple[str, str]:
    plan = promotion.status.plan
    return plan.namespace if plan else "", application_changed(promotion)


def _passing(problem: PlanProblem) -> bool:
    """It goes away by itself: the execution waits for that."""
    return problem.reason in _PASSING and not problem.final


async def _keep_executing(deps: Deps, promotion: Promotion, problem: PlanProblem) -> datetime:
    words = f"taking it up again waits: {problem.message}"
    await write(deps, promotion, promotion.status.model_copy(update={"waits_for": text_of(words, 512)}), guarded=True)
    return deps.clock.now() + deps.options.plan_retry


async def _take_up(deps: Deps, promotion: Promotion) -> Promotion:
    """Write that this process executes it now. Raises NotLeaderError where a later leader does."""
    fencing = await deps.leadership.fence()
    execution = promotion.status.execution
    if execution is None:
        msg = f"promotion {promotion.metadata.name} executes without an intent"
        raise ValueError(msg)
    if execution.fencing > fencing:
        msg = f"{execution.holder} leads as number {execution.fencing}"
        raise NotLeaderError(msg)
    mine: dict[str, object] = {"holder": deps.leadership.holder, "fencing": fencing}
    if (execution.holder, execution.fencing) != (deps.leadership.holder, fencing):
        mine["attempt"] = execution.attempt + 1
    status = promotion.status.model_copy(update={"execution": execution.model_copy(update=mine)})
    return await write(deps, promotion, status, guarded=True)


async def _carry_out(deps: Deps, read: Gathered, promotion: Promotion, *, again: bool) -> datetime | None:
    running = deps.running.setdefault(promotion.metadata.uid, Running())
    if promotion.spec.abort:
        running.aborted.set()
    try:
        return await run(deps, read, promotion, running, again=again)
    except NotLeaderError:
        log.warning("leadership lost: execution left to the next leader", promotion=promotion.metadata.name)
        raise
    except GoneError as gone:
        await _deleted(deps, promotion, gone)
        return None
    finally:
        deps.running.pop(promotion.metadata.uid, None)


async def _deleted(deps: Deps, promotion: Promotion, gone: GoneError) -> None:
    """The record went away under the execution: say so where it can still be read.

    Raises UnreachableError where it was something else that went: then it is taken up again.
    """
    stack, name = promotion.metadata.namespace, promotion.metadata.name
    current = await deps.cluster.get("Promotion", stack, name)
    if current is not None and current.metadata.uid == promotion.metadata.uid:
        raise UnreachableError(str(gone)) from gone
    log.warning("promotion deleted while it was being carried out", promotion=name, namespace=stack)
    environment = deps.store.get(Environment, stack, promotion.spec.environment_ref.name)
    if environment is not None:
        message = (
            f"promotion {name} was deleted while it was being carried out: what it applied is unverified; promote again"
        )
        deps.events.emit(environment, Severity.WARNING, "PromotionDeleted", message)


def interrupt(deps: Deps, promotion: Promotion, by: str = "") -> None:
    """Abort an execution of this process; nothing where none runs. A way back is not cancelled.

    ``by`` is what aborts it, where that is no person.
    """
    running = deps.running.get(promotion.metadata.uid)
    if running is None:
        return
    if not running.aborted.is_set():
        running.aborted_by = by
    running.aborted.set()
    if running.helm_release is not None:
        deps.helm.cancel(*running.helm_release)


def _target(snapshot: Snapshot) -> tuple[str, str]:
    namespace = snapshot.namespace.name if snapshot.namespace else ""
    return namespace, snapshot.release.spec.application if snapshot.release else ""
