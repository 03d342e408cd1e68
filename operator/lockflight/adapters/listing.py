"""Whole kinds from the API server, in pages, as JSON."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from lockflight.adapters.api_client import KubeClient, items_of, path_of
from lockflight.ports import GoneError

_PAGE = "500"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_JSON = "application/json"


class Resource(Protocol):
    """Names of a kind in the API; ``group`` is empty for the core group."""

    @property
    def group(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def plural(self) -> str: ...


class KubeListing:
    """Lists read etcd, not a watch cache, and are consistent over all pages."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def objects(self, kind: Resource) -> AsyncIterator[Mapping[str, Any]]:
        """Every object of a kind. Raises PortError."""
        async for item in self._pages(kind, _JSON):
            yield item

    async def metadata(self, kind: Resource) -> AsyncIterator[Mapping[str, Any]]:
        """The metadata of every object of a kind. Raises PortError."""
        async for item in self._pages(kind, _METADATA):
            yield item["metadata"]

    async def object(self, kind: Resource, namespace: str, name: str) -> Mapping[str, Any] | None:
        """One object; None where it does not exist. Raises PortError."""
        try:
            return await self._client.get(_path(kind, namespace, name))
        except GoneError:
            return None

    async def _pages(self, kind: Resource, accept: str) -> AsyncIterator[Mapping[str, Any]]:
        query = {"limit": _PAGE}
        while True:
            page = await self._client.get(_path(kind), query, accept=accept)
            for item in items_of(page):
                yield item
            following = page.get("metadata", {}).get("continue")
            if not following:
                return
            query = {"limit": _PAGE, "continue": following}


def _path(kind: Resource, namespace: str = "", *name: str) -> str:
    root = ("apis", kind.group, kind.version) if kind.group else ("api", kind.version)
    scope = ("namespaces", namespace) if namespace else ()
    return path_of(*root, *scope, kind.plural, *name)
