"""Calls that change something, counted; at one of them the process dies, or its answer is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

from lockflight.api.kinds import AnyObject
from lockflight.policy.model import HelmStatus
from lockflight.ports import HelmJob, HelmOutcome, HelmResult, UnreachableError
from tests.fakes import FakeCluster, FakeHelm

T = TypeVar("T")
Kind = Literal["before", "during", "after", "lost"]


class Killed(BaseException):
    """The process is no more: nothing catches it."""


@dataclass(frozen=True)
class Strike:
    """At the ``at``-th mutating call (from 1): killed before, in the middle of or after it, or its answer is lost."""

    at: int
    kind: Kind


class Faults:
    """Shared by the fakes of one world."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        """Every mutating call, in order."""
        self.strike: Strike | None = None
        self.meanwhile: dict[str, Callable[[], Awaitable[None]]] = {}
        """By call: what somebody does right before it, once."""

    async def around(
        self, what: str, call: Callable[[], Awaitable[T]], middle: Callable[[], Awaitable[None]] | None = None
    ) -> T:
        """Make the call, unless struck; ``middle`` leaves it half done."""
        self.calls.append(what)
        if what in self.meanwhile:
            await self.meanwhile.pop(what)()
        strike = self.strike
        if strike is None or strike.at != len(self.calls):
            return await call()
        self.strike = None
        if strike.kind == "before":
            raise Killed
        if strike.kind == "during" and middle is not None:
            await middle()
            raise Killed
        result = await call()
        if strike.kind == "lost" and middle is None:
            msg = "the connection was reset before the answer came"
            raise UnreachableError(msg)
        if strike.kind != "lost":
            raise Killed
        return result


class FaultyCluster(FakeCluster):
    """The fake, struck by ``faults``."""

    faults: Faults

    async def create(self, obj: Mapping[str, Any]) -> AnyObject | None:
        return await self.faults.around(f"create {obj['kind']}", lambda: FakeCluster.create(self, obj))

    async def patch_status(
        self, kind: str, namespace: str, name: str, status: Mapping[str, Any], *, resource_version: str | None = None
    ) -> AnyObject:
        return await self.faults.around(
            f"patch {kind} {name}",
            lambda: FakeCluster.patch_status(self, kind, namespace, name, status, resource_version=resource_version),
        )

    async def run_job(self, namespace: str, name: str, template: Mapping[str, Any], timeout: timedelta) -> None:
        await self.faults.around("job", lambda: FakeCluster.run_job(self, namespace, name, template, timeout))


class FaultyHelm(FakeHelm):
    """The fake, struck by ``faults``; what the values say fails, fails."""

    faults: Faults
    observe: Callable[[str], None] = staticmethod(lambda _: None)
    """Called as each action begins."""

    _next_rollback: asyncio.Event | None = None

    def hang_next_rollback(self) -> asyncio.Event:
        """The next rollback goes on until the event is set."""
        self._next_rollback = asyncio.Event()
        return self._next_rollback

    async def upgrade(self, job: HelmJob) -> HelmResult:
        self.observe(job.helm_release)
        if job.values.get("unschedulable"):
            self.fail(job.helm_release, "resource not ready")
        call = lambda: FakeHelm.upgrade(self, job)  # noqa: E731
        return await self.faults.around(
            f"upgrade {job.helm_release}", call, lambda: self._half(job.helm_release, call())
        )

    async def rollback(
        self, namespace: str, helm_release: str, revision: int, timeout: timedelta, *, hooks: bool = True
    ) -> HelmResult:
        if self._next_rollback is not None:
            self.hang_until(helm_release, self._next_rollback)
            self._next_rollback = None
        call = lambda: FakeHelm.rollback(self, namespace, helm_release, revision, timeout, hooks=hooks)  # noqa: E731
        return await self.faults.around(f"rollback {helm_release}", call, lambda: self._half(helm_release, call()))

    async def uninstall(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        async def half() -> None:
            self.mark(namespace, helm_release, HelmStatus.UNINSTALLING)

        call = lambda: FakeHelm.uninstall(self, namespace, helm_release, timeout)  # noqa: E731
        return await self.faults.around(f"uninstall {helm_release}", call, half)

    async def unlock(self, namespace: str, helm_release: str, revision: int) -> None:
        await self.faults.around(
            f"unlock {helm_release}", lambda: FakeHelm.unlock(self, namespace, helm_release, revision)
        )

    async def test(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        deployed = self.deployed(namespace, helm_release)
        if deployed is not None and (deployed.values or {}).get("failTest"):
            return HelmResult(HelmOutcome.FAILED, "pod failed")
        return await super().test(namespace, helm_release, timeout)

    async def _half(self, helm_release: str, action: Awaitable[HelmResult]) -> None:
        """The action as a process leaves it that dies in the middle: a pending revision."""
        self.hang(helm_release)
        task = asyncio.ensure_future(action)
        while not self.hanging(helm_release):  # noqa: ASYNC110 - it yields, nothing is waited for
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
