"""The status of a ChangeRequest, from what people wrote and what promotions did under it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest, ChangeRequestStatus, ChangeRisk, Observed, Use
from lockflight.api.common import ChangeType, RiskLevel, RoleCount, Tier, parse_duration
from lockflight.api.conditions import Condition, condition, merge
from lockflight.api.delegation import Delegation
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.assessment import change_base, effective_risk
from lockflight.policy.debts import Ratification, owes_ratification, to_ratify
from lockflight.policy.effective import DEFAULT_VALID_FOR, quorum_rule
from lockflight.policy.emergency import fit, is_emergency, terms_of
from lockflight.policy.entitlement import APPROVE, by_function, unentitled
from lockflight.policy.hotfix import hotfix_roles
from lockflight.policy.lifecycle import state
from lockflight.policy.model import Effective, Verdict
from lockflight.policy.override import needed
from lockflight.policy.quorum import union
from lockflight.policy.rights import Rights
from lockflight.policy.risk import declared, highest
from lockflight.policy.standing import Standing, base_changed, standing
from lockflight.policy.voices import Voices

_ONE_LINE: Final = 256
_GOOD: Final = (ChangePhase.SCHEDULED, ChangePhase.IMPLEMENT, ChangePhase.REVIEW, ChangePhase.CLOSED)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The status as it should be, and when time alone may change it."""

    status: ChangeRequestStatus
    retry_at: datetime | None = None


def assess(
    change: ChangeRequest,
    governed: Mapping[str, Effective],
    release: Release | None,
    promotions: Sequence[Promotion],
    problems: Sequence[str],
    rights: Rights,
    now: datetime,
    pattern: Verdict | None = None,
    delegations: Sequence[Delegation] = (),
    freezes: Sequence[FreezeWindow] = (),
    calendars: Sequence[ReleaseCalendar] = (),
    ratified: Ratification | None = None,
) -> Assessment:
    """Judge a change whose status holds the current plans; ``problems`` are what is in the way of a plan.

    ``promotions`` are those that ran under it; ``pattern`` is what the StandardChange it follows says of it;
    ``delegations`` are those of the stack and of the root namespace.
    ``freezes`` are those that it asks to go past; ``calendars`` those that its environments follow;
    ``ratified`` is where the word of the board on an emergency stands;
    ``rights`` tell whether those who approved still may.
    """
    base, risk = change_base(change.status.plans, {}), _risk(change)
    observed = _observed(change, now, risk.effective, base)
    used = _used(change, promotions)
    change = change.model_copy(
        update={"status": change.status.model_copy(update={"observed": observed, "used_by": used})}
    )
    needs = required(change, governed, risk.effective, freezes, calendars)
    found = standing(
        change,
        needs,
        _valid_for(change, governed),
        release=release,
        plan_digest=change.status.plan_digest,
        unentitled=unentitled(change.status.approvals, APPROVE, rights, function=by_function(tuple(governed.values()))),
        now=now,
        risk=risk.effective,
        base=base,
        voices=Voices(delegations, relays(change, governed)),
    )
    verdict = state(change, found, release, promotions, problems, now, pattern, fit(change, governed, now))
    generation = change.metadata.generation
    conditions = merge(
        change.status.conditions,
        [
            condition(
                reasons.APPROVED, verdict.approved, verdict.reason, verdict.message, generation=generation, now=now
            ),
            *_base(change, found, base, now),
            *_kstatus(verdict.phase, verdict.message, generation, now),
        ],
    )
    known = change.status.plan_digest is not None and verdict.phase is not ChangePhase.NEW
    open_for_approval = known and not verdict.phase.ended and bool(needs)
    asked = needs if not verdict.approved else to_ratify(change, ratified)
    waits_for = f"{verdict.message}; {ratified.words}" if ratified and owes_ratification(change) else verdict.message
    return Assessment(
        change.status.model_copy(
            update={
                "observed_generation": generation,
                "conditions": conditions,
                "phase": verdict.phase,
                "subject": subject(change),
                "risk": risk if change.status.plans else None,
                "plan_digest_demanded": _demanded(change, governed, risk.effective),
                "how_to_approve": how_to_approve(change, asked) if open_for_approval and asked else None,
                "approvals_summary": found.count.summary or None,
                "waits_for": waits_for[:512] if not verdict.phase.ended else None,
                "in_use": verdict.phase in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW),
            }
        ),
        verdict.retry_at,
    )


def subject(change: ChangeRequest) -> str:
    """What it brings, on one line."""
    spec = change.spec
    if spec.releases:
        words = ", ".join(f"{row.stack}/{row.name}" for row in spec.releases)
    elif spec.activity is not None:
        words = spec.activity.kind.value
    elif spec.unauthorised is not None:
        words = f"what was changed of {spec.unauthorised.application}"
    else:
        words = spec.release
    return words if len(words) <= _ONE_LINE else words[: _ONE_LINE - 1] + "…"


