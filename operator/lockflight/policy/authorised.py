"""Whether a change may be carried out right now by somebody other than the operator, such as Argo CD or a pipeline."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequestStatus
from lockflight.api.conditions import find
from lockflight.policy.gates import evaluate
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.verdicts import passed, waiting

ASKED: Final = (reasons.RULES, reasons.HOLD, reasons.FREEZE, reasons.CHANGE_WINDOW)
"""The gates that speak of the rules, of the time and of people who hold it; the others are about what the operator
applies."""

_CARRIED_OUT: Final = (ChangePhase.SCHEDULED, ChangePhase.IMPLEMENT)


def authorised(
    status: ChangeRequestStatus, targets: Sequence[Snapshot], now: datetime, asked: Sequence[str] = ASKED
) -> Verdict:
    """Open from the start of its schedule to its end, while it is approved, and neither held nor frozen anywhere.

    ``targets`` is a snapshot for each environment named, with this change in it; ``asked`` are the gates that have to
    be open. ``retry_at`` is when time alone changes the answer.
    """
    said = find(status.conditions, reasons.APPROVED)
    if status.phase not in _CARRIED_OUT or said is None or said.status != "True":
        phase = status.phase.value if status.phase else "new"
        return waiting(reasons.NOT_AUTHORISED, f"it is {phase}: {said.message if said else 'nobody decided yet'}")
    if not targets:
        return waiting(reasons.NOT_AUTHORISED, "the environments that it names do not exist")
    rows = [(s, row) for s in targets for row in evaluate(asked, s, now)]
    times = [row.verdict.retry_at for _, row in rows if row.verdict.retry_at and row.verdict.retry_at > now]
    again = min(times, default=None)
    shut = [(s.promotion.spec.environment_ref.name, row.verdict, row.gate) for s, row in rows if not row.verdict.open]
    if shut:
        texts = (f"{environment}: {gate}: {verdict.message}" for environment, verdict, gate in shut)
        words = "; ".join(dict.fromkeys(texts))
        return waiting(shut[0][1].reason, words, again)
    return passed("it may be carried out now", reasons.AUTHORIZED, again)
