"""Printing: tables for people (plain where nobody looks), JSON or YAML for programs."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from lockflight.cli.app import App

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Table:
    """Headers and rows of text."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def plain(self) -> str:
        """Columns as kubectl prints them: two spaces between, nothing wrapped, so that grep and awk work."""
        lines = [tuple(h.upper() for h in self.headers), *(tuple(map(one_line, row)) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.headers))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )


def show_data(app: App, data: object) -> None:
    """Print ``data`` as ``-o`` asks: YAML or JSON."""
    if app.output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def show_table(table: Table) -> None:
    """Print a table: wrapped and coloured on a terminal, plain elsewhere."""
    if not sys.stdout.isatty():
        click.echo(table.plain())
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    view = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for header in table.headers:
        view.add_column(header, overflow="fold")
    for row in table.rows:
        view.add_row(*(Text(one_line(cell), style=_style(cell)) for cell in row))
    Console(no_color="NO_COLOR" in os.environ).print(view)


def show_object(app: App, manifest: dict[str, Any], plural: str, done: str) -> None:
    """Say what was done to an object, as kubectl does; with ``-o`` print the object."""
    if app.as_data:
        show_data(app, manifest)
    else:
        click.echo(f"{plural}.lockflight.dev/{manifest['metadata']['name']} {done}")


def heading(text: str) -> None:
    """Print a heading."""
    click.secho(one_line(text), bold=True)


def line(text: str, indent: int = 0) -> None:
    """Print a line of text that came from others: control characters are shown as a blank."""
    click.echo(" " * indent + one_line(text))


def note(text: str) -> None:
    """Say something to the person, apart from the output."""
    click.echo(one_line(text), err=True)


def one_line(text: str) -> str:
    """``text`` on one line; control and direction characters, which could forge what is shown, become blanks."""
    return _CONTROL.sub(" ", text.replace("\n", " "))


def short(digest: str | None) -> str:
    """Enough of a digest to compare by eye."""
    return digest.removeprefix("sha256:")[:12] if digest else "-"


def when(instant: datetime) -> str:
    """An instant in local time and in UTC."""
    local, utc = instant.astimezone(), instant.astimezone(UTC)
    if local.utcoffset() == utc.utcoffset():
        return f"{utc:%Y-%m-%d %H:%M} UTC"
    return f"{local:%Y-%m-%d %H:%M %Z} ({utc:%Y-%m-%d %H:%M} UTC)"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in its largest unit."""
    if since is None:
        return "-"
    seconds = max(0, int((now - since).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of these headers and rows."""
    return Table(tuple(headers), tuple(tuple(row) for row in rows))


_GOOD, _BAD, _WAIT = "green", "red", "yellow"
_STYLES = {
    "Succeeded": _GOOD,
    "Passed": _GOOD,
    "Failed": _BAD,
    "RolledBack": _BAD,
    "Rejected": _BAD,
    "Denied": _BAD,
    "OnHold": _WAIT,
    "Waiting": _WAIT,
    "AwaitingSignOff": _WAIT,
    "AwaitingVerification": _WAIT,
    "Deploying": "cyan",
    "Verifying": "cyan",
}


def _style(cell: str) -> str:
    return _STYLES.get(cell, "")


def show_documents(documents: Sequence[Mapping[str, Any]]) -> None:
    """Objects as YAML, ready for kubectl apply."""
    import yaml

    click.echo(yaml.safe_dump_all([json.loads(json.dumps(each)) for each in documents], sort_keys=False), nl=False)
