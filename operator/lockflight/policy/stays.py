"""How long a release stayed in an environment, verified and undisturbed, replayed from what promotions did there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Passage, Release


@dataclass(frozen=True, slots=True)
class Stay:
    """[since, until); until None: it is there now."""

    since: datetime
    until: datetime | None = None

    @property
    def length(self) -> timedelta | None:
        """How long it lasted; None while it lasts."""
        return self.until - self.since if self.until is not None else None


def stays(row: Passage, release: Release, promotions: Sequence[Promotion]) -> tuple[Stay, ...]:
    """The stays of ``release`` in one environment, from the one that ``row`` knows on.

    A promotion that changes the target ends the stay when it begins, even if it is taken back later: then a new stay
    begins. ``promotions`` are those of the application into that environment which began.
    """
    since, found = row.running_since, []
    for promotion in sorted(promotions, key=began):
        start = _start(promotion)
        if row.running_since is not None and start < row.running_since:
            continue
        before, verified = since, promotion.status.verified_at
        if before is not None:
            found.append(Stay(before, start))
        if verified is not None:
            since = verified if _is_of(promotion, release, row.digest) else None
        else:
            since = _back_since(promotion) if before is not None else None
    return (*found, Stay(since)) if since is not None else tuple(found)


def began(promotion: Promotion) -> tuple[datetime, str]:
    """By when it began to change the target, then by name."""
    return _start(promotion), promotion.metadata.name


def _start(promotion: Promotion) -> datetime:
    execution = promotion.status.execution
    return execution.started_at if execution else datetime.max.replace(tzinfo=UTC)


def _is_of(promotion: Promotion, release: Release, digest: str) -> bool:
    return promotion.spec.release_ref.name == release.metadata.name and promotion.status.release_digest == digest


def _back_since(promotion: Promotion) -> datetime | None:
    """When what ran before it ran again; None where it does not."""
    status = promotion.status
    if status.phase is Phase.ROLLED_BACK:
        return status.finished_at
    returned = status.execution is not None and status.execution.remediation in ("Rollback", "None")
    return status.finished_at if status.phase is Phase.ABORTED and returned else None
