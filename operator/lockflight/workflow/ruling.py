"""Approvals of rule objects: what is asked about them, and what stands in their status."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lockflight.api import reasons
from lockflight.api.common import RoleCount
from lockflight.api.conditions import Condition, condition, find
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.governance import Governance
from lockflight.api.standardchange import StandardChange
from lockflight.policy.governance import Ruled, bound_digest, ruled
from lockflight.policy.lifting import asked_to_lift
from lockflight.policy.model import Effective, Snapshot
from lockflight.policy.quorum import union
from lockflight.policy.rights import Question, Rights
from lockflight.policy.ruleasked import RuleObject, baseline_of, baseline_rules, edited, needs_of
from lockflight.policy.ruleentitled import (
    own_questions,
    pattern_questions,
    questions,
    unentitled_pattern,
    unentitled_rule,
)
from lockflight.workflow.deps import Deps
from lockflight.workflow.rights import answers


async def rights(deps: Deps, snapshot: Snapshot, *, fresh: bool) -> Mapping[str, Rights]:
    """By namespace: what those may do who approved the rules that bind a promotion. Nothing asked where none do."""
    return await _answered(deps, questions(snapshot), fresh=fresh)


async def unentitled_to(deps: Deps, standard: StandardChange, stack: str, governed: Effective) -> Mapping[int, str]:
    """The approvals of a StandardChange that do not count in an environment of ``stack``; good enough to show."""
    known = await _answered(deps, pattern_questions(standard, stack, governed), fresh=False)
    return unentitled_pattern(standard, stack, governed, known)


async def _answered(deps: Deps, questions: Iterable[tuple[str, Question]], *, fresh: bool) -> Mapping[str, Rights]:
    asked: dict[str, list[Question]] = {}
    for place, question in questions:
        asked.setdefault(place, []).append(question)
    return {place: await answers(deps, place, found, fresh=fresh) for place, found in asked.items()}


async def of_environment(
    deps: Deps, environment: Environment, governed: Effective
) -> tuple[dict[str, Any], list[Condition]]:
    """What an Environment's status says about the approvals of its rules."""
    if environment.metadata.namespace != deps.options.root_namespace:
        digest = bound_digest(environment, governed.promotes_from)
        return await _shown(deps, environment, needs_of(governed), digest, None)
    found = await _standing(deps, environment, union(baseline_rules(environment)), bound_digest(environment))
    # What was in force approves its own end: it goes when that is approved, not before.
    in_force = environment.spec.governance if found.approved or not found.count.needs else environment.status.governance
    return _said(deps, found, in_force)


async def counts(deps: Deps, environment: Environment, governed: Effective) -> bool:
    """Whether the rules of an environment count as they are now: asked afresh, baseline included."""
    needs = needs_of(governed)
    rules = [(environment, bound_digest(environment, governed.promotes_from))]
    rules += [(governed.baseline, bound_digest(governed.baseline))] if governed.baseline is not None else []
    for rule, digest in rules if needs else ():
        if not (await _standing(deps, rule, needs, digest, fresh=True)).approved:
            return False
    return True


async def of_scope(deps: Deps, rule: RuleObject) -> tuple[dict[str, Any], list[Condition]]:
    """What the status of a freeze or calendar says: whoever governs an environment that it may bind approves it."""
    needs = _scope(deps, rule)
    governance = Governance(approvals=needs) if needs else None
    lift = asked_to_lift(rule) if isinstance(rule, FreezeWindow) else ()
    return await _shown(deps, rule, union([needs, lift]), bound_digest(rule), governance)


async def lift_approved(deps: Deps, freeze: FreezeWindow) -> bool:
    """Whether its override's approvals are there for its lifting, as it stands there now; asked afresh."""
    found = await _standing(deps, freeze, asked_to_lift(freeze), bound_digest(freeze), fresh=True)
    return found.approved


def _scope(deps: Deps, rule: RuleObject) -> tuple[RoleCount, ...]:
    root, own = deps.options.root_namespace, rule.metadata.namespace
    baselines = tuple(deps.store.of(Environment, root))
    tiers = {b.spec.tier: baseline_rules(baseline_of(baselines, b.spec.tier)) for b in baselines}
    if not any(any(rules) for rules in tiers.values()):
        return ()
    bound = [e for e in deps.store.of(Environment, None if own == root else own) if e.metadata.namespace != root]
    rules = [asked for e in bound for asked in tiers.get(e.spec.tier, ())]
    return union([*rules, *(e.spec.governance.approvals for e in bound if e.spec.governance)])


async def _shown(
    deps: Deps, rule: RuleObject, needs: Sequence[RoleCount], digest: str, governance: Governance | None
) -> tuple[dict[str, Any], list[Condition]]:
    return _said(deps, await _standing(deps, rule, needs, digest), governance)


async def _standing(
    deps: Deps, rule: RuleObject, needs: Sequence[RoleCount], digest: str, *, fresh: bool = False
) -> Ruled:
    home = rule.metadata.namespace
    asked = own_questions(rule.status.approvals, rule.metadata.generation) if needs else ()
    known = {home: await answers(deps, home, asked, fresh=fresh)}
    return ruled(rule, needs, digest, unentitled_rule(rule.status.approvals, home, (), known))


def _said(deps: Deps, found: Ruled, governance: Governance | None) -> tuple[dict[str, Any], list[Condition]]:
    rule, needs = found.rule, found.count.needs
    new = isinstance(rule, FreezeWindow) and not edited(rule)
    open_ = found.approved or new or not needs
    update = {
        "plan_digest": found.digest if needs else None,
        "approvals_summary": found.count.summary if needs and not new else None,
        "how_to_approve": found.how if needs and not open_ and not found.count.rejected_by else None,
        "governance": governance,
    }
    if not needs and find(rule.status.conditions, reasons.APPROVED) is None:
        return update, []
    if not needs:
        reason, message = reasons.NOT_APPLICABLE, "nobody has to approve it"
    elif new:
        reason, message = reasons.COUNTS_AT_ONCE, "a new freeze counts at once; its edits are approved"
    elif found.approved:
        reason, message = reasons.APPROVED, f"approved by {', '.join(found.count.people)}"
    else:
        rejected = bool(found.count.rejected_by)
        reason = reasons.RULES_REJECTED if rejected else reasons.RULE_APPROVALS_MISSING
        stays = isinstance(rule, FreezeWindow) and governance is None
        message = f"{found.words}; {'it holds' if stays else 'what it binds is closed'} until then"
    generation = rule.metadata.generation
    return update, [condition(reasons.APPROVED, open_, reason, message, generation=generation, now=deps.clock.now())]
