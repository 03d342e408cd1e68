"""How long the work of a promotion will take, from how long it took here before."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from lockflight.api.common import format_duration, parse_duration
from lockflight.policy.model import Snapshot
from lockflight.policy.visits import Visits

LOOKED_AT: Final = 5
"""The latest promotions count: what was measured long ago says little."""
DEFAULT_TIMEOUT: Final = "10m"


@dataclass(frozen=True, slots=True)
class Expected:
    """``why`` is where the number comes from, for people."""

    duration: timedelta
    why: str


def expected(s: Snapshot) -> Expected:
    """The longest of the latest five deployments of this application here that succeeded, verification included.

    Where there is none, the environment's timeout. An activity says itself how long it takes.
    """
    activity = s.change.spec.activity if s.change else None
    if activity is not None:
        return Expected(parse_duration(activity.duration), f"spec.activity.duration is {activity.duration}")
    latest = Visits.of(s.peers).took[:LOOKED_AT]
    if latest:
        longest = max(latest)
        return Expected(longest, f"of the last {len(latest)} here the longest took {format_duration(longest)}")
    timeout = (s.effective.spec.timeout if s.effective else None) or DEFAULT_TIMEOUT
    return Expected(parse_duration(timeout), f"nothing was measured here yet, so it is spec.timeout, {timeout}")
