"""When drift is put back, and when that stops: a fight with another writer is ended by people."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from lockflight.api import reasons
from lockflight.api.auditrecord import AuditAction
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.drift import DriftMode, DriftState, DriftStatus
from lockflight.api.environment import Environment, TargetStatus
from lockflight.policy.audit import AuditEntry
from lockflight.policy.drift import Drift
from lockflight.policy.gates import evaluate
from lockflight.policy.holds import held
from lockflight.policy.model import Snapshot
from lockflight.policy.records import subject_of

MOST_TRIES: Final = 3
"""How often one state is put back before people have to look."""
CALM: Final = 4
"""After so many intervals without drift the tries are counted anew."""
GATES: Final = (reasons.BINDING, reasons.RULES, reasons.FREEZE, reasons.ADMISSION)
"""What holds it up. The rest is about what comes in, and this came in before."""


def asked_for(mode: DriftMode, row: DriftStatus, record: ChangeRequest | None) -> bool:
    """Whether somebody wants it put back: the Environment, or a person, on the target's open record, exactly this."""
    if row.state is not DriftState.DRIFTED or row.digest is None:
        return False
    if mode is DriftMode.CORRECT:
        return True
    ended = record is not None and record.status.phase is not None and record.status.phase.ended
    asked = record.spec.put_back if record is not None and not ended else None
    return asked is not None and asked.drift == row.digest


def keeps(
    row: DriftStatus, target: TargetStatus, drift: Drift, interval: timedelta, now: datetime, *, glass: bool
) -> str | None:
    """Why it is not put back now; empty: only the time is not come; None: nothing keeps it."""
    if glass:
        return "the glass of the namespace is broken: it is put back once that is mended"
    if drift.lost:
        return f"Helm has lost {', '.join(drift.lost)} as promoted: promote {target.release} once more"
    if not drift.back:
        return f"nothing of it can be put back by Helm: promote {target.release} once more"
    done = row.put_back
    if done is None or done.promotion_uid != target.promotion_uid:
        return None
    if done.tries >= MOST_TRIES:
        return given_up(row)
    return "" if now - done.last_at < interval else None


def given_up(row: DriftStatus) -> str:
    """What is said once it is not tried any more."""
    writers = sorted({f.manager for obj in row.objects for f in obj.fields if f.manager})
    who = f"field manager {', '.join(writers)}" if writers else "somebody"
    return (
        f"put back {MOST_TRIES} times, and changed again: {who} goes on writing it: end that, or have the platform "
        "team name the field in spec.drift.ignore; then promote once more"
    )


def over(row: DriftStatus, interval: timedelta, now: datetime) -> bool:
    """Whether it has stayed as it was put back for long enough to forget the tries."""
    return row.put_back is not None and now - row.put_back.last_at >= CALM * interval


def shut(s: Snapshot, now: datetime) -> Sequence[str]:
    """What the gates say against it. An approval or an override of the change that once brought it counts no more."""
    rows = evaluate(GATES, replace(s, changes=(), whole=None), now)
    application = s.release.spec.application if s.release is not None else ""
    hold = held(s.effective, application) if s.effective is not None else None
    # Of the gate Hold only that of the place counts: a release that is held stays where it runs.
    kept = [f"{reasons.HOLD}: {s.promotion.spec.environment_ref.name} is held: {hold.reason}"] if hold else []
    return [*kept, *(f"{row.gate}: {row.verdict.message}" for row in rows if not row.verdict.open)]


def sealed(
    environment: Environment, row: DriftStatus, drift: Drift, target: TargetStatus, record: ChangeRequest | None
) -> AuditEntry:
    """What is sealed before Helm begins."""
    begun = f"{row.put_back.last_at:%Y-%m-%dT%H:%M:%SZ}" if row.put_back else ""
    facts: Mapping[str, Any] = {
        "application": row.application,
        "namespace": row.namespace,
        "drift": [str(found)[:512] for found in drift.found[:64]],
        "digest": row.digest,
        "revisions": row.revisions,
        "promotion": target.promotion,
        "asked": f"change {record.metadata.name}" if record is not None else "spec.drift.mode Correct",
    }
    return AuditEntry(AuditAction.PUT_BACK, subject_of(environment), key=f"{row.application} {begun}", facts=facts)
