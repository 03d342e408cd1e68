"""Where data lies that rendered objects work with: the PVCs, Secrets and ConfigMaps they refer to or are."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lockflight.api.data import DATA_CLASS_LABEL
from lockflight.policy.datapolicy import CARRIERS, DataUse
from lockflight.policy.facts import Ref
from lockflight.policy.plan import flat

_SETS: Final = 64
"""Of a StatefulSet at most so many volumes are looked at for each template."""


def uses(component: str, objects: Iterable[Mapping[str, Any]]) -> tuple[DataUse, ...]:
    """What the rendered ``objects`` bring and refer to, each once for each field that refers to it."""
    found = (use for obj in objects for item in flat(obj) for use in _of(component, item))
    return tuple(dict.fromkeys(found))


def _of(component: str, obj: Mapping[str, Any]) -> Iterator[DataUse]:
    kind, meta = str(obj.get("kind", "")), _map(obj.get("metadata"))
    name = str(meta.get("name") or meta.get("generateName") or "?")
    who = f"{kind} {name}"
    if kind in CARRIERS:
        yield DataUse(component, _ref(kind, name), "brought by the chart", label=_label(meta))
    for carrier, named, path in _references(obj, ""):
        yield DataUse(component, _ref(carrier, named), f"{who}, {path}")
    yield from (
        DataUse(component, _ref("PersistentVolumeClaim", f"{name}-{v}"), f"{who}, {path}", label=label)
        for v, path, label in _ephemeral(obj, "")
    )
    if kind == "StatefulSet":
        yield from _claims(component, obj, name)


def _references(value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and field of every reference, wherever a pod stands in an object."""
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from _references(member, f"{path}[{_key(member, index)}]")
    if not isinstance(value, Mapping):
        return
    for key, member in value.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(member, Mapping):
            for kind, field in _NAMED.get(str(key), ()):
                if isinstance(member.get(field), str):
                    yield kind, member[field], f"{here}.{field}"
            if key in ("dataSource", "dataSourceRef") and member.get("kind") == "PersistentVolumeClaim":
                yield "PersistentVolumeClaim", str(member.get("name")), f"{here}.name"
        yield from _references(member, here)


_NAMED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "configMapKeyRef": (("ConfigMap", "name"),),
    "configMapRef": (("ConfigMap", "name"),),
    # As a volume, and as a source of a projected one.
    "configMap": (("ConfigMap", "name"),),
    "secretKeyRef": (("Secret", "name"),),
    "secretRef": (("Secret", "name"),),
    # A volume says secretName, a projected source name.
    "secret": (("Secret", "secretName"), ("Secret", "name")),
    "persistentVolumeClaim": (("PersistentVolumeClaim", "claimName"),),
}
"""What a field of that name refers to, and by which field in it."""


def _ephemeral(value: Any, path: str) -> Iterator[tuple[str, str, str | None]]:
    """Volumes that come and go with a pod, and the class that they are given: name, field, class."""
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from _ephemeral(member, f"{path}[{_key(member, index)}]")
    if isinstance(value, Mapping):
        template = _map(_map(value.get("ephemeral")).get("volumeClaimTemplate"))
        if template:
            yield (
                str(value.get("name")),
                f"{path}.ephemeral.volumeClaimTemplate",
                _label(_map(template.get("metadata"))),
            )
        for key, member in value.items():
            yield from _ephemeral(member, f"{path}.{key}" if path else str(key))


def _claims(component: str, obj: Mapping[str, Any], name: str) -> Iterator[DataUse]:
    """The volumes that a StatefulSet makes or finds for its pods."""
    spec = _map(obj.get("spec"))
    replicas, start = spec.get("replicas", 1), _map(spec.get("ordinals")).get("start", 0)
    if not isinstance(replicas, int) or not isinstance(start, int):
        replicas, start = 1, 0
    for template in spec.get("volumeClaimTemplates") or ():
        meta = _map(_map(template).get("metadata"))
        via = f"StatefulSet {name}, spec.volumeClaimTemplates[{meta.get('name')}]"
        for number in range(start, start + min(max(replicas, 1), _SETS)):
            ref = _ref("PersistentVolumeClaim", f"{meta.get('name')}-{name}-{number}")
            yield DataUse(component, ref, via, label=_label(meta))


def _key(member: Any, index: int) -> str:
    """How an entry of a list is called: by its name where it has one."""
    return str(member["name"]) if isinstance(member, Mapping) and isinstance(member.get("name"), str) else str(index)


def _label(meta: Mapping[str, Any]) -> str | None:
    found = _map(meta.get("labels")).get(DATA_CLASS_LABEL)
    return None if found is None else str(found)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _ref(kind: str, name: str) -> Ref:
    return Ref("v1", kind, name)
