"""Changes that nobody permitted: one record for each target, which grows while it is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lockflight.api.changerecords import FindingStatus
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.drift import DriftStatus
from lockflight.api.environment import TargetStatus
from lockflight.policy.comparison import Difference

MOST: Final = 64
"""Findings that a record lists."""
_TITLE, _TEXT = 256, 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was promoted. ``by`` is empty where nobody knows who did it."""

    object: str
    what: str
    by: str = ""
    revision: str = ""
    """The object's generation, or when it was seen: what was undone and done again is another finding."""

    def __str__(self) -> str:
        return f"{self.object}: {self.what}{f' (by {self.by})' if self.by else ''}"


def finding_of(found: Difference) -> Finding:
    """What the comparison found, as a record holds it; without its revision."""
    what = f"{found.field} {found.what}" if found.field else found.what
    return Finding((found.of or found.where)[:512], what[:_TEXT], found.by[:253])


def record_name(environment: str, application: str, number: int) -> str:
    """The name of a target's record: the same for everybody who finds something, so that there is one."""
    base = f"unauthorised-{environment}-{application}"
    return base if number == 1 else f"{base}-{number}"


def asked_for(environment: str, application: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The spec of a new record; the findings stand in it as well, so that they are not lost before status is there."""
    return {
        "type": "Emergency",
        "title": f"{application} in {environment} was changed without permission"[:_TITLE],
        "reason": "; ".join(map(str, findings))[:_TEXT] or "what runs is not what was promoted",
        "environments": [environment],
        "unauthorised": {"application": application},
    }


def merged(known: Sequence[FindingStatus], findings: Sequence[Finding], now: datetime) -> tuple[FindingStatus, ...]:
    """What is known and what is new, each once, as far as there is room."""
    rows = list(known)
    seen = {_key(row) for row in rows}
    for found in findings:
        row = FindingStatus(
            object=found.object[:512],
            what=found.what[:_TEXT],
            changed_by=found.by[:253] or None,
            revision=found.revision[:64],
            first_seen=now,
        )
        if _key(row) not in seen:
            seen.add(_key(row))
            rows.append(row)
    return tuple(rows[:MOST])


def says(record: ChangeRequest, findings: Sequence[Finding], now: datetime) -> bool:
    """Whether the record has all of them."""
    known = {_key(row) for row in record.status.findings}
    return {_key(row) for row in merged((), findings, now)} <= known


def ending(
    found: FindingStatus,
    environment: str,
    target: TargetStatus,
    row: DriftStatus | None,
    change: ChangeRequest | None,
) -> str:
    """How a finding ended that does not stand any more; ``change`` is the one that brought what runs."""
    if target.deployed_at > found.first_seen:
        took = change is not None and any(t.environment == environment for t in change.spec.takes_over)
        under = f" under change {change.metadata.name}" if change is not None else ""
        return f"{'taken over' if took else 'gone over'} by promotion {target.promotion}{under}"[:512]
    if row is not None and row.put_back is not None and row.put_back.last_at >= found.first_seen:
        return f"put back as {target.release} had it"[:512]
    return "undone, or changed further, by another way"


def full(record: ChangeRequest) -> bool:
    """It lists as many as it may: more would not make the review another one."""
    return len(record.status.findings) >= MOST


def _key(row: FindingStatus) -> tuple[str, str, str | None, str]:
    return row.object, row.what, row.changed_by, row.revision
