"""The other applications of an environment, as far as releases say that they need one another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lockflight.api.common import Tier
from lockflight.api.environment import TargetStatus
from lockflight.api.promotion import Promotion
from lockflight.api.release import Beside, Release
from lockflight.policy.model import HelmStatus, Neighbour, Revision
from lockflight.policy.revisions import newest
from lockflight.policy.siblings import Siblings
from lockflight.policy.visits import Visits

MOST_BESIDE = 64
"""So many rows at most are kept of what a release was verified beside."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a neighbour is looked for."""

    environment: str
    application: str
    releases: Mapping[str, Release] = field(default_factory=dict)
    """Those of the application, by name."""
    promotions: Sequence[Promotion] = ()
    """Those of the application into the environment."""
    longer: tuple[str, ...] = ()
    """Other applications of the stack whose name begins with this one's."""


def neighbour(place: Place, revisions: Iterable[Revision]) -> Neighbour:
    """What Helm's storage says runs there, and whether that was verified: every component counts."""
    known, visits = Siblings.of(place.releases), Visits.of(place.promotions)
    at_work = next((p for p in visits.open if p.status.phase is not None and p.status.phase.executing), None)
    coming = tuple(
        (p.metadata.name, known[p.spec.release_ref.name]) for p in visits.open if p.spec.release_ref.name in known
    )
    found = Neighbour(place.application, at_work=at_work.metadata.name if at_work else "", coming=coming)
    prefixes = tuple(f"{name}-" for name in place.longer)
    mine = tuple(
        r
        for r in revisions
        if r.promotion_uid
        and (r.release_digest in known.by_digest or not (prefixes and r.helm_release.startswith(prefixes)))
    )
    tops = [newest(mine, name) for name in sorted({r.helm_release for r in mine})]
    tops = [r for r in tops if r is not None and r.status is not HelmStatus.UNINSTALLED]
    if not tops:
        return found
    unknown = next((r for r in tops if r is not None and r.release_digest not in known.by_digest), None)
    digests = {r.release_digest for r in tops if r is not None}
    if unknown is not None:
        words = f"the Release of what runs as {unknown.helm_release} is gone: create it again as it was"
        return replace(found, problem=words)
    if len(digests) > 1:
        return replace(found, problem=f"{len(digests)} of its releases are there in parts: promote one of them anew")
    good = all(
        r is not None and r.status is HelmStatus.DEPLOYED and _verified(r, place.environment, visits, known)
        for r in tops
    )
    return replace(found, release=known.by_digest[digests.pop()], verified=good)


def _verified(revision: Revision, environment: str, visits: Visits, known: Siblings) -> bool:
    peer = visits.by_uid.get(revision.promotion_uid)
    if peer is not None:
        return peer.status.verified_at is not None
    return known.verified(environment, promotion_uid=revision.promotion_uid, release_digest=revision.release_digest)


def related(release: Release, running: Iterable[Release]) -> tuple[str, ...]:
    """The other applications that ``release`` requires, and of those ``running`` the ones that require its own."""
    mine = release.spec.application
    named = {row.application for row in release.spec.requires}
    return tuple(sorted(named | {r.spec.application for r in running if requires(r, mine)} - {mine}))


def requires(release: Release, application: str) -> str | None:
    """The versions of ``application`` that ``release`` requires; None: it does not require it."""
    return next((row.version for row in release.spec.requires if row.application == application), None)


def beside(rows: Iterable[TargetStatus], deployed_at: datetime) -> tuple[Beside, ...]:
    """Of what runs beside it, that which was there, verified, when it was deployed: they were verified together."""
    found = [
        Beside(application=row.application, release=row.release, version=row.version, digest=row.digest)
        for row in rows
        if row.verified_at is not None and row.verified_at <= deployed_at
    ]
    return tuple(sorted(found, key=lambda row: row.application))[:MOST_BESIDE]


def together(
    release: Release, other: Release, here: str, tiers: Mapping[str, Tier], uids: Mapping[str, str]
) -> tuple[str, ...]:
    """The environments besides ``here``, none of tier Local, in which one was verified while the other ran there."""
    found: set[str] = set()
    for one, two in ((release, other), (other, release)):
        for row in one.status.environments:
            counts = row.name != here and row.digest == one.status.digest and row.environment_uid == uids.get(row.name)
            if counts and tiers.get(row.name) not in (None, Tier.LOCAL):
                found |= {row.name for b in row.beside if (b.application, b.digest) == _identity(two)}
    return tuple(sorted(found))


def _identity(release: Release) -> tuple[str, str | None]:
    return release.spec.application, release.status.digest


def joined(known: Sequence[Beside], new: Iterable[Beside]) -> tuple[Beside, ...]:
    """Both, each application's release once; of too many the oldest go."""
    rows = {(row.application, row.digest): row for row in known}
    for row in new:
        rows.pop((row.application, row.digest), None)
        rows[row.application, row.digest] = row
    return tuple(rows.values())[-MOST_BESIDE:]
