"""What the pages show is true: examples parse, links lead somewhere."""

import re
from pathlib import Path
from typing import Any

import pytest

from lockflight.api.kinds import BY_NAME, KINDS, Kind
from tests.documents import ROOT, Example, examples, pages

_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("example", list(examples()), ids=str)
def test_an_example_is_what_the_model_takes(example: Example) -> None:
    metadata: dict[str, Any] = {"namespace": "payments", **example.obj["metadata"]}
    parsed = BY_NAME[example.kind].model.model_validate({**example.obj, "metadata": metadata})
    assert parsed.kind == example.kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_a_page_with_an_example(kind: Kind) -> None:
    assert any(e.kind == kind.name and e.page == f"docs/kinds/{kind.name.lower()}.md" for e in examples())


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = [link for link in _LINK.findall(text) if "://" not in link and not _resolves(page, link)]
    assert broken == []


def _resolves(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    found = (page.parent / target).resolve() if target else page
    if not found.exists():
        return False
    return not anchor or anchor in _anchors(found)


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made from their words."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
