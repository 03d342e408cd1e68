"""What to do with a promotion, given every gate's verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.promotion import Forecast, Outcome, Phase
from lockflight.policy.forecast import shown
from lockflight.policy.model import NamedVerdict, Plan, Snapshot, Verdict
from lockflight.policy.peers import superseded_by
from lockflight.policy.remedy import remediation
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

_ON_HOLD: Final = (reasons.FREEZE, reasons.HOLD)
_UNKNOWN: Final = (reasons.RELEASE_MISSING, reasons.ENVIRONMENT_MISSING, reasons.CANNOT_TELL)
_TOO_LATE: Final = (reasons.APPROVAL_EXPIRED, reasons.SCHEDULE_OVER)


def decide(s: Snapshot, verdicts: Sequence[NamedVerdict], now: datetime) -> Decision:
    """Start only if every gate there is was judged and is open; an abort, a newer version or a denial ends it."""
    if s.promotion.spec.abort:
        return Finish(Phase.ABORTED, reasons.ABORTED, "aborted before it started")
    newer = superseded_by(s)
    if newer is not None:
        message = f"promotion {newer.metadata.name} brings the higher version {newer.spec.release_ref.name} here"
        return Finish(Phase.SUPERSEDED, reasons.SUPERSEDED, message)
    judged = {v.gate for v in verdicts}
    unjudged = [
        NamedVerdict(gate, Verdict(Outcome.WAITING, reasons.CANNOT_TELL, "this gate was not judged"))
        for gate in reasons.GATES
        if gate not in judged
    ]
    shut = [v for v in (*verdicts, *unjudged) if not v.verdict.open]
    denied = [v for v in shut if v.verdict.outcome is Outcome.DENIED]
    if denied:
        return _refused(denied)
    if not shut and not isinstance(s.plan, Plan):
        shut = [NamedVerdict(reasons.BINDING, Verdict(Outcome.WAITING, reasons.PLAN_MISSING, "there is no plan"))]
    return _wait(s, verdicts, shut, now) if shut else Start()


def _refused(denied: Sequence[NamedVerdict]) -> Finish:
    """Expired where nothing but the time was wrong, else rejected."""
    wrong = [v for v in denied if v.verdict.reason not in _TOO_LATE]
    speaker = (wrong or denied)[0]
    message = "; ".join(f"{v.gate}: {v.verdict.message}" for v in denied)
    return Finish(Phase.REJECTED if wrong else Phase.EXPIRED, speaker.verdict.reason, message)


def _wait(s: Snapshot, verdicts: Sequence[NamedVerdict], shut: Sequence[NamedVerdict], now: datetime) -> Wait:
    # A gate that cannot be judged is shut, but nobody holds anything by it.
    held = [v for v in shut if v.gate in _ON_HOLD and v.verdict.reason not in _UNKNOWN]
    # Open gates count too: what is open now may shut by time alone, such as an approval that runs out.
    times = [v.verdict.retry_at for v in verdicts if v.verdict.retry_at is not None and v.verdict.retry_at > now]
    speaker = (held or shut)[0]
    others = ", ".join(v.gate for v in shut if v is not speaker)
    words = f"{speaker.gate}: {speaker.verdict.message}"
    return Wait(
        phase=Phase.ON_HOLD if held else Phase.WAITING,
        reason=speaker.verdict.reason,
        message=words + (f" (also shut: {others})" if others else ""),
        retry_at=min(times, default=None),
        forecast=shown(s, verdicts, now, shut),
    )
