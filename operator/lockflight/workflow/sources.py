"""Values from ConfigMaps and Secrets of the stack: read, checked, and the secret ones kept out of every message."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lockflight.policy.model import Effective
from lockflight.policy.valuestext import SourceError, parse
from lockflight.workflow.deps import Deps

# Shorter texts say nothing, and taking them out would leave no sentence to read.
_SHORTEST_SECRET = 4
_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Source:
    """Values that were read from a ConfigMap or Secret."""

    name: str
    values: Mapping[str, Any]
    secret: bool

    def masked(self) -> Mapping[str, Any]:
        """The values as they may be shown and bound: of a Secret the keys only."""
        return _mask(self.values, self.name) if self.secret else self.values


async def read(deps: Deps, stack: str, governed: Effective) -> list[Source]:
    """Every source of an environment, in order. Raises SourceError; PortError where the cluster does not answer."""
    refs = governed.spec.values_from
    texts = await asyncio.gather(*(deps.cluster.config(r.kind, stack, r.name, r.key) for r in refs))
    found: list[Source] = []
    for number, (ref, text) in enumerate(zip(refs, texts, strict=True)):
        name = f"{ref.kind} {ref.name} key {ref.key}"
        where = f"spec.valuesFrom[{number}] of {governed.name}: {name}"
        if text is None:
            raise SourceError("ValuesMissing", f"{where} does not exist in {stack}: create it")
        found.append(
            Source(name, parse(text, f"{where} in {stack}", deps.options.values_max_bytes), ref.kind == "Secret")
        )
    return found


def scrubbed(message: str, secrets: Iterable[Mapping[str, Any]]) -> str:
    """``message`` without what comes from ``secrets``, which Helm and the API server like to quote.

    Long messages are cut at either end before they come here, so what is left of a value there goes, too.
    """
    texts = {text for values in secrets for text in _leaves(values)}
    pieces = {piece for t in texts for piece in _written(t) if len(piece) >= _SHORTEST_SECRET}
    for piece in sorted(pieces, key=len, reverse=True):
        message = message.replace(piece, _HIDDEN)
    for piece in pieces:
        left = range(min(len(piece), len(message)), _SHORTEST_SECRET - 1, -1)
        cut = next((n for n in left if message.startswith(piece[-n:])), 0)
        message = f"{_HIDDEN}{message[cut:]}" if cut else message
        cut = next((n for n in left if message.endswith(piece[:n])), 0)
        message = f"{message[:-cut]}{_HIDDEN}" if cut else message
    return message


def _written(text: str) -> Iterator[str]:
    """The ways in which a message may quote a text: as it is, on one line, escaped, line by line."""
    yield text
    yield " ".join(text.split())
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield from (line.strip() for line in text.splitlines())


def _mask(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {k: _mask(v, name) for k, v in value.items()}
    return [_mask(v, name) for v in value] if isinstance(value, list) else f"<{name}>"


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for member in value.values():
            yield from _leaves(member)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
