"""How two environments differ: in what runs, and in the values that count."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockflight.api.environment import TargetStatus
from lockflight.api.promotion import PlanStatus
from lockflight.policy.digest import canonical_digest
from lockflight.policy.provenance import Explained


@dataclass(frozen=True, slots=True)
class Side:
    """One application in one environment."""

    target: TargetStatus | None = None
    """What runs; None: nothing does."""
    plan: PlanStatus | None = None
    """What was applied; None: the promotion that did is gone."""
    values: Mapping[str, Sequence[Explained]] | None = None
    """By component; None: no release is known whose values they could be."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One thing that is not the same in both."""

    what: str
    """version, release, digest, chart, images or value."""
    component: str
    path: str
    """Of a value: its JSON pointer."""
    left: Any
    right: Any
    left_source: str = ""
    right_source: str = ""


def contrasts(left: Side, right: Side) -> Iterator[Contrast]:
    """Everything that differs, what runs first."""
    yield from _running(left, right)
    if left.values is not None and right.values is not None:
        for component in sorted(left.values.keys() | right.values.keys()):
            yield from _values(component, left.values.get(component, ()), right.values.get(component, ()))


def _running(left: Side, right: Side) -> Iterator[Contrast]:
    facts: dict[str, Callable[[TargetStatus], str]] = {
        "version": lambda t: t.version,
        "release": lambda t: t.release,
        # Two releases of one name and version in two histories are still told apart.
        "digest": lambda t: t.digest,
    }
    for what, of in facts.items():
        here, there = (of(side.target) if side.target else None for side in (left, right))
        if here != there:
            yield Contrast(what, "", "", here, there)
    plans = [{c.name: c for c in side.plan.components} if side.plan else None for side in (left, right)]
    if plans[0] is None or plans[1] is None:
        return
    for name in sorted(plans[0].keys() | plans[1].keys()):
        ours, theirs = plans[0].get(name), plans[1].get(name)
        charts = ours.chart_digest if ours else None, theirs.chart_digest if theirs else None
        if charts[0] != charts[1]:
            yield Contrast("chart", name, "", *charts)
        images = list(ours.images) if ours else None, list(theirs.images) if theirs else None
        if images[0] != images[1]:
            yield Contrast("images", name, "", *images)


def _values(component: str, left: Sequence[Explained], right: Sequence[Explained]) -> Iterator[Contrast]:
    ours, theirs = ({each.path: each for each in side} for side in (left, right))
    for path in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(path), theirs.get(path)
        if here is not None and there is not None and canonical_digest(here.value) == canonical_digest(there.value):
            continue
        yield Contrast(
            "value",
            component,
            path,
            here.value if here else None,
            there.value if there else None,
            here.source if here else "",
            there.source if there else "",
        )
