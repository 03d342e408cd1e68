"""Where every single value comes from: the layers of ``policy.values`` merged with their sources kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockflight.api.environment import EnvironmentSpec
from lockflight.api.release import Component, Release
from lockflight.policy.model import Effective
from lockflight.policy.pointers import written
from lockflight.policy.values import layers


@dataclass(frozen=True, slots=True)
class Origin:
    """A value that a source gave."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A value that counts, and what it took the place of, nearest first."""

    path: str
    """JSON pointer; lists are values as a whole, as they are for Helm."""
    value: Any
    source: str
    overridden: tuple[Origin, ...] = ()


@dataclass(slots=True)
class _Leaf:
    value: Any
    source: str
    over: tuple[Origin, ...] = ()


_Tree = dict[str, Any]
"""Maps of maps, with a ``_Leaf`` at each end."""


def explain(
    release: Release,
    component: Component,
    governed: Effective,
    own: EnvironmentSpec,
    external: Sequence[tuple[str, Mapping[str, Any]]],
) -> tuple[Explained, ...]:
    """Every value of one component in one environment; ``own`` is its spec without the baseline."""
    merged: _Tree | _Leaf = {}
    for source, values in layers(release, component, governed.name, governed.spec, external):
        merged = _over(merged, _layer(source, values, release, governed, own))
    return tuple(sorted(_leaves(merged, ()), key=lambda found: found.path))


def _layer(
    source: str, values: Mapping[str, Any], release: Release, governed: Effective, own: EnvironmentSpec
) -> _Tree | _Leaf:
    """One layer with its sources; what the Environment inherits comes from its baseline."""
    base = governed.baseline
    if base is None:
        return _sourced(values, source)
    where = f"baseline {base.metadata.name} of tier {base.spec.tier}"
    application = release.spec.application
    if source == f"Environment {governed.name} spec.values":
        below = _sourced(base.spec.values, f"{where} spec.values") if base.spec.values else {}
        return _over(below, _sourced(own.values, source) if own.values else {})
    part = f"spec.applications.{application}.values"
    inherited = application not in (own.applications or {})
    return _sourced(
        values, f"{where} {part}" if source == f"Environment {governed.name} {part}" and inherited else source
    )


def _sourced(value: Any, source: str) -> _Tree | _Leaf:
    if isinstance(value, Mapping) and value:
        return {key: _sourced(member, source) for key, member in value.items()}
    return _Leaf(value, source)


def _over(low: _Tree | _Leaf, high: _Tree | _Leaf) -> _Tree | _Leaf:
    """As ``values.merge``: objects merge, everything else replaces."""
    low_map, high_map = _map(low), _map(high)
    if low_map is not None and high_map is not None:
        if not high_map:
            return low
        if not low_map:
            return high
        merged = dict(low_map)
        for key, value in high_map.items():
            merged[key] = _over(low_map[key], value) if key in low_map else value
        return merged
    gone = tuple(_ends(low))
    return _replacing(high, gone)


def _map(tree: _Tree | _Leaf) -> _Tree | None:
    """A tree's members; of a leaf that holds an empty map none."""
    if isinstance(tree, dict):
        return tree
    return {} if isinstance(tree.value, Mapping) else None


def _replacing(tree: _Tree | _Leaf, gone: tuple[Origin, ...]) -> _Tree | _Leaf:
    if isinstance(tree, dict):
        return {key: _replacing(member, gone) for key, member in tree.items()}
    return _Leaf(tree.value, tree.source, (*tree.over, *gone))


def _ends(tree: _Tree | _Leaf) -> Iterator[Origin]:
    if isinstance(tree, dict):
        for member in tree.values():
            yield from _ends(member)
    else:
        yield Origin(tree.value, tree.source)
        yield from tree.over


def _leaves(tree: _Tree | _Leaf, path: tuple[str, ...]) -> Iterator[Explained]:
    if isinstance(tree, dict):
        for key, member in tree.items():
            yield from _leaves(member, (*path, key))
    else:
        yield Explained(written(path), tree.value, tree.source, tree.over)
