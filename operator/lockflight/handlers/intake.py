"""From what the API server says, as JSON, into the store."""

from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError

from lockflight.api.common import API_VERSION
from lockflight.api.kinds import BY_NAME
from lockflight.handlers.store import LiveStore, newer
from lockflight.policy.glass import broken
from lockflight.policy.model import Namespace
from lockflight.workflow.keys import NAMESPACE, Key, key_of

log = structlog.get_logger()

Raw = Mapping[str, Any]

_SHOWN_ERRORS = 5


class Intake:
    """Takes objects as they come; one that does not parse is kept as broken, logged once, and affects no other."""

    def __init__(self, store: LiveStore) -> None:
        self._store = store
        self._others: dict[Key, str] = {}
        """The resourceVersion of namespaces and of broken objects: the store keeps none of them."""

    def version(self, key: Key) -> str | None:
        """The resourceVersion of the newest known state; None where the object is not known."""
        known = self._store.find(key) if key.kind in BY_NAME else None
        return known.metadata.resource_version if known is not None else self._others.get(key)

    def versions(self, kind: str) -> dict[Key, str]:
        """The resourceVersion of every known object of a kind, broken ones included."""
        known = {key: version for key, version in self._others.items() if key.kind == kind}
        if kind in BY_NAME:
            known |= {key_of(obj): obj.metadata.resource_version for obj in self._store.of(BY_NAME[kind].model)}
        return known

    def saw(self, kind: str, raw: Raw) -> None:
        """An object as it is now, or was at some time."""
        metadata = raw["metadata"]
        key = key_of_raw(kind, metadata)
        version = str(metadata.get("resourceVersion", ""))
        known = self.version(key)
        if known is not None and not newer(version, known):
            return
        if kind == NAMESPACE:
            self._others[key] = version
            self._store.put_namespace(_namespace(metadata))
            return
        try:
            # Items of a list carry neither kind nor apiVersion of their own.
            obj = BY_NAME[kind].model.model_validate({"apiVersion": API_VERSION, "kind": kind, **raw})
        except ValidationError as problem:
            words = explain(problem)
            self._others[key] = version
            if self._store.put_broken(key, words):
                log.warning("an object does not parse and takes part in nothing", key=str(key), problem=words)
            return
        self._others.pop(key, None)
        self._store.put(obj)

    def gone(self, kind: str, raw: Raw) -> None:
        """An object that was deleted; nothing where another of its name is there already."""
        metadata = raw["metadata"]
        key = key_of_raw(kind, metadata)
        version = self.version(key)
        # Deletion and re-creation are told independently, in either order: whichever is newer holds.
        if version is not None and not newer(version, str(metadata.get("resourceVersion", ""))):
            self.forget(key)

    def forget(self, key: Key) -> None:
        """The object is known not to exist."""
        self._others.pop(key, None)
        if key.kind == NAMESPACE:
            self._store.remove_namespace(key.name)
        else:
            self._store.remove(key)


def key_of_raw(kind: str, metadata: Raw) -> Key:
    """The key of an object by its metadata; namespaces lie in no namespace."""
    return Key(kind, metadata.get("namespace", ""), metadata["name"])


def explain(problem: ValidationError) -> str:
    """Where and why, without the values: they may be long, or not for the log."""
    errors = problem.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors[:_SHOWN_ERRORS]]
    if len(errors) > _SHOWN_ERRORS:
        lines.append(f"and {len(errors) - _SHOWN_ERRORS} more")
    return "; ".join(lines)


def _namespace(metadata: Raw) -> Namespace:
    return Namespace(
        name=metadata["name"],
        labels=metadata.get("labels") or {},
        terminating=metadata.get("deletionTimestamp") is not None,
        glass=broken(metadata.get("annotations") or {}),
    )
