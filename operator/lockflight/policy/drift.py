"""Whether what runs is what was last promoted, field by field; what the API server filled in is no drift."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lockflight.api.drift import DriftField, DriftObject
from lockflight.policy.digest import canonical_digest
from lockflight.policy.facts import OF_A_CONTAINER, OF_A_POD, Ref, quantity
from lockflight.policy.facts import plain as without_defaults
from lockflight.policy.managers import manager_of
from lockflight.policy.pointers import Ignored, written

Path = tuple[str | int, ...]

_MOST: Final = 8
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
_CONFIGURATION: Final = ("data", "binaryData", "stringData")
# Filled in by the API server or by Helm as it applies; none of it is the chart's.
_NOT_THE_CHARTS: Final = frozenset(
    {
        ("apiVersion",),
        ("kind",),
        ("status",),
        *(
            ("metadata", name)
            for name in ("namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
        ),
    }
)
_HELMS: Final = ("app.kubernetes.io/managed-by", "meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
_GONE: Final = object()


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field that is not as it was promoted; ``path`` is empty where it is the whole object."""

    ref: Ref
    path: str
    what: str
    value: str = ""
    """A digest of what is there now; empty where that may be secret."""
    manager: str = ""
    """The field manager that wrote it, where the object says so."""

    def __str__(self) -> str:
        return f"{self.ref}{f' {self.path}' if self.path else ''} {self.what}"


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found in one target."""

    found: tuple[FieldDrift, ...] = ()
    digest: str = ""
    """All of it as one digest; empty where there is none."""
    revisions: str = ""
    """What it was compared with."""
    unfinished: tuple[str, ...] = ()
    """Helm releases that were not compared: Lockflight's own last action on them did not end well."""
    count: int = 0
    """How many fields differ; ``found`` may be cut."""
    back: tuple[tuple[str, int], ...] = ()
    """The Helm releases that drifted, each with the revision that puts it back."""
    lost: tuple[str, ...] = ()
    """Helm releases that cannot be put back: Helm does not know them any more."""


def drift_of(found: Sequence[FieldDrift], namespace: str, revisions: str, unfinished: Sequence[str] = ()) -> Drift:
    """What was found, with its digest."""
    rows = tuple(sorted(found, key=lambda f: (f.ref.kind, f.ref.name, f.path)))
    digest = ""
    if rows:
        told = [[f.ref.api_version, f.ref.kind, f.ref.name, f.path, f.what, f.value] for f in rows]
        digest = canonical_digest({"namespace": namespace, "revisions": revisions, "drift": told})
    return Drift(rows, digest, revisions, tuple(unfinished), len(rows))


def suspected(wanted: Mapping[str, Any], live: Mapping[str, Any], ignored: Ignored) -> tuple[FieldDrift, ...]:
    """What of a recorded manifest is not in the live object as it stands there.

    Writing one value in two ways is found as well: what the API server makes of ``wanted`` settles that.
    """
    return tuple(_found(wanted, live, ignored, _asked(_as_stored(wanted), live, ())))


def confirmed(
    wanted: Mapping[str, Any], again: Mapping[str, Any], live: Mapping[str, Any], ignored: Ignored
) -> tuple[FieldDrift, ...]:
    """What differs between the object as applying ``wanted`` again would leave it, and as it is."""
    added = ((p, w, n) for p, w, n in _asked(_as_stored(wanted), live, ()) if w is _GONE)
    pairs = {path: (before, now) for path, before, now in (*added, *_both(again, live, ()))}
    return tuple(_found(wanted, live, ignored, ((path, *pair) for path, pair in pairs.items())))


def missing(wanted: Mapping[str, Any]) -> FieldDrift:
    """An object that is not there."""
    return FieldDrift(ref_of(wanted), "", "is missing")


def passing(obj: Mapping[str, Any]) -> bool:
    """Helm or the cluster deletes it again after a while: a hook, or a Job that goes once it has finished."""
    hook = "helm.sh/hook" in ((obj.get("metadata") or {}).get("annotations") or {})
    return hook or (obj.get("kind") == "Job" and (obj.get("spec") or {}).get("ttlSecondsAfterFinished") is not None)


def ref_of(obj: Mapping[str, Any]) -> Ref:
    """Which object it is."""
    meta = obj.get("metadata") or {}
    return Ref(str(obj.get("apiVersion", "")), str(obj.get("kind", "")), str(meta.get("name", "")))


def rows(found: Sequence[FieldDrift]) -> tuple[DriftObject, ...]:
    """As the Environment's status holds it: the first few objects, of each the first few fields."""
    objects: dict[Ref, list[DriftField]] = {}
    for each in found:
        field = DriftField(path=each.path[:512], what=each.what[:256], manager=each.manager[:128] or None)
        objects.setdefault(each.ref, []).append(field)
    return tuple(
        DriftObject(kind=ref.kind[:63], name=ref.name[:253], fields=tuple(fields[:_MOST]))
        for ref, fields in list(objects.items())[:_MOST]
    )


