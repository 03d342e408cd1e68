"""Rules: the environment is above the floor of its tier and no looser than its baseline."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/rules.md."""
    if on.effective.problems:
        return waiting(reasons.NOT_GOVERNED, f"environment {on.effective.name}: {'; '.join(on.effective.problems)}")
    return passed(f"governed as tier {on.effective.spec.tier}")
