"""iCalendar text (RFC 5545) that calendar programs subscribe to. All times are in UTC: no zone can be misread."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from lockflight.policy.cadence.entries import Entry, What

_WIDTH: Final = 75
"""Octets a line, without the break (section 3.1)."""
_UNWANTED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BUSY: Final = (What.FREEZE,)
"""What a calendar program should show as taken."""


def text(entries: Iterable[Entry], name: str, now: datetime, until: datetime, where: ZoneInfo) -> str:
    """The calendar ``name``. A freeze without end goes to ``until``; whole days are those of ``where``."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Lockflight//lockflight calendar//EN",
        "CALSCALE:GREGORIAN",
        f"NAME:{escaped(name)}",
        f"X-WR-CALNAME:{escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    for entry in entries:
        lines += _event(entry, now, until, where)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def _event(entry: Entry, now: datetime, until: datetime, where: ZoneInfo) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{escaped(entry.uid)}@lockflight.dev"
    yield f"DTSTAMP:{_utc(now)}"
    if entry.days and entry.end is not None:
        yield f"DTSTART;VALUE=DATE:{entry.start.astimezone(where):%Y%m%d}"
        # The end of whole days is the first day that is not one of them.
        yield f"DTEND;VALUE=DATE:{entry.end.astimezone(where):%Y%m%d}"
    else:
        yield f"DTSTART:{_utc(entry.start)}"
        if entry.end is not None:
            yield f"DTEND:{_utc(entry.end)}"
        elif entry.what is What.FREEZE:
            yield f"DTEND:{_utc(max(until, entry.start + timedelta(minutes=1)))}"
    open_end = entry.what is What.FREEZE and entry.end is None
    yield f"SUMMARY:{escaped(entry.title + (' (until lifted)' if open_end else ''))}"
    if entry.detail:
        yield f"DESCRIPTION:{escaped(entry.detail)}"
    yield f"CATEGORIES:{escaped(entry.what)}"
    yield f"TRANSP:{'OPAQUE' if entry.what in _BUSY else 'TRANSPARENT'}"
    yield "END:VEVENT"


def escaped(value: str) -> str:
    """A TEXT value (section 3.3.11); control characters, which it cannot have, become blanks."""
    plain = _UNWANTED.sub(" ", value.replace("\r\n", "\n"))
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> str:
    """A content line in pieces of at most 75 octets, none of which cuts a character (section 3.1)."""
    pieces, piece, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _WIDTH:
            pieces.append(piece)
            # The blank that begins a continued line counts.
            piece, size = "", 1
        piece += character
        size += octets
    return "\r\n ".join([*pieces, piece])


def _utc(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y%m%dT%H%M%SZ}"
