"""Of several promotions that wait for one target: who gives way to whom."""

from datetime import UTC, datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.promotion import Action, Outcome, Phase, Promotion
from lockflight.api.release import Release, ReleaseType
from lockflight.policy.model import Snapshot
from lockflight.policy.versions import order
from lockflight.policy.visits import Visits

_OPEN: Final = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
_MAY_BE_SHUT: Final = (reasons.CONCURRENCY, reasons.FREEZE, reasons.CHANGE_WINDOW)
_FAR: Final = datetime.max.replace(tzinfo=UTC)


def superseded_by(s: Snapshot) -> Promotion | None:
    """The promotion of a higher version of the same type that takes this one's place; a change of its own keeps it.

    The other must be able to enter: its gate Order is open and nothing denies it.
    """
    spec = s.promotion.spec
    if (
        s.release is None
        or s.changes
        or s.hotfix_changes
        or spec.change_request_ref is not None
        or spec.action is not Action.DEPLOY
    ):
        return None
    mine = order(s.release.spec.version)
    for peer in sorted((p for p in s.peers if _takes_its_place(p, s.promotion)), key=created):
        release = s.peer_releases.get(peer.spec.release_ref.name)
        if release is None or peer.spec.action is not Action.DEPLOY or peer.spec.abort:
            continue
        if _type(release) is _type(s.release) and order(release.spec.version) > mine:
            return peer
    return None


def goes_first(s: Snapshot) -> Promotion | None:
    """The waiting promotion that goes before this one: the earlier schedule, then the older promotion.

    Only one that waits for nothing but the time counts. Without this the newer version might go first and turn the
    older approved one into a downgrade.
    """
    mine = _turn(s, s.promotion)
    ahead = [p for p in Visits.of(s.peers).open if _only_time_is_missing(p) and _turn(s, p) < mine]
    return min(ahead, key=lambda p: _turn(s, p), default=None)


def created(promotion: Promotion) -> tuple[datetime, str]:
    """By age, then name."""
    return promotion.metadata.creation_timestamp or _FAR, promotion.metadata.name


def _type(release: Release) -> ReleaseType:
    return release.spec.type or ReleaseType.SCHEDULED


def _takes_its_place(peer: Promotion, promotion: Promotion) -> bool:
    phase = peer.status.phase
    if phase is None:
        return False
    if phase.final or phase in (Phase.AWAITING_VERIFICATION, Phase.AWAITING_SIGN_OFF):
        # It went by while this one waited; what went by before makes this one a downgrade, which is another matter.
        arrived = peer.status.deployed_at
        return (
            phase in (Phase.SUCCEEDED, Phase.AWAITING_VERIFICATION, Phase.AWAITING_SIGN_OFF)
            and arrived is not None
            and created(promotion)[0] < arrived
        )
    if not peer.status.gates:
        return False
    rows = {gate.name: gate.outcome for gate in peer.status.gates}
    return rows.get(reasons.ORDER) in _OPEN and Outcome.DENIED not in rows.values()


def _only_time_is_missing(peer: Promotion) -> bool:
    if peer.status.phase not in (Phase.WAITING, Phase.ON_HOLD) or not peer.status.gates or peer.spec.abort:
        return False
    return all(
        gate.outcome in _OPEN or (gate.name in _MAY_BE_SHUT and gate.outcome is Outcome.WAITING)
        for gate in peer.status.gates
    )


def _turn(s: Snapshot, promotion: Promotion) -> tuple[datetime, datetime, str]:
    """The start of its schedule, else its own age; then its age."""
    age, name = created(promotion)
    ref, release = promotion.spec.change_request_ref, promotion.spec.release_ref.name
    starts = [
        change.spec.schedule.start
        for change in s.peer_changes
        if change.spec.schedule is not None
        and (change.metadata.name == ref.name if ref else change.spec.release == release)
        and not (change.status.phase is not None and change.status.phase.ended)
    ]
    return min(starts, default=age), age, name
