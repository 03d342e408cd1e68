"""Jobs that verify a deployment, run as the target's virtual deployer and waited for."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from lockflight.adapters.api_client import AlreadyExistsError, KubeClient, path_of
from lockflight.adapters.pod_logs import PodLogs, stuck
from lockflight.api.common import GROUP, format_duration
from lockflight.policy.labels import deployer
from lockflight.ports import Clock, GoneError, JobResult, PortError

_POLL: Final = timedelta(milliseconds=250)
_POLL_SLOW: Final = timedelta(seconds=5)
_KEPT: Final = timedelta(days=1)
_STARTS_WITHIN: Final = timedelta(seconds=2)
"""Before that nobody looks why it has not started."""
_PATIENCE: Final = timedelta(seconds=30)
"""A registry may stumble: an image that cannot be pulled is given up after that."""


class Jobs:
    """One Job a verification."""

    def __init__(self, client: KubeClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._logs = PodLogs(client)

    async def run(self, namespace: str, name: str, template: Mapping[str, Any], timeout: timedelta) -> None:
        """Create it, unless one of that name exists; the server ends it after ``timeout`` too. Raises PortError."""
        spec = dict(template.get("spec") or {})
        longest = max(1, int(timeout.total_seconds()))
        spec["activeDeadlineSeconds"] = min(longest, int(spec.get("activeDeadlineSeconds") or longest))
        # A check that failed has failed: whoever wants retries says so in the template.
        spec.setdefault("backoffLimit", 0)
        spec.setdefault("ttlSecondsAfterFinished", int(_KEPT.total_seconds()))
        labels = {f"{GROUP}/verification": "true"}
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": spec,
        }
        path = path_of("apis", "batch", "v1", "namespaces", namespace, "jobs")
        try:
            await self._client.write("POST", path, job, impersonate=deployer(namespace))
        except AlreadyExistsError:
            return

    async def result(self, namespace: str, name: str, timeout: timedelta) -> JobResult:
        """Wait for its end; a Job that disappears or cannot start has failed. Raises PortError."""
        began, pause, since = self._clock.now(), _POLL, None
        while True:
            try:
                job = await self._client.get(_path(namespace, name), impersonate=deployer(namespace))
            except GoneError:
                return JobResult(succeeded=False, message=f"Job {name} was deleted before it finished")
            now = self._clock.now()
            said = _said(job, timeout)
            if said is None and now >= began + timeout:
                said = False, f"Job {name} did not finish within {format_duration(timeout)}"
            if said is not None:
                return JobResult(*said, log=await self._logs.of_job(namespace, name))
            if now >= began + _STARTS_WITHIN:
                since, problem = await self._kept_from_starting(namespace, name, job, since)
                if problem is not None:
                    await self._end(namespace, name)
                    return JobResult(succeeded=False, message=f"Job {name}: {problem}")
            await self._clock.sleep(pause)
            pause = min(pause * 1.5, _POLL_SLOW)

    async def _kept_from_starting(
        self, namespace: str, name: str, job: Mapping[str, Any], since: datetime | None
    ) -> tuple[datetime | None, str | None]:
        """Since when one of its containers cannot start; and why, once that has been so for long enough."""
        if (job.get("status") or {}).get("ready"):
            return None, None
        try:
            found = stuck(await self._logs.pods(namespace, name))
        except PortError:
            # Who may not look waits for the end of the Job.
            return since, None
        if found is None:
            return None, None
        words, hopeless = found
        since = since or self._clock.now()
        return since, words if hopeless or self._clock.now() - since >= _PATIENCE else None

    async def _end(self, namespace: str, name: str) -> None:
        """It would try on until its deadline."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        with suppress(PortError):
            await self._client.write("DELETE", _path(namespace, name), body, impersonate=deployer(namespace))


def _path(namespace: str, name: str) -> str:
    return path_of("apis", "batch", "v1", "namespaces", namespace, "jobs", name)


def _said(job: Mapping[str, Any], bound: timedelta) -> tuple[bool, str] | None:
    """Whether it succeeded and what it says; None: it has not ended."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") != "True":
            continue
        if condition.get("type") == "Complete":
            return True, ""
        if condition.get("type") == "Failed":
            said = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            if condition.get("reason") == "DeadlineExceeded":
                # Kubernetes says that there was a deadline, not which.
                said = f"did not finish within {format_duration(bound)}: {said}"
            return False, said or "the Job failed"
    return None