def required(
    change: ChangeRequest,
    governed: Mapping[str, Effective],
    risk: RiskLevel = RiskLevel.LOW,
    freezes: Sequence[FreezeWindow] = (),
    calendars: Sequence[ReleaseCalendar] = (),
) -> tuple[RoleCount, ...]:
    """The union of the roles of all environments and freezes named, each with its largest count; a hotfix asks more.

    A pattern needs no more, but for freezes.
    """
    overrides = [needed(change, freeze) for freeze in freezes]
    if change.spec.type is ChangeType.STANDARD:
        return union(overrides)
    if is_emergency(change):
        return union([*(rule.approvals for rule in terms_of(change, governed)), *overrides])
    controls = (governed[name].spec.change_control for name in change.spec.environments if name in governed)
    also = hotfix_roles(change, calendars)
    return union([*(quorum_rule(c.normal, risk) for c in controls if c and c.normal), *overrides, also])


def _valid_for(change: ChangeRequest, governed: Mapping[str, Effective]) -> str:
    """The shortest validity among the environments named."""
    rules = [
        control.normal.valid_for or DEFAULT_VALID_FOR
        for name in change.spec.environments
        if name in governed
        and (control := governed[name].spec.change_control) is not None
        and control.normal is not None
    ]
    return min(rules, key=parse_duration, default=DEFAULT_VALID_FOR)


def relays(change: ChangeRequest, governed: Mapping[str, Effective]) -> frozenset[str]:
    """The relay accounts that every environment named allows."""
    named = [governed[name].spec.change_control for name in change.spec.environments if name in governed]
    allowed = [frozenset(control.relays) if control else frozenset() for control in named]
    return frozenset.intersection(*allowed) if allowed else frozenset()


def how_to_approve(change: ChangeRequest, needs: Sequence[RoleCount]) -> str:
    """A command ready to paste, bound to the plan it was shown with."""
    role = needs[0].role if needs else "cab"
    entry = {"role": role, "decision": "Approved", "planDigest": change.status.plan_digest}
    patch = json.dumps([{"op": "add", "path": "/status/approvals/-", "value": entry}], separators=(",", ":"))
    meta = change.metadata
    return f"kubectl patch lfchg {meta.name} -n {meta.namespace} --subresource=status --type=json -p '{patch}'"


def _observed(change: ChangeRequest, now: datetime, risk: RiskLevel, base: str) -> tuple[Observed, ...]:
    known = {o.index: o for o in change.status.observed}
    return tuple(
        known.get(i) or Observed(index=i, at=now, risk=risk, base=base) for i in range(len(change.status.approvals))
    )


def _risk(change: ChangeRequest) -> ChangeRisk:
    """What is computed for each environment, and what people declare: the higher counts."""
    plans, said = change.status.plans, declared(change.spec.risk)
    return ChangeRisk(
        effective=effective_risk(change, {}),
        computed=highest(plan.risk for plan in plans),
        declared=said,
        reasons=tuple(f"{plan.environment}: {why}" for plan in plans for why in plan.risk_reasons)[:64],
    )


def _demanded(change: ChangeRequest, governed: Mapping[str, Effective], risk: RiskLevel) -> bool:
    """Whether an approval must say itself which plan it is about: design section 4."""
    tiers = [governed[name].spec.tier for name in change.spec.environments if name in governed]
    return risk is RiskLevel.HIGH and Tier.PRODUCTION in tiers


def _base(change: ChangeRequest, found: Standing, base: str, now: datetime) -> list[Condition]:
    """Whether something else runs than when it was approved; not said before anybody approved it."""
    if not any(entry.decision == "Approved" for entry in change.status.approvals):
        return []
    moved, again = base_changed(change, base), any("lower risk" in words for words in found.count.ignored)
    message = "something else runs than when it was approved" if moved else ""
    if moved:
        message += ": the risk rose, so it is approved again" if again else "; the risk did not rise: approvals hold"
    reason = reasons.BASE_CHANGED if moved else "BaseUnchanged"
    return [condition(reasons.BASE_CHANGED, moved, reason, message, generation=change.metadata.generation, now=now)]


def _kstatus(phase: ChangePhase, message: str, generation: int, now: datetime) -> list[Condition]:
    """Ready, and why it is not: it waits, or it ended without having been used and will never be."""
    ready = phase in _GOOD
    rows = (
        (reasons.READY, ready),
        (reasons.RECONCILING, not ready and not phase.ended),
        (reasons.STALLED, not ready and phase.ended),
    )
    return [condition(kind, is_, phase.value, message, generation=generation, now=now) for kind, is_ in rows]


def _used(change: ChangeRequest, promotions: Sequence[Promotion]) -> tuple[Use, ...]:
    succeeded = {p.metadata.uid for p in promotions if p.status.phase in (Phase.SUCCEEDED, Phase.AWAITING_SIGN_OFF)}
    return tuple(
        use.model_copy(update={"finished": True}) if use.promotion_uid in succeeded else use
        for use in change.status.used_by
    )
