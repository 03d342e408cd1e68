"""``approve``, ``reject`` and ``withdraw``: the change board's decisions."""

from collections.abc import Callable, Sequence

import click

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.kinds import CHANGE_REQUEST
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.client import Manifest
from lockflight.cli.deciding import Decision, behalf_option, comment_option, confirmed, entry, role_option, yes_option
from lockflight.cli.diff import read, show
from lockflight.cli.errors import CliError
from lockflight.cli.names import changes_argument
from lockflight.cli.objects import get

_VERB: dict[Decision, str] = {"Approved": "approve", "Rejected": "reject", "Withdrawn": "withdraw from"}


def _deciding(function: Callable[..., None]) -> Callable[..., None]:
    for option in (pass_app, command_options, yes_option, behalf_option, comment_option, role_option):
        function = option(function)
    return changes_argument(function)


@click.command()
@_deciding
def approve(
    app: App, *, changes: Sequence[str], role: str, comment: str | None, on_behalf_of: str | None, yes: bool
) -> None:
    """Approve changes.

    Shows exactly what would be applied, and asks. The approval binds to the plan shown: if that changed meanwhile, the
    API server refuses it.
    """
    decide(app, changes, role, "Approved", comment, on_behalf_of, yes=yes)


@click.command()
@_deciding
def reject(
    app: App, *, changes: Sequence[str], role: str, comment: str | None, on_behalf_of: str | None, yes: bool
) -> None:
    """Reject changes; a rejection is final."""
    decide(app, changes, role, "Rejected", comment, on_behalf_of, yes=yes)


@click.command()
@_deciding
def withdraw(
    app: App, *, changes: Sequence[str], role: str, comment: str | None, on_behalf_of: str | None, yes: bool
) -> None:
    """Take back your approval of changes."""
    decide(app, changes, role, "Withdrawn", comment, on_behalf_of, yes=yes)


def decide(
    app: App,
    changes: Sequence[str],
    role: str,
    decision: Decision,
    comment: str | None,
    behalf: str | None,
    *,
    yes: bool,
) -> None:
    """Decide on each; one that cannot be decided does not keep the others. Raises the first error."""
    failed: list[CliError] = []
    results: list[Manifest] = []
    for name in dict.fromkeys(changes):
        try:
            written = _decide_one(app, name, role, decision, comment, behalf, yes=yes)
        except CliError as problem:
            failed.append(problem)
            if len(changes) > 1:
                output.note(f"{name}: {problem.message}")
            continue
        if written is not None:
            results.append(written)
    if app.as_data:
        output.show_data(app, results[0] if len(changes) == 1 and results else results)
    if failed and len(changes) == 1:
        raise failed[0]
    if failed:
        msg = f"{len(failed)} of {len(changes)} changes could not be decided"
        raise CliError(msg)


def _decide_one(
    app: App, name: str, role: str, decision: Decision, comment: str | None, behalf: str | None, *, yes: bool
) -> Manifest | None:
    change = get(app, ChangeRequest, name)
    status, generation = change.status, change.metadata.generation
    if status.plan_digest is None or status.observed_generation != generation:
        words = status.waits_for or "the operator has not planned this generation yet"
        msg = f"change {name} has no plan to {_VERB[decision]}: {words}; look again with lockflight diff {name}"
        raise CliError(msg)
    if not app.as_data:
        show(read(app, change))
        click.echo()
    question = f"{_VERB[decision].capitalize()} {name} as {role}, plan {output.short(status.plan_digest)}?"
    if not confirmed(app, question, yes=yes):
        output.note(f"{name}: nothing sent")
        return None
    made = entry(app, role, decision, comment, generation, status.plan_digest, behalf)
    written = app.api.append(CHANGE_REQUEST, app.namespace, name, "approvals", made)
    if not app.as_data:
        named = f" for {behalf}" if behalf else ""
        output.show_object(
            app,
            written,
            CHANGE_REQUEST.plural,
            f"{decision.lower()} as {role} by {made['by']}{named}, plan {status.plan_digest}",
        )
    return written
