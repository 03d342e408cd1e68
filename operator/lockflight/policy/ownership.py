"""Whose a Helm release is: names alone do not tell, for ``app-web-x`` may be app's web-x or app-web's x."""

from collections.abc import Iterable, Sequence

from lockflight.api.release import Release
from lockflight.policy.labels import short
from lockflight.policy.model import Revision


def of_application(
    revisions: Iterable[Revision], release: Release, applications: Iterable[str]
) -> tuple[Revision, ...]:
    """The revisions named ``<application>-…`` without those of other ``applications`` in the same namespace."""
    mine = release.spec.application
    own = release.spec.helm_releases()
    longer = tuple(f"{name}-" for name in applications if name.startswith(f"{mine}-"))
    return tuple(r for r in revisions if r.helm_release in own or not r.helm_release.startswith(longer))


def removed(revisions: Sequence[Revision], release: Release, known: Iterable[Release]) -> tuple[str, ...]:
    """Helm releases that Lockflight made for a release in ``known``, those of the application, and ``release`` lacks.

    What cannot be told to belong to the application stays: it would be uninstalled.
    """
    planned = release.spec.helm_releases()
    releases = tuple(known)
    digests = {short(r.status.digest) for r in releases if r.status.digest}
    return tuple(
        sorted({r.helm_release for r in revisions if r.promotion_uid and r.release_digest in digests} - planned)
    )
