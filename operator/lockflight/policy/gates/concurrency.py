"""Concurrency: nothing else is executing on this target, and of two approved ones the earlier scheduled goes first."""

from datetime import UTC, datetime, timedelta

from lockflight.api import reasons
from lockflight.api.promotion import Outcome, Phase, Promotion
from lockflight.policy.gates._verdicts import missing, passed, waiting
from lockflight.policy.model import Revision, Snapshot, Verdict

_FAR = datetime.max.replace(tzinfo=UTC)


def evaluate(s: Snapshot, now: datetime) -> Verdict:
    """See docs/gates/concurrency.md."""
    lacking = missing(s)
    if lacking is not None:
        return lacking
    busy = next((p for p in s.peers if p.status.phase is not None and p.status.phase.executing), None)
    if busy is not None:
        return waiting("TargetBusy", f"promotion {busy.metadata.name} is {busy.status.phase} on this target")
    ahead = next((p for p in s.peers if _goes_first(p, s.promotion)), None)
    if ahead is not None:
        message = f"promotion {ahead.metadata.name} is ready too and was there first: this one is judged anew after it"
        return waiting("AfterPeer", message, now + timedelta(seconds=15))
    lock = _foreign_lock(s)
    if lock is not None:
        message = (
            f"Helm release {lock.helm_release} revision {lock.revision} is {lock.status}, and not by Lockflight: "
            "wait for that action, or end it with helm rollback"
        )
        return waiting("HelmLocked", message, now + timedelta(seconds=15))
    return passed("the target is free")


def _goes_first(peer: Promotion, promotion: Promotion) -> bool:
    """Ready and older; without it the newer version would turn the older approved one into a downgrade."""
    if peer.status.phase is not Phase.WAITING or not peer.status.gates or created(peer) >= created(promotion):
        return False
    open_ones = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    return all(g.outcome in open_ones for g in peer.status.gates if g.name != reasons.CONCURRENCY)


def _foreign_lock(s: Snapshot) -> Revision | None:
    newest: dict[str, Revision] = {}
    for revision in s.revisions:
        known = newest.get(revision.helm_release)
        if known is None or revision.revision > known.revision:
            newest[revision.helm_release] = revision
    ours = {p.metadata.uid for p in s.peers} | {s.promotion.metadata.uid}
    return next((r for r in newest.values() if r.status.pending and r.promotion_uid not in ours), None)


def created(promotion: Promotion) -> tuple[datetime, str]:
    """By age, then name."""
    return promotion.metadata.creation_timestamp or _FAR, promotion.metadata.name
