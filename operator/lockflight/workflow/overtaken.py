"""What ends a promotion that is applied and waits for people: an abort, or a newer deployment."""

from lockflight.api import reasons
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.model import Snapshot
from lockflight.policy.promotion import Finish


def overtaken(s: Snapshot, waited_for: str) -> Finish | None:
    """How it ends whatever people say, or None; ``waited_for`` in the words for people."""
    if s.promotion.spec.abort:
        words = f"aborted while it waited for {waited_for}; the release stays where it is"
        return Finish(Phase.ABORTED, reasons.ABORTED, words)
    newer = next((p for p in s.peers if _deployed_after(p, s.promotion)), None)
    if newer is None:
        return None
    words = f"promotion {newer.metadata.name} deployed here before it was done with {waited_for}"
    return Finish(Phase.SUPERSEDED, reasons.SUPERSEDED, words)


def _deployed_after(peer: Promotion, promotion: Promotion) -> bool:
    """Whether ``peer`` began after ``promotion``, which is applied. Two within a second are told apart by Helm."""
    mine, theirs = promotion.status.execution, peer.status.execution
    if mine is None or theirs is None:
        return False
    if peer.status.phase is not None and peer.status.phase.executing:
        # One executes at a time.
        return True
    return (theirs.started_at, _last_revision(peer)) > (mine.started_at, _last_revision(promotion))


def _last_revision(promotion: Promotion) -> int:
    return max((row.revision for row in promotion.status.components), default=0)
