"""The Cluster port on a Kubernetes API server."""

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from lockflight.adapters.api_client import MERGE_PATCH, AlreadyExistsError, KubeClient, items_of, path_of
from lockflight.adapters.jobs import Jobs
from lockflight.adapters.live import LiveObjects
from lockflight.api.common import (
    BREAK_GLASS_ANNOTATION,
    BREAK_GLASS_REASON_ANNOTATION,
    BREAK_GLASS_UNTIL_ANNOTATION,
    GROUP,
    VERSION,
)
from lockflight.api.kinds import BY_NAME, AnyObject
from lockflight.policy.archiving import Orders, orders
from lockflight.policy.facts import Ref
from lockflight.policy.glass import broken
from lockflight.policy.labels import access_user, deployer
from lockflight.policy.model import Namespace
from lockflight.ports import Clock, GoneError, JobResult, Live, UnreachableError

_PAGE = "500"
_RIGHTS_FOR = timedelta(seconds=10)


class KubeCluster:
    """Our objects, and what else the workflow needs of the API server. Reads ask etcd, never a watch cache."""

    def __init__(self, client: KubeClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._live = LiveObjects(client)
        self._jobs = Jobs(client, clock)
        self._rights: dict[tuple[Any, ...], tuple[datetime, bool]] = {}

    async def get(self, kind: str, namespace: str, name: str) -> AnyObject | None:
        """An object of ours; None where it does not exist. Raises PortError, and ValueError where it does not parse."""
        try:
            return _parsed(kind, await self._client.get(_path(kind, namespace, name)))
        except GoneError:
            return None

    async def list(self, kind: str, namespace: str | None = None) -> Sequence[AnyObject]:
        """All objects of that kind that parse, read in pages."""
        found: list[AnyObject] = []
        query = {"limit": _PAGE}
        while True:
            page = await self._client.get(_path(kind, namespace), query)
            for item in items_of(page):
                try:
                    found.append(_parsed(kind, item))
                except ValidationError:
                    continue
            following = page.get("metadata", {}).get("continue")
            if not following:
                return tuple(found)
            query = {"limit": _PAGE, "continue": following}

    async def create(self, obj: Mapping[str, Any]) -> AnyObject | None:
        """Create an object of ours; None where that name exists already. Raises PortError."""
        kind = str(obj["kind"])
        try:
            return _parsed(kind, await self._client.write("POST", _path(kind, obj["metadata"]["namespace"]), obj))
        except AlreadyExistsError:
            return None

    async def remove(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Remove that very object; nothing where it is gone. Raises RefusedError, ConflictError: it is another one."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        with suppress(GoneError):
            await self._client.write("DELETE", _path(kind, namespace, name), body)

    async def orders(self, root: str) -> Orders:
        """What people asked of the audit trail on the operator's namespace ``root``. Raises PortError."""
        found = await self._client.get(path_of("api", "v1", "namespaces", root))
        return orders(found["metadata"].get("annotations") or {})

    async def patch_status(
        self, kind: str, namespace: str, name: str, status: Mapping[str, Any], *, resource_version: str | None = None
    ) -> AnyObject:
        """Merge-patch ``status`` keys. Raises GoneError, ConflictError where it is no longer current, RefusedError."""
        patch: dict[str, Any] = {"status": dict(status)}
        if resource_version is not None:
            patch["metadata"] = {"resourceVersion": resource_version}
        path = f"{_path(kind, namespace, name)}/status"
        return _parsed(kind, await self._client.write("PATCH", path, patch, content_type=MERGE_PATCH))

    async def namespace(self, name: str) -> Namespace | None:
        """A namespace; None where it does not exist."""
        try:
            found = await self._client.get(path_of("api", "v1", "namespaces", name))
        except GoneError:
            return None
        metadata = found["metadata"]
        return Namespace(
            name=metadata["name"],
            labels=metadata.get("labels") or {},
            terminating=metadata.get("deletionTimestamp") is not None,
            glass=broken(metadata.get("annotations") or {}),
        )

    async def mend_glass(self, namespace: str) -> None:
        """Take the annotations of broken glass from a namespace. Raises GoneError, RefusedError."""
        gone = dict.fromkeys(
            (BREAK_GLASS_ANNOTATION, BREAK_GLASS_REASON_ANNOTATION, BREAK_GLASS_UNTIL_ANNOTATION), None
        )
        patch = {"metadata": {"annotations": gone}}
        await self._client.write(
            "PATCH", path_of("api", "v1", "namespaces", namespace), patch, content_type=MERGE_PATCH
        )

    async def deployer_may(self, namespace: str) -> bool:
        """Whether the virtual deployer may create Secrets there, which is where Helm keeps its releases.

        It stands for the deployer's whole role: what a chart needs beyond it, only the apply can tell. An answer
        holds for ten seconds.
        """
        return await self.may(deployer(namespace), (), "create", "", "secrets", namespace, fresh=False)

    async def may(
        self,
        user: str,
        groups: Sequence[str],
        verb: str,
        group: str,
        resource: str,
        namespace: str,
        name: str = "",
        *,
        fresh: bool = True,
    ) -> bool:
        """Whether ``user`` in ``groups`` has that right; an answer is kept for ten seconds. Raises PortError."""
        now = self._clock.now()
        question = (user, tuple(groups), verb, group, resource, namespace, name)
        asked, allowed = self._rights.get(question, (None, False))
        if not fresh and asked is not None and now - asked < _RIGHTS_FOR:
            return allowed
        attributes = {"group": group, "resource": resource, "verb": verb, "namespace": namespace, "name": name}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": list(groups), "resourceAttributes": attributes},
        }
        path = path_of("apis", "authorization.k8s.io", "v1", "subjectaccessreviews")
        answer = await self._client.write("POST", path, review)
        allowed = answer.get("status", {}).get("allowed") is True
        self._rights = {key: kept for key, kept in self._rights.items() if now - kept[0] < _RIGHTS_FOR}
        self._rights[question] = (now, allowed)
        return allowed

    async def live(self, namespace: str, wanted: Sequence[Ref], *, pods: bool) -> Live:
        """Objects of a target namespace, as its deployer. Raises PortError."""
        return await self._live.read(namespace, wanted, pods=pods)

    async def reapplied(self, namespace: str, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """What it would be if Helm applied ``obj`` again: a dry run, as its deployer. Raises PortError."""
        return await self._live.reapplied(namespace, obj)

    async def bind(self, binding: Mapping[str, Any]) -> None:
        """Create a RoleBinding, else bring what is there to it. Raises PortError."""
        namespace, name = str(binding["metadata"]["namespace"]), str(binding["metadata"]["name"])
        place, user = _bindings(namespace), access_user(namespace)
        try:
            await self._client.write("POST", place, binding, impersonate=user)
        except AlreadyExistsError:
            # A merge patch replaces the list of subjects.
            await self._client.write("PATCH", f"{place}/{name}", binding, content_type=MERGE_PATCH, impersonate=user)

    async def unbind(self, namespace: str, name: str) -> None:
        """Delete a RoleBinding. Raises PortError."""
        with suppress(GoneError):
            await self._client.write("DELETE", f"{_bindings(namespace)}/{name}", {}, impersonate=access_user(namespace))

    async def rbac(self, namespace: str | None) -> Sequence[Mapping[str, Any]]:
        """Roles and their bindings, of a namespace or of the cluster: two requests. Raises PortError."""
        kinds = {"Role": "roles", "RoleBinding": "rolebindings"}
        if namespace is None:
            kinds = {f"Cluster{kind}": f"cluster{plural}" for kind, plural in kinds.items()}
        place = ("namespaces", namespace) if namespace is not None else ()
        root = ("apis", "rbac.authorization.k8s.io", "v1", *place)
        lists = await asyncio.gather(*(self._client.get(path_of(*root, plural)) for plural in kinds.values()))
        # Items of a list carry no kind of their own.
        return [{**item, "kind": kind} for kind, found in zip(kinds, lists, strict=True) for item in items_of(found)]

    async def labels(self, namespace: str, wanted: Sequence[Ref]) -> Mapping[Ref, Mapping[str, str]]:
        """The labels of objects of a target namespace, as its deployer; nothing else is read. Raises PortError."""
        found = await self._live.metadata(namespace, wanted)
        return {ref: obj.get("metadata", {}).get("labels") or {} for ref, obj in found.items()}

    async def config(self, kind: str, namespace: str, name: str, key: str) -> bytes | None:
        """A key of a ConfigMap or Secret; None where object or key are missing."""
        plural = {"ConfigMap": "configmaps", "Secret": "secrets"}[kind]
        try:
            found = await self._client.get(path_of("api", "v1", "namespaces", namespace, plural, name))
        except GoneError:
            return None
        text = (found.get("data") or {}).get(key)
        if kind == "ConfigMap" and text is not None:
            return str(text).encode()
        encoded = text if kind == "Secret" else (found.get("binaryData") or {}).get(key)
        if encoded is None:
            return None
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as problem:
            msg = f"{kind} {namespace}/{name} key {key} is not base64"
            raise UnreachableError(msg) from problem

    async def run_job(self, namespace: str, name: str, template: Mapping[str, Any], timeout: timedelta) -> None:
        """Create a Job as the deployer, unless one of that name exists; the server ends it after ``timeout`` too."""
        await self._jobs.run(namespace, name, template, timeout)

    async def job_result(self, namespace: str, name: str, timeout: timedelta) -> JobResult:
        """Wait until the Job has finished or ``timeout`` elapsed; a Job that disappears has failed."""
        return await self._jobs.result(namespace, name, timeout)


def _bindings(namespace: str) -> str:
    return path_of("apis", "rbac.authorization.k8s.io", "v1", "namespaces", namespace, "rolebindings")


def _path(kind: str, namespace: str | None, *name: str) -> str:
    scope = ("namespaces", namespace) if namespace is not None else ()
    return path_of("apis", GROUP, VERSION, *scope, BY_NAME[kind].plural, *name)


def _parsed(kind: str, obj: Mapping[str, Any]) -> AnyObject:
    # Items of a list carry neither kind nor apiVersion of their own.
    return BY_NAME[kind].model.model_validate({"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, **obj})
