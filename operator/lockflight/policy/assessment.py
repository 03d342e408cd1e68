"""The risk of a change, as a gate sees it: for one target from its snapshot, for the change over all its plans."""

from collections.abc import Iterable, Mapping

from lockflight.api.changerequest import ChangePlan, ChangeRequest
from lockflight.api.common import RiskLevel
from lockflight.policy.delta import Delta, delta, running_version
from lockflight.policy.digest import canonical_digest
from lockflight.policy.model import HelmStatus, Plan, PlanProblem, Revision
from lockflight.policy.risk import Facts, Risk, computed, declared, highest, history
from lockflight.policy.verdicts import Subject


def difference(on: Subject) -> Delta | str:
    """What would change in the target; in words where it cannot be told."""
    plan, running = on.snapshot.plan, on.snapshot.running
    if not isinstance(plan, Plan):
        return plan.message if plan else "there is no plan"
    if running is None or isinstance(running, PlanProblem):
        return running.message if running else "what runs was not read"
    return delta(running, plan, before=running_version(on.snapshot.revisions), after=on.release.spec.version)


def risk_of(on: Subject) -> Risk:
    """The computed risk of this target. What was done under the change itself is no history of it."""
    plan, change = on.snapshot.plan, on.snapshot.change
    mine = {use.promotion_uid for use in change.status.used_by} if change else set()
    failed, ended = history(on.snapshot.peers, on.effective.name, mine)
    return computed(
        Facts(
            tier=on.effective.spec.tier,
            delta=difference(on),
            irreversible=plan.irreversible if isinstance(plan, Plan) else (),
            failed=failed,
            ended=ended,
            rehearsed=on.snapshot.rehearsed,
        )
    )


def effective_risk(change: ChangeRequest, levels: Mapping[str, RiskLevel]) -> RiskLevel:
    """The highest of what is declared and computed for each environment; ``levels`` replace what is on record."""
    on_record = {plan.environment: plan.risk for plan in change.status.plans}
    return highest((declared(change.spec.risk), *{**on_record, **levels}.values()))


def base_of(revisions: Iterable[Revision]) -> str:
    """What runs in a target, as one digest: the plan of each Helm release that is deployed there."""
    running = {
        r.helm_release: [r.plan, r.release_digest] if r.plan else [r.revision]
        for r in sorted(revisions, key=lambda r: r.revision)
        if r.status is HelmStatus.DEPLOYED
    }
    return canonical_digest(running)


def change_base(plans: Iterable[ChangePlan], now: Mapping[str, str]) -> str:
    """What runs in all targets of a change, as one digest; ``now`` replaces what is on record."""
    return canonical_digest({plan.environment: now.get(plan.environment, plan.base or "") for plan in plans})


def used(change: ChangeRequest) -> frozenset[str]:
    """Environments that a promotion changed under it: what runs there is its own doing."""
    return frozenset(use.environment for use in change.status.used_by)
