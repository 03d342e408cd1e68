"""Which classes of data may be in an environment: its own rule under its baseline's."""

from collections.abc import Callable, Iterable
from typing import Final

from lockflight.api.data import DataClass, DataRules

Refuse = Callable[[str, object, str], None]

_NONE: Final[tuple[DataClass, ...]] = ()


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
