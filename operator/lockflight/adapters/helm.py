"""The Helm port: the official helm 4 program, one subprocess an action, as the virtual deployer of the namespace."""

import asyncio
import json
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lockflight.adapters import chart_files
from lockflight.adapters.api_client import KubeClient, items_of, path_of
from lockflight.adapters.helm_env import HelmEnvironment
from lockflight.adapters.helm_render import Capabilities, discover, split
from lockflight.adapters.helm_storage import HelmStorage
from lockflight.adapters.pod_logs import PodLogs
from lockflight.adapters.process import Finished, program, run, tethered, undisturbed
from lockflight.api.common import format_duration
from lockflight.policy.labels import deployer
from lockflight.policy.model import Revision
from lockflight.ports import (
    ChartError,
    Clock,
    HelmJob,
    HelmOutcome,
    HelmResult,
    PortError,
    PulledChart,
    Recorded,
    Rendered,
    RenderError,
)

_RENDER_SECONDS = 60.0
_LARGEST_RENDERING = 16 * 1_048_576
_LAST_WORDS = 2_048
_LONGEST_WARNING = 500
_CAPABILITIES_FOR = timedelta(minutes=10)
_LEFTOVER_SECONDS = 600.0
# Helm's own deadlines come first: they name what was not ready.
_AFTER_HELMS_TIMEOUT = 15.0
_TESTS = re.compile(r"^TEST SUITE:\s+([-.a-z0-9]{1,253})\s*$", re.MULTILINE)
_MOST_TESTS = 8
_REVISION = re.compile(r"^REVISION: ([0-9]+)\s*$", re.MULTILINE)


