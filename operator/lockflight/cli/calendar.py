"""``calendar``: a month of trains, windows, freezes and changes, and the same as a file for calendar programs."""

import calendar as months
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.cli import ics, output
from lockflight.cli.app import App, command_options, local_zone_name, pass_app
from lockflight.cli.calendars import ROOT, followed, in_root
from lockflight.cli.errors import CliError
from lockflight.cli.objects import list_all
from lockflight.policy import bulk
from lockflight.policy.cadence.agenda import Agenda, agenda
from lockflight.policy.cadence.entries import Entry, What

_MARKS = {
    What.CUT_OFF: "C",
    What.CANDIDATE: "U",
    What.PRODUCTION: "P",
    What.MEETING: "M",
    What.WINDOW: "W",
    What.FREEZE: "F",
    What.CRITICAL: "!",
    What.CHANGE: "*",
}
_LEGEND = (
    "C cut-off, U to UAT, P to production, M CAB meeting, W change window, F freeze, ! critical date, * planned change"
)
_FEED_MONTHS = 12


@click.command()
@click.argument("month", required=False, metavar="[MONTH]")
@click.option("--calendar", "name", metavar="NAME", help="This calendar. [default: those that the environments follow]")
@click.option("--months", "count", type=click.IntRange(1, 24), help="How many months. [default: 1; 12 with --ics]")
@click.option("--time-zone", "zone_name", metavar="ZONE", help="IANA zone to show times in. [default: the calendar's]")
@click.option("--ics", "file", metavar="FILE|-", help="Write an iCalendar file instead, from the month before on.")
@click.option("--root-namespace", default=ROOT, show_default=True, help="Where the operator runs.")
@command_options
@pass_app
def calendar(
    app: App,
    *,
    month: str | None,
    name: str | None,
    count: int | None,
    zone_name: str | None,
    file: str | None,
    root_namespace: str,
) -> None:
    """A month of trains, CAB meetings, change windows, freezes, critical dates and planned changes.

    MONTH is written like 2026-12; without it, the month that is. The file that --ics writes is replaced as a whole, so
    that a web server may serve it: entries keep their identity, and calendar programs that subscribe to it follow.
    """
    calendars = followed(app, name, root_namespace, list_all(app, Environment, app.namespace))
    where = _zone(zone_name, calendars)
    first = _month(month, app.now().astimezone(where).date())
    if file is not None and month is None:
        first = _next(first, -1)
    after = _next(first, count or (_FEED_MONTHS if file is not None else 1))
    since, until = _midnight(first, where), _midnight(after, where)
    found = agenda(
        calendars,
        [*list_all(app, FreezeWindow, app.namespace), *in_root(app, FreezeWindow, root_namespace)],
        [
            *list_all(app, ChangeRequest, app.namespace),
            *(c for c in in_root(app, ChangeRequest, root_namespace) if bulk.names(c, app.namespace)),
        ],
        since,
        until,
    )
    for problem in found.problems:
        output.note(f"left out: {problem}")
    if file is not None:
        _write(file, ics.text(found.entries, f"Releases of {app.namespace}", app.now(), until, where))
    elif app.as_data:
        output.show_data(app, {"entries": [_data(entry) for entry in found.entries]})
    else:
        if not calendars:
            output.note("no environment here follows a ReleaseCalendar: name one in its spec.calendarRef")
        _show(app, found, where, first, after)


def _zone(name: str | None, calendars: Sequence[ReleaseCalendar]) -> ZoneInfo:
    asked = [name] if name else [*(c.spec.time_zone for c in calendars), local_zone_name() or "UTC"]
    for each in asked:
        try:
            return ZoneInfo(each)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    msg = f"--time-zone {name!r} is no IANA zone: write one such as Europe/Berlin"
    raise click.UsageError(msg)


def _month(text: str | None, today: date) -> date:
    if text is None:
        return today.replace(day=1)
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as problem:
        msg = f"{text!r} is no month: write one such as 2026-12"
        raise click.UsageError(msg) from problem


def _next(first: date, count: int) -> date:
    index = first.year * 12 + first.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def _midnight(day: date, where: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=where).astimezone(UTC)


def _write(file: str, text: str) -> None:
    """To standard output, or in one step to a file that may be being read. Raises CliError."""
    if file == "-":
        # As bytes: the lines end as RFC 5545 says, on every system.
        click.echo(text.encode(), nl=False)
        return
    path = Path(file)
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
            temporary.write(text.encode())
        # As a file made the plain way, so that a web server may read it.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary.name).chmod(0o666 & ~umask)
        Path(temporary.name).replace(path)
    except OSError as problem:
        msg = f"{file} cannot be written: {problem.strerror}"
        raise CliError(msg) from problem


def _show(app: App, found: Agenda, where: ZoneInfo, first: date, after: date) -> None:
    month = first
    while month < after:
        if month != first:
            click.echo()
        output.heading(f"{month:%B %Y}, {app.namespace}, {where.key}")
        _grid(found.entries, where, month)
        month = _next(month, 1)
    click.echo(_LEGEND)
    click.echo()
    rows = [
        (_at(entry.start, where, days=entry.days), _until(entry, where), entry.what.value, entry.title)
        for entry in found.entries
    ]
    output.show_table(output.table(["from", "until", "what", "title"], rows))


def _grid(entries: Sequence[Entry], where: ZoneInfo, month: date) -> None:
    """Weeks as lines, Monday first; each day with the marks of what touches it."""
    weeks = months.Calendar().monthdatescalendar(month.year, month.month)
    cells = [[_cell(entries, where, day) if day.month == month.month else "" for day in week] for week in weeks]
    names = [f"{day:%a}" for day in weeks[0]]
    width = max(len(cell) for row in cells for cell in row)
    for row in (names, *cells):
        click.echo("  ".join(cell.ljust(width) for cell in row).rstrip())


def _cell(entries: Sequence[Entry], where: ZoneInfo, day: date) -> str:
    since, until = _midnight(day, where), _midnight(day + timedelta(days=1), where)
    touching = {_MARKS[e.what] for e in entries if e.what in _MARKS and e.within(since, until)}
    return f"{day.day:2d} {''.join(mark for mark in _MARKS.values() if mark in touching)}".rstrip()


def _at(when: datetime, where: ZoneInfo, *, days: bool) -> str:
    return f"{when.astimezone(where):{'%a %Y-%m-%d' if days else '%a %Y-%m-%d %H:%M %Z'}}"


def _until(entry: Entry, where: ZoneInfo) -> str:
    if entry.end is None:
        return "lifted" if entry.what is What.FREEZE else "-"
    # The last day is in.
    return _at(entry.end - timedelta(days=1) if entry.days else entry.end, where, days=entry.days)


def _data(entry: Entry) -> dict[str, object]:
    return {
        "what": entry.what.value,
        "title": entry.title,
        "start": _z(entry.start),
        "end": _z(entry.end) if entry.end else None,
        "detail": entry.detail,
        "uid": entry.uid,
    }


def _z(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
