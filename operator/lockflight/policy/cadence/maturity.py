"""Whether tests are mature enough for a faster cadence: figures a train, and thresholds they are held against."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release, ReleaseType
from lockflight.policy.cadence.trains import Train

OUTSIDE: Final = "outside trains"
"""Where deployments are counted that no train carried, such as those of emergencies."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What must hold, over all trains looked at, before a faster cadence is advised."""

    trains: int = 3
    """At least so many trains with deployments."""
    change_failure_rate: float = 0.15
    """At most: what the DORA reports (Accelerate State of DevOps) call high performance."""
    emergency_share: float = 0.10
    """At most."""
    automated_share: float = 0.80
    """At least."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened with one train, or with all of them."""

    train: str
    deployments: int = 0
    """Deployments to production that began."""
    failed: int = 0
    """Those of them that failed, were rolled back, or were taken back afterwards under the same change."""
    emergencies: int = 0
    """Those under an emergency change."""
    hotfixes: int = 0
    """Those of a release of type Hotfix."""
    passages: int = 0
    """How often one of its releases passed an environment, whichever it was."""
    automated: int = 0
    """Passages in which an automated check vouched for the release, and not people alone."""
    leads: tuple[timedelta, ...] = ()
    """From when a release was made until production had it, each."""

    @property
    def change_failure_rate(self) -> float | None:
        """Of 1; None without deployments."""
        return self.failed / self.deployments if self.deployments else None

    @property
    def emergency_share(self) -> float | None:
        """Of 1; None without deployments."""
        return self.emergencies / self.deployments if self.deployments else None

    @property
    def automated_share(self) -> float | None:
        """Of 1; None without passages."""
        return self.automated / self.passages if self.passages else None

    @property
    def lead_time(self) -> timedelta | None:
        """The median; None where nothing reached production."""
        return timedelta(seconds=median(lead.total_seconds() for lead in self.leads)) if self.leads else None


@dataclass(frozen=True, slots=True)
class Maturity:
    """The figures of each train, of all together, and what speaks against a faster cadence."""

    trains: tuple[Figures, ...]
    total: Figures
    against: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Nothing speaks against it."""
        return not self.against


def maturity(
    trains: Sequence[Train],
    promotions: Iterable[Promotion],
    releases: Mapping[str, Release],
    changes: Mapping[str, ChangeRequest],
    production: Iterable[str],
    thresholds: Thresholds,
) -> Maturity:
    """Judge what ``trains`` carried; ``production`` are the environments that count as such.

    A deployment belongs to the train in whose production time it began; between them it is outside. Passages belong
    to the train of the deployment that brought their release to production.
    """
    every, goals = tuple(promotions), frozenset(production)
    since = min((t.production for t in trains), default=None)
    rows = {t.name: Figures(t.name) for t in trains} | {OUTSIDE: Figures(OUTSIDE)}
    rides: dict[str, str] = {}
    deployed = [(began, p) for p in every if (began := _began(p)) is not None and p.spec.action is Action.DEPLOY]
    for began, promotion in sorted(deployed, key=lambda found: found[0]):
        if promotion.spec.environment_ref.name not in goals or since is None or began < since:
            continue
        train = next((t.name for t in trains if t.production <= began < t.until), OUTSIDE)
        rows[train] = _with(rows[train], promotion, every, releases, changes)
        rides.setdefault(promotion.spec.release_ref.name, train)
    for _, promotion in deployed:
        ride = rides.get(promotion.spec.release_ref.name)
        if ride is not None and promotion.status.phase is Phase.SUCCEEDED:
            rows[ride] = _passed(rows[ride], promotion)
    found = tuple(rows.values())
    total = _total(found)
    return Maturity(found, total, tuple(_against(found, total, thresholds)))


def _began(promotion: Promotion) -> datetime | None:
    return promotion.status.execution.started_at if promotion.status.execution else None


def _with(
    row: Figures,
    promotion: Promotion,
    every: Sequence[Promotion],
    releases: Mapping[str, Release],
    changes: Mapping[str, ChangeRequest],
) -> Figures:
    change, release = changes.get(promotion.status.change or ""), releases.get(promotion.spec.release_ref.name)
    failed = promotion.status.phase in (Phase.FAILED, Phase.ROLLED_BACK) or _taken_back(promotion, every)
    made, deployed = release.metadata.creation_timestamp if release else None, promotion.status.deployed_at
    leads = (*row.leads, deployed - made) if made and deployed and not failed else row.leads
    return replace(
        row,
        deployments=row.deployments + 1,
        failed=row.failed + failed,
        emergencies=row.emergencies + (change is not None and change.spec.type is ChangeType.EMERGENCY),
        hotfixes=row.hotfixes + (release is not None and release.spec.type is ReleaseType.HOTFIX),
        leads=leads,
    )


def _taken_back(promotion: Promotion, every: Sequence[Promotion]) -> bool:
    """A rollback under the same change, which is the way back of what that change brought."""
    began = _began(promotion)
    return promotion.status.change is not None and any(
        other.spec.action is Action.ROLLBACK
        and other.status.change == promotion.status.change
        and other.spec.environment_ref == promotion.spec.environment_ref
        and (then := _began(other)) is not None
        and began is not None
        and then > began
        for other in every
    )


def _passed(row: Figures, promotion: Promotion) -> Figures:
    checked = any(check.state == "Passed" for check in promotion.status.verification)
    return replace(row, passages=row.passages + 1, automated=row.automated + checked)


def _total(rows: Sequence[Figures]) -> Figures:
    return Figures(
        train="all",
        deployments=sum(row.deployments for row in rows),
        failed=sum(row.failed for row in rows),
        emergencies=sum(row.emergencies for row in rows),
        hotfixes=sum(row.hotfixes for row in rows),
        passages=sum(row.passages for row in rows),
        automated=sum(row.automated for row in rows),
        leads=tuple(lead for row in rows for lead in row.leads),
    )


def _against(rows: Sequence[Figures], total: Figures, limits: Thresholds) -> Iterator[str]:
    used = sum(1 for row in rows if row.deployments and row.train != OUTSIDE)
    if used < limits.trains:
        yield f"{used} train(s) with deployments (at least {limits.trains} tell something)"
    rate, emergencies, automated = total.change_failure_rate, total.emergency_share, total.automated_share
    if rate is not None and rate > limits.change_failure_rate:
        yield f"change-failure rate {rate:.0%} (at most {limits.change_failure_rate:.0%})"
    if emergencies is not None and emergencies > limits.emergency_share:
        yield f"emergency share {emergencies:.0%} (at most {limits.emergency_share:.0%})"
    if automated is None or automated < limits.automated_share:
        found = "unknown" if automated is None else f"{automated:.0%}"
        yield f"automated share {found} (at least {limits.automated_share:.0%})"