class HelmCli:
    """Actions wait for a free slot; rendering has slots of its own, so that a slow rollout does not hold up plans."""

    def __init__(
        self,
        binary: str,
        environment: HelmEnvironment,
        client: KubeClient,
        clock: Clock,
        *,
        concurrency: int = 4,
        history_max: int = 10,
    ) -> None:
        """``history_max``: how many revisions of a release Helm keeps. Raises FileNotFoundError without the binary."""
        self._helm = program(binary)
        self._environment = environment
        self._client = client
        self._clock = clock
        self._storage = HelmStorage(client)
        self._logs = PodLogs(client)
        self._history_max = history_max
        self._slots = asyncio.Semaphore(concurrency)
        self._render_slots = asyncio.Semaphore(concurrency)
        self._running: dict[tuple[str, str], asyncio.Task[HelmResult]] = {}
        self._capabilities: tuple[datetime, Capabilities] | None = None
        _sweep(environment.scratch)

    async def revisions(
        self, namespace: str, application: str, *, fresh: bool = True, also: Collection[str] = ()
    ) -> tuple[Revision, ...]:
        """Helm's storage there, as far as the releases are called ``<application>-…`` or ``also``. Raises PortError."""
        found = [s.revision for s in await self._storage.list(namespace, fresh=fresh)]
        return tuple(r for r in found if r.helm_release.startswith(f"{application}-") or r.helm_release in also)

    async def recorded(self, namespace: str, helm_release: str, revision: int) -> Recorded | None:
        """What that revision was made of: one request. Raises PortError."""
        return await self._storage.recorded(namespace, helm_release, revision)

    async def render(self, job: HelmJob) -> Rendered:
        """Everything an apply would send: CRDs, manifests and hooks as ``objects``, tests apart as ``hooks``.

        Raises RenderError; ChartError where the cached chart was changed; PortError where the cluster does not say
        what it is capable of.
        """
        able = await self._able()
        async with self._render_slots, self._workplace(job.chart, job.values) as place:
            argv = [
                self._helm,
                "template",
                job.helm_release,
                str(place / "chart.tgz"),
                *("--namespace", job.namespace),
                *("--values", str(place / "values.json")),
                *("--kube-version", able.kube_version),
                *("--api-versions", ",".join(able.api_versions)),
                "--include-crds",
            ]
            done = await run(
                argv,
                env=self._environment.offline(),
                cwd=place,
                seconds=_RENDER_SECONDS,
                max_out=_LARGEST_RENDERING,
                grace=1.0,
            )
        if done.timed_out:
            msg = f"the chart did not render within {_RENDER_SECONDS:g} s"
            raise RenderError(msg)
        if done.overflowed:
            msg = f"the chart renders to more than {_LARGEST_RENDERING // 1_048_576} MiB"
            raise RenderError(msg)
        if done.code != 0:
            raise RenderError(_one_line(_last_words(done, place)).removesuffix(_DEBUG_HINT).strip())
        return await asyncio.to_thread(split, done.out.decode(errors="replace"))

    async def upgrade(self, job: HelmJob) -> HelmResult:
        """Install or upgrade with exactly these values, and wait until everything is ready."""
        return await self._act(job.namespace, job.helm_release, self._upgrade(job))

    async def rollback(
        self, namespace: str, helm_release: str, revision: int, timeout: timedelta, *, hooks: bool = True
    ) -> HelmResult:
        """Back to ``revision``, keeping its labels, and wait until ready."""
        argv = [
            "rollback",
            helm_release,
            str(revision),
            *(() if hooks else ("--no-hooks",)),
            *self._applying(timeout),
        ]
        return await self._act(namespace, helm_release, self._change(namespace, helm_release, argv, timeout))

    async def uninstall(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        """Remove the release and its history; success where there is none."""
        return await self._act(namespace, helm_release, self._uninstall(namespace, helm_release, timeout))

    async def test(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        """Run the chart's tests; success where it has none."""
        return await self._act(namespace, helm_release, self._test(namespace, helm_release, timeout))

    async def unlock(self, namespace: str, helm_release: str, revision: int) -> None:
        """Mark a pending revision as failed; nothing where it is not pending. Raises PortError."""
        await self._storage.unlock(namespace, helm_release, revision)

    def cancel(self, namespace: str, helm_release: str) -> None:
        """End a running or waiting action of that release; nothing where none runs."""
        task = self._running.get((namespace, helm_release))
        if task is not None and not task.cancelling():
            task.cancel()

    async def _act(self, namespace: str, helm_release: str, action: Coroutine[Any, Any, HelmResult]) -> HelmResult:
        """One action per release at a time, cancellable from outside; the call returns when Helm has ended."""
        key = (namespace, helm_release)
        if key in self._running:
            action.close()
            return HelmResult(HelmOutcome.FAILED, f"another action on {helm_release} is running")
        task = asyncio.create_task(action)
        self._running[key] = task
        try:
            return await task
        except asyncio.CancelledError:
            waiting = asyncio.current_task()
            if waiting is not None and waiting.cancelling():
                raise
            return HelmResult(HelmOutcome.CANCELLED, "cancelled")
        finally:
            del self._running[key]

    async def _upgrade(self, job: HelmJob) -> HelmResult:
        async with self._slots:
            try:
                async with self._workplace(job.chart, job.values) as place:
                    argv = [
                        "upgrade",
                        job.helm_release,
                        str(place / "chart.tgz"),
                        "--install",
                        # Without it Helm takes the previous revision's values where the new ones are empty.
                        "--reset-values",
                        *("--values", str(place / "values.json")),
                        *_labels(job.labels),
                        *("--description", job.description),
                        "--disable-openapi-validation",
                        # Notes may quote secret values.
                        "--hide-notes",
                        *self._applying(job.timeout),
                    ]
                    return await self._change(job.namespace, job.helm_release, argv, job.timeout, slot=False)
            except ChartError as problem:
                return HelmResult(HelmOutcome.FAILED, str(problem))

    async def _uninstall(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        # Not --ignore-not-found: with it Helm reports success for every error of reading its storage.
        try:
            if await self._storage.latest(namespace, helm_release) is None:
                return HelmResult(HelmOutcome.SUCCEEDED)
        except PortError as problem:
            return HelmResult(HelmOutcome.FAILED, f"Helm's storage in {namespace}: {problem}")
        argv = ["uninstall", helm_release, "--wait=watcher", *_timeout(timeout)]
        return await self._change(namespace, helm_release, argv, timeout)

    async def _test(self, namespace: str, helm_release: str, timeout: timedelta) -> HelmResult:
        async with self._slots:
            done = await self._run(namespace, ["test", helm_release, *_timeout(timeout)], timeout)
        log = await self._logs_of_tests(namespace, done)
        if done.code == 0:
            return HelmResult(HelmOutcome.SUCCEEDED, revision=_revision(done), log=log)
        return HelmResult(HelmOutcome.FAILED, _failure(done, timeout), log=log)

    async def _logs_of_tests(self, namespace: str, done: Finished) -> str:
        """Of the pods that Helm names as tests, as far as its delete policy left them there."""
        parts = []
        for name in _TESTS.findall(done.out.decode(errors="replace"))[:_MOST_TESTS]:
            # What a chart calls its test may be a pod or a Job.
            with suppress(PortError):
                parts.append(f"== {name}\n{await self._logs.named(namespace, name)}")
        return "\n".join(parts)

    async def _change(
        self, namespace: str, helm_release: str, argv: Sequence[str], timeout: timedelta, *, slot: bool = True
    ) -> HelmResult:
        """Run an action that writes revisions, and leave none pending behind."""
        if slot:
            async with self._slots:
                return await self._change(namespace, helm_release, argv, timeout, slot=False)
        started = datetime.now(UTC)
        try:
            done = await self._run(namespace, argv, timeout)
        except asyncio.CancelledError:
            await undisturbed(self._settle(namespace, helm_release, started))
            raise
        if done.code == 0:
            revision = _revision(done)
            if not revision and argv[0] != "uninstall":
                revision = await self._settle(namespace, helm_release, started)
            return HelmResult(HelmOutcome.SUCCEEDED, revision=revision)
        revision = await self._settle(namespace, helm_release, started)
        message = _failure(done, timeout)
        warning = await self._warning(namespace, helm_release, message, started)
        return HelmResult(HelmOutcome.FAILED, f"{message}{warning}", revision)

    async def _warning(self, namespace: str, helm_release: str, message: str, since: datetime) -> str:
        """Why something did not get ready, which Helm does not say: the last warning about one of the objects."""
        if "not ready" not in message:
            return ""
        path = path_of("api", "v1", "namespaces", namespace, "events")
        query = {"fieldSelector": "type=Warning", "limit": "200"}
        try:
            found = items_of(await self._client.get(path, query, impersonate=deployer(namespace)))
        except PortError:
            return ""
        warnings = [
            (when, event)
            for event in found
            if (when := str(event.get("lastTimestamp") or event.get("eventTime") or "")) >= f"{since:%Y-%m-%dT%H:%M:%S}"
            and str(event["involvedObject"].get("name", "")).startswith(helm_release)
        ]
        if not warnings:
            return ""
        _, last = max(warnings, key=lambda pair: pair[0])
        involved = last["involvedObject"]
        said = _one_line(str(last.get("message", "")))[:_LONGEST_WARNING]
        return f"; {involved.get('kind')} {involved.get('name')}: {last.get('reason')}: {said}"

    async def _settle(self, namespace: str, helm_release: str, since: datetime) -> int:
        """The newest revision; marked as failed where our own Helm left it pending.

        Helm does so when ``rollback`` or ``uninstall`` get a signal, when a pre-rollback hook fails, and when it is
        killed. What is pending from before is not ours to judge. 0 where the storage cannot be read.
        """
        try:
            latest = await self._storage.latest(namespace, helm_release)
            if latest is None:
                return 0
            if latest.revision.status.pending and latest.written_at >= since.replace(microsecond=0):
                await self._storage.unlock(namespace, helm_release, latest.revision.revision)
        except PortError:
            # The next look at the storage finds it pending and unlocks it.
            return 0
        return latest.revision.revision

    async def _run(self, namespace: str, argv: Sequence[str], timeout: timedelta) -> Finished:
        command = [
            self._helm,
            *argv,
            *("--namespace", namespace),
            *("--kube-as-user", deployer(namespace)),
            *("--qps", "50", "--burst-limit", "100"),
        ]
        return await run(
            tethered(command),
            env=self._environment.cluster(),
            cwd=self._environment.scratch,
            seconds=timeout.total_seconds() + _AFTER_HELMS_TIMEOUT,
        )

    def _applying(self, timeout: timedelta) -> Sequence[str]:
        return (
            "--server-side=true",
            # What was approved is what is applied, whoever touched a field meanwhile.
            "--force-conflicts",
            *("--history-max", str(self._history_max)),
            "--wait=watcher",
            "--wait-for-jobs",
            *_timeout(timeout),
        )

    @asynccontextmanager
    async def _workplace(self, chart: PulledChart, values: Mapping[str, Any]) -> AsyncIterator[Path]:
        """A private folder with the chart's checked bytes and the values; gone afterwards. Raises ChartError."""
        data, _ = await asyncio.to_thread(chart_files.load, chart.path)
        with tempfile.TemporaryDirectory(dir=self._environment.scratch, prefix="helm-") as name:
            place = Path(name)
            (place / "chart.tgz").write_bytes(data)
            file = place / "values.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps(values))
            yield place

    async def _able(self) -> Capabilities:
        now = self._clock.now()
        if self._capabilities is None or now - self._capabilities[0] >= _CAPABILITIES_FOR:
            self._capabilities = (now, await discover(self._client))
        return self._capabilities[1]


_FORBIDDEN = 'User "lockflight:deployer:'
_DEADLINE = "context deadline exceeded"
_DEBUG_HINT = "Use --debug flag to render out invalid YAML"


def _labels(labels: Mapping[str, str]) -> Sequence[str]:
    return ("--labels", ",".join(f"{key}={value}" for key, value in labels.items())) if labels else ()


def _timeout(timeout: timedelta) -> Sequence[str]:
    return ("--timeout", f"{max(1, int(timeout.total_seconds()))}s")


def _revision(done: Finished) -> int:
    found = _REVISION.search(done.out.decode(errors="replace"))
    return int(found.group(1)) if found else 0


def _failure(done: Finished, timeout: timedelta) -> str:
    said = _one_line(_last_words(done, None))
    if done.timed_out:
        return f"it did not end within {format_duration(timeout)} and was stopped{': ' + said if said else ''}"
    said = said.replace(_DEADLINE, f"after {format_duration(timeout)}, its timeout")
    if _FORBIDDEN in said:
        said += ": the platform team adds that right to the deployer's Role (deployer.rules of the stack's chart)"
    return said or f"helm ended with code {done.code}"


def _last_words(done: Finished, place: Path | None) -> str:
    """What Helm says the error is, without its log lines and our folder's name; bounded."""
    said = done.err.rpartition("Error: ")[2].strip()
    if place is not None:
        said = said.replace(f"{place}/", "")
    return said.encode()[-_LAST_WORDS:].decode(errors="ignore")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sweep(scratch: Path) -> None:
    """Delete what a killed process left: it may hold secret values. Helm reads its files at once, so age tells."""
    for left in scratch.iterdir():
        try:
            if left.is_dir() and time.time() - left.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        except FileNotFoundError:
            continue
