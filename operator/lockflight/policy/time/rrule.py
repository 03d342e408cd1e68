"""Recurrence rules of RFC 5545 (section 3.3.10): from text to what recurs, refused where they are out of bounds.

A window that opens more often than hourly is no window, and a rule that is looked at for ever stops the operator: so
there are at most 24 starts a day and 1000 in a rule with COUNT, and what the RFC calls undefined is refused.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Final

from lockflight.policy.time.zones import InvalidTime

MOST_STARTS_A_DAY: Final = 24
MOST_COUNTED: Final = 1000
MOST_INTERVAL: Final = 1000
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    """How often a rule is looked at; anything more frequent is refused."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with what it leaves out filled in from the start. Empty: any."""

    frequency: Frequency
    interval: int
    times: tuple[time, ...]
    """Times of day, in order. For HOURLY those that may be met."""
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    """Negative ones count from the end, -1 is the last; so it is with the next three."""
    year_days: frozenset[int] = frozenset()
    weeks: frozenset[int] = frozenset()
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()
    """(n, weekday), the weekday counted from Monday, 0."""
    weekdays: frozenset[int] = frozenset()
    positions: tuple[int, ...] = ()
    week_start: int = 0
    count: int | None = None
    until: datetime | None = None
    """The last possible start: naive on the wall clock, aware as an instant."""


_PARTS: Final = {
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYMONTH",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYDAY",
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYSETPOS",
    "WKST",
}

_ONLY_WITH: Final = {
    "BYMONTHDAY": ("HOURLY", "DAILY", "MONTHLY", "YEARLY"),
    "BYYEARDAY": ("HOURLY", "YEARLY"),
    "BYWEEKNO": ("YEARLY",),
    "BYSETPOS": ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
}
"""Where a part may stand, from the RFC's table; BYSETPOS within an hour picks nothing that a rule cannot say."""


def parse(text: str, start: datetime, field: str = "spec.recurrence.rrule") -> Rule:
    """The rule ``text`` from ``start``, a wall clock reading. Raises InvalidTime."""
    return _Parser(text, start, field).rule()


