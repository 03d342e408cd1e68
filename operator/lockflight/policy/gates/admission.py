"""Admission: the policies in the API server that this promotion rests on are in force."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import ASK_AGAIN, Subject, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/admission.md."""
    if on.effective.spec.tier.rank < Tier.UAT.rank:
        return not_applicable("asked for in tiers UAT and Production")
    found = on.snapshot.admission
    if found is None:
        return waiting(reasons.SELF_TEST_PENDING, "the self-test has not run yet", now + ASK_AGAIN)
    if found.problems:
        return waiting(
            reasons.POLICIES_NOT_IN_FORCE,
            f"{'; '.join(found.problems)}: the platform team installs the policies again "
            "(helm upgrade of the operator's chart), and finds out who changed them",
            now + ASK_AGAIN,
        )
    if found.unknown:
        return waiting(reasons.CANNOT_TELL, "; ".join(found.unknown), now + ASK_AGAIN)
    others = f"; others may change what is written here: {', '.join(found.others)}" if found.others else ""
    return passed(f"the policies are those that were shipped, and refuse what they forbid{others}")
