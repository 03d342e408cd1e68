"""Whether a rollback is the way back of a change that was approved: then it needs no change of its own, for a while."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.promotion import Action
from lockflight.policy.labels import short
from lockflight.policy.model import Snapshot
from lockflight.policy.revisions import newest, verified
from lockflight.policy.verdicts import utc
from lockflight.policy.visits import Visits

DEFAULT_BACK_OUT: Final = timedelta(hours=24)
"""How long a change may be taken back under its own approval where ``rollbackPlan.until`` does not say."""


@dataclass(frozen=True, slots=True)
class BackOut:
    """Whether the rollback is covered, and why (not)."""

    covered: bool
    message: str
    until: datetime | None = None


def back_out_until(change: ChangeRequest, rollbacks: Collection[str] = ()) -> datetime | None:
    """Until when a rollback needs no new change: as planned, else a day after the schedule's end or the last use.

    ``rollbacks`` are the UIDs of promotions that went back: they do not prolong it.
    """
    plan = change.spec.rollback_plan
    if plan is not None and plan.until is not None:
        return plan.until
    if change.spec.schedule is not None:
        return change.spec.schedule.end + DEFAULT_BACK_OUT
    last = max((use.at for use in change.status.used_by if use.promotion_uid not in rollbacks), default=None)
    return last + DEFAULT_BACK_OUT if last is not None else None


def back_out(s: Snapshot, now: datetime) -> BackOut | None:
    """None where the promotion is no rollback, or its change did not bring anything here."""
    change, environment = s.change, s.effective.name if s.effective else ""
    controlled = s.effective is not None and s.effective.spec.change_control is not None
    if s.promotion.spec.action is not Action.ROLLBACK or change is None or not controlled:
        return None
    rollbacks = Visits.of(s.peers).rollbacks | {s.promotion.metadata.uid}
    brought = {
        use.promotion_uid
        for use in change.status.used_by
        if use.environment == environment and use.promotion_uid not in rollbacks
    }
    if not brought:
        return None
    name, until = change.metadata.name, back_out_until(change, rollbacks)
    if change.status.phase not in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW):
        return BackOut(
            covered=False,
            message=f"change {name} is {change.status.phase or 'new'}: only a change in "
            "Implement or Review covers its way back; raise a change of its own",
        )
    if until is None or now >= until:
        over = f" since {utc(until)}" if until else ""
        return BackOut(
            covered=False, message=f"the time for taking change {name} back is over{over}: raise a change of its own"
        )
    tops = (newest(s.revisions, helm_release) for helm_release in {r.helm_release for r in s.revisions})
    if not {top.promotion_uid for top in tops if top is not None} & brought:
        return BackOut(
            covered=False,
            message=f"what runs in {environment} was not brought by change {name}: "
            "name the change that brought it, or raise a change of its own",
        )
    if not _ran_before(s, brought):
        return BackOut(
            covered=False,
            message=f"{s.promotion.spec.release_ref.name} is not what ran in {environment}, verified, before change "
            f"{name}: its approval covers the way back to that alone; raise a change of its own",
        )
    return BackOut(covered=True, message=f"it is the way back of change {name}, until {utc(until)}", until=until)


def _ran_before(s: Snapshot, brought: Collection[str]) -> bool:
    """Whether every Helm release that still is what ``brought`` made of it had this very release before."""
    wanted = short(s.release.status.digest or "") if s.release else ""
    digests: set[str] = set()
    for name in {r.helm_release for r in s.revisions}:
        top, mine = newest(s.revisions, name), [r for r in s.revisions if r.helm_release == name]
        if top is None or top.promotion_uid not in brought:
            # Back already, or not touched.
            continue
        first = min(r.revision for r in mine if r.promotion_uid in brought)
        before = newest(tuple(r for r in mine if r.revision < first and verified(s, r)), name)
        if before is not None:
            digests.add(before.release_digest)
    return digests == {wanted}
