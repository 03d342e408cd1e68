"""Rules: the environment is above the floor of its tier, and its rules are approved where governance asks for it."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.governance import judge
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/rules.md."""
    if on.effective.problems:
        return waiting(reasons.NOT_GOVERNED, f"environment {on.effective.name}: {'; '.join(on.effective.problems)}")
    unapproved = judge(on)
    if unapproved is not None:
        return unapproved
    return passed(f"governed as tier {on.effective.spec.tier}")
