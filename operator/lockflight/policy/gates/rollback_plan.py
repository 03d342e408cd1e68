"""RollbackPlan: how to get back is written down, and possible."""

from datetime import datetime

from lockflight.api.changerequest import Strategy
from lockflight.policy.gates._verdicts import denied, is_rollback, missing, not_applicable, passed, waiting
from lockflight.policy.model import Plan, Snapshot, Verdict
from lockflight.policy.revisions import return_revision


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/rollback-plan.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    if is_rollback(s):
        return _way_back_is_open(s)
    if s.effective.spec.change_control is None:
        return not_applicable("asked for under change control only")
    if s.change is None:
        return waiting("NoChange", "the rollback plan is part of the change: see gate ChangeControl")
    plan, name = s.change.spec.rollback_plan, s.change.metadata.name
    if plan is None:
        return waiting("NoRollbackPlan", f"{name} has no spec.rollbackPlan: say how this is taken back")
    if not isinstance(s.plan, Plan):
        return waiting("PlanMissing", "what would be applied is not known yet")
    back = return_revision(s)
    irreversible = [c.name for c in s.plan.components if not c.reversible]
    match plan.strategy:
        case Strategy.HELM_ROLLBACK if irreversible:
            message = (
                f"{name}: HelmRollback cannot take back {', '.join(irreversible)} (reversible: false): plan another way"
            )
            return waiting("Irreversible", message)
        case Strategy.HELM_ROLLBACK if not s.revisions:
            return waiting("FirstDeployment", f"{name}: nothing runs here yet, so the plan must say Uninstall")
        case Strategy.HELM_ROLLBACK if not any(back.values()):
            return waiting("NothingToReturnTo", f"{name}: Helm's history holds no verified revision to go back to")
        case Strategy.UNINSTALL if any(back.values()):
            message = f"{name}: something verified runs here already, Uninstall would take it away: plan HelmRollback"
            return waiting("NotFirstDeployment", message)
        case _:
            return passed(f"{plan.strategy}")


def _way_back_is_open(s: Snapshot) -> Verdict:
    """Nothing irreversible lies between what runs and what to go back to."""
    mine = s.release.metadata.name if s.release else ""
    running = {r.release_digest for r in s.revisions if r.status.value == "deployed"}
    between = [
        r
        for r in s.peer_releases.values()
        if r.metadata.name != mine
        and (r.status.digest or "").removeprefix("sha256:")[:40] in running
        and any(not part.reversible for part in r.spec.parts())
    ]
    if between:
        message = f"{between[0].metadata.name} has a component that cannot be taken back: roll forward instead"
        return denied("Irreversible", message)
    return passed("the way back is open")
