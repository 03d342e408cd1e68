"""Reconcile a ChangeRequest: what exactly is being approved, by whom, and where it stands."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangePlan, ChangeRequest, Use
from lockflight.api.common import ChangeType
from lockflight.api.conditions import find
from lockflight.api.delegation import Delegation
from lockflight.api.emergency import Debt
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy.assessment import used
from lockflight.policy.bulk import qualified
from lockflight.policy.change import Assessment, assess, relays
from lockflight.policy.conflicts import conflicts, next_free
from lockflight.policy.debts import added
from lockflight.policy.digest import change_digest
from lockflight.policy.entitlement import asked, by_function
from lockflight.policy.model import Effective, PlanProblem, Verdict
from lockflight.policy.override import named
from lockflight.policy.pattern import judge
from lockflight.policy.verdicts import passed, waiting
from lockflight.ports import Severity
from lockflight.workflow import activity, catalogue, debts, sealing
from lockflight.workflow.assessing import Assessed
from lockflight.workflow.assessing import assess as assess_target
from lockflight.workflow.authorising import authorise
from lockflight.workflow.calendars import calendar_of, critical_of
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import bulk_changes, stack_effective
from lockflight.workflow.indexes import Index
from lockflight.workflow.reach import never
from lockflight.workflow.rights import answers
from lockflight.workflow.ruling import unentitled_to
from lockflight.workflow.status import write


async def reconcile(deps: Deps, change: ChangeRequest) -> datetime | None:
    """One pass; when to look again. Raises PortError."""
    if over(change):
        # What was approved, and what came of it, stays as it was written.
        if await sealing.owed(deps, change):
            await sealing.change(deps, change)
        return None
    stack, now = change.metadata.namespace, deps.clock.now()
    release = deps.store.get(Release, stack, change.spec.release) if change.spec.release else None
    environments = {
        name: found
        for name in change.spec.environments
        if (found := deps.store.get(Environment, stack, name)) is not None
    }
    governed = {name: stack_effective(deps, e) for name, e in environments.items()}
    owing = {**governed, **_used_in(deps, change)}
    promotions = deps.store.by(Promotion, Index.PROMOTIONS_UNDER, stack, change.metadata.name)
    left = {name: e for name, e in environments.items() if name not in _taking_away(change, promotions)}
    assessed = await _assessed(deps, change, release, left, governed)
    plans, problems = plans_of(change, release, assessed, governed, _taking_away(change, promotions))
    problems = (*never(deps, change, release), *problems)
    digest = change_digest(plans) if plans and not problems else None
    shown = {"plans": plans, "plan_digest": digest, **_conflicts(deps, change, now)}
    with_plans = change.model_copy(update={"status": change.status.model_copy(update=shown)})
    pattern = await _pattern(deps, with_plans, assessed, governed)
    questions = asked(change, None, function=by_function(tuple(owing.values())))
    # On the word of an activity's condition others act, without asking again.
    rights = await answers(deps, stack, questions, fresh=change.spec.activity is not None)
    places = dict.fromkeys((deps.options.root_namespace, stack))
    delegations = tuple(d for place in places for d in deps.store.of(Delegation, place))
    listed = deps.store.listed(FreezeWindow, deps.options.root_namespace, stack)
    overridden = named(change, (*listed, *critical_of(deps, stack, governed.values(), now)))
    owed, word, later = await debts.settle(deps, with_plans, owing, release, rights, delegations, relays(change, owing))
    with_plans = with_plans.model_copy(update={"status": with_plans.status.model_copy(update={"debts": owed})})
    calendars = tuple(c for e in governed.values() if (c := calendar_of(deps, stack, e)) is not None)
    verdict = assess(
        with_plans,
        governed,
        release,
        promotions,
        problems,
        rights,
        now,
        pattern,
        delegations,
        overridden,
        calendars,
        word,
    )
    decided, again = await authorise(deps, change.model_copy(update={"status": verdict.status}))
    verdict = Assessment(decided.status, min((t for t in (verdict.retry_at, again, later) if t), default=None))
    before = find(change.status.conditions, reasons.APPROVED)
    after = find(verdict.status.conditions, reasons.APPROVED)
    written = await write(deps, change, verdict.status, guarded=True)
    await sealing.change(deps, written)
    if after is not None and (before is None or before.status != after.status):
        severity = (
            Severity.WARNING if verdict.status.phase is not None and verdict.status.phase.ended else Severity.NORMAL
        )
        deps.events.emit(change, severity, after.reason, after.message)
    if problems and not over(change.model_copy(update={"status": verdict.status})):
        # A registry that is down or a Secret that is missing: no event tells when it is there.
        again = now + deps.options.plan_retry
        return min(again, verdict.retry_at) if verdict.retry_at else again
    return verdict.retry_at


def _conflicts(deps: Deps, change: ChangeRequest, now: datetime) -> dict[str, object]:
    """Who is scheduled for the same target at the same time, and when it is free."""
    stack = change.metadata.namespace
    others = (*deps.store.of(ChangeRequest, stack), *(mine for _, mine in bulk_changes(deps, stack)))
    applications = {r.metadata.name: r.spec.application for r in deps.store.of(Release, stack)}
    found = conflicts(change, others, applications)[:64] if change.spec.schedule else ()
    slot = next_free(change, others, applications, now) if found else None
    # What was free when it was looked for stays told as long as the conflict is the same.
    same = found == change.status.conflicts and change.status.next_free_slot is not None
    return {"conflicts": found, "next_free_slot": change.status.next_free_slot if same else slot}


def over(change: ChangeRequest) -> bool:
    """Nothing changes it any more; an expired one goes on where its spec was edited."""
    phase = change.status.phase
    if phase is None or not phase.ended:
        return False
    return phase is not ChangePhase.EXPIRED or change.status.observed_generation == change.metadata.generation


async def record_use(
    deps: Deps,
    change: ChangeRequest,
    promotion: Promotion,
    plan_digest: str,
    freezes: tuple[FreezeWindow, ...] = (),
    owes: tuple[Debt, ...] = (),
) -> ChangeRequest:
    """Write down that ``promotion`` uses the approval, before it acts; once, however often it is tried.

    ``freezes`` are those in force that it goes past by their override: they are put on the record too, and so is what
    an emergency ``owes`` from then on.

    Raises ConflictError if the change moved on since it was read: an approval withdrawn meanwhile is not used.
    """
    uid, environment = promotion.metadata.uid, promotion.spec.environment_ref.name
    use = Use(
        environment=qualified(promotion.metadata.namespace, environment) if change.spec.releases else environment,
        promotion_uid=uid,
        plan_digest=plan_digest,
        at=deps.clock.now(),
        freezes=tuple(f"{f.metadata.namespace}/{f.metadata.name}" for f in freezes),
    )
    others = tuple(known for known in change.status.used_by if known.promotion_uid != uid)
    status = {"used_by": (*others, use), "debts": added(change.status.debts, owes)}
    return await write(deps, change, change.status.model_copy(update=status), guarded=True)


def _used_in(deps: Deps, change: ChangeRequest) -> dict[str, Effective]:
    """Where it was used, whatever its spec names by now: what is owed there is judged by the rules of that place."""
    stack, names = change.metadata.namespace, dict.fromkeys(use.environment for use in change.status.used_by)
    found = {name: deps.store.get(Environment, stack, name) for name in names}
    return {name: stack_effective(deps, e) for name, e in found.items() if e is not None}


async def _assessed(
    deps: Deps,
    change: ChangeRequest,
    release: Release | None,
    environments: Mapping[str, Environment],
    governed: Mapping[str, Effective],
) -> Mapping[str, Assessed | PlanProblem]:
    """Every environment named that there is, but those in which the change is done."""
    done = {use.environment for use in change.status.used_by if use.finished}
    names = [name for name in environments if name not in done]
    if release is None:
        return {}
    mine = {use.promotion_uid for use in change.status.used_by}
    removes = change.spec.removes
    found = await asyncio.gather(
        *(assess_target(deps, release, environments[n], governed[n], mine, removes=removes) for n in names)
    )
    return dict(zip(names, found, strict=True))


def plans_of(
    change: ChangeRequest,
    release: Release | None,
    assessed: Mapping[str, Assessed | PlanProblem],
    governed: Mapping[str, Effective],
    standing: Collection[str] = (),
) -> tuple[tuple[ChangePlan, ...], tuple[str, ...]]:
    """The plan for every environment named, or what is in the way; in those ``standing`` it stays as it is."""
    if change.spec.unauthorised is not None:
        return (), ()
    if change.spec.activity is not None:
        return activity.plans(change, change.spec.activity, governed)
    if release is None:
        return (), (f"release {change.spec.release} does not exist in {change.metadata.namespace}",)
    problems: list[str] = []
    order = change.spec.environments
    done = {*(use.environment for use in change.status.used_by if use.finished), *standing}
    # What was applied stays as it was approved.
    plans = [plan for plan in change.status.plans if plan.environment in done and plan.environment in order]
    for name, answer in assessed.items():
        if isinstance(answer, PlanProblem):
            problems.append(f"{name}: {answer.message}")
        elif name not in done:
            plans.append(_row(change, answer, controlled=governed[name].spec.change_control is not None))
    return tuple(sorted(plans, key=lambda plan: order.index(plan.environment))), tuple(problems)


def _taking_away(change: ChangeRequest, promotions: Iterable[Promotion]) -> frozenset[str]:
    """Where it removes, or has removed, what it named: there nothing is left to plan it by."""
    return frozenset(
        p.spec.environment_ref.name
        for p in promotions
        if p.spec.action is Action.REMOVE
        and p.status.phase is not None
        and (p.status.phase.executing or p.status.phase is Phase.SUCCEEDED)
        and any(use.promotion_uid == p.metadata.uid for use in change.status.used_by)
    )


def _row(change: ChangeRequest, found: Assessed, *, controlled: bool) -> ChangePlan:
    """One environment's plan. Once a promotion is at work there, what runs is its own doing: base and risk stay."""
    row = ChangePlan(environment=found.environment, digest=found.plan.digest, summary=found.summary)
    before = next((plan for plan in change.status.plans if plan.environment == found.environment), None)
    if before is not None and found.environment in used(change) and not change.spec.removes:
        kept = {"base": before.base, "risk": before.risk, "risk_reasons": before.risk_reasons}
        return row.model_copy(update={**kept, "summary": before.summary})
    if not controlled:
        return row.model_copy(update={"base": found.base})
    reasons_ = tuple(text[:512] for text in found.risk.reasons[:16])
    return row.model_copy(update={"base": found.base, "risk": found.risk.level, "risk_reasons": reasons_})


