"""One Helm release in a form that can be compared with another state of it: leaves of values and objects, by digest."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from lockflight.policy.model import Part
from lockflight.policy.plan import flat, hidden

VERSION_LABELS: Final = frozenset({"app.kubernetes.io/version", "helm.sh/chart", "chart", "version"})
"""Labels that say a version and nothing else."""
CHECKSUM: Final = "checksum/"
"""Prefix of the annotations with which charts restart pods when a ConfigMap or Secret changed."""


def part(
    *,
    name: str,
    chart: str,
    chart_version: str,
    chart_digest: str = "",
    values: Mapping[str, Any],
    public: Mapping[str, Any] | None = None,
    objects: Sequence[Mapping[str, Any]],
    unstable: bool = False,
) -> Part:
    """``values`` are those given to Helm, ``public`` the same with what comes from Secrets masked."""
    leaves = dict(_leaves(values))
    shown = leaves if public is None else dict(_leaves(public))
    secret = frozenset(pointer for pointer in leaves if shown.get(pointer) != leaves[pointer])
    return Part(
        name=name,
        chart=chart,
        chart_version=chart_version,
        chart_digest=chart_digest,
        values={pointer: digest for pointer, digest in leaves.items() if pointer not in secret},
        objects={_identity(item): _digest(_plain(hidden(item))) for obj in objects for item in flat(obj)},
        unstable=unstable,
        secret=secret,
    )


def _identity(obj: Mapping[str, Any]) -> str:
    meta = obj.get("metadata") or {}
    return f"{obj.get('kind', '?')}/{meta.get('name') or meta.get('generateName') or '?'}"


def _leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """JSON pointer (RFC 6901) and digest of every leaf; an empty object or list is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, member in value.items():
            yield from _leaves(member, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for index, member in enumerate(value):
            yield from _leaves(member, f"{pointer}/{index}")
    elif pointer:
        yield pointer, _digest(value)


def _plain(value: Any) -> Any:
    """Without what changes with every version although nothing else does."""
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if not isinstance(value, Mapping):
        return value
    plain = {key: _plain(member) for key, member in value.items()}
    metadata = plain.get("metadata")
    if isinstance(metadata, dict):
        _drop(metadata, "labels", VERSION_LABELS.__contains__)
        _drop(metadata, "annotations", lambda key: key.startswith(CHECKSUM))
    return plain


def _drop(metadata: dict[str, Any], field: str, dropped: Callable[[str], bool]) -> None:
    found = metadata.get(field)
    if isinstance(found, dict):
        metadata[field] = {key: value for key, value in found.items() if not dropped(str(key))}


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
