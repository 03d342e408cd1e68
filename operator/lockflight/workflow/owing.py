"""Who owes something for a target, and who is looked at again when that changes."""

from lockflight.api.changerecords import Bypass
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.debts import open_debts, owes_for
from lockflight.workflow.indexes import Index
from lockflight.workflow.keys import Key, key_of
from lockflight.workflow.store import Store


def owing(store: Store, stack: str, environment: str, application: str | None) -> tuple[ChangeRequest, ...]:
    """The changes of a stack that owe something for a target; the operator wrote it, so the store knows all of it."""
    return tuple(
        change
        for change in store.by(ChangeRequest, Index.OWING_FOR, stack, environment)
        if owes_for(change, environment, application, _application(store, change))
    )


def _application(store: Store, change: ChangeRequest) -> str | None:
    release = store.get(Release, change.metadata.namespace, change.spec.release) if change.spec.release else None
    return release.spec.application if release else None


def woken(store: Store, old: ChangeRequest | None, new: ChangeRequest | None) -> set[Key]:
    """What waits until a debt is settled: open promotions where it is owed, and emergencies that took it over."""
    changes = [change for change in (old, new) if change is not None]
    if not changes or (old.status.debts if old else ()) == (new.status.debts if new else ()):
        return set()
    where = {row.environment for change in changes for row in change.status.debts}
    where |= {use.environment for change in changes for use in change.status.used_by}
    where |= {name for change in changes for name in change.spec.environments}
    stack = changes[0].metadata.namespace
    waiting = {
        key_of(p)
        for p in store.of(Promotion, stack)
        if p.spec.environment_ref.name in where and not (p.status.phase is not None and p.status.phase.final)
    }
    took_over = (c for c in store.of(ChangeRequest, stack) if any(r.gate == Bypass.REVIEW_DEBT for r in open_debts(c)))
    return waiting | {key_of(c) for c in took_over}