class _Parser:
    def __init__(self, text: str, start: datetime, field: str) -> None:
        self._field = field
        self._start = start
        self._parts: dict[str, str] = {}
        for part in text.split(";"):
            key, equals, value = part.partition("=")
            if not equals or not value or key not in _PARTS:
                raise self._wrong(f"has {part!r}", f"parts such as FREQ=WEEKLY, from {', '.join(sorted(_PARTS))}")
            if key in self._parts:
                raise self._wrong(f"says {key} twice", "each part once")
            self._parts[key] = value

    def rule(self) -> Rule:
        frequency = self._frequency()
        for part, where in _ONLY_WITH.items():
            if part in self._parts and frequency not in where:
                raise self._wrong(f"has {part} with FREQ={frequency}", f"{part} with FREQ {' or '.join(where)}")
        if {"COUNT", "UNTIL"} <= self._parts.keys():
            raise self._wrong("has COUNT and UNTIL", "one of them")
        nth, weekdays = self._days(frequency)
        months, month_days = self._numbers("BYMONTH", 1, 12), self._numbers("BYMONTHDAY", 1, 31, signed=True)
        year_days, weeks = (
            self._numbers("BYYEARDAY", 1, 366, signed=True),
            self._numbers("BYWEEKNO", 1, 53, signed=True),
        )
        if weeks and not weekdays:
            raise self._wrong("has BYWEEKNO without BYDAY", "the days of that week too, such as BYDAY=MO")
        if not (nth or weekdays or month_days or year_days):
            match frequency:
                case Frequency.YEARLY:
                    months, month_days = months or frozenset({self._start.month}), frozenset({self._start.day})
                case Frequency.MONTHLY:
                    month_days = frozenset({self._start.day})
                case Frequency.WEEKLY:
                    weekdays = frozenset({self._start.weekday()})
                case _:
                    pass
        return Rule(
            frequency=frequency,
            interval=self._number("INTERVAL", MOST_INTERVAL) or 1,
            times=self._times(frequency),
            months=months,
            month_days=month_days,
            year_days=year_days,
            weeks=weeks,
            nth_weekdays=nth,
            weekdays=weekdays,
            positions=self._positions(),
            week_start=self._weekday(self._parts.get("WKST", "MO"), "WKST"),
            count=self._number("COUNT", MOST_COUNTED),
            until=self._until(),
        )

    def _frequency(self) -> Frequency:
        found = self._parts.get("FREQ")
        try:
            return Frequency(found or "")
        except ValueError:
            raise self._wrong(f"has FREQ={found}" if found else "has no FREQ", ", ".join(Frequency)) from None

    def _days(self, frequency: Frequency) -> tuple[frozenset[tuple[int, int]], frozenset[int]]:
        nth, weekdays = set(), set()
        for item in self._items("BYDAY"):
            found = re.fullmatch(r"([+-]?[0-9]{1,2})?([A-Z]{2})", item)
            if found is None:
                raise self._wrong(f"has BYDAY={item}", "days such as FR or -1FR")
            weekday = self._weekday(found[2], "BYDAY")
            if found[1] is None:
                weekdays.add(weekday)
                continue
            n, most = int(found[1]), 53 if frequency is Frequency.YEARLY else 5
            if frequency not in (Frequency.MONTHLY, Frequency.YEARLY) or "BYWEEKNO" in self._parts:
                raise self._wrong(f"has BYDAY={item}", "a numbered day with FREQ=MONTHLY or YEARLY, without BYWEEKNO")
            if not 1 <= abs(n) <= most:
                raise self._wrong(f"has BYDAY={item}", f"numbers from 1 to {most}, or negative from the end")
            nth.add((n, weekday))
        return frozenset(nth), frozenset(weekdays)

    def _times(self, frequency: Frequency) -> tuple[time, ...]:
        start = self._start
        every = range(24) if frequency is Frequency.HOURLY else [start.hour]
        hours = self._numbers("BYHOUR", 0, 23) or every
        minutes = self._numbers("BYMINUTE", 0, 59) or [start.minute]
        seconds = self._numbers("BYSECOND", 0, 59) or [start.second]
        many = len(hours) * len(minutes) * len(seconds)
        if many > MOST_STARTS_A_DAY:
            raise self._wrong(
                f"starts up to {many} times a day by BYHOUR, BYMINUTE and BYSECOND", f"at most {MOST_STARTS_A_DAY}"
            )
        return tuple(sorted(time(h, m, s) for h in hours for m in minutes for s in seconds))

    def _positions(self) -> tuple[int, ...]:
        found = self._numbers("BYSETPOS", 1, 366, signed=True)
        if found and not any(k.startswith("BY") and k != "BYSETPOS" for k in self._parts):
            raise self._wrong("has BYSETPOS alone", "it together with another BY part, of whose days it picks some")
        return tuple(found)

    def _until(self) -> datetime | None:
        found = self._parts.get("UNTIL")
        if found is None:
            return None
        try:
            if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z?", found):
                raise ValueError(found)
            until = datetime.strptime(found.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
        except ValueError:
            # A bare date would leave open whether that day is still in.
            raise self._wrong(f"has UNTIL={found}", "a date and time such as 20271231T235959, with Z for UTC") from None
        return until.replace(tzinfo=UTC) if found.endswith("Z") else until

    def _number(self, part: str, most: int) -> int | None:
        found = self._numbers(part, 1, most)
        if len(found) > 1:
            raise self._wrong(f"has several numbers for {part}", "one")
        return next(iter(found), None)

    def _numbers(self, part: str, least: int, most: int, *, signed: bool = False) -> frozenset[int]:
        def number(item: str) -> int:
            if not re.fullmatch(r"[+-]?[0-9]{1,6}" if signed else r"[0-9]{1,6}", item):
                raise self._wrong(f"has {part}={item}", "whole numbers")
            n = int(item)
            if not least <= (abs(n) if signed else n) <= most:
                allowed = f"{least} to {most}" + (f", or -{least} to -{most} from the end" if signed else "")
                raise self._wrong(f"has {part}={item}", allowed)
            return n

        return _each(self._items(part), number)

    def _items(self, part: str) -> list[str]:
        return self._parts[part].split(",") if part in self._parts else []

    def _weekday(self, name: str, part: str) -> int:
        if name not in WEEKDAYS:
            raise self._wrong(f"has {part}={name}", ", ".join(WEEKDAYS))
        return WEEKDAYS.index(name)

    def _wrong(self, found: str, allowed: str) -> InvalidTime:
        return InvalidTime(f"{self._field} {found}: allowed is {allowed}")


def _each(items: Iterable[str], number: Callable[[str], int]) -> frozenset[int]:
    return frozenset(number(item) for item in items)
