"""What a promotion's status shows of verdicts and plan."""

from lockflight.api.promotion import (
    Action,
    ComponentStatus,
    GateStatus,
    PlannedComponentStatus,
    PlanStatus,
    PromotionStatus,
    RemovedStatus,
)
from lockflight.policy.model import NamedVerdict, Plan, Snapshot
from lockflight.policy.promotion import return_revision
from lockflight.workflow.progress import text_of


def shown(status: PromotionStatus, snapshot: Snapshot, verdicts: tuple[NamedVerdict, ...]) -> PromotionStatus:
    """The status with every gate's verdict and the plan."""
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
                unstable=c.unstable,
            )
            for c in plan.components
        ),
        removes=tuple(
            RemovedStatus(
                helm_release=r.helm_release,
                revision=r.revision,
                release=r.release or None,
                version=r.version or None,
                release_digest=r.release_digest or None,
                plan=r.plan or None,
            )
            for r in plan.removes
        ),
    )


def rows(snapshot: Snapshot, plan: Plan) -> tuple[ComponentStatus, ...]:
    """The components with the verified revision each goes back to."""
    if plan.removes and snapshot.release is not None:
        prefix = f"{snapshot.release.spec.application}-"
        return tuple(
            ComponentStatus(
                name=r.helm_release.removeprefix(prefix),
                helm_release=r.helm_release,
                previous_revision=r.revision,
                state="Pending",
            )
            for r in plan.removes
        )
    back = {} if snapshot.promotion.spec.action is Action.ROLLBACK else return_revision(snapshot)
    return tuple(
        ComponentStatus(
            name=c.name, helm_release=c.helm_release, previous_revision=back.get(c.helm_release, 0), state="Pending"
        )
        for c in plan.components
    )
