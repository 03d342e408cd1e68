"""``report change``, ``report release`` and ``report environment``: governance documents, from the objects alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.auditarchive import archive_options
from lockflight.cli.auditing import records, root_option
from lockflight.cli.calendars import in_root
from lockflight.cli.errors import CliError, UnreachableError
from lockflight.cli.instants import instant
from lockflight.cli.objects import get, list_all
from lockflight.cli.writers.files import FORMATS, deliver
from lockflight.policy.documents.change import change_record
from lockflight.policy.documents.common import Material
from lockflight.policy.documents.environment import environment_history
from lockflight.policy.documents.release import release_note
from lockflight.ports import Archive

F = TypeVar("F", bound=Callable[..., Any])


def document_options(command: F) -> F:
    """In which format, and where to."""
    command = click.option(
        "--file", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write it there."
    )(command)
    return click.option(
        "--format", "form", type=click.Choice(FORMATS), help="[default: by the ending of FILE; md without one]"
    )(command)


@click.command()
@click.argument("change")
@document_options
@archive_options
@root_option
@command_options
@pass_app
def change(app: App, change: str, *, form: str | None, target: Path | None, root: str, archive: Archive | None) -> None:
    """The change record: what was asked for, decided, done and reviewed."""
    found = get(app, ChangeRequest, change)
    known = material(app, root, archive)
    others = [row.stack for row in found.spec.releases or () if row.stack != app.namespace]
    ran = [*known.promotions, *(p for stack in others for p in list_all(app, Promotion, stack))]
    deliver(app, change_record(found, replace(known, promotions=ran)), form, target)


@click.command()
@click.argument("release")
@document_options
@archive_options
@root_option
@command_options
@pass_app
def release(
    app: App, release: str, *, form: str | None, target: Path | None, root: str, archive: Archive | None
) -> None:
    """The release note: scope, evidence, approvals, verification and deployments."""
    found = get(app, Release, release)
    deliver(app, release_note(found, material(app, root, archive)), form, target)


@click.command()
@click.argument("environment")
@click.option("--from", "start", metavar="DATE", help="The first day, or an instant. [default: the beginning]")
@click.option("--to", "end", metavar="DATE", help="The last day, or the instant at which it ends. [default: now]")
@document_options
@archive_options
@root_option
@command_options
@pass_app
def environment(
    app: App,
    environment: str,
    *,
    start: str | None,
    end: str | None,
    form: str | None,
    target: Path | None,
    root: str,
    archive: Archive | None,
) -> None:
    """The history of an environment: what ran there, under which changes, and what was frozen."""
    begins = instant(start) if start else None
    ends = instant(end, last=True) if end else app.now() + timedelta(seconds=1)
    if begins is not None and begins >= ends:
        msg = f"--from {start} does not lie before --to {end or 'now'}"
        raise click.UsageError(msg)
    found = get(app, Environment, environment)
    deliver(app, environment_history(found, material(app, root, archive), begins, ends), form, target)


def material(app: App, root: str, archive: Archive | None = None) -> Material:
    """Everything of the stack that documents are made of, under the caller's rights."""
    stack = app.namespace
    return Material(
        stack=stack,
        now=app.now().astimezone(UTC),
        environments=list_all(app, Environment, stack),
        baselines=in_root(app, Environment, root),
        releases=list_all(app, Release, stack),
        promotions=list_all(app, Promotion, stack),
        changes=[*list_all(app, ChangeRequest, stack), *_bulk(app, stack, root)],
        freezes=[*list_all(app, FreezeWindow, stack), *in_root(app, FreezeWindow, root)],
        records=_records(app, stack, root, archive),
    )


def _bulk(app: App, stack: str, root: str) -> Sequence[ChangeRequest]:
    """The bulk changes that name a release of the stack."""
    return [c for c in in_root(app, ChangeRequest, root) if any(r.stack == stack for r in c.spec.releases or ())]


def _records(app: App, stack: str, root: str, archive: Archive | None) -> Sequence[AuditRecord] | None:
    """The stack's records and the operator's own; None where they may not be read, or one of them cannot be."""
    try:
        chains, unreadable = records(app, root, archive)
    except UnreachableError:
        raise
    except CliError:
        return None
    if unreadable:
        msg = f"record {unreadable[0].record} {unreadable[0].message}: see lockflight audit verify"
        raise CliError(msg)
    places = chains if stack == root else dict.fromkeys((stack, root))
    return [record for place in places for record in chains.get(place, [])]
