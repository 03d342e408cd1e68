"""The part of a kind's page that is written from its schema: every field, and every rule of the API server."""

from collections.abc import Iterator

from lockflight.api.kinds import Kind
from lockflight.crdgen.crd import crd
from lockflight.crdgen.schema import PRESERVE, Json

BEGIN = "<!-- generated from the model: python -m lockflight.crdgen -->"
END = "<!-- end of the generated part -->"


class MarkersMissingError(ValueError):
    """The page does not say where the generated part goes."""


def replaced(page: str, kind: Kind) -> str:
    """``page`` with its generated part brought up to date. Raises MarkersMissingError."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        msg = f"the page of {kind.name} needs the lines {BEGIN!r} and {END!r}"
        raise MarkersMissingError(msg)
    return f"{before}{BEGIN}\n{_generated(kind)}\n{END}{after}"


def _generated(kind: Kind) -> str:
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    parts: list[str] = []
    for name in [part for part in ("spec", "status") if part in schema["properties"]]:
        rows = "\n".join(_rows(schema["properties"][name], ""))
        parts.append(f"### {name}\n\n| field | type | meaning |\n|---|---|---|\n{rows}\n")
    if rules := list(dict.fromkeys(_messages(schema))):
        parts.append("### The API server refuses\n\nwhat breaks one of these rules:\n\n" + "\n".join(rules) + "\n")
    return "\n" + "\n".join(parts)


def _rows(schema: Json, prefix: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        mark = " (required)" if name in schema.get("required", []) else ""
        path = f"{prefix}{name}"
        yield f"| `{path}` | {_type(field)}{mark} | {_cell(field.get('description', ''))} |"
        yield from _rows(field, f"{path}.")
        yield from _rows(field.get("items", {}), f"{path}[].")
        yield from _rows(field.get("additionalProperties", {}), f"{path}.<name>.")


def _type(schema: Json) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "items" in schema:
        kind = "set of" if schema.get("x-kubernetes-list-type") == "set" else "list of"
        return f"{kind} {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time"
    if schema.get(PRESERVE) and "properties" not in schema:
        return "any object"
    return str(schema["type"])


def _messages(schema: Json) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", []):
        yield f"- {_cell(rule['message'])}"
    below = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for child in filter(None, below):
        yield from _messages(child)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
