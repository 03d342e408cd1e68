"""The policies as an installation has them: the shipped files, with what the chart puts in place of placeholders."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import yaml

from lockflight.admission.manifest import OPERATOR
from lockflight.admission.shipped import policies


@cache
def installed(account: str) -> tuple[Mapping[str, Any], ...]:
    """Policies and bindings for an operator whose account is ``account``."""
    return tuple(_objects(text.replace(OPERATOR, account) for text in policies().values()))


def _objects(texts: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    for text in texts:
        yield from (obj for obj in yaml.safe_load_all(text) if obj)