def words(found: Sequence[FieldDrift], count: int = 0, most: int = 3) -> str:
    """The first few in a sentence."""
    more = max(count, len(found)) - most
    return "; ".join(map(str, found[:most])) + (f"; and {more} more" if more > 0 else "")


def _found(
    wanted: Mapping[str, Any], live: Mapping[str, Any], ignored: Ignored, pairs: Iterator[tuple[Path, Any, Any]]
) -> Iterator[FieldDrift]:
    ref = ref_of(wanted)
    for path, before, now in pairs:
        if not ignored.covers(path):
            value = "" if ref.kind == "Secret" else canonical_digest(None if now is _GONE else now)
            manager = manager_of(live, path)
            yield FieldDrift(ref, written(path), _said(ref, path, before, now), value, manager)


def _said(ref: Ref, path: Path, before: Any, now: Any) -> str:
    if now is _GONE:
        return "is missing"
    if before is _GONE:
        return "was added"
    if ref.kind == "Secret" or path[0] in _CONFIGURATION:
        return "was changed"
    if path[-1] == "image" or all(isinstance(v, bool | int | float) for v in (before, now)):
        return f"is {_short(now)}, promoted was {_short(before)}"
    return "was changed"


def _short(value: Any) -> str:
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def _as_stored(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Secret's stringData is stored as data."""
    given = wanted.get("stringData")
    if wanted.get("kind") != "Secret" or not isinstance(given, Mapping):
        return wanted
    import base64

    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in given.items()}
    stored = {key: value for key, value in wanted.items() if key != "stringData"}
    return {**stored, "data": {**(wanted.get("data") or {}), **encoded}}


def _asked(wanted: Any, live: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Every field of ``wanted`` that ``live`` has not, and what was added where anything more counts."""
    if path in _NOT_THE_CHARTS or _empty(wanted):
        return
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for key, value in wanted.items():
            if not _helms(path, key) and not _empty(value):
                yield from _asked(value, live.get(key, _GONE), (*path, key))
        yield from (((*path, key), _GONE, live[key]) for key in _additions(wanted, live, path))
    elif isinstance(wanted, list) and isinstance(live, list):
        yield from _items(wanted, live, path, _asked)
    elif live is _GONE or not _same(wanted, live):
        yield path, wanted, live


def _both(before: Any, now: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Every difference between two objects as the API server returns them."""
    if path in _NOT_THE_CHARTS:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            if not _helms(path, key):
                yield from _both(before.get(key, _GONE), now.get(key, _GONE), (*path, key))
    elif isinstance(before, list) and isinstance(now, list):
        yield from _items(before, now, path, _both)
    elif before is _GONE or now is _GONE or before != now:
        yield path, before, now


def _items(before: list[Any], now: list[Any], path: Path, deeper: Any) -> Iterator[tuple[Path, Any, Any]]:
    """Items by their name where all have one, else by their place."""
    keys, others = _keys(before), _keys(now)
    if keys is None or others is None:
        keys, others = list(range(len(before))), list(range(len(now)))
    there = {key: index for index, key in enumerate(others)}
    for index, key in enumerate(keys):
        if key in there:
            yield from deeper(before[index], now[there[key]], (*path, there[key]))
        else:
            yield (*path, index), before[index], _GONE
    known = set(keys)
    yield from (((*path, index), _GONE, now[index]) for key, index in there.items() if key not in known)


def _keys(items: list[Any]) -> list[Any] | None:
    """What tells the items of a list apart; None: nothing but their place."""
    for key in ("name", "containerPort", "port", "mountPath"):
        if items and all(isinstance(item, Mapping) and item.get(key) is not None for item in items):
            found = [item[key] for item in items]
            return found if len(set(map(str, found))) == len(found) else None
    return None


def _additions(wanted: Mapping[str, Any], live: Mapping[str, Any], path: Path) -> list[str]:
    """Keys that nobody promoted, where more changes what runs: configuration, pods and their containers."""
    if path and path[0] in _CONFIGURATION and len(path) == 1:
        return [key for key in live if key not in wanted]
    if len(path) >= 2 and path[-2] in _CONTAINERS:
        watched: Sequence[str] = (*OF_A_CONTAINER, "env")
    elif isinstance(wanted.get("containers"), list):
        watched = (*OF_A_POD, *_CONTAINERS, "volumes", "hostAliases")
    elif not path:
        filled = live.get("type") == "kubernetes.io/service-account-token"
        watched = ("data", "binaryData") if wanted.get("kind") in ("ConfigMap", "Secret") and not filled else ()
    else:
        return []
    return [
        key
        for key in watched
        if _empty(wanted.get(key)) and key in live and without_defaults(live[key], key) is not None
    ]


def _helms(path: Path, key: str) -> bool:
    return path in (("metadata", "labels"), ("metadata", "annotations")) and key in _HELMS


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _same(wanted: Any, live: Any) -> bool:
    if wanted == live and isinstance(wanted, bool) == isinstance(live, bool):
        return True
    plain = (str, int, float)
    if isinstance(wanted, bool) or isinstance(live, bool):
        return False
    return isinstance(wanted, plain) and isinstance(live, plain) and quantity(str(wanted)) == quantity(str(live))
