"""What the watches told, in memory: what to look at. Decisions that act read the API server again."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

from lockflight.api.kinds import AnyObject
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.model import Namespace
from lockflight.policy.siblings import Siblings
from lockflight.workflow.indexes import Index, places
from lockflight.workflow.keys import Key, key_of

T = TypeVar("T", bound=AnyObject)
V = TypeVar("V")
_MOST_KEPT = 256
_APPLICATION = Index.RELEASES_OF_APPLICATION


class Store:
    """Objects by key, one bucket a kind and namespace, so that a stack is listed without looking at the others."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], dict[str, AnyObject]] = defaultdict(dict)
        self.namespaces: dict[str, Namespace] = {}
        self._listed: dict[str, dict[tuple[str, ...], tuple[AnyObject, ...]]] = {}
        self._indexed: dict[tuple[Index, str, str], dict[str, AnyObject]] = defaultdict(dict)
        self._changes: Counter[tuple[str, str]] = Counter()
        self._kept: OrderedDict[tuple[str, ...], tuple[tuple[int, ...], object]] = OrderedDict()
        self._siblings: dict[tuple[str, str], Siblings] = {}
        self.broken: dict[Key, str] = {}
        """Objects that do not parse, and why: they take part in nothing, and what refers to them is closed."""

    def put(self, obj: AnyObject) -> AnyObject | None:
        """Keep the newest state of an object; the previous one is returned."""
        key = key_of(obj)
        self.broken.pop(key, None)
        bucket = self._buckets[key.kind, key.namespace]
        previous = bucket.get(key.name)
        if previous is None or not _same(previous, obj):
            kept = bucket[key.name] = _trimmed(obj)
            self._index(previous, kept)
            self._listed.pop(key.kind, None)
            self._changes[key.kind, key.namespace] += 1
        return previous

    def remove(self, key: Key) -> AnyObject | None:
        """Forget an object; what was known of it is returned."""
        self.broken.pop(key, None)
        self._listed.pop(key.kind, None)
        self._changes[key.kind, key.namespace] += 1
        gone = self._buckets[key.kind, key.namespace].pop(key.name, None)
        self._index(gone, None)
        return gone

    def get(self, kind: type[T], namespace: str, name: str) -> T | None:
        """An object by its model."""
        found = self._buckets[kind.__name__, namespace].get(name)
        return found if isinstance(found, kind) else None

    def find(self, key: Key) -> AnyObject | None:
        """An object by its key."""
        return self._buckets[key.kind, key.namespace].get(key.name)

    def of(self, kind: type[T], namespace: str | None = None) -> Iterator[T]:
        """All objects of a kind, in one namespace or in all."""
        if namespace is not None:
            buckets = [self._buckets.get((kind.__name__, namespace), {})]
        else:
            buckets = [bucket for (name, _), bucket in list(self._buckets.items()) if name == kind.__name__]
        for bucket in buckets:
            for obj in list(bucket.values()):
                if isinstance(obj, kind):
                    yield obj

    def listed(self, kind: type[T], *namespaces: str) -> tuple[T, ...]:
        """All objects of a kind in these namespaces: the same tuple until one of that kind changes."""
        known = self._listed.setdefault(kind.__name__, {})
        found = known.get(namespaces)
        if found is None:
            found = known[namespaces] = tuple(o for ns in dict.fromkeys(namespaces) for o in self.of(kind, ns))
        return cast("tuple[T, ...]", found)

    def by(self, kind: type[T], index: Index, namespace: str, value: str) -> tuple[T, ...]:
        """The objects of a kind that an index holds under ``value``, in the order in which they came."""
        found = self._indexed.get((index, namespace, value), {}).values()
        return tuple(obj for obj in found if isinstance(obj, kind))

    def siblings(self, namespace: str, application: str) -> Siblings:
        """The releases of one application by name: the same mapping until one of them changes."""
        found = self._siblings.get((namespace, application))
        if found is None:
            releases = self.by(Release, _APPLICATION, namespace, application)
            found = self._siblings[namespace, application] = Siblings({r.metadata.name: r for r in releases})
        return found

    def kept(self, key: tuple[str, ...], rests_on: Sequence[tuple[type[AnyObject], str]], make: Callable[[], V]) -> V:
        """What ``make`` gives, once: made anew where a kind and namespace that it ``rests_on`` changed since."""
        versions = tuple(self._changes[kind.__name__, namespace] for kind, namespace in rests_on)
        found = self._kept.get(key)
        if found is None or found[0] != versions:
            found = self._kept[key] = versions, make()
            self._kept.move_to_end(key)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return cast("V", found[1])

    def applications(self, namespace: str) -> set[str]:
        """The applications that have a release there."""
        return {value for index, place, value in self._indexed if (index, place) == (_APPLICATION, namespace)}

    def _index(self, before: AnyObject | None, after: AnyObject | None) -> None:
        """Keep an object where it is asked for; it does not move in an order that it stands in already."""
        now = set(places(after)) if after is not None else set()
        if before is not None:
            for place in set(places(before)) - now:
                del self._indexed[place][before.metadata.name]
                if not self._indexed[place]:
                    del self._indexed[place]
        if after is not None:
            for place in now:
                self._indexed[place][after.metadata.name] = after
        for obj in (before, after):
            if isinstance(obj, Release):
                self._siblings.pop((obj.metadata.namespace, obj.spec.application), None)

    def put_namespace(self, namespace: Namespace) -> Namespace | None:
        """Keep the newest state of a namespace; the previous one is returned."""
        previous = self.namespaces.get(namespace.name)
        self.namespaces[namespace.name] = namespace
        return previous

    def remove_namespace(self, name: str) -> None:
        """Forget a namespace."""
        self.namespaces.pop(name, None)

    def sizes(self) -> Mapping[str, int]:
        """Objects a kind."""
        sizes: dict[str, int] = defaultdict(int)
        for (kind, _), bucket in self._buckets.items():
            sizes[kind] += len(bucket)
        return sizes


def _same(one: AnyObject, other: AnyObject) -> bool:
    """It is what is known already, read once more."""
    version = other.metadata.resource_version
    return bool(version) and (one.metadata.uid, one.metadata.resource_version) == (other.metadata.uid, version)


def _trimmed(obj: AnyObject) -> AnyObject:
    """Finished promotions are most of what there is, and only their outcome is asked for again."""
    if isinstance(obj, Promotion) and obj.status.phase is not None and obj.status.phase.final:
        slim = {"gates": (), "verification": (), "forecast": None, "history": ()}
        return obj.model_copy(update={"status": obj.status.model_copy(update=slim)})
    return obj
