"""The PDF writer: whatever a document holds, it is on a page, whole and legible."""

import sys
from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from lockflight.cli import writers
from lockflight.cli.errors import CliError
from lockflight.cli.writers import files, pdf
from lockflight.policy.documents.model import Document, Facts, Listed, Paragraph, Section, Table, clean, table
from tests.unit.cli.reading import pdf_text, squeezed

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DIGEST = "sha256:" + "0123456789abcdef" * 4


def _document(*blocks: Facts | Table | Paragraph | Listed) -> Document:
    return Document("Change chg-1042", "Stack payments", (Section("Decisions", tuple(blocks)),))


def test_a_table_of_many_pages_repeats_its_headers_on_each() -> None:
    rows = tuple((f"record-{number:03}", DIGEST) for number in range(120))
    written = pdf.write(_document(Table(("Record", "Hash"), rows)), AT)
    pages = PdfReader(BytesIO(written)).pages
    assert len(pages) > 3
    assert all("Record Hash" in page.extract_text() for page in pages)
    text = pdf_text(written)
    assert all(f"record-{number:03}{DIGEST}" in text for number in range(120))


def test_a_comment_longer_than_a_page_is_whole() -> None:
    words = " ".join(f"word{number:04}" for number in range(1500))
    row = tuple(words if place == 8 else f"{place}" for place in range(9))
    text = pdf_text(pdf.write(_document(Table(tuple("ABCDEFGHI"), (row,)), Facts((("Reason", words),))), AT))
    assert all(text.count(f"word{number:04}") == 2 for number in range(1500))


def test_a_character_that_the_font_lacks_shows_as_its_number() -> None:
    text = pdf_text(pdf.write(_document(Paragraph("Zoë Ångström прошу 漢 🚢")), AT))
    assert squeezed("Zoë Ångström прошу [U+6F22] [U+1F6A2]") in text


def test_many_narrow_columns_of_digests_fit_on_the_page() -> None:
    text = pdf_text(pdf.write(_document(Table(tuple("ABCDEFGHIJKL"), ((DIGEST,) * 12,))), AT))
    assert text.count(DIGEST) == 12


def test_columns_of_any_need_share_the_page_and_no_more() -> None:
    page = pdf._Pdf("any")
    for number in range(1, 300):
        row = [f"{'w' * (number % 7 + place)} " * (place * number % 11 + 1) for place in range(1, 9)]
        assert sum(page._widths([row], bold=True)) < page.epw


def test_the_same_document_and_time_give_the_same_bytes_and_fonts_are_inside() -> None:
    document = _document(Facts((("Plan", DIGEST),)), Listed(("One", "Two")))
    assert pdf.write(document, AT) == pdf.write(document, AT)
    (page,) = PdfReader(BytesIO(pdf.write(document, AT))).pages
    for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile2" in descriptor.get_object()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    monkeypatch.delitem(sys.modules, "lockflight.cli.writers.pdf")
    monkeypatch.delattr(writers, "pdf")
    with pytest.raises(CliError, match=r"PDF needs the Python package fpdf: pip install 'lockflight\[pdf\]'"):
        files.content(_document(), "pdf", AT)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.text(max_size=200), min_size=3, max_size=3), min_size=1, max_size=4))
def test_whatever_people_typed_is_in_it(rows: list[list[str]]) -> None:
    block = table(("A", "B", "C"), rows, "nothing")
    assert pdf.write(_document(block), AT).startswith(b"%PDF-")
    assert isinstance(block, Table)
    assert all(clean(cell) == cell for row in block.rows for cell in row)
