"""Read a document back out of what was written, as somebody else's program would."""

import re
from html import unescape
from html.parser import HTMLParser
from io import BytesIO

from pypdf import PdfReader


def markdown_cells(text: str) -> list[str]:
    """The texts of headings, paragraphs, list items and cells, in order, with escapes undone."""
    found: list[str] = []
    for line in text.splitlines():
        if not line or re.fullmatch(r"\|( --- \|)+", line):
            continue
        if line.startswith("|"):
            found += [_plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        else:
            found.append(_plain(re.sub(r"^(#+ |\d+\. )", "", line)))
    return [cell for cell in found if cell not in ("Fact", "Value")]


def _plain(text: str) -> str:
    return unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)).replace("\u200b", "").strip()


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in ("h1", "h2", "p", "li", "td", "th"):
            self._open.append("")

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h1", "h2", "p", "li", "td", "th"):
            self.cells.append(self._open.pop())


def html_cells(text: str) -> list[str]:
    """The same of a page of HTML."""
    return _read(text).cells


def html_tags(text: str) -> tuple[set[str], set[str]]:
    """Every element and attribute of a page."""
    reader = _read(text)
    return reader.tags, reader.attributes


def pdf_text(data: bytes) -> str:
    """The text of a PDF in its order, without blanks and without the line at the foot of each page."""
    pages = [page.extract_text().splitlines() for page in PdfReader(BytesIO(data)).pages]
    for number, lines in enumerate(pages, 1):
        assert lines[-1].endswith(f"{number} / {len(pages)}")
    return squeezed("".join(line for lines in pages for line in lines[:-1]))


def squeezed(text: str) -> str:
    """Without blanks: a cell is broken where its column ends."""
    return "".join(text.split())


def _read(text: str) -> _Cells:
    reader = _Cells()
    reader.feed(text)
    reader.close()
    return reader
