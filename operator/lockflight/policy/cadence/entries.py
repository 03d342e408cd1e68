"""One entry of a stack's calendar."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class What(StrEnum):
    """Kinds of entries."""

    SPRINT = "Sprint"
    CUT_OFF = "Cut-off"
    CANDIDATE = "Candidate"
    PRODUCTION = "Production"
    MEETING = "CAB"
    FREEZE = "Freeze"
    CRITICAL = "Critical date"
    WINDOW = "Change window"
    CHANGE = "Change"


@dataclass(frozen=True, slots=True)
class Entry:
    """[start, end); without an end: a moment, or, for a freeze, until it is lifted."""

    what: What
    uid: str
    """The same whenever the calendar is made anew, also where the entry moved."""
    title: str
    start: datetime
    end: datetime | None = None
    detail: str = ""
    days: bool = False
    """It covers whole days, from midnight to midnight."""

    def within(self, since: datetime, until: datetime) -> bool:
        """Whether any of it lies in [since, until)."""
        ends = self.end or (datetime.max.replace(tzinfo=since.tzinfo) if self.what is What.FREEZE else None)
        return self.start < until and (since <= self.start if ends is None else since < ends)
