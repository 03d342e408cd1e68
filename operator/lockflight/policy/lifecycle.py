"""ITIL's life cycle of a change: which phase it is in, whether it is approved, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerequest import ENDED, ChangePhase, ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.api.conditions import find
from lockflight.api.emergency import REVIEW
from lockflight.api.promotion import Action, Promotion
from lockflight.api.release import Release
from lockflight.policy import debts
from lockflight.policy.activity import going_on
from lockflight.policy.backout import back_out_until
from lockflight.policy.model import Verdict
from lockflight.policy.putforward import lacks_submission
from lockflight.policy.reviews import not_counted, review
from lockflight.policy.standing import Standing
from lockflight.policy.steps import legal


@dataclass(frozen=True, slots=True)
class State:
    """Where a change stands; ``approved`` None: not decided yet. ``retry_at``: when time alone changes it."""

    phase: ChangePhase
    reason: str
    message: str
    retry_at: datetime | None = None
    approved: bool | None = field(default=None, kw_only=True)


def state(
    change: ChangeRequest,
    found: Standing,
    release: Release | None,
    promotions: Sequence[Promotion],
    problems: Sequence[str],
    now: datetime,
    pattern: Verdict | None = None,
    emergency: Verdict | None = None,
) -> State:
    """Judge a change. ``promotions`` ran under it, ``problems`` are in the way of its plan.

    ``pattern`` is what the StandardChange that it follows says of it; None: it follows none.
    ``emergency`` is whether its environments accept it as an emergency; None: it is none.
    """
    if pattern is not None and pattern.open:
        # The change board approved the pattern: nobody else needs to be asked.
        found = replace(found, count=replace(found.count, complete=not found.count.rejected_by), until=pattern.retry_at)
    before = change.status.phase
    if before in ENDED:
        return _ended(change, before)
    after = _seen(change, found, release, promotions, problems, now, pattern, emergency)
    if legal(before, after.phase):
        return after
    # Somebody wrote a status that no life leads to; it goes no further by itself.
    message = f"a change that is {before} cannot become {after.phase}: raise another one"
    return State(before or ChangePhase.NEW, reasons.ILLEGAL_STEP, message)


def _seen(
    change: ChangeRequest,
    found: Standing,
    release: Release | None,
    promotions: Sequence[Promotion],
    problems: Sequence[str],
    now: datetime,
    pattern: Verdict | None,
    emergency: Verdict | None,
) -> State:
    """Where it stands by what is known now."""
    if change.spec.unauthorised is not None:
        return _reviewed(change, release, None, "changed without permission", now)
    if change.status.used_by:
        return _used(change, found, release, promotions, now)
    if change.spec.activity is not None and change.status.phase in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW):
        return _performed(change, found, now)
    over = _over(change, found, now)
    if over is not None:
        return over
    asking = _lacking(change, found, problems, pattern, emergency) or (
        _approved(change, found, now) if found.count.complete else _asking(change, found)
    )
    hold = change.spec.hold
    if hold is None:
        return asking
    # Nothing is lost while it is held: what was decided counts, and what is lacking is told.
    return State(
        ChangePhase.ON_HOLD,
        reasons.CHANGE_HELD,
        f"held: {hold.reason}; then {asking.phase}: {asking.message}",
        asking.retry_at,
        approved=asking.approved,
    )


def _ended(change: ChangeRequest, phase: ChangePhase) -> State:
    """Ended is ended: later entries change nothing."""
    old = find(change.status.conditions, reasons.APPROVED)
    if old is None:
        return State(phase, phase.value, "", approved=phase is ChangePhase.CLOSED)
    return State(phase, old.reason, old.message, approved={"True": True, "False": False}.get(old.status))


def _over(change: ChangeRequest, found: Standing, now: datetime) -> State | None:
    """It ended without having been used."""
    spec, by = change.spec, found.count.rejected_by
    if spec.cancel is not None:
        return State(ChangePhase.CANCELLED, reasons.CANCELLED, f"cancelled: {spec.cancel.reason}", approved=False)
    if by:
        return State(ChangePhase.REJECTED, reasons.REJECTED, f"rejected by {by}", approved=False)
    if spec.schedule is not None and now >= spec.schedule.end:
        message = "its schedule ended before it was used: raise another"
        return State(ChangePhase.EXPIRED, reasons.SCHEDULE_OVER, message, approved=False)
    if found.expired:
        message = "its approvals ended before they were used: raise another"
        return State(ChangePhase.EXPIRED, reasons.APPROVAL_EXPIRED, message, approved=False)
    return None


def _lacking(
    change: ChangeRequest,
    found: Standing,
    problems: Sequence[str],
    pattern: Verdict | None,
    emergency: Verdict | None,
) -> State | None:
    """What is missing before anybody can be asked."""
    spec, status, names = change.spec, change.status, ", ".join(change.spec.environments)
    if lacks_submission(change):
        message = (
            f"{change.metadata.creator} created it, which is no person: a person puts it forward, "
            f"lockflight change submit {change.metadata.name}"
        )
        return State(ChangePhase.NEW, reasons.NOT_SUBMITTED, message)
    if problems:
        return State(ChangePhase.ASSESS, reasons.NO_PLAN, "; ".join(problems))
    if status.plan_digest is None:
        return State(ChangePhase.NEW, reasons.NO_PLAN, "its plan is being made")
    if pattern is not None and not pattern.open:
        return State(ChangePhase.ASSESS, pattern.reason, pattern.message)
    if emergency is not None and not emergency.open:
        return State(ChangePhase.ASSESS, emergency.reason, emergency.message, emergency.retry_at)
    if pattern is None and emergency is None and spec.type is not ChangeType.NORMAL:
        message = f"spec.type is {spec.type}: {names} accept Normal"
        return State(ChangePhase.ASSESS, reasons.CHANGE_TYPE_NOT_ALLOWED, message)
    if pattern is None and not found.count.needs:
        message = f"{names} ask for no approval, so this change permits nothing"
        return State(ChangePhase.ASSESS, reasons.NO_APPROVAL_RULE, message)
    if spec.type is ChangeType.NORMAL and (spec.risk is None or not (spec.risk.assessment or "").strip()):
        message = "spec.risk.assessment is absent: say what may go wrong, and how that was looked into"
        return State(ChangePhase.ASSESS, reasons.ASSESSMENT_MISSING, message)
    if spec.rollback_plan is None:
        message = "spec.rollbackPlan is absent: say how it is taken back"
        return State(ChangePhase.ASSESS, reasons.NO_ROLLBACK_PLAN, message)
    return None


def _asking(change: ChangeRequest, found: Standing) -> State:
    count, schedule = found.count, change.spec.schedule
    stale = f"; not counted: {', '.join(count.ignored)}" if count.ignored else ""
    message = f"{count.summary}: needs {count.missing}{stale}"
    return State(ChangePhase.AUTHORIZE, reasons.APPROVALS_MISSING, message, schedule.end if schedule else None)


def _approved(change: ChangeRequest, found: Standing, now: datetime) -> State:
    schedule = change.spec.schedule
    ref, people = change.spec.standard_change_ref, ", ".join(found.count.people)
    words = f"follows standard change {ref.name}" if ref else f"approved by {people}"
    if schedule is not None and now < schedule.start:
        message = f"{words}; waits for its schedule"
        return State(ChangePhase.SCHEDULED, reasons.APPROVED, message, schedule.start, approved=True)
    what = "it may be carried out" if change.spec.activity else "a promotion may use it"
    message = f"{words}; {what}"
    return State(ChangePhase.SCHEDULED, reasons.APPROVED, message, found.until, approved=True)


def _used(
    change: ChangeRequest, found: Standing, release: Release | None, promotions: Sequence[Promotion], now: datetime
) -> State:
    """From the first use on it can only be implemented, reviewed and closed."""
    until = back_out_until(change, {p.metadata.uid for p in promotions if p.spec.action is Action.ROLLBACK})
    busy = any(p.status.phase is not None and not p.status.phase.final for p in promotions)
    done = {use.environment for use in change.status.used_by if use.finished}
    left = [name for name in change.spec.environments if name not in done]
    over = until is not None and now >= until
    # A cancellation keeps what is left from starting; what was done is reviewed all the same.
    goes_on = left and change.spec.cancel is None and (found.count.complete or not over)
    if busy or goes_on:
        held = f"held: {change.spec.hold.reason}; " if change.spec.hold and goes_on else ""
        message = f"{held}in implementation; still to come: {', '.join(left)}" if left else "in implementation"
        times = [t for t in (until, found.until) if t is not None and t > now]
        approved = True if found.count.complete or not left else None
        return State(
            ChangePhase.IMPLEMENT, reasons.IN_IMPLEMENTATION, message, min(times, default=None), approved=approved
        )
    if over and not left and change.spec.type is ChangeType.STANDARD:
        # A pattern is approved because nothing is left to judge when it went well.
        return State(ChangePhase.CLOSED, reasons.CLOSED, "a standard change that succeeded", approved=True)
    words = f"never finished in {', '.join(left)}" if left else "implemented"
    if until is not None and not over:
        words += f"; may be taken back until {until:%Y-%m-%d %H:%MZ}, or until it is reviewed"
    return _reviewed(change, release, until if not over else None, words, now)


def _performed(change: ChangeRequest, found: Standing, now: datetime) -> State:
    """An activity that may have begun: whoever carries it out asks the condition Authorized, which speaks of now."""
    schedule, by = change.spec.schedule, found.count.rejected_by
    if schedule is None or not going_on(change, now):
        return _reviewed(change, None, None, "carried out as far as it was authorised", now)
    lacking = f"rejected by {by}" if by else None if found.count.complete else f"needs {found.count.missing}"
    message = f"{lacking}: it does not go on" if lacking else f"in implementation until {schedule.end:%Y-%m-%d %H:%MZ}"
    approved = False if by else True if found.count.complete else None
    return State(ChangePhase.IMPLEMENT, reasons.IN_IMPLEMENTATION, message, schedule.end, approved=approved)


def _reviewed(
    change: ChangeRequest, release: Release | None, until: datetime | None, words: str, now: datetime
) -> State:
    """What was done is closed by people, who say how it went, once nothing is owed any more."""
    given, approved = review(change, release), change.spec.unauthorised is None
    owed = ", ".join(debts.words(row, now) for row in debts.open_debts(change) if given or row.gate != REVIEW)
    times = [t for t in (until, debts.next_due(change, now)) if t is not None]
    until = min(times, default=None)
    if given is not None and owed:
        message = f"{given.outcome}, says {given.by} as {given.role}; it owes {owed}"
        return State(ChangePhase.REVIEW, reasons.OWED, message, until, approved=approved)
    if given is not None:
        message = f"{given.outcome}, says {given.by} as {given.role}: {given.summary}"
        return State(ChangePhase.CLOSED, reasons.CLOSED, message, approved=approved)
    ignored = not_counted(change, release)
    message = (
        f"{words}; needs a review: lockflight change review {change.metadata.name}"
        f"{f'; not counted: {ignored}' if ignored else ''}{f'; it owes {owed}' if owed else ''}"
    )
    reason = reasons.IMPLEMENTED if approved else reasons.UNAUTHORISED
    return State(ChangePhase.REVIEW, reason, message, until, approved=approved)
