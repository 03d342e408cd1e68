"""The promotions into one target, with what the gates look up in them worked out once."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property

from lockflight.api.promotion import Action, Phase, Promotion

DONE = (Phase.SUCCEEDED, Phase.AWAITING_SIGN_OFF)
FAILED = (Phase.FAILED, Phase.ROLLED_BACK)
_ENDED = frozenset((*DONE, *FAILED))


class Visits(tuple[Promotion, ...]):
    """Promotions in any order; what follows from them is kept, for most of them ended long ago."""

    @classmethod
    def of(cls, promotions: Iterable[Promotion]) -> "Visits":
        """The same where it is one already."""
        return promotions if isinstance(promotions, cls) else cls(promotions)

    @cached_property
    def open(self) -> tuple[Promotion, ...]:
        """Those about which nothing final was said yet."""
        return tuple(p for p in self if p.status.phase is None or not p.status.phase.final)

    @cached_property
    def by_uid(self) -> Mapping[str, Promotion]:
        """Each by its UID."""
        return {p.metadata.uid: p for p in self}

    @cached_property
    def rollbacks(self) -> frozenset[str]:
        """UIDs of those that went back."""
        return frozenset(p.metadata.uid for p in self if p.spec.action is Action.ROLLBACK)

    @cached_property
    def ended(self) -> tuple[Promotion, ...]:
        """Deployments that came to an end, by when they began, the latest first."""
        found = [
            (p.status.execution.started_at, p.metadata.name, p)
            for p in self
            if p.status.phase in _ENDED and p.spec.action is Action.DEPLOY and p.status.execution is not None
        ]
        return tuple(row[2] for row in sorted(found, key=lambda row: row[:2], reverse=True))

    @cached_property
    def took(self) -> tuple[timedelta, ...]:
        """How long each took that was verified, from the intent on, the latest first; a second at least."""
        found = [
            (status.execution.started_at, max(status.verified_at - status.execution.started_at, timedelta(seconds=1)))
            for status in (p.status for p in self)
            if status.execution is not None and status.execution.remediation is None and status.verified_at is not None
        ]
        return tuple(length for _, length in sorted(found, reverse=True))
