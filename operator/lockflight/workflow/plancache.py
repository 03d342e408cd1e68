"""Plans that were made already: rendering is the one costly step of a decision, and its inputs are all digests."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockflight.policy.facts import Facts
from lockflight.policy.model import Plan
from lockflight.ports import PulledChart


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what is needed to carry it out: values and chart by component."""

    plan: Plan
    values: Mapping[str, Mapping[str, Any]]
    charts: Mapping[str, PulledChart]
    facts: Mapping[str, tuple[Facts, ...]] = field(default_factory=dict)
    """What is compared with the cluster after the apply, by component."""
    secrets: tuple[Mapping[str, Any], ...] = ()
    """Values that came from Secrets: no message may show them."""


class PlanCache:
    """Least recently used plans by the digest of all their inputs."""

    def __init__(self, size: int = 2048) -> None:
        self._size = size
        self._plans: OrderedDict[str, Planned] = OrderedDict()

    def get(self, key: str) -> Planned | None:
        """The plan for exactly these inputs."""
        found = self._plans.get(key)
        if found is not None:
            self._plans.move_to_end(key)
        return found

    def put(self, key: str, planned: Planned) -> None:
        """Keep a plan; the least recently used one goes."""
        self._plans[key] = planned
        self._plans.move_to_end(key)
        while len(self._plans) > self._size:
            self._plans.popitem(last=False)
