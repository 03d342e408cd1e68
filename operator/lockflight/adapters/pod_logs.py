"""The last words of pods, read as the target's virtual deployer: bounded, whatever a pod or its node sends."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lockflight.adapters.api_client import KubeClient, items_of, path_of
from lockflight.policy.labels import deployer
from lockflight.ports import GoneError, PortError

_LINES: Final = ("200", "20", "1")
"""How many lines are asked for: fewer where those before were too long to come whole."""
_BYTES: Final = 65_536
_SECONDS: Final = 5.0
"""A node that does not answer costs a promotion no more than that for each container."""
_CONTAINERS: Final = 4
_HOPELESS: Final = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_STUCK: Final = _HOPELESS | {"ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"}
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class PodLogs:
    """What the containers of a pod, or of a Job's newest pod, wrote last."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def of_job(self, namespace: str, job: str) -> str:
        """Empty where there is no pod; where it cannot be read, why. Never raises PortError."""
        try:
            pods = await self.pods(namespace, job)
        except PortError as problem:
            return _unread(problem)
        newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)
        return await self.of_pod(namespace, newest) if newest is not None else ""

    async def named(self, namespace: str, name: str) -> str:
        """Of the pod of that name, else of the Job. Raises PortError where pods cannot be read."""
        path = path_of("api", "v1", "namespaces", namespace, "pods", name)
        try:
            pod = await self._client.get(path, impersonate=deployer(namespace))
        except GoneError:
            return await self.of_job(namespace, name)
        return await self.of_pod(namespace, pod)

    async def of_pod(self, namespace: str, pod: Mapping[str, Any]) -> str:
        """Of every container, with its name where there are several."""
        names = [str(each["name"]) for each in pod["spec"]["containers"][:_CONTAINERS]]
        parts = []
        for name in names:
            try:
                text = await self._tail(namespace, str(pod["metadata"]["name"]), name)
            except PortError as problem:
                text = _unread(problem)
            parts.append(f"== {name}\n{text}" if len(names) > 1 else text)
        return "\n".join(parts)

    async def pods(self, namespace: str, job: str) -> Sequence[Mapping[str, Any]]:
        """The pods of a Job. Raises PortError."""
        path = path_of("api", "v1", "namespaces", namespace, "pods")
        query = {"labelSelector": f"batch.kubernetes.io/job-name={job}", "limit": "50"}
        return items_of(await self._client.get(path, query, impersonate=deployer(namespace)))

    async def _tail(self, namespace: str, pod: str, container: str) -> str:
        path = path_of("api", "v1", "namespaces", namespace, "pods", pod, "log")
        text = b""
        for lines in _LINES:
            query = {"container": container, "tailLines": lines, "limitBytes": str(_BYTES)}
            # The limit is the node's to keep; it is kept here, too.
            text = await self._client.text(path, query, limit=_BYTES, seconds=_SECONDS, impersonate=deployer(namespace))
            if len(text) < _BYTES:
                break
        return readable(text)


def readable(text: bytes) -> str:
    """As it may stand in a status: text, without colours and control characters."""
    plain = _ESCAPES.sub("", text.decode(errors="replace").replace("\r\n", "\n"))
    return _CONTROLS.sub("", plain).strip("\n")


def stuck(pods: Sequence[Mapping[str, Any]]) -> tuple[str, bool] | None:
    """Why a container of these pods cannot start, and whether waiting is of no use; None: nothing keeps them."""
    for pod in pods:
        status = pod.get("status") or {}
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            waits = (container.get("state") or {}).get("waiting") or {}
            reason = waits.get("reason")
            if reason in _STUCK:
                words = " ".join(f"{reason}: {waits.get('message') or container.get('image') or ''}".split())
                return f"container {container.get('name')} cannot start: {words[:500]}", reason in _HOPELESS
    return None


def _unread(problem: PortError) -> str:
    return f"[its log cannot be read: {' '.join(str(problem).split())[:300]}]"
