"""From a change in the store to work in the queue."""

from collections.abc import Iterator
from datetime import timedelta

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.delegation import Delegation, DelegationPhase
from lockflight.api.freezewindow import FreezePhase, FreezeWindow
from lockflight.api.kinds import KINDS, AnyObject
from lockflight.api.promotion import Promotion
from lockflight.handlers.queue import WorkQueue
from lockflight.workflow.dependents import dependents, is_open, namespace_dependents, targets_of
from lockflight.workflow.deps import Deps
from lockflight.workflow.keys import Key, key_of
from lockflight.workflow.reconcile import interrupt

SETTLING = timedelta(milliseconds=300)
"""How long status that follows from others waits for more of it: one write, not several. Promotions never wait."""
SETTLING_ENVIRONMENT = timedelta(seconds=1)
"""The same for Environments: with a row an application they are large to write, and nobody waits for those rows."""


class Waker:
    """Adds to the queue whoever must be looked at again."""

    def __init__(self, deps: Deps, queue: WorkQueue[Key]) -> None:
        self._deps = deps
        self._queue = queue

    def changed(self, key: Key, old: AnyObject | None, new: AnyObject | None) -> None:
        """An object of ours went from ``old`` to ``new``; None: it did not, or does not, exist."""
        _interrupt(self._deps, old, new)
        now = self._deps.clock.now()
        for each in dependents(self._deps.store, key, old, new, self._deps.options.root_namespace):
            if each.kind == "Promotion" or (each == key and _asked(old, new)):
                self._queue.add(each)
            else:
                self._queue.add_at(each, now + (SETTLING_ENVIRONMENT if each.kind == "Environment" else SETTLING))

    def namespace_changed(self, name: str) -> None:
        """A namespace came, changed its labels, or went."""
        for key in namespace_dependents(self._deps.store, name):
            self._queue.add(key)

    def everything(self) -> None:
        """All that is not finished: at the start, and as the net below the watches."""
        for obj in unfinished(self._deps):
            self._queue.add(key_of(obj))
        for key in targets_of(self._deps.store, None):
            self._queue.add(key)


def unfinished(deps: Deps) -> Iterator[AnyObject]:
    """The objects whose status time, or anything else, may still change."""
    for kind in KINDS:
        for obj in deps.store.of(kind.model):
            if not _finished(obj):
                yield obj


def _finished(obj: AnyObject) -> bool:
    match obj:
        case Promotion():
            return not is_open(obj)
        case ChangeRequest():
            return obj.status.phase is not None and obj.status.phase.ended
        case FreezeWindow():
            return obj.status.phase in (FreezePhase.ENDED, FreezePhase.LIFTED)
        case Delegation():
            return obj.status.phase in (DelegationPhase.ENDED, DelegationPhase.REVOKED)
        case _:
            return False


def _asked(old: AnyObject | None, new: AnyObject | None) -> bool:
    """Somebody made the object, changed what it asks for, or deleted it."""
    return old is None or new is None or old.metadata.generation != new.metadata.generation


def _interrupt(deps: Deps, old: AnyObject | None, new: AnyObject | None) -> None:
    """The pass that executes a promotion holds its key, so it learns of an abort here, not from the queue."""
    match new or old:
        case Promotion() as promotion if new is None or promotion.spec.abort or promotion.metadata.deletion_timestamp:
            interrupt(deps, promotion)