async def _pattern(
    deps: Deps, change: ChangeRequest, assessed: Mapping[str, Assessed | PlanProblem], governed: Mapping[str, Effective]
) -> Verdict | None:
    """What the StandardChange that it follows says of it in all its environments; None: it is no standard change.

    Where it was used already, what runs is what it brought: there the first use stands.
    """
    if change.spec.type is not ChangeType.STANDARD:
        return None
    standard, ref = catalogue.followed(deps, change), change.spec.standard_change_ref
    if standard is None:
        message = f"standard change {ref.name if ref else '?'} does not exist: create it, or raise a normal change"
        return waiting(reasons.STANDARD_CHANGE_MISSING, message)
    mine = max((use.promotion_uid for use in change.status.used_by), default="")
    verdicts = []
    for name in change.spec.environments:
        control, found = governed[name].spec.change_control if name in governed else None, assessed.get(name)
        if control is None or control.standard is None:
            verdicts.append(waiting(reasons.CHANGE_TYPE_NOT_ALLOWED, f"{name} accepts no standard change"))
        elif isinstance(found, Assessed) and name not in used(change):
            uses, now = catalogue.uses(deps, standard), deps.clock.now()
            lacking = await unentitled_to(deps, standard, change.metadata.namespace, governed[name])
            rule, target = control.standard, found.target
            verdicts.append(judge(standard, rule, uses, target, now, unentitled=lacking, mine=mine))
    shut = [verdict for verdict in verdicts if not verdict.open]
    return shut[0] if shut else max(verdicts, key=lambda v: v.message, default=passed("it was used"))
