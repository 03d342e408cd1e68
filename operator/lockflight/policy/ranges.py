"""Ranges of versions, such as ``>=1.2 <2``: every bound must hold."""

import re
from functools import lru_cache
from typing import Final

from lockflight.policy.versions import parsed, without_config

_BOUND: Final = re.compile(r"^(>=|<=|>|<|=|)([0-9]+(?:\.[0-9]+){0,2})(-[0-9A-Za-z.-]+)?$")


@lru_cache(maxsize=4096)
def within(version: str, allowed: str) -> bool:
    """Whether ``version`` is in the range ``allowed``; the configuration (+cfg.N) of a version says nothing.

    A bound speaks of as many parts as it names: ``<=1.2`` takes 1.2.9. A pre-release comes before its version, so
    2.0.0-rc.1 is neither ``>=2`` nor ``<2``. Raises ValueError where one of them cannot be read.
    """
    bounds = allowed.split()
    if not bounds:
        msg = "the range is empty"
        raise ValueError(msg)
    return all(_holds(without_config(version), bound) for bound in bounds)


def _holds(version: str, bound: str) -> bool:
    found, mine = _BOUND.match(bound), parsed(version)
    if found is None:
        msg = f"{bound!r} is no bound: write >=1.2, <2 or =1.2.3"
        raise ValueError(msg)
    operator, number, pre = found[1] or "=", found[2], found[3] or ""
    given = tuple(int(part) for part in number.split("."))
    if pre:
        compared = mine.compare(f"{number}{pre}")
    else:
        release = (mine.major, mine.minor, mine.patch)
        before = bool(mine.prerelease) and release == given + (0,) * (3 - len(given))
        if before and operator in ("<", "=", ">="):
            return False
        here = release[: len(given)]
        compared = (here > given) - (here < given)
    return {
        ">=": compared >= 0,
        "<=": compared <= 0,
        ">": compared > 0,
        "<": compared < 0,
        "=": compared == 0,
    }[operator]
