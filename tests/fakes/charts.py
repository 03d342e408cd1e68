"""A registry in memory."""

import hashlib
from pathlib import Path

from lockflight.api.release import Chart
from lockflight.ports import ChartError, PulledChart


class FakeCharts:
    """Holds what tests ``publish``."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str], str] = {}
        self.pulls: list[str] = []
        """The digests that were pulled, in order."""
        self.down = False
        """The registry does not answer; what was pulled already is still had."""

    def publish(self, place: str, version: str, content: str = "") -> str:
        """A chart under its OCI reference, or ``<repository>/<name>``; the same content has the same digest."""
        digest = f"sha256:{hashlib.sha256(f'{place} {version} {content}'.encode()).hexdigest()}"
        self._digests[place, version] = digest
        return digest

    def forget_pulled(self) -> None:
        """The cache is empty, as on a new node."""
        self.pulls.clear()

    async def resolve(self, chart: Chart) -> str:
        return chart.digest or self._there(chart)

    async def pull(self, chart: Chart, digest: str) -> PulledChart:
        if digest not in self.pulls:
            there = self._there(chart)
            if there != digest:
                msg = f"{_place(chart)} {chart.version} is {there} there, the release pins {digest}"
                raise ChartError("DigestMismatch", msg, final=True)
            self.pulls.append(digest)
        return PulledChart(digest, Path(f"{digest.removeprefix('sha256:')}.tgz"))

    def _there(self, chart: Chart) -> str:
        if self.down:
            raise ChartError("RegistryUnreachable", f"{_place(chart)}: connection refused", final=False)
        digest = self._digests.get((_place(chart), chart.version))
        if digest is None:
            raise ChartError("ChartNotFound", f"chart {_place(chart)} {chart.version} does not exist", final=True)
        return digest


def _place(chart: Chart) -> str:
    return chart.oci or f"{chart.repository}/{chart.name}"
