"""The pages of the documentation, as tests read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent

_FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """An object of ours that a page shows."""

    page: str
    kind: str
    obj: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.page}: {self.kind} {self.obj['metadata']['name']}"


def pages() -> list[Path]:
    """Every page that people read, README first."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def examples() -> Iterator[Example]:
    """Every object of group lockflight.dev in a yaml block of a page, in the order of the pages."""
    for page in pages():
        for block in _FENCE.findall(page.read_text(encoding="utf-8")):
            for obj in yaml.safe_load_all(block):
                if isinstance(obj, dict) and str(obj.get("apiVersion", "")).startswith("lockflight.dev/"):
                    yield Example(str(page.relative_to(ROOT)), obj["kind"], obj)
