"""The policies as an installation has them: the shipped files, with what the chart puts in place of placeholders."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import yaml

from lockflight.admission.manifest import OPERATOR
from lockflight.admission.shipped import policies
from lockflight.admission.tokens import Guard


@cache
def installed(account: str, guard: str = "{}", root: str = "lockflight-system") -> tuple[Mapping[str, Any], ...]:
    """Policies and bindings for an operator whose account is ``account``, installed into the namespace ``root``.

    ``guard`` are the chart's values of that name, as JSON.
    """
    texts = policies(Guard.model_validate_json(guard), root).values()
    return tuple(_objects(text.replace(OPERATOR, account) for text in texts))


def _objects(texts: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    for text in texts:
        yield from (obj for obj in yaml.safe_load_all(text) if obj)
