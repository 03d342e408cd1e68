"""Helm's storage: one Secret a revision, labelled by Helm with name, version and status, and by us with what it is."""

import asyncio
import base64
import binascii
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lockflight.adapters.api_client import KubeClient, items_of, path_of
from lockflight.adapters.helm_render import split
from lockflight.policy import labels
from lockflight.policy.model import HelmStatus, Revision
from lockflight.ports import GoneError, Recorded, RenderError, UnreachableError

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_SECRET = re.compile(r"^sh\.helm\.release\.v1\.(?P<name>.+)\.v(?P<revision>[0-9]+)$")
_ABANDONED = "Lockflight: the action that made this revision ended before it was done"


@dataclass(frozen=True, slots=True)
class Stored:
    """A revision, and when Helm last wrote it."""

    revision: Revision
    written_at: datetime


class HelmStorage:
    """Reads and unlocks as the virtual deployer of each namespace."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def list(self, namespace: str, selector: str = "owner=helm", *, fresh: bool = True) -> tuple[Stored, ...]:
        """Every revision in a namespace that ``selector`` matches: one request, no contents. Raises PortError."""
        # A fresh list may wait up to 0.1 s until the API server's cache has caught up with etcd.
        query = {"labelSelector": selector} if fresh else {"labelSelector": selector, "resourceVersion": "0"}
        answer = await self._client.get(
            _path(namespace),
            query,
            accept=_METADATA_ONLY,
            impersonate=labels.deployer(namespace),
        )
        return tuple(one for item in items_of(answer) if (one := stored(item["metadata"])) is not None)

    async def latest(self, namespace: str, helm_release: str) -> Stored | None:
        """The newest revision of one Helm release; None where it has none. Raises PortError."""
        found = await self.list(namespace, f"owner=helm,name={helm_release}")
        return max(found, key=lambda s: s.revision.revision, default=None)

    async def unlock(self, namespace: str, helm_release: str, revision: int) -> None:
        """Mark a pending revision as failed; nothing where it is not pending (any more).

        Raises PortError; ConflictError where Helm wrote it meanwhile, GoneError where it is not there.
        """
        user = labels.deployer(namespace)
        path = _path(namespace, f"sh.helm.release.v1.{helm_release}.v{revision}")
        secret = await self._client.get(path, impersonate=user)
        if not _status(secret["metadata"].get("labels") or {}).pending:
            return
        text = (secret.get("data") or {}).get("release", "")
        try:
            secret["data"]["release"] = await asyncio.to_thread(_failed, text)
        except (KeyError, ValueError, OSError, EOFError, binascii.Error) as problem:
            msg = f"revision {revision} of {helm_release} in {namespace} is not readable as a Helm release: {problem}"
            raise UnreachableError(msg) from problem
        secret["metadata"]["labels"] |= {
            "status": HelmStatus.FAILED.value,
            "modifiedAt": str(int(datetime.now(UTC).timestamp())),
        }
        # With the resourceVersion that was read, as Helm itself does not: nobody's later write is lost.
        await self._client.write("PUT", path, secret, impersonate=user)

    async def recorded(self, namespace: str, helm_release: str, revision: int) -> Recorded | None:
        """What a revision was made of; None where it is not there or not readable. Raises PortError."""
        path = _path(namespace, f"sh.helm.release.v1.{helm_release}.v{revision}")
        try:
            secret = await self._client.get(path, impersonate=labels.deployer(namespace))
        except GoneError:
            return None
        try:
            return await asyncio.to_thread(_recorded, (secret.get("data") or {}).get("release", ""))
        except (KeyError, TypeError, ValueError, OSError, EOFError, binascii.Error, RenderError):
            return None


def _path(namespace: str, *name: str) -> str:
    return path_of("api", "v1", "namespaces", namespace, "secrets", *name)


def _status(found: Mapping[str, str]) -> HelmStatus:
    try:
        return HelmStatus(found.get("status", ""))
    except ValueError:
        return HelmStatus.UNKNOWN


def stored(metadata: Mapping[str, Any]) -> Stored | None:
    """The revision that a Secret of Helm's stands for, by its metadata; None: it is none of Helm's."""
    name = _SECRET.match(metadata["name"])
    if name is None:
        return None
    found: Mapping[str, str] = metadata.get("labels") or {}
    written = max(int(found.get(label) or 0) for label in ("createdAt", "modifiedAt"))
    return Stored(
        Revision(
            helm_release=name["name"],
            revision=int(name["revision"]),
            status=_status(found),
            release_digest=found.get(labels.RELEASE_DIGEST, ""),
            plan=found.get(labels.PLAN, ""),
            promotion_uid=found.get(labels.PROMOTION, ""),
            version=found.get(labels.VERSION, ""),
        ),
        datetime.fromtimestamp(written, UTC),
    )


def _recorded(text: str) -> Recorded:
    """A revision's chart, values and manifests. Raises ValueError and its like where it is none of Helm's."""
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(text))))
    metadata = release["chart"]["metadata"]
    manifests = [release.get("manifest") or "", *(hook.get("manifest") or "" for hook in release.get("hooks") or ())]
    return Recorded(
        chart=str(metadata["name"]),
        chart_version=str(metadata["version"]),
        values=release.get("config") or {},
        objects=tuple(obj for found in map(split, manifests) for obj in (*found.objects, *found.hooks)),
    )


def _failed(text: str) -> str:
    """The stored release with status failed: base64 by the API, base64 by Helm, gzip, JSON."""
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(text))))
    release["info"] |= {"status": HelmStatus.FAILED.value, "description": _ABANDONED}
    packed = gzip.compress(json.dumps(release, ensure_ascii=False).encode(), compresslevel=9)
    return base64.b64encode(base64.b64encode(packed)).decode()
