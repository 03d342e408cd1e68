"""Binding: the target namespace is this environment's, the deployer may work there, the plan can be made."""

from collections.abc import Collection, Mapping
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL, TIER_LABEL, Tier
from lockflight.policy.labels import deployer
from lockflight.policy.model import HelmStatus, Plan, PlanProblem, Revision, Verdict
from lockflight.policy.revisions import newest
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
    foreign = _unmanaged(s.plan, s.revisions, on.release.spec.taken_over())
    if foreign is not None:
        return waiting(
            reasons.UNMANAGED,
            f"Helm release {foreign} in {target} was not made by Lockflight and would be overwritten: "
            f"helm uninstall {foreign} -n {target}, name application or component otherwise, or have it taken over: "
            f"releaseName: {foreign}",
            now + ASK_AGAIN,
        )
    claimed = next((row for row in sorted(s.claimed.items()) if row[0] in on.release.spec.taken_over()), None)
    if claimed is not None:
        return waiting(
            reasons.CLAIMED,
            f"Helm release {claimed[0]} in {target} is one of application {claimed[1]}: nothing is taken from another "
            "application, correct releaseName in another version",
        )
    return passed(f"{target} is bound to {s.stack}/{on.environment.metadata.name}")


def _unmanaged(plan: Plan, revisions: tuple[Revision, ...], wanted: Collection[str]) -> str | None:
    """A planned Helm release that is there already and not Lockflight's; those ``wanted`` are taken over."""
    for name in (component.helm_release for component in plan.components):
        top = newest(revisions, name)
        # A pending one is the gate Concurrency's; an uninstalled one whose history was kept is no more.
        if top is None or top.status.pending or top.status is HelmStatus.UNINSTALLED:
            continue
        if name not in wanted and not any(r.promotion_uid for r in revisions if r.helm_release == name):
            return name
    return None


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
