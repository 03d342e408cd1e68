"""The proofs of passing that a Release keeps: they outlive the Promotions they were folded from."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lockflight.api.common import RoleCount, format_duration, parse_duration
from lockflight.api.environment import Environment
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Passage, Release
from lockflight.policy.neighbours import joined
from lockflight.policy.stays import Stay, began, stays
from lockflight.policy.withdrawal import taken_back

_MOST_IMAGES = 256


def passages(
    rows: Sequence[Passage],
    release: Release,
    promotions: Sequence[Promotion],
    environments: Mapping[str, Environment],
    now: datetime,
    needs: Mapping[str, Sequence[RoleCount]] | None = None,
) -> tuple[Passage, ...]:
    """The rows after ``promotions``, those of the whole application: another release's deployment ends a stay.

    Nothing is taken over from an environment that was deleted and made again under its old name, nor from a release
    of the same name with another digest. ``needs`` are the sign-offs that each environment asks for now.
    """
    digest = release.status.digest
    if digest is None:
        return tuple(rows)
    known = {row.name: row for row in rows if row.digest == digest and _same(row, environments.get(row.name))}
    result = {row.name: row for row in rows if row.name not in environments}
    for name in environments.keys() | known.keys():
        environment = environments.get(name)
        here = [p for p in promotions if p.spec.environment_ref.name == name and _ran_in(p, environment)]
        row = known.get(name)
        for promotion in sorted((p for p in here if _mine(p, release, digest)), key=began):
            row = _after(row, promotion, environment.metadata.uid if environment else "")
            row = _kept(row, promotion, release, (needs or {}).get(name))
        if row is not None:
            result[name] = _soaked(row, stays(row, release, here))
    return tuple(row for _, row in sorted(result.items()))


def _same(row: Passage, environment: Environment | None) -> bool:
    return environment is None or row.environment_uid == environment.metadata.uid


def _ran_in(promotion: Promotion, environment: Environment | None) -> bool:
    """It was begun in this environment, not in one of the same name that was deleted."""
    execution, created = promotion.status.execution, environment.metadata.creation_timestamp if environment else None
    return execution is not None and (created is None or execution.started_at >= created)


def _mine(promotion: Promotion, release: Release, digest: str) -> bool:
    return (
        promotion.spec.release_ref.name == release.metadata.name
        and promotion.status.release_digest == digest
        and promotion.status.deployed_at is not None
    )


def _after(row: Passage | None, promotion: Promotion, uid: str) -> Passage | None:
    """The row once ``promotion`` did what it did. Only what was verified and signed off together counts together."""
    status = promotion.status
    if status.deployed_at is None or status.release_digest is None:
        return row
    if row is not None and row.promotion_uid != promotion.metadata.uid and row.deployed_at > status.deployed_at:
        return row
    base = row or Passage(
        name=promotion.spec.environment_ref.name,
        environment_uid=uid,
        digest=status.release_digest,
        deployed_at=status.deployed_at,
        promotion_uid=promotion.metadata.uid,
    )
    if status.verified_at is None:
        return base
    base = base.model_copy(update={"beside": joined(base.beside, status.beside)})
    images = tuple(sorted({i for c in (status.plan.components if status.plan else ()) for i in c.images}))
    arrived = {
        "deployed_at": status.deployed_at,
        "verified_at": status.verified_at,
        "promotion_uid": promotion.metadata.uid,
    }
    match status.phase:
        case Phase.SUCCEEDED if promotion.spec.action is Action.ROLLBACK:
            # Nobody signs off a way back: it gives no proof, and the one that rejected or gave it still speaks.
            return base.model_copy(update={"deployed_at": status.deployed_at, "verified_at": status.verified_at})
        case Phase.SUCCEEDED:
            return base.model_copy(
                update={
                    **arrived,
                    "signed_off_at": status.finished_at,
                    "withdrawn": None,
                    "images": images[:_MOST_IMAGES],
                }
            )
        case Phase.REJECTED:
            return base.model_copy(
                update={**arrived, "signed_off_at": None, "withdrawn": None, "images": images[:_MOST_IMAGES]}
            )
        case _ if base.signed_off_at is not None:
            # Signed off before: what is new is not part of that yet.
            return base.model_copy(update=arrived)
        case _:
            return base.model_copy(update={**arrived, "images": images[:_MOST_IMAGES]})


def _kept(
    row: Passage | None, promotion: Promotion, release: Release, needs: Sequence[RoleCount] | None
) -> Passage | None:
    """The row with what became of the sign-off that ``promotion`` gave."""
    status = promotion.status
    gave = status.phase is Phase.SUCCEEDED and promotion.spec.action is Action.DEPLOY
    if row is None or not gave or row.signed_off_at is None or row.signed_off_at != status.finished_at:
        return row
    words = taken_back(promotion, release, needs)
    return row.model_copy(update={"withdrawn": words[:1024] if words else None})


def _soaked(row: Passage, spent: Sequence[Stay]) -> Passage:
    longest = max(
        [parse_duration(row.longest_soak), *(s.length for s in spent if s.length is not None)], default=timedelta(0)
    )
    running = next((stay.since for stay in spent if stay.until is None), None)
    return row.model_copy(update={"running_since": running, "longest_soak": format_duration(longest)})
