"""The catalogue of standard changes: which entry a change follows, and what was done under each."""

from collections.abc import Iterator

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import ChangeType
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.standardchange import MOST_USES, StandardChange, StandardUse
from lockflight.workflow.deps import Deps
from lockflight.workflow.status import write

_BAD = (Phase.FAILED, Phase.ROLLED_BACK, Phase.ABORTED)


def find_standard(deps: Deps, stack: str, name: str) -> StandardChange | None:
    """The StandardChange of that name: the organisation's, else the stack's, so that no stack replaces one."""
    found = (deps.store.get(StandardChange, place, name) for place in (deps.options.root_namespace, stack))
    return next((standard for standard in found if standard is not None), None)


def followed(deps: Deps, change: ChangeRequest) -> StandardChange | None:
    """The StandardChange that a change follows."""
    ref = change.spec.standard_change_ref
    if change.spec.type is not ChangeType.STANDARD or ref is None:
        return None
    return find_standard(deps, change.metadata.namespace, ref.name)


def uses(deps: Deps, standard: StandardChange) -> tuple[StandardUse, ...]:
    """All uses on record, oldest first, as they ended: what status remembers, and what changes say."""
    known = {use.promotion_uid: use for use in standard.status.uses}
    changes = {(c.metadata.namespace, c.metadata.name): c for c in _following(deps, standard)}
    for change in changes.values():
        for use in change.status.used_by:
            promotion = _promotion(deps, change.metadata.namespace, use.promotion_uid)
            if use.promotion_uid in known or (promotion and promotion.spec.action is Action.ROLLBACK):
                continue
            known[use.promotion_uid] = StandardUse(
                stack=change.metadata.namespace,
                change=change.metadata.name,
                promotion_uid=use.promotion_uid,
                generation=standard.metadata.generation,
                at=use.at,
            )
    rows = [_ended(deps, use, changes.get((use.stack, use.change))) for use in known.values()]
    return tuple(sorted(rows, key=lambda use: (use.at, use.promotion_uid)))


async def record_use(deps: Deps, standard: StandardChange, change: ChangeRequest, promotion: Promotion) -> None:
    """Write down that ``promotion`` uses the pattern, before it acts: two at once cannot both take the last use.

    Raises ConflictError if the entry changed since it was read.
    """
    if any(use.promotion_uid == promotion.metadata.uid for use in standard.status.uses):
        return
    use = StandardUse(
        stack=promotion.metadata.namespace,
        change=change.metadata.name,
        promotion_uid=promotion.metadata.uid,
        generation=standard.metadata.generation,
        at=deps.clock.now(),
    )
    rows = (*uses(deps, standard), use)[-MOST_USES:]
    used = standard.status.used + len(rows) - len(standard.status.uses)
    await write(
        deps, standard, standard.status.model_copy(update={"uses": rows, "used": max(used, len(rows))}), guarded=True
    )


def _following(deps: Deps, standard: StandardChange) -> Iterator[ChangeRequest]:
    root = standard.metadata.namespace == deps.options.root_namespace
    for change in deps.store.of(ChangeRequest, None if root else standard.metadata.namespace):
        found = followed(deps, change)
        if found is not None and found.metadata.uid == standard.metadata.uid:
            yield change


def _ended(deps: Deps, use: StandardUse, change: ChangeRequest | None) -> StandardUse:
    """How a use came out, as far as it is known; taken back later is failed, too."""
    promotion = _promotion(deps, use.stack, use.promotion_uid)
    if promotion is None:
        return use if use.outcome != "Running" else use.model_copy(update={"outcome": "Unknown"})
    phase = promotion.status.phase
    if phase in _BAD or (change is not None and _taken_back(deps, promotion, change)):
        return use.model_copy(update={"outcome": "Failed"})
    if phase is not None and (phase.final or phase is Phase.AWAITING_SIGN_OFF):
        return use.model_copy(update={"outcome": "Succeeded"})
    return use.model_copy(update={"outcome": "Running"})


def _taken_back(deps: Deps, promotion: Promotion, change: ChangeRequest) -> bool:
    stack, environment = promotion.metadata.namespace, promotion.spec.environment_ref.name
    others = (
        _promotion(deps, stack, use.promotion_uid)
        for use in change.status.used_by
        if use.environment == environment and use.promotion_uid != promotion.metadata.uid
    )
    return any(other is not None and other.spec.action is Action.ROLLBACK for other in others)


def _promotion(deps: Deps, stack: str, uid: str) -> Promotion | None:
    return next((p for p in deps.store.of(Promotion, stack) if p.metadata.uid == uid), None)
