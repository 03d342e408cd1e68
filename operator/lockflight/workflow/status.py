"""The one place where status is written: only what changed, only the operator's keys, never a people's list."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from lockflight.api.kinds import Living
from lockflight.workflow.deps import Deps

T = TypeVar("T", bound=Living)

PEOPLES_LISTS = frozenset({"approvals", "attestations", "evidence", "review", "signOffs", "submissions"})


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch from ``old`` to ``new`` by top-level key; None removes. People's lists are left out."""
    patch: dict[str, Any] = {}
    for key in (old.keys() | new.keys()) - PEOPLES_LISTS:
        before, after = old.get(key), new.get(key)
        if before == after or (before is None and after == []):
            continue
        # A merge patch would keep members that went away inside an object: null names them.
        if isinstance(before, dict) and isinstance(after, dict):
            after = {**dict.fromkeys(before.keys() - after.keys()), **after}
        patch[key] = after
    return patch


async def write(deps: Deps, obj: T, status: object, *, guarded: bool = False) -> T:
    """Bring ``obj``'s status to ``status``; no difference, no request.

    With ``guarded`` the write holds only if the object is still as it was read (intent, use and decisions).
    Raises PortError; ConflictError means: gather and decide again.
    """
    target = obj.model_copy(update={"status": status})
    patch = difference(obj.status.dump(), target.status.dump())
    if not patch:
        return obj
    written = await deps.cluster.patch_status(
        obj.kind,
        obj.metadata.namespace,
        obj.metadata.name,
        patch,
        resource_version=obj.metadata.resource_version if guarded else None,
    )
    deps.store.put(written)
    return cast(T, written)
