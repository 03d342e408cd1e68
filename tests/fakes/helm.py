"""Helm in memory: revisions, the pending lock, labels and history as the real one keeps them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from lockflight.policy import labels
from lockflight.policy.facts import Ref, facts
from lockflight.policy.model import HelmStatus, Revision
from lockflight.ports import GoneError, HelmJob, HelmOutcome, HelmResult, Recorded, Rendered, RenderError

_Key = tuple[str, str]
_IMAGE = "registry.example/app@sha256:" + "a" * 64


@dataclass(frozen=True, slots=True)
class Kept:
    """A revision with what it was made from."""

    revision: Revision
    chart_digest: str = ""
    values: Mapping[str, Any] | None = None
    job: HelmJob | None = None


def rendering(job: HelmJob) -> Rendered:
    """A Deployment with the image, the replicas and the envFrom of the values; of the chart, its digest shows."""
    metadata = {"name": job.helm_release, "annotations": {"chart": job.chart.digest}}
    container = {"name": "app", "image": job.values.get("image", _IMAGE)}
    if "envFrom" in job.values:
        container["envFrom"] = job.values["envFrom"]
    spec = {"replicas": job.values.get("replicaCount", 1), "template": {"spec": {"containers": [container]}}}
    return Rendered(({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},))


class FakeHelm:
    """Actions succeed at once unless told otherwise by ``fail``, ``hang`` or ``fail_test``."""

    def __init__(self, render: Callable[[HelmJob], Rendered] = rendering) -> None:
        self._render = render
        self._kept: dict[_Key, list[Kept]] = defaultdict(list)
        self._failures: dict[str, str] = {}
        self._hanging: dict[str, asyncio.Event] = {}
        self._failing_tests: dict[str, str] = {}
        self.test_log = "All of its kind write these two lines."
        self._running: dict[_Key, asyncio.Event] = {}
        self.render_error: str | None = None
        """Charts do not render, and this is why."""
        self.mutate: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda obj: obj
        """What another admission controller makes of an object that Helm applies."""
        self.on_rollback: Callable[[], None] = lambda: None
        """What a rollback does besides, such as taking away what ``mutate`` stands for."""
        self.reads = 0
        """How often its storage was listed."""
        self.looked_up: list[tuple[str, str, int]] = []
        """Every revision whose contents were read."""
        self.calls: list[tuple[str, str]] = []
        """(action, Helm release) of every call that changes or tests something."""

    def fail(self, helm_release: str, message: str = "UPGRADE FAILED: resource not ready") -> None:
        """The next action on that release fails, leaving a failed revision."""
        self._failures[helm_release] = message

    def hang(self, helm_release: str) -> asyncio.Event:
        """The next action on that release goes on until it is cancelled or the event is set."""
        return self.hang_until(helm_release, asyncio.Event())

    def hang_until(self, helm_release: str, event: asyncio.Event) -> asyncio.Event:
        """The next action on that release goes on until it is cancelled or ``event`` is set."""
        self._hanging[helm_release] = event
        return event

    def fail_test(self, helm_release: str, message: str = "pod failed") -> None:
        """The tests of that release fail from now on."""
        self._failing_tests[helm_release] = message

    def pass_test(self, helm_release: str) -> None:
        """The tests of that release pass again."""
        self._failing_tests.pop(helm_release, None)

    def put(self, namespace: str, revision: Revision) -> None:
        """A revision as if Helm had made it, such as one that a killed process left pending."""
        self._kept[namespace, revision.helm_release].append(Kept(revision))

    def mark(self, namespace: str, helm_release: str, status: HelmStatus) -> None:
        """The newest revision gets ``status``, as a killed process may leave it."""
        history = self._kept[namespace, helm_release]
        history[-1] = _with(history[-1], status)

    def hanging(self, helm_release: str) -> bool:
        """Whether an action on that release goes on right now."""
        return any(name == helm_release for _, name in self._running)

    def kept(self, namespace: str, helm_release: str) -> tuple[Kept, ...]:
        """The history of a release, oldest first."""
        return tuple(self._kept.get((namespace, helm_release), ()))

    def deployed(self, namespace: str, helm_release: str) -> Kept | None:
        """What runs."""
        return next((k for k in self.kept(namespace, helm_release) if k.revision.status is HelmStatus.DEPLOYED), None)

    async def revisions(
        self, namespace: str, application: str, *, fresh: bool = True, also: Collection[str] = ()
    ) -> tuple[Revision, ...]:
        self.reads += 1
        return tuple(
            kept.revision
            for (where, name), history in self._kept.items()
            for kept in history
            if where == namespace and (name.startswith(f"{application}-") or name in also)
        )

    def live(self, namespace: str) -> Mapping[Ref, Mapping[str, Any]]:
        """What is in the namespace: the objects of what is deployed, as ``mutate`` left them."""
        kept = [k for (where, _), history in self._kept.items() if where == namespace for k in history]
        jobs = [k.job for k in kept if k.revision.status is HelmStatus.DEPLOYED and k.job is not None]
        objects = [obj for job in jobs for obj in self._render(job).objects]
        return {found.ref: self.mutate(obj) for obj in objects if (found := facts(obj)) is not None}

    async def recorded(self, namespace: str, helm_release: str, revision: int) -> Recorded | None:
        self.looked_up.append((namespace, helm_release, revision))
        kept = next((k for k in self.kept(namespace, helm_release) if k.revision.revision == revision), None)
        if kept is None or kept.job is None:
            return None
        objects = self._render(kept.job).objects
        return Recorded("app", "1.0.0", kept.job.values, objects)

    async def render(self, job: HelmJob) -> Rendered:
        if self.render_error is not None:
            raise RenderError(self.render_error)
        return self._render(job)

    async def upgrade(self, job: HelmJob) -> HelmResult:
        self.calls.append(("upgrade", job.helm_release))
        history = self._kept[job.namespace, job.helm_release]
        status = HelmStatus.PENDING_UPGRADE if history else HelmStatus.PENDING_INSTALL
        revision = Revision(
            helm_release=job.helm_release,
            revision=_next(history),
            status=status,
            release_digest=job.labels.get(labels.RELEASE_DIGEST, ""),
            plan=job.labels.get(labels.PLAN, ""),
            promotion_uid=job.labels.get(labels.PROMOTION, ""),
            version=job.labels.get(labels.VERSION, ""),
        )
        return await self._make(job.namespace, Kept(revision, job.chart.digest, job.values, job))

    async def rollback(
        self, namespace: str, helm_release: str, revision: int, timeout: timedelta, *, hooks: bool = True
    ) -> HelmResult:
        self.calls.append(("rollback" if hooks else "rollback without hooks", helm_release))
        self.on_rollback()
        history = self._kept[namespace, helm_release]
        target = next((k for k in history if k.revision.revision == revision), None)
        if target is None:
            newest = history[-1].revision.revision if history else 0
            return HelmResult(HelmOutcome.FAILED, f"release has no {revision} version", newest)
        again = replace(target.revision, revision=_next(history), status=HelmStatus.PENDING_ROLLBACK)
        return await self._make(namespace, replace(target, revision=again))

    async def uninstall(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        self.calls.append(("uninstall", helm_release))
        if helm_release in self._failures:
            return HelmResult(HelmOutcome.FAILED, self._failures.pop(helm_release))
        self._kept.pop((namespace, helm_release), None)
        return HelmResult(HelmOutcome.SUCCEEDED)

    async def test(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        self.calls.append(("test", helm_release))
        if not self.kept(namespace, helm_release):
            return HelmResult(HelmOutcome.FAILED, "release: not found")
        if await self._cancelled(namespace, helm_release):
            return HelmResult(HelmOutcome.CANCELLED, "cancelled")
        message = self._failing_tests.get(helm_release)
        outcome = HelmOutcome.SUCCEEDED if message is None else HelmOutcome.FAILED
        return HelmResult(outcome, message or "", log=self.test_log)

    async def unlock(self, namespace: str, helm_release: str, revision: int) -> None:
        history = self._kept.get((namespace, helm_release), [])
        for index, kept in enumerate(history):
            if kept.revision.revision == revision:
                if kept.revision.status.pending:
                    history[index] = _with(kept, HelmStatus.FAILED)
                return
        msg = f'secrets "sh.helm.release.v1.{helm_release}.v{revision}" not found'
        raise GoneError(msg)

    def cancel(self, namespace: str, helm_release: str) -> None:
        running = self._running.get((namespace, helm_release))
        if running is not None:
            running.set()

    async def _make(self, namespace: str, made: Kept) -> HelmResult:
        name = made.revision.helm_release
        history = self._kept[namespace, name]
        if history and history[-1].revision.status.pending:
            message = "another operation (install/upgrade/rollback) is in progress"
            return HelmResult(HelmOutcome.FAILED, message, history[-1].revision.revision)
        history.append(made)
        index = len(history) - 1
        if await self._cancelled(namespace, name):
            history[index] = _with(made, HelmStatus.FAILED)
            return HelmResult(HelmOutcome.CANCELLED, "cancelled")
        if name in self._failures:
            history[index] = _with(made, HelmStatus.FAILED)
            return HelmResult(HelmOutcome.FAILED, self._failures.pop(name), made.revision.revision)
        history[:] = [
            _with(kept, HelmStatus.SUPERSEDED) if kept.revision.status is HelmStatus.DEPLOYED else kept
            for kept in history
        ]
        history[index] = _with(made, HelmStatus.DEPLOYED)
        return HelmResult(HelmOutcome.SUCCEEDED, revision=made.revision.revision)

    async def _cancelled(self, namespace: str, name: str) -> bool:
        """Hang where told to; whether the end was a cancel."""
        go_on = self._hanging.pop(name, None)
        if go_on is None:
            return False
        cancel = self._running[namespace, name] = asyncio.Event()
        waits = [asyncio.ensure_future(go_on.wait()), asyncio.ensure_future(cancel.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            del self._running[namespace, name]
        return cancel.is_set()


def _next(history: list[Kept]) -> int:
    return history[-1].revision.revision + 1 if history else 1


def _with(kept: Kept, status: HelmStatus) -> Kept:
    return replace(kept, revision=replace(kept.revision, status=status))
