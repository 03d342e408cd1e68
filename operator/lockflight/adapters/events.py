"""The Events port: Kubernetes Events, posted from the background; they inform, and nothing waits for them."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from lockflight.adapters.api_client import KubeClient, path_of
from lockflight.api.kinds import AnyObject
from lockflight.ports import Clock, PortError, Severity

_QUEUED = 1_000
_REMEMBERED = 4_096
_LONGEST_MESSAGE = 1_024
_COMPONENT = "lockflight"
_log = structlog.get_logger(__name__)


class EventPoster:
    """Use it as a context: inside, events are posted; at the end, what is queued gets a few seconds."""

    def __init__(
        self,
        client: KubeClient,
        clock: Clock,
        instance: str,
        *,
        once_per: timedelta = timedelta(minutes=5),
        drain_seconds: float = 3.0,
    ) -> None:
        """``instance``: who reports. The same news about the same object is posted at most once per ``once_per``."""
        self._client = client
        self._clock = clock
        self._instance = instance
        self._once_per = once_per
        self._drain_seconds = drain_seconds
        self._queue: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue(_QUEUED)
        self._told: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._full = False

    async def __aenter__(self) -> "EventPoster":
        """Start posting."""
        self._task = asyncio.create_task(self._post(), name="events")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Post what is queued, as far as the time allows, and stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), self._drain_seconds)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def emit(self, obj: AnyObject, severity: Severity, reason: str, message: str) -> None:
        """Queue an event about ``obj``; where the queue is full it is dropped, which is logged once."""
        now = self._clock.now()
        if self._is_old_news((obj.metadata.uid, reason, message), now):
            return
        try:
            self._queue.put_nowait((obj.metadata.namespace, self._event(obj, severity, reason, message, now)))
        except asyncio.QueueFull:
            if not self._full:
                _log.warning("events are dropped: the queue is full", reason=reason, object=obj.metadata.name)
            self._full = True
        else:
            self._full = False

    def _is_old_news(self, news: tuple[str, str, str], now: datetime) -> bool:
        told = self._told.get(news)
        if told is not None and now - told < self._once_per:
            return True
        self._told[news] = now
        self._told.move_to_end(news)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return False

    def _event(self, obj: AnyObject, severity: Severity, reason: str, message: str, now: datetime) -> Mapping[str, Any]:
        about = {
            "apiVersion": obj.api_version,
            "kind": obj.kind,
            "namespace": obj.metadata.namespace,
            "name": obj.metadata.name,
            "uid": obj.metadata.uid,
        }
        text = message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 1]}…"
        at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{obj.metadata.name[:200]}.", "namespace": obj.metadata.namespace},
            "involvedObject": about,
            "type": severity.value,
            "reason": reason,
            "message": text,
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "reportingInstance": self._instance[:128],
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }

    async def _post(self) -> None:
        while True:
            namespace, event = await self._queue.get()
            try:
                path = path_of("api", "v1", "namespaces", namespace, "events")
                await self._client.write("POST", path, event)
            except PortError as problem:
                _log.warning("event not posted", reason=event["reason"], problem=str(problem))
            finally:
                self._queue.task_done()
