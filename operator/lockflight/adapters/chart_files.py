"""Chart archives on disk: beside each stands a note of what it is, and its bytes are checked whenever they are used."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from lockflight.ports import ChartError

_LARGEST_CHART_YAML = 65_536


@dataclass(frozen=True, slots=True)
class Note:
    """What an archive holds."""

    archive: str
    """SHA-256 of the archive's bytes, ``sha256:`` and hexadecimal digits."""
    name: str
    version: str


def sha256(data: bytes) -> str:
    """``sha256:`` and the hexadecimal digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def describe(data: bytes, what: str) -> Note:
    """Name and version from an archive's Chart.yaml. Raises ChartError."""
    try:
        # Unpacked by gzip, not by tarfile, which stumbles over the gzip header that Helm writes.
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as tar, tarfile.open(fileobj=tar, mode="r|") as archive:
            for member in archive:
                if member.isfile() and member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                    return _note(data, archive.extractfile(member))
    except (tarfile.TarError, OSError, EOFError, yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        raise ChartError("ChartUnreadable", f"{what} is not a chart archive: {problem}", final=True) from problem
    raise ChartError("ChartUnreadable", f"{what} is not a chart archive: it has no Chart.yaml", final=True)


def store(path: Path, data: bytes, note: Note) -> None:
    """Put archive and note in place; whoever looks sees the whole of it or nothing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(path.with_suffix(".json"), json.dumps(asdict(note)).encode())
    _replace(path, data)


def load(path: Path) -> tuple[bytes, Note]:
    """An archive's bytes, checked. Raises ChartError where they are not what was stored."""
    try:
        data = path.read_bytes()
        note = Note(**json.loads(path.with_suffix(".json").read_text()))
    except (OSError, ValueError, TypeError) as problem:
        raise ChartError("ChartUnreadable", f"the cached chart {path.name} cannot be read", final=False) from problem
    if sha256(data) != note.archive:
        msg = f"the cached chart {path.name} was changed on disk: it is pulled again"
        raise ChartError("DigestMismatch", msg, final=False)
    return data, note


def _note(data: bytes, file: IO[bytes] | None) -> Note:
    metadata: Any = yaml.safe_load(file.read(_LARGEST_CHART_YAML)) if file else None
    return Note(archive=sha256(data), name=str(metadata["name"]), version=str(metadata["version"]))


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
