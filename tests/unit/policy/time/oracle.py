"""An oracle that knows nothing of rules and offsets: it looks at a clock in the zone, minute by minute."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)

SHIFTS = (
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour back
    ("Australia/Lord_Howe", "2026-10-04"),
    ("America/St_Johns", "2026-03-08"),
    ("Africa/Casablanca", "2026-02-15"),  # winter time for Ramadan
    ("America/Sao_Paulo", "2018-11-04"),  # midnight does not exist
    ("Pacific/Chatham", "2026-09-27"),
    ("Europe/Dublin", "2026-10-25"),  # standard time is the summer's
    ("Pacific/Apia", "2011-12-30"),  # a whole day does not exist
    ("UTC", "2026-07-01"),
)
"""Zones, and a day around which their clocks do something."""


@lru_cache(maxsize=64)
def dial(name: str, day: str, before: int = 3, after: int = 3) -> tuple[tuple[datetime, datetime], ...]:
    """Every minute around ``day``: the instant, and what the clock shows then."""
    where, middle = ZoneInfo(name), datetime.fromisoformat(day).replace(tzinfo=UTC)
    first = middle - timedelta(days=before)
    return tuple(
        (at, at.astimezone(where).replace(tzinfo=None))
        for at in (first + n * MINUTE for n in range((before + after) * 1440))
    )


def begins(name: str, day: str, meant: Callable[[datetime], bool], before: int = 3) -> Iterator[datetime]:
    """The instants at which the clock shows a minute that is ``meant``, for the first time, or jumps over it."""
    seen: datetime | None = None
    for at, shown in dial(name, day, before):
        reading = shown if seen is None else seen + MINUTE
        while reading <= shown:
            # What the clock jumped over comes as late as on a clock that did not jump.
            late = reading - seen - MINUTE if seen is not None and reading < shown else timedelta(0)
            if meant(reading):
                yield at + late
            reading += MINUTE
        seen = shown if seen is None else max(seen, shown)
