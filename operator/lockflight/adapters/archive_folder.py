"""The Archive port on a folder, such as a mounted volume."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from lockflight.ports import TamperedError, UnreachableError

P = ParamSpec("P")
T = TypeVar("T")

_READ_ONLY = 0o440


class FolderArchive:
    """One file for each name, complete or not there at all, never written again.

    The file system needs hard links, which is how a file gets its name only if nobody has it. How long files are kept
    is for whoever owns the volume: nothing here removes one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, content: bytes, until: datetime) -> None:
        """Have ``content`` under ``name``, on the disk, read back and compared. Raises TamperedError, PortError."""
        del until
        await self._done(self._put, name, content)

    async def get(self, name: str) -> bytes | None:
        """What is under that name; None where nothing is. Raises PortError."""
        return await self._done(self._read, name)

    async def names(self, folder: str, after: str = "") -> Sequence[str]:
        """The names that begin with ``folder`` and come behind ``after``, sorted. Raises PortError."""
        return [name for name in await self._done(self._names, folder) if name > after]

    async def _done(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(work, *arguments, **named)
        except OSError as problem:
            msg = f"the archive in {self._folder} does not answer: {problem.strerror or problem}"
            raise UnreachableError(msg) from problem

    def _put(self, name: str, content: bytes) -> None:
        path = self._folder / name
        if self._read(name) is None:
            if not self._folder.is_dir():
                # Made here, it would be lost with the pod.
                raise FileNotFoundError(2, "the volume is not mounted")
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, content)
        if self._read(name) != content:
            msg = f"{path} holds something else than what was sealed"
            raise TamperedError(msg)

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _names(self, folder: str) -> list[str]:
        place = self._folder / folder
        if not self._folder.is_dir():
            raise FileNotFoundError(2, "the volume is not mounted")
        if not place.is_dir():
            return []
        return sorted(
            path.relative_to(self._folder).as_posix()
            for path in place.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        )


def _write(path: Path, content: bytes) -> None:
    """The file appears with all of its content, and stays after a power cut."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(_READ_ONLY)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
