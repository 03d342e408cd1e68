"""Rules: the environment is above the floor of its tier, and its rules are approved where governance asks for it."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.governance import judge
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, denied, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/rules.md."""
    if on.effective.problems:
        return waiting(reasons.NOT_GOVERNED, f"environment {on.effective.name}: {'; '.join(on.effective.problems)}")
    unapproved = judge(on)
    if unapproved is not None:
        return unapproved
    if on.effective.spec.retired and not on.removal:
        return denied(
            reasons.RETIRED,
            f"environment {on.effective.name} is retired (spec.retired): nothing enters any more; promote to another",
        )
    return passed(f"governed as tier {on.effective.spec.tier}")
