"""A pydantic model as a structural schema: the subset of OpenAPI v3 that a CustomResourceDefinition accepts."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

Json = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"

_KEPT = frozenset(
    {
        "description",
        "type",
        "format",
        "enum",
        "pattern",
        "default",
        "required",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "x-kubernetes-validations",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        PRESERVE,
    }
)
# Noise, or said in another way: `required` says what may be absent, pruning removes unknown fields.
_DROPPED = frozenset({"title", "examples"})


class NotStructuralError(ValueError):
    """The model says something that a structural schema cannot, or leaves a size open."""


class _Generator(GenerateJsonSchema):
    """Optional means absent: neither null nor pydantic's defaults reach the schema, so that GitOps sees no drift."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def structural(model: type[BaseModel], *, without: frozenset[str] = frozenset()) -> Json:
    """The schema of ``model``, references written out; its own fields ``without`` are left out.

    Defaults are those given by ``json_schema_extra`` only. Raises NotStructuralError naming the field that cannot be
    said, or that has no upper bound (the API server needs one to estimate what a rule costs).
    """
    raw = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions = raw.pop("$defs", {})
    raw["properties"] = {name: field for name, field in raw["properties"].items() if name not in without}
    raw["required"] = [name for name in raw.get("required", []) if name not in without]
    return _Normaliser(definitions).node(raw, model.__name__)


class _Normaliser:
    def __init__(self, definitions: Json) -> None:
        self._definitions = definitions

    def node(self, raw: Json, path: str) -> Json:
        """One schema, whatever stands below it included."""
        raw = self._inlined(raw)
        if "const" in raw:
            raw = raw | {"enum": [raw["const"]]}
        result: Json = {}
        for key, value in raw.items():
            match key:
                case "properties":
                    result[key] = {name: self.node(child, f"{path}.{name}") for name, child in value.items()}
                case "items":
                    result[key] = self.node(value, f"{path}[]")
                case "additionalProperties" if isinstance(value, dict):
                    result[key] = self.node(value, f"{path}.*")
                case "additionalProperties" | "const":
                    pass
                case "description":
                    result[key] = " ".join(value.split()).replace("``", "`")
                case _ if key in _KEPT:
                    result[key] = value
                case _ if key not in _DROPPED:
                    msg = f"{path}: a structural schema has no {key!r}"
                    raise NotStructuralError(msg)
        _describe(result)
        _check_bounds(result, path)
        return result

    def _inlined(self, raw: Json) -> Json:
        while "$ref" in raw:
            target = self._definitions[raw["$ref"].rpartition("/")[2]]
            raw = target | {key: value for key, value in raw.items() if key != "$ref"}
        return raw


def _describe(schema: Json) -> None:
    """A list or map that says nothing about itself says what its entries are."""
    entries = schema.get("items") or schema.get("additionalProperties") or {}
    if "description" not in schema and "description" in entries:
        schema["description"] = entries["description"]


def _check_bounds(schema: Json, path: str) -> None:
    match schema.get("type"):
        case "string":
            bounded = schema.keys() & {"enum", "maxLength"} or schema.get("format") in ("date-time", "date")
        case "array":
            bounded = "maxItems" in schema
        case "object":
            bounded = schema.keys() & {"properties", "maxProperties", PRESERVE}
        case "integer":
            schema["format"] = "int64"
            return
        case "boolean":
            return
        case kind:
            msg = f"{path}: type {kind!r} is not for a CRD"
            raise NotStructuralError(msg)
    if not bounded:
        msg = f"{path}: give it an upper bound"
        raise NotStructuralError(msg)
