"""Helm values as people write them into ConfigMaps and Secrets: read and checked; what is said never quotes them."""

from collections.abc import Mapping
from typing import Any

import rfc8785
import yaml

from lockflight.policy.model import PlanProblem

_MOST_NODES = 100_000
_DEEPEST = 64


class SourceError(Exception):
    """Values cannot be had from a source; ``problem`` is what people are told."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.problem = PlanProblem(reason, message)


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
