"""Objects as the API server says them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from lockflight.handlers.kinds import NAMESPACE, Watched
from lockflight.ports import PortError, UnreachableError


def freeze(name: str = "year-end", *, version: int = 1, uid: str = "u1", reason: str = "Year end") -> dict[str, Any]:
    """A FreezeWindow without an end, with the resourceVersion ``version``."""
    return {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "FreezeWindow",
        "metadata": {"name": name, "namespace": "payments", "uid": uid, "resourceVersion": str(version)},
        "spec": {"reason": reason, "timeZone": "Europe/Berlin", "start": "2026-12-18T18:00:00"},
    }


def broken(name: str = "odd", *, version: int = 1, why: str = "start") -> dict[str, Any]:
    """A FreezeWindow whose field ``why`` is not what the schema says."""
    raw = freeze(name, version=version)
    raw["spec"][why] = {"neither": "secret-value"}
    return raw


def promotion(
    name: str = "p1", *, version: int = 1, phase: str | None = None, abort: bool = False, deleted: bool = False
) -> dict[str, Any]:
    """A Promotion of payments-1.0.0 to production."""
    metadata = {"name": name, "namespace": "payments", "uid": f"uid-{name}", "resourceVersion": str(version)}
    if deleted:
        metadata["deletionTimestamp"] = "2026-12-01T09:00:00Z"
    return {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": metadata,
        "spec": {
            "releaseRef": {"name": "payments-1.0.0"},
            "environmentRef": {"name": "production"},
            **({"abort": True} if abort else {}),
        },
        **({"status": {"phase": phase}} if phase else {}),
    }


def namespace(name: str = "payments-prod", *, version: int = 1, **labels: str) -> dict[str, Any]:
    """A Namespace."""
    return {"metadata": {"name": name, "labels": labels, "uid": f"uid-{name}", "resourceVersion": str(version)}}


class FakeListing:
    """What an API server would list, by kind; ``problems`` are raised first, one a call."""

    def __init__(self) -> None:
        self.there: dict[str, list[dict[str, Any]]] = {}
        self.problems: list[PortError] = []
        self.reads: list[str] = []

    def refuse(self, times: int = 1) -> None:
        """The next calls get no answer."""
        self.problems += [UnreachableError("no answer")] * times

    async def objects(self, kind: Watched) -> AsyncIterator[Mapping[str, Any]]:
        self._asked(kind)
        for raw in self.there.get(kind.kind, []):
            yield {key: value for key, value in raw.items() if key not in ("kind", "apiVersion")}

    async def metadata(self, kind: Watched) -> AsyncIterator[Mapping[str, Any]]:
        self._asked(kind)
        for raw in self.there.get(kind.kind, []):
            yield raw["metadata"]

    async def object(self, kind: Watched, namespace: str, name: str) -> Mapping[str, Any] | None:
        self._asked(kind)
        for raw in self.there.get(kind.kind, []):
            metadata = raw["metadata"]
            if metadata["name"] == name and (kind.kind == NAMESPACE or metadata["namespace"] == namespace):
                return raw
        return None

    def _asked(self, kind: Watched) -> None:
        self.reads.append(kind.kind)
        if self.problems:
            raise self.problems.pop(0)
