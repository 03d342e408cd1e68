"""Hold: neither the release nor its change is held by a person."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.model import Verdict
from lockflight.policy.upstream import passage
from lockflight.policy.verdicts import Subject, given, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/hold.md."""
    name, hold = on.release.metadata.name, on.release.spec.hold
    here = passage(on.snapshot, on.effective.name)
    reached = here is not None and here.verified_at is not None
    if hold is not None and not reached:
        return waiting(
            reasons.RELEASE_HELD, f"release {name} is held: {hold.reason}; lockflight unhold {name} lets it go on"
        )
    for change in on.snapshot.changes:
        if change.spec.hold is not None:
            return waiting(
                reasons.CHANGE_HELD,
                f"change {change.metadata.name} is held: {change.spec.hold.reason}; remove spec.hold to let it go on",
            )
    return passed("nothing is held")
