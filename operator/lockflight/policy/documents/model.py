"""A document as headings, facts, tables and sentences. Every text is plain: writers escape it for their format."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

NOTHING: Final = "-"
_BREAKS: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are; a fact that is empty is left out."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Headers and rows of the same length, never without a row."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or more."""

    text: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Items in order."""

    items: tuple[str, ...]


Block = Facts | Table | Paragraph | Listed


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a writer writes."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    def data(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "title": self.title,
            "subtitle": self.subtitle,
            "sections": [{"title": s.title, "blocks": [_block(b) for b in s.blocks]} for s in self.sections],
        }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Facts(rows):
            return {"facts": dict(rows)}
        case Table(headers, rows):
            return {"table": [dict(zip(headers, row, strict=True)) for row in rows]}
        case Paragraph(text):
            return {"text": text}
        case Listed(items):
            return {"items": list(items)}


def clean(value: object) -> str:
    """A value on one line, without characters that could forge what is shown; absent is a dash."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(clean(item) for item in value) or NOTHING
    return _BREAKS.sub(" ", str(value)).strip() or NOTHING


def facts(*rows: tuple[str, object]) -> Facts:
    """Facts, without those that are absent."""
    said = ((name, clean(value)) for name, value in rows)
    return Facts(tuple((name, text) for name, text in said if text != NOTHING))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> Block:
    """A table; the sentence ``empty`` where there are no rows."""
    found = tuple(tuple(clean(cell) for cell in row) for row in rows)
    return Table(tuple(headers), found) if found else Paragraph(clean(empty))


def text(words: object) -> Paragraph:
    """A sentence."""
    return Paragraph(clean(words))


def section(title: str, *blocks: Block | None) -> Section | None:
    """A section of what there is; None where there is nothing."""
    kept = tuple(b for b in blocks if b is not None and not (isinstance(b, Facts | Listed) and not _size(b)))
    return Section(clean(title), kept) if kept else None


def document(title: str, subtitle: str, *sections: Section | None) -> Document:
    """A document of the sections that there are."""
    return Document(clean(title), clean(subtitle), tuple(s for s in sections if s is not None))


def _size(block: Facts | Listed) -> int:
    return len(block.rows) if isinstance(block, Facts) else len(block.items)
