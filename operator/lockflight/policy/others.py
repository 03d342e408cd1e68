"""Verifications that others do: which are asked for, which are open, and how they came out. Pure."""

from collections.abc import Sequence
from datetime import datetime

from lockflight.api.common import parse_duration
from lockflight.api.environment import Exit, ExternalVerification
from lockflight.api.promotion import Action, Promotion, PromotionStatus, VerificationStatus
from lockflight.policy.external import Word, verdict
from lockflight.policy.model import Effective
from lockflight.policy.rights import Rights

Rows = tuple[VerificationStatus, ...]


def asked_for(promotion: Promotion, governed: Effective) -> tuple[tuple[str, ExternalVerification], ...]:
    """Those that ``promotion`` has to pass, by name. A way back asks for none: what it returns to was verified."""
    leave = governed.spec.exit or Exit()
    if promotion.spec.action is not Action.DEPLOY:
        return ()
    return tuple((check.name, check.external) for check in leave.verification if check.external is not None)


def pending(name: str, check: ExternalVerification) -> VerificationStatus:
    """Its row while Lockflight's own checks run."""
    return VerificationStatus(name=name, state="Pending", role=check.role)


def opened(rows: Rows, asked: Sequence[tuple[str, ExternalVerification]], now: datetime) -> Rows:
    """The rows with every one that is asked for open from now on at the latest, unless it is over."""
    known = {row.name: row for row in rows}
    for name, check in asked:
        row = known.get(name)
        if row is None or row.role is None or row.state == "Pending":
            due = now + parse_duration(check.timeout)
            known[name] = pending(name, check).model_copy(update={"state": "Running", "started_at": now, "due_by": due})
    return tuple(known.values())


def judged(promotion: Promotion, rows: Rows, rights: Rights, now: datetime) -> tuple[Rows, tuple[str, ...]]:
    """The rows after what was said of them and after their time; and the words that do not count, and why."""
    ignored: list[str] = []
    result = []
    for row in rows:
        if row.role is None or row.state != "Running":
            result.append(row)
            continue
        said = verdict(promotion, row, rights)
        ignored += [f"{row.name}: {why}" for why in said.ignored]
        result.append(_after(row, said, now))
    return tuple(result), tuple(ignored)


def failed(status: PromotionStatus) -> VerificationStatus | None:
    """The first one that others say has failed, or about which nobody said anything in time."""
    return next((row for row in status.verification if row.role is not None and row.state == "Failed"), None)


def passed(status: PromotionStatus) -> bool:
    """Whether there are any, and with them everything has passed."""
    rows = status.verification
    return any(row.role is not None for row in rows) and all(row.state == "Passed" for row in rows)


def still_open(rows: Rows) -> Rows:
    """Those that wait for somebody's word."""
    return tuple(row for row in rows if row.role is not None and row.state == "Running")


def cancelled(rows: Rows, now: datetime) -> Rows:
    """The rows of a promotion that ends before anybody said anything."""
    over = {"state": "Cancelled", "finished_at": now, "message": "the promotion ended before anybody said how it went"}
    return tuple(row.model_copy(update=over) if row.state in ("Pending", "Running") else row for row in rows)


def _after(row: VerificationStatus, said: Word, now: datetime) -> VerificationStatus:
    if said.entry is not None:
        words = f"says {said.entry.by}{f': {said.entry.comment}' if said.entry.comment else ''}"
        return row.model_copy(update={"state": said.entry.result, "finished_at": now, "message": words[:2048]})
    if row.due_by is not None and now >= row.due_by:
        words = f"nobody who may speak as {row.role} said by {row.due_by:%Y-%m-%d %H:%MZ} how it went"
        return row.model_copy(update={"state": "Failed", "finished_at": now, "message": words})
    return row
