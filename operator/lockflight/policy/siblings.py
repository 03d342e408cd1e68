"""The releases of one application, with what is looked up in them worked out once."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property

from lockflight.api.release import Release
from lockflight.policy.labels import short


class Siblings(dict[str, Release]):
    """Releases by name; never changed once made, so that what follows from them is kept."""

    @classmethod
    def of(cls, releases: Mapping[str, Release]) -> "Siblings":
        """The same mapping where it is one already."""
        return releases if isinstance(releases, cls) else cls(releases)

    @cached_property
    def by_digest(self) -> Mapping[str, Release]:
        """By the short form of the release digest, as the labels of Helm's storage hold it."""
        return {short(r.status.digest): r for r in self.values() if r.status.digest}

    @cached_property
    def taken_over(self) -> frozenset[str]:
        """The Helm releases that any of them names itself."""
        return frozenset(name for r in self.values() for name in r.spec.taken_over())

    def verified(self, environment: str, *, promotion_uid: str, release_digest: str) -> bool:
        """Whether that promotion, or any with that short digest, was verified in the environment; empty is no name."""
        uids, digests = self._proofs.get(environment, (frozenset(), frozenset()))
        return promotion_uid in uids or release_digest in digests

    @cached_property
    def _proofs(self) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
        rows = defaultdict(list)
        for release in self.values():
            for row in release.status.environments:
                if row.verified_at is not None:
                    rows[row.name].append((row.promotion_uid, short(row.digest)))
        return {
            name: (frozenset(uid for uid, _ in found if uid), frozenset(digest for _, digest in found if digest))
            for name, found in rows.items()
        }
