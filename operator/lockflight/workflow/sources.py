"""Values from ConfigMaps and Secrets of the stack: read, checked, and the secret ones kept out of every message."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
import yaml

from lockflight.policy.model import Effective, PlanProblem
from lockflight.workflow.deps import Deps

_MOST_NODES = 100_000
_DEEPEST = 64
# Shorter texts say nothing, and taking them out would leave no sentence to read.
_SHORTEST_SECRET = 4
_HIDDEN = "…"


class SourceError(Exception):
    """Values cannot be had from a source; ``problem`` is what people are told."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.problem = PlanProblem(reason, message)


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


def parse(text: str | bytes, where: str, limit: int) -> Mapping[str, Any]:
    """Values as YAML of at most ``limit`` bytes. Raises SourceError, which never quotes the text: it may be secret."""
    if len(text) > limit:
        raise SourceError("ValuesTooLarge", f"{where} is {len(text)} bytes, allowed are {limit}")
    try:
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise SourceError("ValuesUnreadable", f"{where} is not YAML{line}: write Helm values") from None
    if not isinstance(values, dict):
        raise SourceError("ValuesUnreadable", f"{where} is not a YAML mapping: write Helm values as key: value")
    if not _bounded(values):
        msg = f"{where} has more than {_MOST_NODES} values or is nested deeper than {_DEEPEST}: mind anchors in it"
        raise SourceError("ValuesTooLarge", msg)
    try:
        rfc8785.dumps(values)
    except ValueError:
        msg = f"{where} holds a key that is no text or a number that JSON cannot hold exactly: put it in quotes"
        raise SourceError("ValuesNotCanonical", msg) from None
    return values


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


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Dates are text, as for Helm."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _bounded(values: Any) -> bool:
    """Whether it stays small once every alias is written out: a few lines of anchors can stand for gigabytes."""
    nodes, open_ = 0, [(values, 0)]
    while open_:
        value, depth = open_.pop()
        nodes += 1
        if nodes > _MOST_NODES or depth > _DEEPEST:
            return False
        members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        open_.extend((member, depth + 1) for member in members)
    return True


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
