"""Short ways to say a verdict."""

from datetime import datetime

from lockflight.api.promotion import Action, Outcome
from lockflight.policy.model import Snapshot, Verdict


def passed(message: str = "", reason: str = "Passed") -> Verdict:
    """The gate is open."""
    return Verdict(Outcome.PASSED, reason, message)


def not_applicable(message: str, reason: str = "NotApplicable") -> Verdict:
    """The gate has nothing to say here."""
    return Verdict(Outcome.NOT_APPLICABLE, reason, message)


def waiting(reason: str, message: str, retry_at: datetime | None = None) -> Verdict:
    """Time or people will open it."""
    return Verdict(Outcome.WAITING, reason, message, retry_at)


def denied(reason: str, message: str) -> Verdict:
    """Only a new object will get through."""
    return Verdict(Outcome.DENIED, reason, message)


def missing(s: Snapshot) -> Verdict | None:
    """What every gate needs and is not there; None where all is."""
    if s.release is None:
        name = s.promotion.spec.release_ref.name
        return waiting("ReleaseMissing", f"release {name} does not exist in {s.stack}: create it, or promote another")
    if s.environment is None or s.effective is None:
        name = s.promotion.spec.environment_ref.name
        return waiting("EnvironmentMissing", f"environment {name} does not exist in {s.stack}: see kubectl get lfenv")
    return None


def is_rollback(s: Snapshot) -> bool:
    """The promotion goes back to what ran here before."""
    return s.promotion.spec.action is Action.ROLLBACK
