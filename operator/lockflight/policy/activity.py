"""Changes that bring no release: what exactly is approved, how risky it is, and when it may be carried out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from lockflight.api import reasons
from lockflight.api.activity import Activity
from lockflight.api.changerequest import ChangePhase, ChangePlan, ChangeRequest, ChangeRequestStatus
from lockflight.api.common import Meta, RiskLevel, Tier, format_duration, parse_duration
from lockflight.api.release import Release, ReleaseSpec
from lockflight.policy.digest import canonical_digest
from lockflight.policy.model import Effective, Snapshot, Verdict
from lockflight.policy.risk import Risk

ASKED: Final = (
    reasons.RULES,
    reasons.HOLD,
    reasons.CADENCE,
    reasons.FREEZE,
    reasons.CHANGE_WINDOW,
    reasons.REVIEW_DEBT,
)
"""The gates that speak of an activity: rules, people who hold it, time, and what is owed. Admission is asked last."""

_SUMMARY: Final = 2048


def plan(change: ChangeRequest, activity: Activity, governed: Effective, rules: Mapping[str, Any]) -> ChangePlan:
    """What is approved for one environment; ``rules`` are what the decision relies on."""
    spec, tier = change.spec, governed.spec.tier
    bound = {
        "target": [change.metadata.namespace, governed.name, tier.value],
        "activity": activity.dump(),
        "schedule": spec.schedule.dump() if spec.schedule else None,
        "rollbackPlan": spec.rollback_plan.dump() if spec.rollback_plan else None,
        "rules": rules,
    }
    text = f"{activity.kind}, {format_duration(parse_duration(activity.duration))}: {activity.description}"
    row = ChangePlan(
        environment=governed.name,
        digest=canonical_digest(bound),
        summary=text if len(text) <= _SUMMARY else text[: _SUMMARY - 1] + "…",
    )
    if governed.spec.change_control is None:
        return row
    found = risk(tier)
    return row.model_copy(update={"risk": found.level, "risk_reasons": found.reasons})


def risk(tier: Tier) -> Risk:
    """From the tier alone: what an activity touches only people know, and the higher of theirs and this counts."""
    level = RiskLevel.MEDIUM if tier is Tier.PRODUCTION else RiskLevel.LOW
    return Risk(level, (f"an activity in tier {tier}: what it touches is for people to say in spec.risk",))


def targets(
    change: ChangeRequest, activity: Activity, around: Snapshot, applications: Iterable[str]
) -> tuple[Snapshot, ...]:
    """One environment as the gates look at it, once for each application that the activity touches.

    ``around`` is the environment with this change in it; ``applications`` are those of the stack. Where it names
    none it touches all of them: a freeze of one application holds it as well.
    """
    names = activity.applications or sorted(set(applications)) or ("",)
    return tuple(replace(around, release=_nothing(change, name), changes=(change,)) for name in names)


def _nothing(change: ChangeRequest, application: str) -> Release:
    """In place of a release, which gates ask for its application: nobody's, held by nobody."""
    spec = ReleaseSpec.model_construct(application=application, version="0.0.0")
    return Release(metadata=Meta(name=change.metadata.name, namespace=change.metadata.namespace), spec=spec)


def begun(change: ChangeRequest, status: ChangeRequestStatus, verdict: Verdict) -> ChangeRequestStatus:
    """From the first time that it may be carried out it counts as being carried out: nobody says when it begins."""
    if change.spec.activity is None or not verdict.open:
        return status
    return status.model_copy(update={"phase": ChangePhase.IMPLEMENT, "in_use": True})


def going_on(change: ChangeRequest, now: datetime) -> bool:
    """Whether it may have begun, and its time is not over."""
    schedule = change.spec.schedule
    return (
        change.status.phase is ChangePhase.IMPLEMENT
        and change.spec.cancel is None
        and schedule is not None
        and now < schedule.end
    )
