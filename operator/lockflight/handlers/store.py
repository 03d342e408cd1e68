"""The store that the handlers fill: it keeps the newest state whoever brings it, and tells what changed."""

from collections.abc import Callable

from lockflight.api.kinds import AnyObject
from lockflight.policy.model import Namespace
from lockflight.workflow.keys import Key, key_of
from lockflight.workflow.store import Store

Listener = Callable[[Key, AnyObject | None, AnyObject | None], None]


def newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is newer; they are ordered numbers (Kubernetes says so since 1.35). Unknown: yes."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return True


class LiveStore(Store):
    """A Store fed by watches, lists and the operator's own writes at once, in any order.

    A state older than the one kept, or the same, changes nothing: a write of our own is known before its event comes.
    Until :meth:`listen` nobody is told, so that the first listing is one change and not ten thousand.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: Listener | None = None
        self._namespace_told: Callable[[str], None] | None = None

    def listen(self, changed: Listener, namespace_changed: Callable[[str], None]) -> None:
        """From now on call ``changed`` (key, old, new) and ``namespace_changed`` (name) after each change."""
        self._told = changed
        self._namespace_told = namespace_changed

    def put(self, obj: AnyObject) -> AnyObject | None:
        """Keep ``obj`` where it is news; the state before is returned."""
        key = key_of(obj)
        before = self.find(key)
        if before is not None and not newer(obj.metadata.resource_version, before.metadata.resource_version):
            return before
        super().put(obj)
        self._tell(key, before, obj)
        return before

    def remove(self, key: Key) -> AnyObject | None:
        """Forget an object; what was known of it is returned."""
        before = super().remove(key)
        if before is not None:
            self._tell(key, before, None)
        return before

    def put_broken(self, key: Key, problem: str) -> bool:
        """Remember that an object does not parse; whether that is news."""
        if self.broken.get(key) == problem:
            return False
        self.remove(key)
        self.broken[key] = problem
        return True

    def put_namespace(self, namespace: Namespace) -> Namespace | None:
        """Keep the newest state of a namespace; the previous one is returned."""
        before = super().put_namespace(namespace)
        if before != namespace and self._namespace_told is not None:
            self._namespace_told(namespace.name)
        return before

    def remove_namespace(self, name: str) -> None:
        """Forget a namespace."""
        if name in self.namespaces:
            super().remove_namespace(name)
            if self._namespace_told is not None:
                self._namespace_told(name)

    def _tell(self, key: Key, before: AnyObject | None, after: AnyObject | None) -> None:
        if self._told is not None:
            self._told(key, before, after)
