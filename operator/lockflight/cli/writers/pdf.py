"""A document as PDF on A4 landscape, with its own font: every page says what it is of, and nothing overflows a cell."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.resources import as_file, files
from typing import Final

from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TableBordersLayout
from fpdf.fonts import FontFace, TTFFont

from lockflight.policy.documents.model import Block, Document, Facts, Listed, Paragraph, Table

_FONT: Final = "DejaVu"
_MARGIN: Final = 12.0
_LINE: Final = 3.6
_SIZE: Final = 7.5
_PADDING: Final = 1.0
_MOST_LINES: Final = 30
"""A row of more lines is written as several, for a row never breaks over pages."""
_LONGEST_WORD: Final = 30.0
"""Millimetres that a column gives one word at least; a longer word, such as a digest, is broken."""
_BLUE: Final = (47, 93, 138)
_HEAD: Final = (234, 241, 248)
_NAMES: Final = (246, 248, 250)
_GREY: Final = (87, 96, 106)


def write(document: Document, at: datetime) -> bytes:
    """The document, made ``at``: the same document and time give the same bytes."""
    pdf = _Pdf(document.title)
    pdf.set_creation_date(at)
    pdf.set_title(pdf.shown(document.title))
    pdf.set_lang("en")
    pdf.add_page()
    pdf.words(document.title, 15, bold=True)
    pdf.words(document.subtitle, 8, colour=_GREY)
    for section in document.sections:
        pdf.heading(section.title)
        for block in section.blocks:
            pdf.block(block)
    return bytes(pdf.output())


class _Pdf(FPDF):
    def __init__(self, title: str) -> None:
        super().__init__(orientation="landscape", unit="mm", format="A4")
        self._title = title
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=_MARGIN + 3)
        fonts = files("lockflight.cli.writers") / "fonts"
        for style, name in (("", "DejaVuSansCondensed.ttf"), ("B", "DejaVuSansCondensed-Bold.ttf")):
            with as_file(fonts / name) as path:
                self.add_font(_FONT, style, path)
        self.set_font(_FONT, size=_SIZE)
        faces = [font.cmap for font in self.fonts.values() if isinstance(font, TTFFont)]
        self._known = frozenset(faces[0]).intersection(*faces[1:])

    def shown(self, text: str) -> str:
        """``text`` with the number of every character that the font lacks, so that no fact becomes an empty box."""
        return "".join(c if ord(c) in self._known else f"[U+{ord(c):04X}]" for c in text)

    def footer(self) -> None:
        """What it is of, and the page."""
        self.set_y(-_MARGIN)
        self.set_font(_FONT, size=6.5)
        self.set_text_color(*_GREY)
        title = self.shown(self._title)
        self.cell(self.epw * 0.8, _LINE, title if len(title) <= 150 else f"{title[:149]}…")
        self.cell(0, _LINE, f"{self.page_no()} / {{nb}}", align="R")

    def words(
        self, text: str, size: float = _SIZE, *, bold: bool = False, colour: Sequence[int] = (27, 31, 36)
    ) -> None:
        """A paragraph."""
        self.set_font(_FONT, "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.5, self.shown(text), align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(1)

    def heading(self, title: str) -> None:
        """A heading that never stands alone at the foot of a page."""
        if self.will_page_break(24):
            self.add_page()
        self.ln(2.5)
        self.start_section(self.shown(title))
        self.words(title, 10.5, bold=True, colour=_BLUE)
        self.set_draw_color(*_BLUE)
        self.line(self.l_margin, self.get_y() - 0.5, self.w - self.r_margin, self.get_y() - 0.5)
        self.ln(1)

    def block(self, block: Block) -> None:
        """One block of a section."""
        match block:
            case Facts(rows):
                self._table((), rows)
            case Table(headers, rows):
                self._table(headers, rows)
            case Paragraph(text):
                self.words(text)
            case Listed(items):
                for number, item in enumerate(items, 1):
                    self.words(f"{number}. {item}")
        self.ln(1)

    def _table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.set_font(_FONT, size=_SIZE)
        self.set_text_color(27, 31, 36)
        self.set_draw_color(208, 215, 222)
        lines = [[self.shown(cell) for cell in row] for row in rows]
        widths = self._widths([*([list(headers)] if headers else []), *lines], bold=bool(headers))
        with self.table(
            col_widths=tuple(widths),
            width=sum(widths),
            align="LEFT",
            text_align="LEFT",
            v_align="TOP",
            line_height=_LINE,
            padding=(0.6, _PADDING),
            first_row_as_headings=bool(headers),
            headings_style=FontFace(emphasis="BOLD", fill_color=_HEAD),
            borders_layout=TableBordersLayout.ALL,
        ) as grid:
            if headers:
                grid.row([self.shown(h) for h in headers])
            for line in lines:
                for part in self._split(line, widths):
                    row = grid.row()
                    for place, cell in enumerate(part):
                        named = not headers and place == 0
                        row.cell(cell, style=FontFace(emphasis="BOLD", fill_color=_NAMES) if named else None)

    def _widths(self, rows: Sequence[Sequence[str]], *, bold: bool) -> list[float]:
        """As wide as their texts where there is room; else at least as wide as a word, and the rest shared by need."""
        columns = list(zip(*rows, strict=True))
        around = 2 * _PADDING + 2 * self.c_margin + 0.6
        wanted, least = [], []
        for number, column in enumerate(columns):
            sizes = [
                self._width(c, bold=(bold and not place) or (not bold and not number)) for place, c in enumerate(column)
            ]
            words = [self._width(w, bold=True) for cell in column for w in cell.split()]
            wanted.append(max(sizes, default=0) + around)
            least.append(min(max(words, default=0), _LONGEST_WORD) + around)
        # A hair less than the page: the library compares sums of fractions.
        room = self.epw - 0.01
        if sum(wanted) <= room:
            return wanted
        left = room - sum(least)
        if left <= 0:
            return [width * room / sum(least) for width in least]
        # What a column asks for beyond a page is no need of its own.
        needs = [min(w, room) - low for w, low in zip(wanted, least, strict=True)]
        return [low + left * need / sum(needs) for low, need in zip(least, needs, strict=True)]

    def _width(self, text: str, *, bold: bool) -> float:
        self.set_font(_FONT, "B" if bold else "", _SIZE)
        width = self.get_string_width(text)
        self.set_font(_FONT, size=_SIZE)
        return float(width)

    def _split(self, cells: Sequence[str], widths: Sequence[float]) -> Iterator[list[str]]:
        """The row, in parts that are never too high for a page."""
        columns = []
        for cell, width in zip(cells, widths, strict=True):
            inner = width - 2 * _PADDING
            broken = self.multi_cell(inner, _LINE, cell, dry_run=True, output=MethodReturnValue.LINES, align="L")
            columns.append([str(line) for line in broken] if isinstance(broken, list) else [cell])
        most = max(len(lines) for lines in columns)
        if most <= _MOST_LINES:
            yield list(cells)
            return
        for start in range(0, most, _MOST_LINES):
            yield [" ".join(lines[start : start + _MOST_LINES]) for lines in columns]
