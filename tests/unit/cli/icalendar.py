"""A small reader of iCalendar text, written from RFC 5545 and not from the writer."""

import re
from datetime import UTC, date, datetime

Event = dict[str, tuple[dict[str, str], str]]
"""Property name to its parameters and its raw value."""


def read(data: bytes) -> tuple[dict[str, str], list[Event]]:
    """The calendar's own properties, and its events. Fails on what a strict calendar program would refuse."""
    lines = data.split(b"\r\n")
    assert lines.pop() == b"", "the last line is ended too"
    assert all(len(line) <= 75 for line in lines), "no line has more than 75 octets"
    assert not any(b"\n" in line or b"\r" in line for line in lines), "lines end in CRLF, and nothing else breaks them"
    for line in lines:
        line.decode()  # a fold never cuts a character
    # Section 3.1: a CRLF and one blank are taken out.
    content = b"\r\n".join(lines).replace(b"\r\n ", b"").decode().split("\r\n")
    assert content[0] == "BEGIN:VCALENDAR"
    assert content[-1] == "END:VCALENDAR"
    head: dict[str, str] = {}
    events: list[Event] = []
    current: Event | None = None
    for line in content[1:-1]:
        found = re.fullmatch(r"([A-Z-]+)((?:;[A-Z-]+=[^;:,]+)*):(.*)", line)
        assert found, f"no content line: {line!r}"
        name, parameters, value = found[1], dict(p.split("=") for p in found[2].split(";") if p), found[3]
        match (name, value):
            case ("BEGIN", "VEVENT"):
                assert current is None
                current = {}
            case ("END", "VEVENT"):
                assert current is not None
                events.append(current)
                current = None
            case _ if current is not None:
                assert name not in current, f"{name} twice"
                current[name] = parameters, value
            case _:
                head[name] = value
    assert {"VERSION", "PRODID"} <= head.keys()
    for event in events:
        assert {"UID", "DTSTAMP", "DTSTART"} <= event.keys()
    return head, events


def plain(event: Event, name: str) -> str:
    """A TEXT value as people read it."""
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], event[name][1])


def when(event: Event, name: str) -> datetime | date:
    """A time in UTC, or a day."""
    parameters, value = event[name]
    if parameters.get("VALUE") == "DATE":
        return date(int(value[:4]), int(value[4:6]), int(value[6:8]))
    return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
