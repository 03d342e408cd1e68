"""How much may go wrong: computed from what changes and what happened before, beside what people declare."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lockflight.api.changerequest import DeclaredRisk
from lockflight.api.common import RiskLevel, Tier
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy.delta import Delta, Step, listed
from lockflight.policy.visits import DONE, FAILED, Visits

RIGHTS: Final = frozenset({"Role", "RoleBinding"})
"""Kinds that give rights."""
ACCESS: Final = RIGHTS | {"ServiceAccount", "Secret"}
"""Kinds that say who may do what, or hold what opens doors."""
DATA: Final = frozenset({"PersistentVolumeClaim", "StatefulSet", "Job", "CronJob"})
"""Kinds that hold data or, as migrations do, change it."""
NETWORK: Final = frozenset({"Service", "Ingress", "NetworkPolicy", "Gateway", "HTTPRoute", "GRPCRoute", "TLSRoute"})
"""Kinds through which others reach it."""
MEDIUM_FROM: Final = 3
HIGH_FROM: Final = 6
LOOKED_BACK: Final = 10
"""How many earlier promotions tell of failures."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the computed risk follows from."""

    tier: Tier
    delta: Delta | str
    """In words where it cannot be told."""
    irreversible: tuple[str, ...] = ()
    """Components that cannot be taken back."""
    failed: int = 0
    ended: int = 0
    """How many of the application's last promotions here ended, and how many of them failed."""
    rehearsed: tuple[str, ...] = ()
    """Lower environments in which this very release was taken back."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A level, and what it follows from."""

    level: RiskLevel
    reasons: tuple[str, ...]


def computed(facts: Facts) -> Risk:
    """Points for each thing that makes it riskier: 3 are Medium, 6 High; what cannot be taken back is High."""
    if isinstance(facts.delta, str):
        return Risk(RiskLevel.HIGH, (f"what changes is not known: {facts.delta}",))
    found = [*_of_place(facts), *_of_delta(facts.delta)]
    total = sum(points for points, _ in found)
    level = RiskLevel.HIGH if total >= HIGH_FROM else RiskLevel.MEDIUM if total >= MEDIUM_FROM else RiskLevel.LOW
    reasons = [f"+{points} {why}" for points, why in found]
    if facts.irreversible:
        level = RiskLevel.HIGH
        reasons.insert(0, f"High: {', '.join(facts.irreversible)} cannot be taken back")
    return Risk(level, tuple(reasons))


def declared(risk: DeclaredRisk | None) -> RiskLevel | None:
    """Impact by likelihood: the middle rounds up; None where people declared neither."""
    if risk is None or risk.impact is None or risk.likelihood is None:
        return None
    return list(RiskLevel)[(risk.impact.rank + risk.likelihood.rank + 1) // 2]


def highest(levels: Iterable[RiskLevel | None]) -> RiskLevel:
    """The highest that is given; Low where none is."""
    return max((level for level in levels if level is not None), key=lambda level: level.rank, default=RiskLevel.LOW)


def history(promotions: Iterable[Promotion], environment: str, besides: Collection[str] = ()) -> tuple[int, int]:
    """Of the last deployments of an application here: how many failed, how many ended. ``besides``: UIDs left out."""
    here = (
        p
        for p in Visits.of(promotions).ended
        if p.spec.environment_ref.name == environment and p.metadata.uid not in besides
    )
    latest = tuple(islice(here, LOOKED_BACK))
    return sum(p.status.phase in FAILED for p in latest), len(latest)


def rehearsals(
    release: Release, promotions: Iterable[Promotion], tiers: Mapping[str, Tier], tier: Tier
) -> tuple[str, ...]:
    """Environments of a lower tier in which this very release ran and was then taken back, by itself or by people."""
    arrived = {row.name: row.deployed_at for row in release.status.environments if row.digest == release.status.digest}
    found = set()
    for promotion in promotions:
        name = promotion.spec.environment_ref.name
        if name not in tiers or tiers[name].rank >= tier.rank:
            continue
        mine = promotion.spec.release_ref.name == release.metadata.name
        by_itself = mine and promotion.status.phase is Phase.ROLLED_BACK
        at = promotion.status.deployed_at
        by_people = (
            not mine
            and promotion.spec.action is Action.ROLLBACK
            and promotion.status.phase in DONE
            and at is not None
            and name in arrived
            and arrived[name] < at
        )
        if by_itself or by_people:
            found.add(name)
    return tuple(sorted(found))


def _of_place(facts: Facts) -> Iterator[tuple[int, str]]:
    if facts.tier is Tier.PRODUCTION:
        yield 1, "tier Production"
    if facts.failed:
        yield min(facts.failed, 2), f"{facts.failed} of the last {facts.ended} promotions here failed"
    if not facts.rehearsed:
        yield 1, "taking it back was not rehearsed in a lower environment"


def _of_delta(found: Delta) -> Iterator[tuple[int, str]]:
    if found.first:
        yield 2, "first deployment"
    else:
        yield from _of_versions(found)
        size = len(found.objects)
        if size > 3:
            yield (2 if size > 10 else 1), f"{size} objects change"
    # In a first deployment everything is new, which its points stand for; rights and data count all the same.
    access, network = (RIGHTS, frozenset()) if found.first else (ACCESS, NETWORK)
    for points, what, kinds in ((2, "access", access), (2, "data", DATA), (1, "network", network)):
        touched = [str(each) for each in found.objects if each.kind in kinds]
        if touched:
            yield points, f"{what}: {listed(touched, 5)}"
    if found.steps:
        yield 2, listed(found.steps, 2)
    if found.unstable:
        yield 1, f"{', '.join(found.unstable)} renders differently each time"


def _of_versions(found: Delta) -> Iterator[tuple[int, str]]:
    points = {Step.MINOR: 1, Step.MAJOR: 2, Step.DOWN: 2, Step.UNKNOWN: 2}
    worst = max((found.version, *found.charts), key=lambda move: points.get(move.step, 0))
    if worst.step in points:
        yield points[worst.step], str(worst)
    if found.replaced:
        yield 1, listed(found.replaced, 5)
