"""An archive in memory."""

from collections.abc import Sequence
from datetime import datetime

from lockflight.ports import PortError, TamperedError


class FakeArchive:
    """Tests read and spoil ``kept``; while ``problem`` is set nothing answers."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.until: dict[str, datetime] = {}
        self.problem: PortError | None = None
        self.puts: list[str] = []

    async def put(self, name: str, content: bytes, until: datetime) -> None:
        self._answer()
        self.puts.append(name)
        if self.kept.setdefault(name, content) != content:
            msg = f"{name} holds something else than what was sealed"
            raise TamperedError(msg)
        self.until.setdefault(name, until)

    async def get(self, name: str) -> bytes | None:
        self._answer()
        return self.kept.get(name)

    async def names(self, folder: str, after: str = "") -> Sequence[str]:
        self._answer()
        return sorted(name for name in self.kept if name.startswith(folder) and name > after)

    def _answer(self) -> None:
        if self.problem is not None:
            raise self.problem
