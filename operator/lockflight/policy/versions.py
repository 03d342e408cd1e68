"""Which of two versions is higher: by Semantic Versioning, then by the number of the configuration (+cfg.N)."""

import re
from functools import lru_cache
from typing import Final

import semver

_CONFIG: Final = re.compile(r"\+cfg\.([1-9][0-9]*)$")


@lru_cache(maxsize=4096)
def parsed(version: str) -> semver.Version:
    """A version; the gates ask for the same few again and again. Raises ValueError where it is none."""
    return semver.Version.parse(version)


def order(version: str) -> tuple[semver.Version, int]:
    """What to compare. Raises ValueError where it is no version."""
    found = _CONFIG.search(version)
    return parsed(version), int(found[1]) if found else 0


def without_config(version: str) -> str:
    """The version whose charts and images a configuration release takes over."""
    return _CONFIG.sub("", version)
