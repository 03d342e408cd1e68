"""Who may be logged in as: a name and groups, proven by a client certificate."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")

ADMIN = "admin"
"""The person who is always there: group `system:masters`."""

_RESERVED = frozenset({ADMIN, "kwok", "kube-controller-manager", "kube-scheduler"})


@dataclass(frozen=True)
class Person:
    """A user of the cluster.

    Raises `ValueError` when the name is one of the cluster's own, or cannot be a file name.
    """

    name: str
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name in _RESERVED:
            msg = f"person {self.name!r}: the cluster itself goes by this name"
            raise ValueError(msg)
        if not _NAME.fullmatch(self.name):
            msg = f"person {self.name!r}: want lower-case letters, digits, '-' and '.', at most 63"
            raise ValueError(msg)


DEMO_PEOPLE = (
    Person("alice", ("cab",)),
    Person("bob", ("cab",)),
    Person("carol", ("business",)),
    Person("quinn", ("qa",)),
    Person("jo", ("developers",)),
    Person("robot-ci"),
)
"""The cast of the demo: two of the change board, a business user, a tester, a developer and the pipeline."""
