"""Which of two versions is higher: by Semantic Versioning, then by the number of the configuration (+cfg.N)."""

import re
from typing import Final

import semver

_CONFIG: Final = re.compile(r"\+cfg\.([1-9][0-9]*)$")


def order(version: str) -> tuple[semver.Version, int]:
    """What to compare. Raises ValueError where it is no version."""
    found = _CONFIG.search(version)
    return semver.Version.parse(version), int(found[1]) if found else 0


def without_config(version: str) -> str:
    """The version whose charts and images a configuration release takes over."""
    return _CONFIG.sub("", version)
