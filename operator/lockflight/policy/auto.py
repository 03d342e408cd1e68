"""Which promotions an environment asks for by itself."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lockflight.api.common import Tier
from lockflight.api.environment import Require
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy.holds import held
from lockflight.policy.model import Effective
from lockflight.policy.versions import order

_NAME_LIMIT = 253


@dataclass(frozen=True, slots=True)
class Wanted:
    """A promotion to be created."""

    name: str
    environment: str


def automatic(
    release: Release,
    environments: Mapping[str, Effective],
    uids: Mapping[str, str],
    promotions: Sequence[Promotion],
    releases: Sequence[Release],
) -> Iterator[Wanted]:
    """Environments with ``autoPromote`` whose upstream was passed: once, never below what went there, never held.

    Whatever became of that one attempt, it is not made again: who wants another promotes.

    ``promotions`` and ``releases`` are those of the application. The promotion itself still passes every gate.
    """
    if (
        release.status.digest is None
        or release.spec.hold is not None
        or release.metadata.deletion_timestamp is not None
    ):
        return
    for name, governed in sorted(environments.items()):
        here = [p for p in promotions if p.spec.environment_ref.name == name]
        if (
            governed.spec.auto_promote
            and not governed.spec.retired
            and held(governed, release.spec.application) is None
            and not governed.problems
            and not any(p.spec.release_ref.name == release.metadata.name for p in here)
            and not was_there(release, name, uids)
            and not outgrown(release, here, releases)
            and not followed(release, name, uids, releases)
            and upstream_passed(release, governed, environments, uids)
        ):
            yield Wanted(promotion_name(release.metadata.name, name), name)


def promotion_name(release: str, environment: str) -> str:
    """``<release>-<environment>``; too long a name is cut and told apart by a hash."""
    name = f"{release}-{environment}"
    if len(name) <= _NAME_LIMIT:
        return name
    return f"{name[: _NAME_LIMIT - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def outgrown(release: Release, promotions: Sequence[Promotion], releases: Sequence[Release]) -> bool:
    """Whether a higher version reached, or is on its way to, the environment that ``promotions`` are for."""
    versions = {r.metadata.name: order(r.spec.version) for r in releases}
    mine = order(release.spec.version)
    return any(_reached(p) and versions.get(p.spec.release_ref.name, mine) > mine for p in promotions)


def followed(release: Release, environment: str, uids: Mapping[str, str], releases: Sequence[Release]) -> bool:
    """Whether a higher version was in the environment: known though its promotions were pruned, or it was removed."""
    mine = order(release.spec.version)
    return any(order(r.spec.version) > mine and was_there(r, environment, uids) for r in releases)


def was_there(release: Release, environment: str, uids: Mapping[str, str]) -> bool:
    """It was brought there before: the proof outlives promotions that were pruned."""
    return any(
        row.name == environment and row.digest == release.status.digest and row.environment_uid == uids.get(environment)
        for row in release.status.environments
    )


def _reached(promotion: Promotion) -> bool:
    phase = promotion.status.phase
    return phase is None or not phase.final or phase is Phase.SUCCEEDED


def upstream_passed(
    release: Release, governed: Effective, environments: Mapping[str, Effective], uids: Mapping[str, str]
) -> bool:
    """Whether the gate Order would be open: passing a Local environment proves nothing, entering one takes nothing."""
    if governed.spec.tier is Tier.LOCAL:
        return True
    passed = {
        row.name
        for row in release.status.environments
        if row.digest == release.status.digest
        and row.signed
        and row.environment_uid == uids.get(row.name)
        and row.name in environments
        and environments[row.name].spec.tier is not Tier.LOCAL
    }
    wanted = set(governed.promotes_from)
    if governed.spec.require is Require.ANY and wanted:
        return bool(passed & wanted)
    return wanted <= passed
