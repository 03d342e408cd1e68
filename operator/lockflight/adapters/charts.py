"""The Charts port: ``helm pull`` behind a cache by digest."""

import asyncio
import re
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from lockflight.adapters import chart_files
from lockflight.adapters.helm_env import HelmEnvironment
from lockflight.adapters.process import Finished, program, run
from lockflight.api.release import Chart
from lockflight.ports import ChartError, PulledChart

_PULL_SECONDS = 60.0
_AT_ONCE = 8
# A registry that does not answer must leave room for the others.
_AT_ONCE_PER_HOST = 2
_DIGEST = re.compile(r"^Digest: (sha256:[0-9a-f]{64})\s*$", re.MULTILINE)
_MISSING = re.compile(
    r"not found|404|name unknown|manifest unknown|no chart version found|failed to fetch.*404", re.IGNORECASE
)
_REFUSED = re.compile(r"(status code|:) (401|403)\b|unauthorized|access denied|denied:", re.IGNORECASE)
_NO_CHART = re.compile(r"mediatype|descriptors", re.IGNORECASE)
_DIFFERS = re.compile(r"mismatch|invalid digest", re.IGNORECASE)
_MIB = 1_048_576


class ChartCache:
    """Charts as ``<folder>/charts/sha256/<hex>.tgz``, each pulled at most once and checked at every use."""

    def __init__(
        self,
        binary: str,
        environment: HelmEnvironment,
        folder: Path,
        *,
        max_bytes: int = _MIB,
        plain_http: Collection[str] = (),
    ) -> None:
        """``plain_http``: the registries (host:port) that are asked without TLS; all others are asked with it."""
        self._helm = program(binary)
        self._environment = environment
        self._folder = folder / "charts" / "sha256"
        self._max_bytes = max_bytes
        self._plain_http = frozenset(plain_http)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._pulling: dict[str, asyncio.Task[PulledChart]] = {}

    async def resolve(self, chart: Chart) -> str:
        """The pinned digest, else what registry or repository say now. Raises ChartError."""
        return chart.digest or await self._fetch(chart, None)

    async def pull(self, chart: Chart, digest: str) -> PulledChart:
        """The chart with exactly that digest. Raises ChartError where it is not had, or is another chart."""
        task = self._pulling.get(digest)
        if task is None:
            task = asyncio.create_task(self._pull(chart, digest))
            self._pulling[digest] = task
            task.add_done_callback(lambda done: self._forget(digest, done))
        # One caller that gives up does not take the chart from the others.
        pulled = await asyncio.shield(task)
        _, note = await asyncio.to_thread(chart_files.load, pulled.path)
        self._is(note, chart, digest)
        return pulled

    async def _pull(self, chart: Chart, digest: str) -> PulledChart:
        path = self._path(digest)
        if path.exists():
            try:
                await asyncio.to_thread(chart_files.load, path)
            except ChartError:
                path.unlink(missing_ok=True)
        if not path.exists():
            await self._fetch(chart, digest)
        return PulledChart(digest, path)

    async def _fetch(self, chart: Chart, digest: str | None) -> str:
        """Into the cache; the digest is the registry's manifest, or the archive of a repository."""
        host = self._hosts.setdefault(_host(chart), asyncio.Semaphore(_AT_ONCE_PER_HOST))
        async with host, self._slots:
            with tempfile.TemporaryDirectory(dir=self._environment.scratch, prefix="pull-") as folder:
                done = await self._helm_pull(chart, digest, Path(folder))
                if done.code != 0:
                    raise await self._failure(chart, digest, done)
                data = await asyncio.to_thread(_archive, Path(folder), chart, self._max_bytes)
        note = await asyncio.to_thread(chart_files.describe, data, _name(chart))
        got = _pulled_digest(chart, done, note)
        self._is(note, chart, got)
        if digest is not None and got != digest:
            raise ChartError("DigestMismatch", f"{_name(chart)} is {got}, the release pins {digest}", final=True)
        await asyncio.to_thread(chart_files.store, self._path(got), data, note)
        return got

    async def _helm_pull(self, chart: Chart, digest: str | None, folder: Path) -> Finished:
        plain = ["--plain-http"] if chart.oci and _host(chart) in self._plain_http else []
        argv = [
            self._helm,
            "pull",
            *_reference(chart, digest),
            *plain,
            "--destination",
            str(folder),
            "--content-cache",
            str(folder / "content"),
        ]
        return await run(argv, env=self._environment.offline(), cwd=folder, seconds=_PULL_SECONDS, grace=2.0)

    async def _failure(self, chart: Chart, digest: str | None, done: Finished) -> ChartError:
        said = " ".join(done.err.rpartition("Error: ")[2].split())[:500]
        where = _host(chart)
        if done.timed_out:
            return ChartError("RegistryUnreachable", f"{where} did not answer within {_PULL_SECONDS:g} s", final=False)
        if _DIFFERS.search(said):
            return ChartError("DigestMismatch", f"{_name(chart)}: {said}", final=True)
        if _NO_CHART.search(said):
            return ChartError("ChartUnreadable", f"{_name(chart)} is something else than a chart: {said}", final=True)
        if _REFUSED.search(said):
            msg = f"{where} refuses to give {_name(chart)}: give the operator credentials for it ({said})"
            return ChartError("RegistryRefused", msg, final=False)
        if not _MISSING.search(said):
            return ChartError("RegistryUnreachable", f"{where}: {said}", final=False)
        if chart.oci and digest is not None:
            there = await self._there_instead(chart)
            if there is not None:
                msg = f"{_name(chart)} is {there} there, the release pins {digest}"
                return ChartError("DigestMismatch", msg, final=True)
        msg = f"{_name(chart)} does not exist: push it, or create a release that names another ({said})"
        return ChartError("ChartNotFound", msg, final=True)

    async def _there_instead(self, chart: Chart) -> str | None:
        """What the version's tag stands for, to say what is wrong with a digest that is not there."""
        with tempfile.TemporaryDirectory(dir=self._environment.scratch, prefix="pull-") as folder:
            done = await self._helm_pull(chart, None, Path(folder))
        found = _DIGEST.search(done.out.decode(errors="replace")) if done.code == 0 else None
        return found.group(1) if found else None

    def _is(self, note: chart_files.Note, chart: Chart, digest: str) -> None:
        """Name and version inside are those that people read in the Release."""
        name = chart.name or (chart.oci or "").rpartition("/")[2]
        if (note.name, note.version) != (name, chart.version):
            msg = f"{digest} is chart {note.name} {note.version}, the release says {name} {chart.version}"
            raise ChartError("DigestMismatch", msg, final=True)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest.removeprefix('sha256:')}.tgz"

    def _forget(self, digest: str, done: "asyncio.Task[PulledChart]") -> None:
        self._pulling.pop(digest, None)
        if not done.cancelled():
            # Read here too: the caller may be gone, and an unread error would be reported as forgotten.
            done.exception()


