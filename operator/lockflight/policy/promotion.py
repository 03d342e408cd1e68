"""What to do with a promotion, given every gate's verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import semver

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest, Strategy
from lockflight.api.environment import OnFailure
from lockflight.api.promotion import ComponentStatus, Forecast, Outcome, Phase, Promotion, WaitingFor
from lockflight.policy.model import Effective, NamedVerdict, Plan, Snapshot, Verdict
from lockflight.policy.revisions import return_revision
from lockflight.policy.signoffs import SignOffs, sign_offs

__all__ = ["Decision", "Finish", "SignOffs", "Start", "Wait", "decide", "remediation", "return_revision", "sign_offs"]


@dataclass(frozen=True, slots=True)
class Start:
    """Every gate is open."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Some gate is shut; time or people will open it."""

    phase: Phase
    reason: str
    message: str
    retry_at: datetime | None = None
    forecast: Forecast = field(default_factory=Forecast)


@dataclass(frozen=True, slots=True)
class Finish:
    """It ends here without having been carried out."""

    phase: Phase
    reason: str
    message: str


Decision = Start | Wait | Finish

_UNJUDGED = NamedVerdict(reasons.BINDING, Verdict(Outcome.WAITING, "NotJudged", "no gate was judged"))

_WHO = {
    reasons.CHANGE_CONTROL: "change board",
    reasons.ROLLBACK_PLAN: "requester",
    reasons.CHANGE_WINDOW: "clock",
    reasons.FREEZE: "freeze",
    reasons.SOAK: "clock",
    reasons.ORDER: "upstream",
    reasons.HOLD: "whoever holds it",
    reasons.BINDING: "platform team",
    reasons.RULES: "platform team",
    reasons.CONCURRENCY: "other promotion",
}


def decide(s: Snapshot, verdicts: Sequence[NamedVerdict], now: datetime) -> Decision:
    """Start only if every gate is open; a denial, an abort or a newer version ends it; anything else waits."""
    if s.promotion.spec.abort:
        return Finish(Phase.ABORTED, "Aborted", "aborted before it started")
    newer = _superseding(s)
    if newer is not None:
        return Finish(Phase.SUPERSEDED, "Superseded", newer)
    shut = [v for v in verdicts if not v.verdict.open]
    denied = [v for v in shut if v.verdict.outcome is Outcome.DENIED]
    if denied:
        first = denied[0]
        expired = first.verdict.reason in ("ApprovalExpired", "ScheduleOver", "ChangeExpired")
        message = "; ".join(f"{v.gate}: {v.verdict.message}" for v in denied)
        return Finish(Phase.EXPIRED if expired else Phase.REJECTED, first.verdict.reason, message)
    if not shut and verdicts:
        return Start()
    first = shut[0] if shut else _UNJUDGED
    frozen = [v for v in shut if v.gate == reasons.FREEZE and v.verdict.reason.startswith("Freeze")]
    times = [v.verdict.retry_at for v in shut if v.verdict.retry_at is not None]
    speaker = frozen[0] if frozen and len(shut) == 1 else first
    return Wait(
        phase=Phase.ON_HOLD if frozen else Phase.WAITING,
        reason=speaker.verdict.reason,
        message=f"{speaker.gate}: {speaker.verdict.message}"
        + (f" (and {len(shut) - 1} more gates)" if len(shut) > 1 else ""),
        retry_at=min(times, default=None),
        forecast=_forecast(shut, times),
    )


def remediation(
    change: ChangeRequest | None, governed: Effective, plan: Plan, components: Sequence[ComponentStatus]
) -> Literal["Rollback", "Uninstall", "Hold"]:
    """What to do when a component or a verification failed: the change's plan, else the environment's ``onFailure``."""
    if any(not c.reversible for c in plan.components):
        return "Hold"
    first = not any(row.previous_revision for row in components)
    if change is not None and change.spec.rollback_plan is not None:
        match change.spec.rollback_plan.strategy:
            case Strategy.HELM_ROLLBACK | Strategy.UNINSTALL:
                return "Uninstall" if first else "Rollback"
            case Strategy.ROLL_FORWARD | Strategy.RESTORE | Strategy.MANUAL:
                return "Hold"
    if governed.spec.on_failure is OnFailure.HOLD:
        return "Hold"
    return "Uninstall" if first else "Rollback"


def _superseding(s: Snapshot) -> str | None:
    """A higher version went, or waits, here, and this one has no change of its own."""
    if (
        s.release is None
        or s.changes
        or s.promotion.spec.change_request_ref
        or s.promotion.spec.action.value != "Deploy"
    ):
        return None
    mine = semver.Version.parse(s.release.spec.version)
    for peer in s.peers:
        release = s.peer_releases.get(peer.spec.release_ref.name)
        if release is None or peer.spec.action.value != "Deploy":
            continue
        theirs = semver.Version.parse(release.spec.version)
        if theirs > mine and _counts(peer, s.promotion):
            return f"promotion {peer.metadata.name} brings the higher version {theirs}"
    return None


def _counts(peer: Promotion, promotion: Promotion) -> bool:
    """It is on its way, or arrived while this one waited; what arrived before is the gate Version's business."""
    if peer.status.phase is None or not peer.status.phase.final:
        return True
    ended, created = peer.status.finished_at, promotion.metadata.creation_timestamp
    return peer.status.phase is Phase.SUCCEEDED and ended is not None and created is not None and ended > created


def _forecast(shut: Sequence[NamedVerdict], times: Sequence[datetime]) -> Forecast:
    known = len(times) == len(shut) and times
    return Forecast(
        earliest_start=max(times) if known else None,
        waiting_for=tuple(
            WaitingFor(who=_WHO.get(v.gate, "delivery team"), what=f"{v.gate}: {v.verdict.message}"[:1024])
            for v in shut
        ),
    )
