"""What of an object is compared with its rendered manifest: what runs, as whom, with what around it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from lockflight.api.common import GROUP

BREAK_GLASS: Final = f"{GROUP}/break-glass"
"""Annotation of an object that was written by breaking the glass: who did."""

_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
OF_A_CONTAINER: Final = (
    "image",
    "command",
    "args",
    "workingDir",
    "envFrom",
    "securityContext",
    "volumeMounts",
    "volumeDevices",
    "lifecycle",
)
OF_A_POD: Final = ("securityContext", "hostNetwork", "hostPID", "hostIPC", "runtimeClassName")
# What decides without being a pod: configuration, and what its service accounts may do.
_OF_OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ConfigMap": ("data", "binaryData"),
    "Role": ("rules",),
    "RoleBinding": ("subjects", "roleRef"),
}
# What the API server fills in, so that it means the same absent.
_DEFAULTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "defaultMode": (420,),
    "apiVersion": ("v1",),
    "expirationSeconds": (3600,),
    "divisor": ("0", 0),
    "volumeMode": ("Filesystem",),
    "readOnly": (False,),
    "optional": (False,),
    "hostNetwork": (False,),
    "hostPID": (False,),
    "hostIPC": (False,),
    "scheme": ("HTTP",),
    "recursiveReadOnly": ("Disabled",),
}
_QUANTITIES: Final = frozenset({"sizeLimit", "storage", "divisor"})
_SUFFIXES: Final = {
    **{s: Decimal(1024) ** n for n, s in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{s: Decimal(1000) ** n for n, s in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    "m": Decimal("0.001"),
}


@dataclass(frozen=True, slots=True)
class Ref:
    """Which object, in the target namespace."""

    api_version: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod spec: ``fields`` of the pod, of each container (keys such as initContainers[a]), and each volume."""

    fields: Mapping[str, Any]
    containers: Mapping[str, Mapping[str, Any]]
    volumes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is compared of one object, by path."""

    ref: Ref
    pods: Mapping[str, Pod] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    passing: bool = False
    """A hook: Helm may have deleted it again."""
    claims: frozenset[str] = frozenset()
    """Volumes that a StatefulSet gives its pods."""


def facts(obj: Mapping[str, Any]) -> Facts | None:
    """What is compared of an object; None: nothing of it is."""
    meta = obj.get("metadata") or {}
    ref = Ref(str(obj.get("apiVersion", "")), str(obj.get("kind", "")), str(meta.get("name", "")))
    pods = {path: _pod(spec) for path, spec in _specs(obj, "")}
    fields = {name: plain(obj.get(name)) for name in _OF_OTHERS.get(ref.kind, ()) if plain(obj.get(name)) is not None}
    if not pods and ref.kind not in _OF_OTHERS:
        return None
    claims = (obj.get("spec") or {}).get("volumeClaimTemplates") if ref.kind == "StatefulSet" else None
    return Facts(
        ref=ref,
        pods=pods,
        fields=fields,
        passing="helm.sh/hook" in (meta.get("annotations") or {}),
        claims=frozenset(str((claim.get("metadata") or {}).get("name")) for claim in claims or ()),
    )


def is_test(obj: Mapping[str, Any]) -> bool:
    """Whether it is applied by ``helm test`` alone."""
    hook = ((obj.get("metadata") or {}).get("annotations") or {}).get("helm.sh/hook", "")
    events = {event.strip() for event in str(hook).split(",")} - {""}
    return bool(events) and events <= {"test", "test-success"}


def running(pod: Mapping[str, Any]) -> Pod:
    """A pod in the cluster, without what the API server gives every pod: the token of its service account."""
    spec = dict(pod.get("spec") or {})
    given = {v["name"] for v in spec.get("volumes") or () if _is_token(v)}
    spec["volumes"] = [v for v in spec.get("volumes") or () if v["name"] not in given]
    for kind in _CONTAINERS:
        if spec.get(kind):
            spec[kind] = [_without_mounts(container, given) for container in spec[kind]]
    return _pod(spec)


def plain(value: Any, key: str = "") -> Any:
    """A value as it is compared: defaults, empty and absent are one; quantities by their size. None: absent."""
    if key in _QUANTITIES and isinstance(value, str | int | float) and not isinstance(value, bool):
        value = quantity(str(value))
    if value in _DEFAULTS.get(key, ()) or value in (None, "", [], {}):
        return None
    if isinstance(value, Mapping):
        members = {name: plain(member, name) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not None} or None
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    return value


def common(first: Sequence[Facts], second: Sequence[Facts]) -> tuple[Facts, ...]:
    """What two renderings of a chart agree on: what it makes up anew each time cannot be known."""
    others = {other.ref: other for other in second}
    return tuple(_agreed(each, others[each.ref]) for each in first if each.ref in others)


def _agreed(first: Facts, second: Facts) -> Facts:
    pods = {
        path: Pod(
            _same(pod.fields, second.pods[path].fields),
            {k: _same(c, second.pods[path].containers.get(k, {})) for k, c in pod.containers.items()},
            _same(pod.volumes, second.pods[path].volumes),
        )
        for path, pod in first.pods.items()
        if path in second.pods
    }
    return Facts(first.ref, pods, _same(first.fields, second.fields), first.passing, first.claims)


def _same(first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value if second.get(key) == value else UNKNOWN for key, value in first.items()}


UNKNOWN: Final = object()
"""A value that the chart makes up anew each time: any other is as good."""


def _specs(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every pod spec in an object, and where it stands."""
    if isinstance(value, Mapping):
        if isinstance(value.get("containers"), list) and all(isinstance(c, Mapping) for c in value["containers"]):
            yield path, value
            return
        for key, member in value.items():
            yield from _specs(member, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _specs(member, f"{path}[{index}]")


def _pod(spec: Mapping[str, Any]) -> Pod:
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    fields = {name: plain(spec.get(name), name) for name in OF_A_POD}
    fields["automountServiceAccountToken"] = spec.get("automountServiceAccountToken")
    known = {name: value for name, value in fields.items() if value is not None}
    containers = {
        f"{kind}[{container.get('name')}]": _container(container)
        for kind in _CONTAINERS
        for container in spec.get(kind) or ()
    }
    volumes = {str(v.get("name")): plain(_nameless(v)) for v in spec.get("volumes") or ()}
    return Pod({**known, "serviceAccountName": account}, containers, volumes)


def _container(container: Mapping[str, Any]) -> Mapping[str, Any]:
    found = {name: plain(container.get(name), name) for name in OF_A_CONTAINER}
    for variable in container.get("env") or ():
        found[f"env[{variable.get('name')}]"] = plain(_nameless(variable)) or {}
    return {name: value for name, value in found.items() if value is not None}


def _nameless(named: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in named.items() if key != "name"}


def _is_token(volume: Mapping[str, Any]) -> bool:
    sources = (volume.get("projected") or {}).get("sources") or ()
    return str(volume.get("name", "")).startswith("kube-api-access-") and all(
        set(source) <= {"serviceAccountToken", "downwardAPI"}
        or (source.get("configMap") or {}).get("name") == "kube-root-ca.crt"
        for source in sources
    )


def _without_mounts(container: Mapping[str, Any], volumes: set[str]) -> Mapping[str, Any]:
    mounts = [m for m in container.get("volumeMounts") or () if m.get("name") not in volumes]
    return {**container, "volumeMounts": mounts}


def quantity(text: str) -> str:
    for suffix, factor in _SUFFIXES.items():
        if text.endswith(suffix):
            number, unit = text.removesuffix(suffix), factor
            break
    else:
        number, unit = text, Decimal(1)
    try:
        return str((Decimal(number) * unit).normalize())
    except ArithmeticError:
        return text
