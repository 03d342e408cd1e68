"""Fold promotions into what outlives them: a release's proofs of passing, and what runs in an environment's targets."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lockflight.api.common import format_duration, parse_duration
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Passage, Release


def passages(
    rows: Sequence[Passage],
    release: Release,
    promotions: Sequence[Promotion],
    environments: Mapping[str, Environment],
    now: datetime,
) -> tuple[Passage, ...]:
    """The rows after ``promotions``, those of the whole application: another release's deployment ends a stay."""
    name = release.metadata.name
    result = {row.name: row for row in rows}
    for promotion in sorted(promotions, key=_started):
        if promotion.spec.release_ref.name != name or promotion.status.deployed_at is None:
            continue
        where = promotion.spec.environment_ref.name
        result[where] = _arrived(result.get(where), promotion, environments.get(where))
    return tuple(_stay(row, name, promotions, now) for _, row in sorted(result.items()))


def targets(
    rows: Sequence[TargetStatus], promotions: Sequence[Promotion], releases: Mapping[str, Release]
) -> tuple[TargetStatus, ...]:
    """What runs where, by the newest promotion that left something there."""
    undone = {p.metadata.uid for p in promotions if p.status.phase in (Phase.ROLLED_BACK, Phase.ABORTED)}
    result = {row.application: row for row in rows if row.promotion_uid not in undone}
    for promotion in sorted(promotions, key=_started):
        status, release = promotion.status, releases.get(promotion.spec.release_ref.name)
        if (
            promotion.metadata.uid in undone
            or release is None
            or status.deployed_at is None
            or status.plan is None
            or status.release_digest is None
        ):
            continue
        application = release.spec.application
        known = result.get(application)
        if known is not None and known.deployed_at > status.deployed_at:
            continue
        result[application] = TargetStatus(
            application=application,
            namespace=status.plan.namespace,
            release=release.metadata.name,
            version=release.spec.version,
            digest=status.release_digest,
            plan_digest=status.plan.digest,
            promotion_uid=promotion.metadata.uid,
            promotion=promotion.metadata.name,
            state=(status.phase or Phase.WAITING).value,
            deployed_at=status.deployed_at,
            verified_at=status.verified_at,
        )
    return tuple(row for _, row in sorted(result.items()))


def _started(promotion: Promotion) -> tuple[str, str]:
    execution = promotion.status.execution
    return (execution.started_at.isoformat() if execution else "", promotion.metadata.name)


def _arrived(row: Passage | None, promotion: Promotion, environment: Environment | None) -> Passage:
    status = promotion.status
    digest = status.release_digest or ""
    uid = environment.metadata.uid if environment else ""
    same = row is not None and row.digest == digest and row.environment_uid == uid
    if row is not None and same and row.promotion_uid != promotion.metadata.uid and _is_older(row, promotion):
        return row
    keep = row if row is not None and same else None
    images = {i for c in (status.plan.components if status.plan else ()) for i in c.images}
    passed = status.phase is Phase.SUCCEEDED and promotion.spec.action is Action.DEPLOY
    back = status.phase is Phase.SUCCEEDED and promotion.spec.action is Action.ROLLBACK
    gone = status.phase in (Phase.ROLLED_BACK, Phase.ABORTED, Phase.FAILED)
    verified = None if gone else status.verified_at
    rejected = status.phase is Phase.REJECTED
    return Passage(
        name=promotion.spec.environment_ref.name,
        environment_uid=uid,
        digest=digest,
        deployed_at=status.deployed_at or promotion.metadata.creation_timestamp or _epoch(),
        verified_at=verified or (keep.verified_at if keep else None),
        signed_off_at=None if rejected else (status.finished_at if passed else (keep.signed_off_at if keep else None)),
        running_since=(keep.running_since if keep and keep.promotion_uid == promotion.metadata.uid else None)
        or (verified if passed or back or status.phase is Phase.AWAITING_SIGN_OFF else None),
        longest_soak=keep.longest_soak if keep else "0s",
        promotion_uid=promotion.metadata.uid,
        images=tuple(sorted(images | set(keep.images if keep else ()))),
    )


def _is_older(row: Passage, promotion: Promotion) -> bool:
    return promotion.status.deployed_at is not None and promotion.status.deployed_at < row.deployed_at


def _stay(row: Passage, release: str, promotions: Sequence[Promotion], now: datetime) -> Passage:
    """End the stay when another release was deployed over it; the longest stay is kept."""
    if row.running_since is None:
        return row
    since = row.running_since
    ended = min(
        (
            p.status.deployed_at
            for p in promotions
            if p.spec.environment_ref.name == row.name
            and p.spec.release_ref.name != release
            and p.status.deployed_at is not None
            and p.status.deployed_at >= since
            and p.status.phase not in (Phase.ROLLED_BACK, Phase.ABORTED)
        ),
        default=None,
    )
    if ended is None:
        return row
    longest = max(parse_duration(row.longest_soak), ended - since, timedelta(0))
    return row.model_copy(update={"running_since": None, "longest_soak": format_duration(longest)})


def _epoch() -> datetime:
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00")
