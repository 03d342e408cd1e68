"""Which classes of data may be in an environment, and where data lies that a release works with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from lockflight.api.data import DataClass, DataRules
from lockflight.policy.facts import Ref

Refuse = Callable[[str, object, str], None]

CARRIERS: Final = ("ConfigMap", "PersistentVolumeClaim", "Secret")
"""The kinds that carry the label, all of the core group."""
_NONE: Final[tuple[DataClass, ...]] = ()


@dataclass(frozen=True, slots=True)
class DataUse:
    """One object that holds data, and how a component comes to it."""

    component: str
    ref: Ref
    via: str
    """What refers to it and by which field; or that the chart brings it."""
    label: str | None = None
    """The class that the chart gives it."""


def allowed(mine: DataRules | None, base: DataRules | None, refuse: Refuse) -> DataRules | None:
    """What both allow; a class that the baseline does not allow goes to ``refuse``."""
    if mine is None or base is None:
        return mine or base
    more = [each for each in mine.allowed if each not in base.allowed]
    if more:
        refuse("data.allowed", words(more), f"some of {words(base.allowed)}")
    both = tuple(each for each in mine.allowed if each in base.allowed)
    return DataRules(allowed=both) if both else base


def classes(rule: DataRules | None) -> tuple[DataClass, ...]:
    """The classes that may be in an environment; without a rule none."""
    return rule.allowed if rule else _NONE


def known(text: str) -> DataClass | None:
    """The class that a label says; None: there is no such class."""
    return DataClass(text) if text in set(DataClass) else None


def words(found: Iterable[DataClass]) -> str:
    """Classes in a sentence, least sensitive first."""
    ordered: list[DataClass] = sorted(found, key=lambda each: each.rank)
    return ", ".join(ordered) or "none"
