"""Concurrency: nothing else is executing on this target, and of two approved ones the earlier scheduled goes first."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.policy.model import Revision, Snapshot, Verdict
from lockflight.policy.peers import goes_first
from lockflight.policy.revisions import newest
from lockflight.policy.verdicts import ASK_AGAIN, Subject, given, passed, waiting
from lockflight.policy.visits import Visits


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/concurrency.md."""
    s = on.snapshot
    busy = next((p for p in Visits.of(s.peers).open if p.status.phase is not None and p.status.phase.executing), None)
    if busy is not None:
        return waiting(reasons.TARGET_BUSY, f"promotion {busy.metadata.name} is {busy.status.phase} on this target")
    ahead = goes_first(s)
    if ahead is not None:
        return waiting(
            reasons.AFTER_PEER,
            f"promotion {ahead.metadata.name} ({ahead.spec.release_ref.name}) goes before {s.promotion.metadata.name} "
            f"({on.release.metadata.name}): the earlier schedule, then the older one; this one is judged anew after it",
            now + ASK_AGAIN,
        )
    lock = _foreign_lock(s)
    if lock is not None:
        return waiting(
            reasons.HELM_LOCKED,
            f"Helm release {lock.helm_release} revision {lock.revision} is {lock.status}, and not by Lockflight: "
            "wait for that action, or end it with helm rollback",
            now + ASK_AGAIN,
        )
    return passed("the target is free")


def _foreign_lock(s: Snapshot) -> Revision | None:
    tops = [newest(s.revisions, name) for name in sorted({r.helm_release for r in s.revisions})]
    # One that Lockflight labelled is a dead process's, for no promotion executes here: it is unlocked and gone over.
    return next((r for r in tops if r is not None and r.status.pending and not r.promotion_uid), None)
