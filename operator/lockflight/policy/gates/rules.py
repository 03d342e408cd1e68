"""Rules: the environment is above the floor of its tier and no looser than its baseline."""

from datetime import datetime

from lockflight.policy.gates._verdicts import missing, passed, waiting
from lockflight.policy.model import Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/rules.md."""
    lacking = missing(s)
    if lacking is not None or s.effective is None:
        return lacking or waiting("CannotTell", "the environment cannot be read")
    if s.effective.problems:
        message = f"environment {s.effective.name}: {'; '.join(s.effective.problems)}"
        return waiting("NotGoverned", message)
    return passed(f"governed as tier {s.effective.spec.tier}")
