"""What runs in an environment's targets, as far as Lockflight brought it there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lockflight.api.environment import TargetStatus
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release
from lockflight.policy.stays import began

_TAKEN_BACK: Final = (Phase.ROLLED_BACK, Phase.ABORTED)


def targets(
    rows: Sequence[TargetStatus], promotions: Sequence[Promotion], releases: Mapping[str, Release]
) -> tuple[TargetStatus, ...]:
    """One row an application, by the newest promotion into the environment that left something there.

    Rows survive the promotions and releases they were made from.
    """
    undone = {p.metadata.uid for p in promotions if p.spec.action is not Action.REMOVE and _undone(p)}
    result = {row.application: row for row in rows if row.promotion_uid not in undone}
    for promotion in sorted(promotions, key=began):
        if promotion.spec.action is Action.REMOVE:
            _take_away(result, promotion)
            continue
        row = None if promotion.metadata.uid in undone else _row(promotion, releases)
        if row is None:
            continue
        known = result.get(row.application)
        if known is None or known.deployed_at <= row.deployed_at:
            result[row.application] = row
    return tuple(row for _, row in sorted(result.items()))


def taken_away(row: TargetStatus, promotions: Iterable[Promotion], environment: str) -> bool:
    """Whether something began to remove what the row says runs there: nobody looks whether it still is as applied."""
    return any(
        p.spec.action is Action.REMOVE and p.spec.environment_ref.name == environment and _removes(row, p)
        for p in promotions
    )


def application_changed(promotion: Promotion) -> str:
    """The application that an execution changes, also where its Release is gone."""
    rows = promotion.status.components
    # Before it was written down every Helm release was called by application and component.
    return promotion.status.application or (rows[0].helm_release.removesuffix(f"-{rows[0].name}") if rows else "")


def _take_away(rows: dict[str, TargetStatus], promotion: Promotion) -> None:
    """Its row goes once all is removed; before that nothing of it counts as verified any more."""
    for application, row in tuple(rows.items()):
        if not _removes(row, promotion):
            continue
        if promotion.status.phase is Phase.SUCCEEDED:
            del rows[application]
        elif any(component.state != "Pending" for component in promotion.status.components):
            rows[application] = row.model_copy(update={"verified_at": None, "state": "PartlyRemoved"})


def _removes(row: TargetStatus, promotion: Promotion) -> bool:
    """Whether ``promotion`` began to remove what ``row`` is about."""
    execution, plan = promotion.status.execution, promotion.status.plan
    return (
        execution is not None
        and plan is not None
        and plan.namespace == row.namespace
        and row.application == application_changed(promotion)
        and execution.started_at >= row.deployed_at
    )


def _undone(promotion: Promotion) -> bool:
    """Taken back; one that was aborted while it waited for others or for sign-off stays where it is."""
    status = promotion.status
    stays = status.phase is Phase.ABORTED and status.execution is not None and status.execution.remediation is None
    return status.phase in _TAKEN_BACK and status.verified_at is None and not stays


def _row(promotion: Promotion, releases: Mapping[str, Release]) -> TargetStatus | None:
    status, release = promotion.status, releases.get(promotion.spec.release_ref.name)
    if release is None or status.deployed_at is None or status.plan is None or status.release_digest is None:
        return None
    return TargetStatus(
        application=release.spec.application,
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
