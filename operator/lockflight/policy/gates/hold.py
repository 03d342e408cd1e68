"""Hold: neither the release nor its change is held by a person."""

from datetime import datetime

from lockflight.policy.gates._verdicts import is_rollback, missing, passed, waiting
from lockflight.policy.gates.order import passage
from lockflight.policy.model import Snapshot, Verdict


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/hold.md."""
    lacking = missing(s)
    if lacking is not None or s.release is None or s.effective is None:
        return lacking or waiting("CannotTell", "release or environment cannot be read")
    hold = s.release.spec.hold
    reached = passage(s, s.effective.name) is not None
    if hold is not None and not reached and not is_rollback(s):
        name = s.release.metadata.name
        return waiting("ReleaseHeld", f"{name} is held: {hold.reason}; remove spec.hold to let it go on")
    held = next((c for c in s.changes if c.spec.hold is not None), None)
    if held is not None and held.spec.hold is not None:
        return waiting(
            "ChangeHeld", f"{held.metadata.name} is held: {held.spec.hold.reason}; remove spec.hold to go on"
        )
    return passed("nothing is held")
