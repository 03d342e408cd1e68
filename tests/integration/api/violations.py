"""From a schema and an object that keeps it: every way to break one constraint of one field."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .objects import DROP, Json, Path, put

_WRONG = {"string": 7, "integer": "seven", "boolean": "yes", "array": "a list", "object": "an object"}


@dataclass(frozen=True)
class Violation:
    """A value at a place that breaks ``constraint``; the API server then ``says`` so."""

    schema: str
    constraint: str
    steps: Path
    value: Any
    says: str

    def __str__(self) -> str:
        return f"{self.schema} {self.constraint}"


def walk(schema: Json, value: Any, name: str, steps: Path) -> Iterator[tuple[Json, Any, str, Path]]:
    """Schema, value, schema path and place of every field that ``value`` has."""
    yield schema, value, name, steps
    for key, child in schema.get("properties", {}).items():
        if key in value:
            yield from walk(child, value[key], f"{name}.{key}".lstrip("."), (*steps, key))
    if "items" in schema:
        for index, entry in enumerate(value):
            yield from walk(schema["items"], entry, f"{name}[]", (*steps, index))
    if "additionalProperties" in schema:
        for key, entry in value.items():
            yield from walk(schema["additionalProperties"], entry, f"{name}.*", (*steps, key))


def names(schema: Json, name: str) -> Iterator[str]:
    """The path of every field that the schema knows."""
    yield name
    for key, child in schema.get("properties", {}).items():
        yield from names(child, f"{name}.{key}".lstrip("."))
    for key, step in (("items", "[]"), ("additionalProperties", ".*")):
        if key in schema:
            yield from names(schema[key], name + step)


def violations(schema: Json, value: Any, name: str, steps: Path = ()) -> Iterator[Violation]:
    """Every violation of ``schema`` by a small change of ``value``, which keeps it."""
    for node, found, path, place in walk(schema, value, name, steps):
        for constraint, wrong, says in _wrong(node, found):
            yield Violation(path, constraint, place, wrong, says)


def _wrong(schema: Json, value: Any) -> Iterator[tuple[str, Any, str]]:
    form = schema.get("format")
    kind = form if form in ("date-time", "date") else schema["type"]
    yield "type", _WRONG[schema["type"]], f"must be of type {kind}"
    if "enum" in schema:
        yield "enum", "Nonsense", "Unsupported value"
    if "pattern" in schema:
        yield "pattern", " ", "should match"
    if form in ("date-time", "date"):
        yield "format", "2026-02-30T00:00:00Z"[: None if form == "date-time" else 10], f"must be of type {form}"
    if "maxLength" in schema:
        yield "maxLength", "a" * (schema["maxLength"] + 1), "Too long"
    if "minLength" in schema:
        yield "minLength", "", "should be at least"
    if "minimum" in schema:
        yield "minimum", schema["minimum"] - 1, "should be greater than or equal to"
    if "maximum" in schema:
        yield "maximum", schema["maximum"] + 1, "should be less than or equal to"
    if "maxItems" in schema:
        yield "maxItems", value * (schema["maxItems"] + 1), "Too many"
    if "minItems" in schema:
        yield "minItems", [], "should have at least"
    if "maxProperties" in schema:
        entry = next(iter(value.values()))
        yield "maxProperties", {f"k{n}": entry for n in range(schema["maxProperties"] + 1)}, "Too many"
    if schema.get("x-kubernetes-list-type") in ("set", "map"):
        yield "duplicate", [value[0], value[0]], "Duplicate value"
    for field in schema.get("required", []):
        yield f"required {field}", put(value, (field,), DROP), "Required value"
