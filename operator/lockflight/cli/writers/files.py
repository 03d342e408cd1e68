"""Where a document goes: to a file, or to the output."""

import sys
from datetime import datetime
from pathlib import Path

import click

from lockflight.cli import output
from lockflight.cli.app import App
from lockflight.cli.errors import CliError
from lockflight.policy.documents.model import Document

FORMATS = ("md", "html", "pdf")


def content(document: Document, kind: str, at: datetime) -> bytes:
    """The document in a format, made ``at``. Raises CliError where what it takes is not installed."""
    if kind == "pdf":
        try:
            from lockflight.cli.writers import pdf
        except ModuleNotFoundError as problem:
            msg = f"PDF needs the Python package {problem.name}: pip install 'lockflight[pdf]'"
            raise CliError(msg) from problem
        return pdf.write(document, at)
    if kind == "html":
        from lockflight.cli.writers import html

        return html.write(document).encode()
    from lockflight.cli.writers import markdown

    return markdown.write(document).encode()


def deliver(app: App, document: Document, kind: str | None, target: Path | None) -> None:
    """Write the document to ``target``, whose ending says the format unless ``kind`` does; else print it.

    With ``-o json`` or ``yaml`` and no file it is printed as data. Raises CliError.
    """
    if app.as_data and target is None and kind is None:
        output.show_data(app, document.data())
        return
    form = kind or _by_name(target)
    written = content(document, form, app.now())
    if target is None:
        if form == "pdf" and sys.stdout.isatty():
            msg = "a PDF is nothing to show on a terminal: give --file FILE.pdf"
            raise CliError(msg)
        click.echo(written, nl=False)
        return
    try:
        target.write_bytes(written)
    except OSError as problem:
        msg = f"{target} cannot be written: {problem.strerror or problem}"
        raise CliError(msg) from problem
    output.note(f"{target}: {document.title}")


def _by_name(target: Path | None) -> str:
    ending = target.suffix.lower().removeprefix(".") if target else ""
    if ending in ("htm", "html"):
        return "html"
    return ending if ending in FORMATS else "md"
