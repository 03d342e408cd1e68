"""Binding: the target namespace is this environment's, the deployer may work there, the plan can be made."""

from collections.abc import Mapping
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL, TIER_LABEL, Tier
from lockflight.policy.labels import deployer
from lockflight.policy.model import PlanProblem, Verdict
from lockflight.policy.verdicts import ASK_AGAIN, Subject, denied, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/binding.md."""
    s, target = on.snapshot, on.environment.target_namespace(on.release.spec.application)
    if s.namespace is None or s.namespace.name != target:
        return waiting(
            reasons.NAMESPACE_MISSING,
            f"namespace {target} does not exist: the platform team creates and labels it (lockflight stack init)",
            now + ASK_AGAIN,
        )
    if s.namespace.terminating:
        return waiting(reasons.NAMESPACE_TERMINATING, f"namespace {target} is being deleted: wait, then create it anew")
    wanted = {
        STACK_LABEL: s.stack,
        ENVIRONMENT_LABEL: on.environment.metadata.name,
        TIER_LABEL: on.environment.spec.tier.value,
    }
    wrong = _differences(s.namespace.labels, wanted)
    if wrong:
        elsewhere = any(s.namespace.labels.get(label, value) != value for label, value in wanted.items())
        return waiting(
            reasons.NAMESPACE_BOUND_ELSEWHERE if elsewhere else reasons.NAMESPACE_NOT_BOUND,
            f"namespace {target} {'; '.join(wrong)}: the platform team alone binds it",
        )
    if s.deployer_may is None:
        return waiting(
            reasons.CANNOT_TELL, f"could not ask what {deployer(target)} may do in {target}", now + ASK_AGAIN
        )
    if not s.deployer_may:
        return waiting(
            reasons.DEPLOYER_WITHOUT_RIGHTS,
            f"user {deployer(target)} may not keep Helm releases in {target}: bind its Role (lockflight stack init)",
            now + ASK_AGAIN,
        )
    if isinstance(s.plan, PlanProblem):
        if s.plan.final:
            return denied(s.plan.reason, s.plan.message)
        return waiting(s.plan.reason, s.plan.message, now + ASK_AGAIN)
    if s.plan is None:
        return waiting(reasons.PLAN_MISSING, "what would be applied is not known yet", now + ASK_AGAIN)
    return passed(f"{target} is bound to {s.stack}/{on.environment.metadata.name}")


def _differences(labels: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    found = []
    for label, value in wanted.items():
        has = labels.get(label)
        if has == value:
            continue
        text = f"has {label}={has}, needed is {value}" if has else f"has no label {label}, needed is {value}"
        if label == TIER_LABEL and has in set(Tier) and Tier(has).rank > Tier(value).rank:
            text += f" (the environment claims a lower tier than the {has} it would change)"
        found.append(text)
    return found
