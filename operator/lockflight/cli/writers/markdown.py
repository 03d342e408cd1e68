"""A document as Markdown (CommonMark with tables). Whatever came from others is escaped: it shows as it was written."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from lockflight.policy.documents.model import Block, Document, Facts, Listed, Paragraph, Table

# Every ASCII mark that can mean something; < and & become entities, for HTML inside Markdown is HTML.
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()|~#!$^=])")
_STARTS: Final = re.compile(r"^([-+]|\d+(?=[.)]))")


def write(document: Document) -> str:
    """The document, with a line break at its end."""
    lines = [f"# {_text(document.title)}", "", _text(document.subtitle), ""]
    for section in document.sections:
        lines += [f"## {_text(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join(lines)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Facts(rows):
            yield from _table(("Fact", "Value"), rows)
        case Table(headers, rows):
            yield from _table(headers, rows)
        case Paragraph(text):
            yield _text(text)
        case Listed(items):
            yield from (f"{number}. {_text(item)}" for number, item in enumerate(items, 1))


def _table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = tuple(headers)
    yield _row(names)
    yield "|" + " --- |" * len(names)
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_text, cells)) + " |"


def _text(text: str) -> str:
    escaped = _MARKS.sub(r"\\\1", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _STARTS.sub(lambda found: _start(found[1]), escaped)


def _start(mark: str) -> str:
    """What would begin a list does not."""
    return f"{mark}&#8203;" if mark[0].isdigit() else f"\\{mark}"
