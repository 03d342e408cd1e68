"""The operator by a clock that a test puts forward: ``python -m tests.e2e.clocked``, else as its Deployment says."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lockflight import main

FILE = "CLOCK_FILE"
_LOOK = 0.02


class MovableClock:
    """The machine's clock, ahead by as many seconds as stand in a file; it is only ever put forward."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def ahead(self) -> timedelta:
        """How far it is ahead of the machine's."""
        return timedelta(seconds=float(self._file.read_text() or "0") if self._file.exists() else 0)

    def now(self) -> datetime:
        """The instant that it shows, in UTC."""
        return datetime.now(UTC) + self.ahead

    async def sleep(self, duration: timedelta) -> None:
        """Return when it shows a time by ``duration`` later, or was put there."""
        until = self.now() + duration
        while (rest := (until - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(min(rest, _LOOK))

    def put(self, instant: datetime) -> None:
        """Have it show ``instant``, which lies ahead. Written in one step, for it is being read."""
        ahead = instant - datetime.now(UTC)
        assert ahead >= self.ahead, f"the clock is past {instant}"
        new = self._file.with_suffix(".new")
        new.write_text(str(ahead.total_seconds()))
        new.replace(self._file)


if __name__ == "__main__":
    sys.exit(main.main(MovableClock(Path(os.environ[FILE]))))
