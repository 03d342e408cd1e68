"""Objects to try: those of the documentation, with single fields changed."""

import copy
from typing import Any

from tests.documents import examples

Json = dict[str, Any]
Path = tuple[str | int, ...]

DROP = object()
"""Instead of a value: take the field out."""


def path(text: str) -> Path:
    """``spec.components.0.name`` as steps."""
    return tuple(int(step) if step.isdigit() else step for step in text.split("."))


def at(obj: Any, steps: Path) -> Any:
    """What stands there."""
    for step in steps:
        obj = obj[step]
    return obj


def put(obj: Json, steps: Path, value: object) -> Json:
    """A copy of ``obj`` with the value there; objects on the way are made."""
    made: Any = copy.deepcopy(obj)
    node = made
    for step in steps[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) and isinstance(step, str) else node[step]
    if value is DROP:
        del node[steps[-1]]
    else:
        node[steps[-1]] = copy.deepcopy(value)
    result: Json = made
    return result


def change(obj: Json, fields: Json) -> Json:
    """``put`` for several fields, by their path as text."""
    for name, value in fields.items():
        obj = put(obj, path(name), value)
    return obj


def documented(kind: str) -> list[Json]:
    """The examples on the kind's own page, the full one first."""
    return [e.obj for e in examples() if e.kind == kind and e.page == f"docs/kinds/{kind.lower()}.md"]


def full(kind: str) -> list[Json]:
    """Examples that together have every field of the kind's spec."""
    found = documented(kind)
    match kind:
        case "ChangeRequest":
            cancelled = put(found[0], path("spec.cancel.reason"), "no longer needed")
            # Written by the operator, so no page shows people how.
            incident = {"id": "INC-77", "severity": "Sev1", "openedAt": "2026-12-01T03:12:00Z"}
            marked = {
                "spec.releaseRef": DROP,
                "spec.type": "Emergency",
                "spec.incident": incident,
                "spec.unauthorised.application": "payments",
                "spec.putBack.drift": "sha256:" + "a" * 64,
            }
            return [*found, cancelled, change(found[0], marked)]
        case "Delegation":
            more = put(found[0], path("spec.revoke.reason"), "back early")
        case "FreezeWindow":
            more = put(found[0], path("spec.lift.reason"), "no longer needed")
        case "Release":
            more = put(found[1], path("spec.chart"), found[0]["spec"]["components"][1]["chart"])
        case _:
            return found
    return [*found, more]