def _reference(chart: Chart, digest: str | None) -> Sequence[str]:
    if chart.oci is not None:
        return (f"{chart.oci}@{digest}",) if digest else (chart.oci, "--version", chart.version)
    return (chart.name or "", "--repo", chart.repository or "", "--version", chart.version)


def _archive(folder: Path, chart: Chart, allowed: int) -> bytes:
    archives = [*folder.glob("*.tgz")]
    if len(archives) != 1:
        raise ChartError("ChartUnreadable", f"{_name(chart)}: helm pull brought no archive", final=True)
    size = archives[0].stat().st_size
    if size > allowed:
        raise ChartError("ChartTooLarge", _too_large(size, allowed), final=True)
    return archives[0].read_bytes()


def _pulled_digest(chart: Chart, done: Finished, note: chart_files.Note) -> str:
    if chart.oci is None:
        return note.archive
    said = _DIGEST.search(done.out.decode(errors="replace"))
    if said is None:
        raise ChartError("ChartUnreadable", f"{_name(chart)}: helm pull told no digest", final=True)
    return said.group(1)


def _host(chart: Chart) -> str:
    return urlsplit(chart.oci or chart.repository or "").netloc


def _name(chart: Chart) -> str:
    place = chart.oci or f"{chart.name} in {chart.repository}"
    return f"chart {place} {chart.version}"


def _too_large(size: int, allowed: int) -> str:
    return (
        f"chart is {size / _MIB:.1f} MiB, allowed {allowed / _MIB:.1f} MiB: "
        "Helm keeps the chart inside a Secret of at most 1 MiB"
    )
