"""Who wrote a field, as far as the object's managedFields say."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def manager_of(obj: Mapping[str, Any], path: Sequence[str | int]) -> str:
    """The field manager that last wrote the field, Helm's own left out; empty where nobody is named."""
    entries = [e for e in (obj.get("metadata") or {}).get("managedFields") or () if isinstance(e, Mapping)]
    owners = [
        (str(entry.get("time", "")), str(entry["manager"]))
        for entry in entries
        if entry.get("manager") not in (None, "helm") and _owns(entry.get("fieldsV1") or {}, obj, path)
    ]
    return max(owners, default=("", ""))[1]


def _owns(fields: Mapping[str, Any], value: Any, path: Sequence[str | int]) -> bool:
    """Whether a set of fields (FieldsV1) has the one that ``path`` leads to, or something below it."""
    for segment in path:
        if isinstance(segment, str):
            key: str | None = f"f:{segment}"
            value = value.get(segment) if isinstance(value, Mapping) else None
        else:
            value = value[segment] if isinstance(value, list) and segment < len(value) else None
            key = _item(fields, value)
        if key is None or key not in fields:
            return False
        fields = fields[key]
        if fields == {}:
            # A leaf; an atomic list or map is owned as a whole.
            return True
    return True


def _item(fields: Mapping[str, Any], item: Any) -> str | None:
    """The key under which an item of a list stands there."""
    for key in fields:
        if key.startswith("k:") and isinstance(item, Mapping):
            named = json.loads(key[2:])
            if all(item.get(name) == value for name, value in named.items()):
                return key
        if key.startswith("v:") and json.loads(key[2:]) == item:
            return key
    return None
