"""The Admission port on a Kubernetes API server."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lockflight.adapters.api_client import MERGE_PATCH, KubeClient, items_of, path_of
from lockflight.api.common import API_VERSION, GROUP, VERSION
from lockflight.api.kinds import BY_NAME
from lockflight.ports import Forgery, PortError, RefusedError, Registered

_REGISTRATION = ("apis", "admissionregistration.k8s.io", "v1")
_KINDS = {
    "validatingadmissionpolicies": "ValidatingAdmissionPolicy",
    "validatingadmissionpolicybindings": "ValidatingAdmissionPolicyBinding",
    "mutatingadmissionpolicies": "MutatingAdmissionPolicy",
    "mutatingadmissionpolicybindings": "MutatingAdmissionPolicyBinding",
    "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
}
_STAMPS = "mutatingadmissionpolicies"
_REFUSAL = re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding '[^']+' denied request")
_DRY_RUN = {"dryRun": "All", "fieldValidation": "Ignore"}


class KubeAdmission:
    """What is registered, and what it does to a dry run."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._account = ""
        self._served: frozenset[str] | None = None

    async def account(self) -> str:
        """Who the API server says we are; asked once."""
        if not self._account:
            review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
            path = path_of("apis", "authentication.k8s.io", "v1", "selfsubjectreviews")
            answer = await self._client.write("POST", path, review)
            self._account = str(answer.get("status", {}).get("userInfo", {}).get("username", ""))
        return self._account

    async def registered(self) -> Registered:
        """Five lists, or three where the server knows no mutating policies."""
        served = await self._resources()
        kinds = [(plural, kind) for plural, kind in _KINDS.items() if plural in served]
        lists = await asyncio.gather(*(self._list(plural, kind) for plural, kind in kinds))
        return Registered(tuple(obj for objects in lists for obj in objects), stamps=_STAMPS in served)

    async def refused_by(self, forgery: Forgery) -> tuple[str, ...]:
        """Send the dry run; who refused it is read from the refusal."""
        try:
            await self._send(forgery)
        except RefusedError as refusal:
            policies = tuple(_REFUSAL.findall(str(refusal)))
            if policies:
                return policies
            raise
        return ()

    async def _send(self, forgery: Forgery) -> None:
        if forgery.name:
            path = f"{_path(forgery, forgery.name)}/status"
            body: Mapping[str, Any] = {"status": forgery.body}
            await self._client.write(
                "PATCH", path, body, query=_DRY_RUN, content_type=MERGE_PATCH, impersonate=forgery.user
            )
        else:
            version = API_VERSION if forgery.kind in BY_NAME else "v1"
            body = {"apiVersion": version, "kind": forgery.kind, **forgery.body}
            await self._client.write("POST", _path(forgery), body, query=_DRY_RUN, impersonate=forgery.user)

    async def _resources(self) -> frozenset[str]:
        if self._served is None:
            found = await self._client.get(path_of(*_REGISTRATION))
            names = frozenset(str(resource["name"]) for resource in found.get("resources") or ())
            if "validatingadmissionpolicies" not in names:
                msg = "the API server has no ValidatingAdmissionPolicy v1: Lockflight needs Kubernetes 1.30 or newer"
                raise PortError(msg)
            self._served = names
        return self._served

    async def _list(self, plural: str, kind: str) -> Sequence[Mapping[str, Any]]:
        # Items of a list carry no kind of their own.
        return [{**item, "kind": kind} for item in items_of(await self._client.get(path_of(*_REGISTRATION, plural)))]


def _path(forgery: Forgery, *name: str) -> str:
    if forgery.kind in BY_NAME:
        root = ("apis", GROUP, VERSION)
        return path_of(*root, "namespaces", forgery.namespace, BY_NAME[forgery.kind].plural, *name)
    return path_of("api", "v1", "namespaces", forgery.namespace, "configmaps", *name)
