"""What Helm's history says: which verified revision to go back to, and what was applied since one."""

from collections.abc import Mapping

from lockflight.api.release import Release
from lockflight.policy.labels import short
from lockflight.policy.model import HelmStatus, Revision, Snapshot
from lockflight.policy.siblings import Siblings
from lockflight.policy.visits import Visits

_KEPT = (HelmStatus.DEPLOYED, HelmStatus.SUPERSEDED)


def return_revision(s: Snapshot) -> Mapping[str, int]:
    """Helm release name to revision: the newest one that was verified here; 0 where there is none.

    Never a guess: what Lockflight did not verify in this environment is not gone back to.
    """
    found = {r.helm_release: 0 for r in s.revisions}
    for r in s.revisions:
        if r.revision > found[r.helm_release] and verified(s, r):
            found[r.helm_release] = r.revision
    return found


def verified(s: Snapshot, revision: Revision) -> bool:
    """Whether a revision ran here and was verified: by its promotion where that is known, else by its digest."""
    if revision.status not in _KEPT:
        return False
    peer = Visits.of(s.peers).by_uid.get(revision.promotion_uid)
    if peer is not None:
        return peer.status.verified_at is not None
    return Siblings.of(s.peer_releases).verified(
        s.effective.name if s.effective else "",
        promotion_uid=revision.promotion_uid,
        release_digest=revision.release_digest,
    )


def applied_since(s: Snapshot, digest: str) -> tuple[Release | None, ...]:
    """The releases applied here, wholly or not, after the newest revision of ``digest``; None: one that is gone.

    Revisions that are not Lockflight's own say nothing.
    """
    known = Siblings.of(s.peer_releases).by_digest
    since: dict[str, Release | None] = {}
    for name in {r.helm_release for r in s.revisions}:
        mine = [r for r in s.revisions if r.helm_release == name]
        last = max((r.revision for r in mine if r.release_digest == short(digest) and r.status in _KEPT), default=0)
        for revision in mine:
            if revision.revision > last and revision.release_digest not in ("", short(digest)):
                since[revision.release_digest] = known.get(revision.release_digest)
    return tuple(since[found] for found in sorted(since))


def newest(revisions: tuple[Revision, ...], helm_release: str) -> Revision | None:
    """The newest revision of a Helm release."""
    return max((r for r in revisions if r.helm_release == helm_release), key=lambda r: r.revision, default=None)
