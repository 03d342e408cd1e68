"""Which verified revision each Helm release of a target goes back to."""

from collections.abc import Mapping

from lockflight.policy.labels import short
from lockflight.policy.model import HelmStatus, Revision, Snapshot


def return_revision(s: Snapshot) -> Mapping[str, int]:
    """Helm release name to revision: the newest one that is deployed and was verified here; 0 where there is none.

    Never a guess: what Lockflight did not verify in this environment is not gone back to.
    """
    verified = {
        row.promotion_uid
        for release in s.peer_releases.values()
        for row in release.status.environments
        if s.effective is not None and row.name == s.effective.name and row.verified_at is not None
    } | {p.metadata.uid for p in s.peers if p.status.verified_at is not None}
    digests = {
        short(row.digest)
        for release in s.peer_releases.values()
        for row in release.status.environments
        if s.effective is not None and row.name == s.effective.name and row.verified_at is not None
    }
    good = [
        r
        for r in s.revisions
        if r.status is HelmStatus.DEPLOYED and (r.promotion_uid in verified or r.release_digest in digests)
    ]
    names = {r.helm_release for r in s.revisions}
    return {name: max((r.revision for r in good if r.helm_release == name), default=0) for name in names}


def newest(revisions: tuple[Revision, ...], helm_release: str) -> Revision | None:
    """The newest revision of a Helm release."""
    return max((r for r in revisions if r.helm_release == helm_release), key=lambda r: r.revision, default=None)
