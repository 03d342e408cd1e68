"""Every file that is generated, wholly or in part, from the models."""

from collections.abc import Iterator
from pathlib import Path

from lockflight.api.common import GROUP
from lockflight.api.kinds import KINDS
from lockflight.crdgen import crd, docs


def outputs(root: Path) -> Iterator[tuple[Path, str]]:
    """Path and wanted text of each file of the checkout at ``root``.

    A kind's page is written by people and must be there; its field table is not. Raises FileNotFoundError,
    MarkersMissingError and NotStructuralError.
    """
    for kind in KINDS:
        yield root / "crds" / f"{kind.plural}.{GROUP}.yaml", crd.text(kind)
        page = root / "docs" / "kinds" / f"{kind.name.lower()}.md"
        yield page, docs.replaced(page.read_text(encoding="utf-8"), kind)
