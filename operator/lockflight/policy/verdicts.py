"""Short ways to say a verdict, and what every gate needs before it can say one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Final

from lockflight.api import reasons
from lockflight.api.environment import Environment
from lockflight.api.promotion import Action, Outcome, WaitingFor
from lockflight.api.release import Release
from lockflight.policy.model import Effective, Snapshot, Verdict

Gate = Callable[[Snapshot, datetime], Verdict]

ASK_AGAIN: Final = timedelta(seconds=30)
"""When to look again at what no event announces, such as rights or a registry."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A snapshot whose release and environment are there."""

    snapshot: Snapshot
    release: Release
    environment: Environment
    effective: Effective

    @property
    def rollback(self) -> bool:
        """The promotion goes back to what ran here before."""
        return self.snapshot.promotion.spec.action is Action.ROLLBACK

    @property
    def removal(self) -> bool:
        """The promotion takes away what runs here."""
        return self.snapshot.promotion.spec.action is Action.REMOVE


def given(judge: Callable[[Subject, datetime], Verdict]) -> Gate:
    """A gate from a function that needs release and environment; without them it is closed."""

    @wraps(judge)
    def evaluate(s: Snapshot, now: datetime) -> Verdict:
        spec = s.promotion.spec
        if s.release is None:
            name = spec.release_ref.name
            return waiting(
                reasons.RELEASE_MISSING,
                f"spec.releaseRef: release {name} does not exist in {s.stack}: create it, or promote another",
            )
        if s.environment is None or s.effective is None:
            name = spec.environment_ref.name
            return waiting(
                reasons.ENVIRONMENT_MISSING,
                f"spec.environmentRef: environment {name} does not exist in {s.stack}: create it again, or "
                f"lockflight abort {s.promotion.metadata.name} and promote to another (lockflight board)",
            )
        return judge(Subject(s, s.release, s.environment, s.effective), now)

    return evaluate


def passed(message: str = "", reason: str = reasons.PASSED, retry_at: datetime | None = None) -> Verdict:
    """The gate is open; ``retry_at`` is when time alone shuts it."""
    return Verdict(Outcome.PASSED, reason, message, retry_at)


def not_applicable(message: str) -> Verdict:
    """The gate has nothing to say here."""
    return Verdict(Outcome.NOT_APPLICABLE, reasons.NOT_APPLICABLE, message)


def waiting(
    reason: str, message: str, retry_at: datetime | None = None, waiting_for: Sequence[WaitingFor] = ()
) -> Verdict:
    """Time or people will open it."""
    return Verdict(Outcome.WAITING, reason, message, retry_at, tuple(waiting_for))


def denied(reason: str, message: str) -> Verdict:
    """Only a new object will get through."""
    return Verdict(Outcome.DENIED, reason, message)


def utc(when: datetime) -> str:
    """An instant in UTC."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%MZ}"
