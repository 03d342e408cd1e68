"""Order: this very digest passed the environments upstream, verified and signed off."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.environment import Require
from lockflight.api.promotion import Outcome
from lockflight.policy.model import Verdict
from lockflight.policy.upstream import passage, passed_in
from lockflight.policy.verdicts import Subject, denied, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/order.md."""
    name, here = on.release.metadata.name, on.effective.name
    if on.release.status.digest is None:
        return waiting(
            reasons.RELEASE_NOT_READY, f"release {name} has no digest yet: see kubectl describe lfrel {name}"
        )
    if on.rollback:
        row = passage(on.snapshot, here)
        if row is not None and row.verified_at is not None:
            return passed(f"{name} was verified in {here} before")
        return denied(
            reasons.NEVER_VERIFIED_HERE, f"{name} was never verified in {here}: there is nothing to go back to"
        )
    if not on.effective.promotes_from:
        return passed(f"{here} is an entry: nothing lies upstream", reasons.ENTRY)
    results = {upstream: passed_in(on, upstream) for upstream in on.effective.promotes_from}
    shut = [verdict for verdict in results.values() if not verdict.open]
    one_is_enough = on.effective.spec.require is Require.ANY
    if not shut or (one_is_enough and len(shut) < len(results)):
        return passed(f"{name} passed {', '.join(up for up, verdict in results.items() if verdict.open)}")
    final = [verdict for verdict in shut if verdict.outcome is Outcome.DENIED]
    message = "; ".join(verdict.message for verdict in shut)
    if final and (not one_is_enough or len(final) == len(results)):
        return denied(final[0].reason, message)
    return waiting(next(verdict for verdict in shut if verdict not in final).reason, message)
