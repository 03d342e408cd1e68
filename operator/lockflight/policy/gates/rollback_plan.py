"""RollbackPlan: how to get back is written down, and possible."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import Strategy
from lockflight.api.release import Release
from lockflight.policy.backout import back_out
from lockflight.policy.model import Plan, Verdict
from lockflight.policy.revisions import applied_since, return_revision
from lockflight.policy.verdicts import Subject, denied, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/rollbackplan.md."""
    if on.rollback:
        blocked = _way_back(on)
        way_back = back_out(on.snapshot, now)
        if blocked is not None or on.effective.spec.change_control is None or (way_back and way_back.covered):
            return blocked or passed("nothing irreversible lies on the way back")
    if on.effective.spec.change_control is None:
        return not_applicable("asked for under change control only")
    change = on.snapshot.change
    if change is None:
        return waiting(reasons.NO_CHANGE, "the rollback plan is part of the change: see gate ChangeControl")
    plan, name = change.spec.rollback_plan, f"change {change.metadata.name} spec.rollbackPlan"
    if plan is None:
        return waiting(reasons.NO_ROLLBACK_PLAN, f"{name} is absent: say how this is taken back")
    if not isinstance(on.snapshot.plan, Plan):
        return waiting(reasons.PLAN_MISSING, "what would be applied is not known yet: see gate Binding")
    first = not any(return_revision(on.snapshot).values())
    irreversible = on.snapshot.plan.irreversible
    match plan.strategy:
        case Strategy.HELM_ROLLBACK | Strategy.UNINSTALL if irreversible:
            return waiting(
                reasons.IRREVERSIBLE,
                f"{name}.strategy is {plan.strategy}, which cannot take back {', '.join(irreversible)} "
                f"{_why(on)}: allowed are RollForward, Restore and Manual",
            )
        case Strategy.HELM_ROLLBACK if first and not on.snapshot.revisions:
            return waiting(
                reasons.FIRST_DEPLOYMENT,
                f"{name}.strategy is HelmRollback, and nothing runs here yet: for a first deployment say Uninstall",
            )
        case Strategy.HELM_ROLLBACK if first:
            return waiting(
                reasons.NOTHING_TO_RETURN_TO,
                f"{name}.strategy is HelmRollback, and Helm's history holds no revision that was verified here: "
                "allowed are RollForward, Restore and Manual",
            )
        case Strategy.UNINSTALL if not first:
            return waiting(
                reasons.NOT_FIRST_DEPLOYMENT,
                f"{name}.strategy is Uninstall, which would take away what runs here verified: say HelmRollback",
            )
        case Strategy.ROLL_FORWARD | Strategy.RESTORE | Strategy.MANUAL if not plan.steps:
            return waiting(
                reasons.STEPS_MISSING, f"{name}.steps is empty: {plan.strategy} is done by people, write down how"
            )
        case _:
            return passed(f"{plan.strategy}")


def _why(on: Subject) -> str:
    return "(with it Helm's history goes)" if on.removal else "(reversible: false)"


def _way_back(on: Subject) -> Verdict | None:
    """What was applied here since must be possible to take back; whatever is not known cannot."""
    digest = on.release.status.digest or ""
    for release in applied_since(on.snapshot, digest):
        if release is None:
            return waiting(
                reasons.CANNOT_TELL,
                "a release that was applied here since then is not there any more: whether it can be taken back "
                "is unknown; create it again as it was, or roll forward",
            )
        if release.spec.irreversible():
            return denied(
                reasons.IRREVERSIBLE,
                f"{release.metadata.name} was applied here since then and has a component with reversible: false: "
                "roll forward instead",
            )
    beyond = _beyond_history(on)
    if beyond is not None:
        return denied(
            reasons.IRREVERSIBLE,
            f"{beyond} was applied here since then and has a component with reversible: false: roll forward instead",
        )
    return None


def _beyond_history(on: Subject) -> str | None:
    """A release with something irreversible that came here later, though Helm's history does not tell any more."""
    here, mine = on.effective.name, on.release
    uid = on.environment.metadata.uid

    def came(release: Release) -> datetime | None:
        rows = [r for r in release.status.environments if (r.name, r.environment_uid) == (here, uid)]
        return max((row.deployed_at for row in rows), default=None)

    since = came(mine)
    later = [
        release.metadata.name
        for release in on.snapshot.peer_releases.values()
        if release.spec.irreversible() and since is not None and (at := came(release)) is not None and at > since
    ]
    return min(later, default=None)
