"""The access ladder: stricter towards production, judged by the rights that are really there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lockflight.api.access import LADDER_ROLES, Access, AccessLevel
from lockflight.api.common import Tier
from lockflight.policy.rbac import Holding, Who

Refuse = Callable[[str, object, str], None]

CEILING: Final[Mapping[Tier, AccessLevel]] = {
    Tier.LOCAL: AccessLevel.ADMIN,
    Tier.INTEGRATION: AccessLevel.ADMIN,
    Tier.SYSTEM_TEST: AccessLevel.EDIT,
    Tier.UAT: AccessLevel.OPERATE,
    Tier.PRODUCTION: AccessLevel.VIEW,
}
"""The highest level that anybody has in a target of the tier, operations excepted."""

ROLE_OF: Final[Mapping[AccessLevel, str]] = dict(zip(AccessLevel, LADDER_ROLES, strict=False))
"""The ClusterRoles that the ladder binds, by level."""

_CLUSTERS_OWN: Final = ("system:masters", "system:nodes", "system:monitoring", "system:kube-proxy")


@dataclass(frozen=True, slots=True)
class Ladder:
    """Who holds what in a target and in those upstream."""

    here: tuple[Holding, ...]
    upstream: Mapping[str, tuple[Holding, ...]] = field(default_factory=dict)
    """By environment."""
    releasers: frozenset[Who] = frozenset()
    """Those of purpose Operations who may create Releases."""
    boxed: frozenset[tuple[Who, str]] = frozenset()
    """Whom an approved emergency lets in for a time, and by which binding."""
    spared: frozenset[Who] = frozenset()
    """Whom the ladder does not bind beside those of purpose Operations: whoever writes through broken glass."""
    controllers: frozenset[str] = frozenset()
    """Programs that the platform team knows, as the guard names them; ``namespace:NAME`` holds all accounts there."""


def union(mine: Iterable[Access], base: Iterable[Access]) -> tuple[Access, ...]:
    """The entries of both."""
    return tuple(dict.fromkeys((*base, *mine)))


def floor(access: Iterable[Access], tier: Tier, refuse: Refuse) -> tuple[Access, ...]:
    """The entries that the tier's ceiling lets stand; others go to ``refuse``."""
    kept = []
    for entry in access:
        if entry.purpose is None and AccessLevel(entry.level).rank > CEILING[tier].rank:
            names = ", ".join(subject.name for subject in entry.subjects)
            refuse(
                f"access[{names}].level",
                entry.level,
                f"at most {CEILING[tier]} in tier {tier}, but for purpose Operations",
            )
        else:
            kept.append(entry)
    return tuple(kept)


def operations(access: Iterable[Access]) -> tuple[Who, ...]:
    """Whom the ladder does not bind, because they keep it running."""
    return tuple(Who(s.kind, s.name, s.namespace or "") for entry in access if entry.purpose for s in entry.subjects)


def bound(ladder: Ladder, namespace: str, spared: Sequence[Who]) -> Iterator[Holding]:
    """What the ladder binds of that which is held in ``namespace``."""
    free = {*spared, *ladder.spared}
    for held in ladder.here:
        if held.who in free or (held.who, held.via) in ladder.boxed or cluster_own(held.who, ladder.controllers):
            continue
        # A release brings the accounts that its own pods run as, and they are part of what was approved.
        if held.who.kind == "ServiceAccount" and held.who.namespace == namespace:
            continue
        yield held


def cluster_own(who: Who, controllers: frozenset[str]) -> bool:
    """Whether it is the cluster's, a program that the platform team knows, or one of Lockflight's virtual users."""
    if who.key in controllers or f"namespace:{who.namespace}" in controllers:
        return True
    match who.kind:
        case "User":
            return who.name.startswith(("lockflight:", "system:")) and who.name != "system:anonymous"
        case "Group":
            return who.name in _CLUSTERS_OWN or who.name.startswith("kubeadm:")
        case "ServiceAccount":
            return who.namespace == "kube-system"
        case _:
            return False


def highest(held: Iterable[Holding]) -> Mapping[Who, AccessLevel]:
    """The highest level of everybody."""
    found: dict[Who, AccessLevel] = {}
    for each in held:
        if each.who not in found or found[each.who].rank < each.level.rank:
            found[each.who] = each.level
    return found
