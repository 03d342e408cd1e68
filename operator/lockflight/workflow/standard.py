"""Reconcile a StandardChange: who approved it, what was done under it, whether it may be used."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.conditions import condition, find, merge
from lockflight.api.environment import Environment, StandardControl
from lockflight.api.standardchange import MOST_USES, StandardChange
from lockflight.policy.catalogue import DEFAULT_SUSPEND_AFTER, entry, how_to_approve, spec_digest, together
from lockflight.policy.entitlement import APPROVE, asked_of, unentitled
from lockflight.ports import Severity
from lockflight.workflow.catalogue import uses
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import stack_effective
from lockflight.workflow.rights import answers
from lockflight.workflow.status import write


async def reconcile(deps: Deps, standard: StandardChange) -> datetime | None:
    """One pass; when time alone ends it. Raises PortError."""
    now, generation = deps.clock.now(), standard.metadata.generation
    rule = _rule(deps, standard)
    seen = uses(deps, standard)
    needs = rule.catalogue if rule else ()
    suspend_after = (rule.suspend_after_failures if rule else None) or DEFAULT_SUSPEND_AFTER
    entries, home = standard.status.approvals, standard.metadata.namespace
    rights = await answers(deps, home, asked_of(entries, generation), fresh=False)
    found = entry(standard, needs, suspend_after, seen, now, unentitled=unentitled(entries, APPROVE, rights))
    verdict = found.verdict
    reason, message = reasons.APPROVED if verdict.open else verdict.reason, verdict.message
    if rule is None:
        reason = reasons.NO_APPROVAL_RULE
        message = "none of the environments it names has changeControl.standard, so it permits nothing"
    ready = verdict.open and rule is not None
    conditions = [
        condition(reasons.APPROVED, found.count.complete or None, reason, message, generation=generation, now=now),
        condition(reasons.READY, ready, reason, message, generation=generation, now=now),
    ]
    new = len({use.promotion_uid for use in seen} - {use.promotion_uid for use in standard.status.uses})
    status = standard.status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": merge(standard.status.conditions, conditions),
            "plan_digest": spec_digest(standard),
            "approvals_summary": found.count.summary or None,
            "how_to_approve": how_to_approve(standard, needs) if not found.count.complete else None,
            "uses": seen[-MOST_USES:],
            "used": standard.status.used + new,
        }
    )
    before = find(standard.status.conditions, reasons.READY)
    await write(deps, standard, status, guarded=True)
    if before is not None and before.status != ("True" if ready else "False"):
        deps.events.emit(standard, Severity.NORMAL if ready else Severity.WARNING, reason, message)
    return verdict.retry_at


def _rule(deps: Deps, standard: StandardChange) -> StandardControl | None:
    """What all environments that the pattern names ask for, together; None: none of them takes standard changes."""
    root = standard.metadata.namespace == deps.options.root_namespace
    environments = [
        e
        for e in deps.store.of(Environment, None if root else standard.metadata.namespace)
        if e.metadata.name in standard.spec.pattern.environments and e.metadata.namespace != deps.options.root_namespace
    ]
    controls = (stack_effective(deps, e).spec.change_control for e in environments)
    return together([control.standard for control in controls if control and control.standard])
