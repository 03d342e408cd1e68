"""What goes past a freeze: a change of an exempt type, or one that names the freeze and has its approvals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lockflight.api.auditrecord import AuditAction, AuditSubject
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType, RoleCount
from lockflight.api.freezewindow import FreezeWindow, OnRunning
from lockflight.api.promotion import Promotion
from lockflight.policy.agenda import Agenda, agenda, called
from lockflight.policy.approvals import Count
from lockflight.policy.audit import AuditEntry
from lockflight.policy.critical import critical_freezes
from lockflight.policy.effective import DEFAULT_VALID_FOR
from lockflight.policy.entitlement import APPROVE, by_function, unentitled
from lockflight.policy.hotfix import counts_as_hotfix
from lockflight.policy.model import Snapshot
from lockflight.policy.standing import standing
from lockflight.policy.voices import Voices
from lockflight.policy.windows import Target


@dataclass(frozen=True, slots=True)
class Overriding:
    """How far a change is that asks to go past a freeze. ``why`` says what is missing, for people."""

    granted: bool
    why: str = ""
    count: Count | None = None


def target_of(s: Snapshot) -> Target | None:
    """The promotion's target, where its release and environment are there."""
    if s.release is None or s.effective is None:
        return None
    return Target(s.effective.name, s.effective.spec.tier, s.release.spec.application)


def frozen(s: Snapshot, target: Target, now: datetime) -> Agenda:
    """What freeze windows and the critical dates of the environment's calendar say. Raises InvalidTime for these."""
    found = agenda(s.freezes, target, now)
    if s.calendar is None or not s.calendar.spec.critical_dates:
        return found
    also = agenda(critical_freezes(s.calendar, now), target, now)
    return Agenda(
        now,
        min(found.until, also.until),
        (*found.active, *also.active),
        tuple(sorted((*found.ahead, *also.ahead), key=lambda spell: spell.span.start)),
        (*found.broken, *also.broken),
    )


def exempt(s: Snapshot, freeze: FreezeWindow, now: datetime) -> bool:
    """As a hotfix, or by the type of its change where ChangeControl accepts that type and so asks for its approvals."""
    if freeze.spec.exempt is not None and freeze.spec.exempt.hotfixes and counts_as_hotfix(s, now):
        return True
    control = s.effective.spec.change_control if s.effective else None
    return (
        freeze.spec.exempt is not None
        and s.change is not None
        and s.change.spec.type in freeze.spec.exempt.change_types
        and control is not None
        and getattr(control, s.change.spec.type.value.lower(), None) is not None
    )


def needed(change: ChangeRequest, freeze: FreezeWindow) -> tuple[RoleCount, ...]:
    """The approvals that let ``change`` past ``freeze``; none where the freeze has no override."""
    override = freeze.spec.override
    if override is None:
        return ()
    emergency = change.spec.type is ChangeType.EMERGENCY
    return override.emergency if emergency and override.emergency is not None else override.approvals


def named(change: ChangeRequest, freezes: Sequence[FreezeWindow]) -> tuple[FreezeWindow, ...]:
    """The freezes that a change asks to go past; a name means that of the stack and that of the root namespace."""
    override = change.spec.freeze_override
    return tuple(f for f in freezes if override is not None and f.metadata.name in override.windows)


def overriding(s: Snapshot, freeze: FreezeWindow, now: datetime) -> Overriding | None:
    """Whether the promotion's change goes past ``freeze``; None where it does not ask to."""
    change, effective = s.change, s.effective
    if change is None or effective is None or not named(change, (freeze,)):
        return None
    name, needs = change.metadata.name, needed(change, freeze)
    if not needs:
        return Overriding(granted=False, why=f"change {name} asks to go past it, which spec.override allows nobody")
    if effective.spec.change_control is None:
        why = f"change {name} asks to go past it, but {effective.name} has no change control that judges the change"
        return Overriding(granted=False, why=why)
    normal = effective.spec.change_control.normal
    relays = frozenset(effective.spec.change_control.relays)
    count = standing(
        change,
        needs,
        (normal.valid_for if normal else None) or DEFAULT_VALID_FOR,
        release=s.release,
        plan_digest=change.status.plan_digest,
        unentitled=unentitled(change.status.approvals, APPROVE, s.rights, function=by_function([effective])),
        now=now,
        voices=Voices(s.delegations, relays),
    ).count
    if count.complete:
        return Overriding(granted=True, count=count)
    words = f"rejected by {count.rejected_by}" if count.rejected_by else f"has {count.summary}, needs {count.missing}"
    return Overriding(granted=False, why=f"to go past it, change {name} {words}", count=count)


def lets_through(s: Snapshot, freeze: FreezeWindow, now: datetime) -> bool:
    """Whether the freeze does not hold this promotion, although it selects its target."""
    if exempt(s, freeze, now):
        return True
    found = overriding(s, freeze, now)
    return found is not None and found.granted


def gone_past(s: Snapshot, now: datetime) -> tuple[FreezeWindow, ...]:
    """The freezes in force that the promotion goes past by their override: what has to stay on the record."""
    target = target_of(s)
    if target is None:
        return ()
    found = frozen(s, target, now)
    candidates = [*(spell.freeze for spell in found.active), *(broken.freeze for broken in found.broken)]
    return tuple(
        f for f in candidates if not exempt(s, f, now) and (o := overriding(s, f, now)) is not None and o.granted
    )


def aborting(s: Snapshot, now: datetime) -> str | None:
    """The freeze in force that cancels what runs, for people; None where none does."""
    target = target_of(s)
    for spell in agenda(s.freezes, target, now).active if target else ():
        if spell.freeze.spec.on_running is OnRunning.ABORT and not lets_through(s, spell.freeze, now):
            return f"{called(spell.freeze)} ({spell.freeze.spec.reason}): spec.onRunning is Abort"
    return None


def overridden(change: ChangeRequest, freeze: FreezeWindow, promotion: Promotion) -> AuditEntry:
    """The record that ``promotion`` goes past ``freeze``; sealed once for each promotion and freeze."""
    override, meta = change.spec.freeze_override, freeze.metadata
    count = [entry for entry in change.status.approvals if entry.decision == "Approved"]
    return AuditEntry(
        AuditAction.OVERRIDDEN,
        AuditSubject(kind="FreezeWindow", namespace=meta.namespace, name=meta.name, uid=meta.uid),
        key=promotion.metadata.uid,
        facts={
            "reason": freeze.spec.reason,
            "change": change.metadata.name,
            "justification": override.justification if override else "",
            "environment": promotion.spec.environment_ref.name,
            "promotion": promotion.metadata.name,
            "release": promotion.spec.release_ref.name,
            "approvals": [{"role": entry.role, "by": entry.by or ""} for entry in count],
        },
    )
