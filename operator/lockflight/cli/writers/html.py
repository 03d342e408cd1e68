"""A document as one HTML file: nothing is loaded, nothing runs, and it prints on A4."""

from collections.abc import Iterable, Iterator
from html import escape

from lockflight.policy.documents.model import Block, Document, Facts, Listed, Paragraph, Table

_STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.45 "DejaVu Sans", "Segoe UI", system-ui, sans-serif; color: #1b1f24; background: #fff;
  max-width: 78rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.8rem 0 .6rem; padding-bottom: .2rem; border-bottom: 2px solid #2f5d8a; }
p.subtitle { color: #57606a; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: 12.5px; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border: 1px solid #d0d7de;
  overflow-wrap: break-word; }
td { max-width: 26rem; }
td.long, td.digest { overflow-wrap: anywhere; min-width: 9rem; }
td.digest { font-family: "DejaVu Sans Mono", monospace; font-size: 11px; }
thead th { background: #eaf1f8; white-space: nowrap; }
table.facts { width: auto; min-width: 50%; }
table.facts th { background: #f6f8fa; font-weight: 600; white-space: nowrap; width: 14rem; }
table.facts td { max-width: none; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  body { margin: 0; padding: 0; max-width: none; font-size: 10px; }
  h1 { font-size: 18px; } h2 { font-size: 13px; margin-top: 1.2rem; }
  table { font-size: 8.5px; } td.long, td.digest { min-width: 6rem; } td.digest { font-size: 7.5px; }
  thead { display: table-header-group; } tr { break-inside: avoid; } h2 { break-after: avoid; }
}
"""
_LONG = 24
"""A word of more characters is broken anywhere, such as the name of an image."""


def write(document: Document) -> str:
    """The document as a whole page."""
    body = "\n".join(
        line
        for section in document.sections
        for line in (f"<h2>{escape(section.title)}</h2>", *(part for b in section.blocks for part in _block(b)))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Even what slipped through unescaped could neither run nor call home.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(document.title)}</h1>\n<p class="subtitle">{escape(document.subtitle)}</p>\n'
        f"{body}\n</body>\n</html>\n"
    )


def _block(block: Block) -> Iterator[str]:
    match block:
        case Facts(rows):
            yield '<table class="facts"><tbody>'
            yield from (f'<tr><th scope="row">{escape(name)}</th>{_cell(value)}</tr>' for name, value in rows)
            yield "</tbody></table>"
        case Table(headers, rows):
            heads = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
            yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
            yield from (_row(row) for row in rows)
            yield "</tbody></table>"
        case Paragraph(text):
            yield f"<p>{escape(text)}</p>"
        case Listed(items):
            yield f"<ol>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ol>"


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(map(_cell, cells))}</tr>"


def _cell(text: str) -> str:
    kind = "digest" if "sha256:" in text else "long" if any(len(word) > _LONG for word in text.split()) else ""
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"
