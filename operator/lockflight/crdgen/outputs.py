"""Every file that is generated from the models."""

from collections.abc import Iterator
from pathlib import Path

from lockflight.api.common import GROUP
from lockflight.api.kinds import KINDS
from lockflight.crdgen import crd


def outputs(root: Path) -> Iterator[tuple[Path, str]]:
    """Path and text of each generated file of the checkout at ``root``."""
    for kind in KINDS:
        yield root / "crds" / f"{kind.plural}.{GROUP}.yaml", crd.text(kind)
