"""What the audit commands read of the archive, under the caller's own credentials."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from lockflight.api.auditrecord import AuditRecord
from lockflight.cli.errors import CliError
from lockflight.policy.archiving import folder, read
from lockflight.policy.audit import Finding, Flaw
from lockflight.ports import Archive, PortError

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_AT_A_TIME = 16


def archive_options(command: F) -> F:
    """The options that name an archive; the command gets it as ``archive``, None where none was named."""

    @wraps(command)
    def wrapped(*args: Any, archive: str | None, endpoint: str, region: str, keys: Path | None, **named: Any) -> Any:
        return command(*args, archive=_opened(archive, endpoint, region, keys) if archive else None, **named)

    for option in (
        click.option(
            "--archive-keys",
            "keys",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="A folder with the files accessKey and secretKey.",
        ),
        click.option("--archive-region", "region", default="us-east-1", show_default=True, help="The bucket's region."),
        click.option(
            "--archive-endpoint",
            "endpoint",
            default="https://s3.amazonaws.com",
            show_default=True,
            metavar="URL",
            help="The S3-compatible store.",
        ),
        click.option("--archive", metavar="PLACE", help="The archive: a folder, or s3://bucket/prefix."),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def archived(archive: Archive, stack: str) -> tuple[list[AuditRecord], list[Finding]]:
    """A stack's records in the archive in their order, and those that cannot be read. Raises CliError."""
    records, unreadable = [], []
    for name, content in _asked(_contents(archive, stack)):
        try:
            records.append(read(name, content))
        except ValueError as problem:
            unreadable.append(Finding(Flaw.UNREADABLE, name, str(problem)))
    return sorted(records, key=lambda record: record.spec.sequence), unreadable


def archived_stacks(archive: Archive) -> Sequence[str]:
    """The stacks that the archive has records of. Raises CliError."""
    return _asked(_stacks(archive))


async def _contents(archive: Archive, stack: str) -> list[tuple[str, bytes]]:
    places = asyncio.Semaphore(_AT_A_TIME)

    async def one(name: str) -> tuple[str, bytes]:
        async with places:
            return name, await archive.get(name) or b""

    return await asyncio.gather(*(one(name) for name in await archive.names(folder(stack))))


async def _stacks(archive: Archive) -> list[str]:
    return sorted({name.split("/")[1] for name in await archive.names("records/") if name.count("/") == 2})


def _opened(place: str, endpoint: str, region: str, keys: Path | None) -> Archive:
    from lockflight.adapters.archives import opened

    try:
        return opened(place, endpoint=endpoint, region=region, credentials=keys)
    except ValueError as problem:
        raise CliError(str(problem)) from problem


def _asked(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except PortError as problem:
        raise CliError(str(problem)) from problem
