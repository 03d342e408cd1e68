"""What is in a target namespace, and what applying would make of it, as its virtual deployer."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lockflight.adapters.api_client import KubeClient, items_of, path_of
from lockflight.policy.facts import Ref
from lockflight.policy.labels import deployer
from lockflight.ports import GoneError, Live

_FEW = 2
HELM = "helm"
"""The field manager under which Helm applies."""
_WHOLE = "application/json"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class LiveObjects:
    """One request for each object, or one a kind where there are several; one for the pods."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._plurals: dict[tuple[str, str], str] = {}

    async def read(self, namespace: str, wanted: Sequence[Ref], *, pods: bool) -> Live:
        """Raises PortError; RefusedError where the deployer may not read them."""
        kinds: defaultdict[tuple[str, str], list[Ref]] = defaultdict(list)
        for ref in wanted:
            kinds[ref.api_version, ref.kind].append(ref)
        found, running = await asyncio.gather(
            asyncio.gather(*(self._kind(namespace, *kind, refs) for kind, refs in kinds.items())),
            self._pods(namespace) if pods else _none(),
        )
        return Live({ref: obj for objects in found for ref, obj in objects.items()}, tuple(running))

    async def reapplied(self, namespace: str, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """A server-side apply as Helm does it, and as a dry run. Raises PortError; GoneError: no such kind."""
        api_version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
        place = await self._place(namespace, api_version, kind)
        if place is None:
            msg = f"the API server knows no {kind} of {api_version}"
            raise GoneError(msg)
        return await self._client.write(
            "PATCH",
            f"{place}{path_of(str(obj['metadata']['name']))}",
            obj,
            query={"dryRun": "All", "fieldManager": HELM, "force": "true"},
            # JSON is YAML.
            content_type="application/apply-patch+yaml",
            impersonate=deployer(namespace),
        )

    async def metadata(self, namespace: str, wanted: Sequence[Ref]) -> Mapping[Ref, Mapping[str, Any]]:
        """Metadata alone: no value of a Secret leaves the server. Raises PortError."""
        kinds: defaultdict[tuple[str, str], list[Ref]] = defaultdict(list)
        for ref in wanted:
            kinds[ref.api_version, ref.kind].append(ref)
        found = await asyncio.gather(
            *(self._kind(namespace, *kind, refs, partial=True) for kind, refs in kinds.items())
        )
        return {ref: obj for objects in found for ref, obj in objects.items()}

    async def _kind(
        self, namespace: str, api_version: str, kind: str, refs: Sequence[Ref], *, partial: bool = False
    ) -> Mapping[Ref, Mapping[str, Any]]:
        place = await self._place(namespace, api_version, kind)
        if place is None:
            return {}
        as_deployer = deployer(namespace)
        head = {"apiVersion": api_version, "kind": kind}
        one, many = (_METADATA, _METADATA_LIST) if partial else (_WHOLE, _WHOLE)
        if len(refs) < _FEW:
            path = f"{place}/{refs[0].name}"
            try:
                return {refs[0]: {**await self._client.get(path, impersonate=as_deployer, accept=one), **head}}
            except GoneError:
                return {}
        items = items_of(await self._client.get(place, impersonate=as_deployer, accept=many))
        # Items of a list carry no kind of their own.
        named = {str(item["metadata"]["name"]): {**item, **head} for item in items}
        return {ref: named[ref.name] for ref in refs if ref.name in named}

    async def _pods(self, namespace: str) -> Sequence[Mapping[str, Any]]:
        path = path_of("api", "v1", "namespaces", namespace, "pods")
        return items_of(await self._client.get(path, impersonate=deployer(namespace)))

    async def _place(self, namespace: str, api_version: str, kind: str) -> str | None:
        """The path of a kind in the namespace; None where the server does not know it."""
        root = path_of("apis", *api_version.split("/")) if "/" in api_version else path_of("api", api_version)
        if (api_version, kind) not in self._plurals:
            try:
                resources = (await self._client.get(root)).get("resources") or ()
            except GoneError:
                return None
            known = {str(r["kind"]): str(r["name"]) for r in resources if "/" not in r["name"]}
            self._plurals |= {(api_version, each): plural for each, plural in known.items()}
        plural = self._plurals.get((api_version, kind))
        return root + path_of("namespaces", namespace, plural) if plural else None


async def _none() -> Sequence[Mapping[str, Any]]:
    return ()
