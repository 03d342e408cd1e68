"""Binding: the target namespace is this environment's, the deployer may work there, the plan can be made."""

from datetime import datetime

from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL, TIER_LABEL
from lockflight.policy.gates._verdicts import denied, missing, passed, waiting
from lockflight.policy.labels import deployer
from lockflight.policy.model import PlanProblem, Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/binding.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.environment is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    target = s.environment.target_namespace(s.release.spec.application)
    if s.namespace is None:
        return waiting(
            "NamespaceMissing", f"namespace {target} does not exist: the platform team creates and labels it"
        )
    if s.namespace.terminating:
        return waiting("NamespaceTerminating", f"namespace {target} is being deleted")
    wanted = {
        STACK_LABEL: s.stack,
        ENVIRONMENT_LABEL: s.environment.metadata.name,
        TIER_LABEL: s.environment.spec.tier.value,
    }
    for label, value in wanted.items():
        found = s.namespace.labels.get(label)
        if found != value:
            says = f"has {label}={found}" if found else f"has no label {label}"
            message = f"namespace {target} {says}, needed is {value}: it is bound by the platform team only"
            return waiting("NamespaceNotBound" if found is None else "NamespaceBoundElsewhere", message)
    if s.deployer_may is None:
        return waiting("CannotTell", f"could not ask what {deployer(target)} may do in {target}")
    if not s.deployer_may:
        message = f"user {deployer(target)} may not keep Helm releases in {target}: bind its Role there (lockflight stack init)"
        return waiting("DeployerWithoutRights", message)
    if isinstance(s.plan, PlanProblem):
        return denied(s.plan.reason, s.plan.message) if s.plan.final else waiting(s.plan.reason, s.plan.message)
    if s.plan is None:
        return waiting("PlanMissing", "what would be applied is not known yet")
    return passed(f"{target} is bound to {s.stack}/{s.environment.metadata.name}")
