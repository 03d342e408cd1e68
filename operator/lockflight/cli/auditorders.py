"""``audit hold``, ``audit unhold``, ``audit restore``: what people order of the audit trail, and the operator does."""

from pathlib import Path

import click

from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.auditarchive import archive_options, archived
from lockflight.cli.auditing import root_option
from lockflight.cli.checkpoints import key_option, latest
from lockflight.cli.errors import CliError
from lockflight.policy.archiving import HOLD_ALL, LEGAL_HOLD_PREFIX, RESTORE_PREFIX, order
from lockflight.policy.audit import head_of, verify
from lockflight.ports import Archive

_all = click.option("--all", "everything", is_flag=True, help="Of all stacks.")


@click.command()
@click.argument("stack", required=False)
@_all
@click.option("--reason", required=True, help="Why, such as the number of the case.")
@root_option
@command_options
@pass_app
def hold(app: App, stack: str | None, root: str, *, everything: bool, reason: str) -> None:
    """Put the audit records of STACK under legal hold: none of them leaves the cluster, the API server sees to it.

    Takes the verb hold on auditrecords/STACK (with --all: on auditrecords/all.stacks) in the operator's namespace.
    """
    key = _held(stack, everything=everything)
    text = f"{app.api.whoami().user}: {reason}"
    changed = app.api.annotate_namespace(root, {key: text})
    if app.as_data:
        output.show_data(app, changed)
    else:
        click.echo(f"audit records of {stack or 'all stacks'} are held: {text}")


@click.command()
@click.argument("stack", required=False)
@_all
@root_option
@command_options
@pass_app
def unhold(app: App, stack: str | None, root: str, *, everything: bool) -> None:
    """Lift the legal hold on the audit records of STACK: those past their retention leave the cluster again."""
    key = _held(stack, everything=everything)
    known = app.api.read_namespace(root)["metadata"].get("annotations") or {}
    if key in known:
        app.api.annotate_namespace(root, {key: None})
    click.echo(f"audit records of {stack or 'all stacks'}: {'hold lifted' if key in known else 'nothing was held'}")


@click.command()
@click.argument("stack")
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint kept elsewhere: the archive must hold it; repeat.",
)
@key_option
@click.option("--dry-run", is_flag=True, help="Verify the archive, order nothing.")
@archive_options
@root_option
@command_options
@pass_app
def restore(
    app: App,
    stack: str,
    root: str,
    *,
    checkpoints: tuple[Path, ...],
    key: Path | None,
    dry_run: bool,
    archive: Archive | None,
) -> None:
    """Have the chain of STACK go on from the archive, in a cluster that lost its records.

    Verifies the archived chain from its first record on, and orders the operator to go on behind its head. The
    operator verifies it again: the first record that it writes is an Imported one, which names that head and you.
    Nothing that was sealed before counts as an approval here. Takes the verb restore on auditrecords/STACK in the
    operator's namespace.
    """
    if archive is None:
        msg = "give the archive: --archive"
        raise click.UsageError(msg)
    heads = latest(checkpoints, key)
    records, unreadable = archived(archive, stack)
    findings = [*unreadable, *verify(stack, records, until=heads.get(stack))]
    for finding in findings:
        output.line(": ".join(filter(None, (finding.flaw.value, finding.record, finding.message))))
    if findings or not records:
        msg = f"the archive holds no whole chain of {stack}: nothing is ordered"
        raise CliError(msg)
    head = head_of(records[-1].spec)
    if not dry_run:
        app.api.annotate_namespace(root, {RESTORE_PREFIX + stack: order(app.api.whoami().user, head)})
    if app.as_data:
        said = {"stack": stack, "records": len(records), "sequence": head.sequence, "hash": head.hash}
        output.show_data(app, {**said, "ordered": not dry_run})
        return
    click.echo(f"{stack}: {len(records)} records, whole up to number {head.sequence} with hash {head.hash}")
    if heads.get(stack) is None:
        output.note("whether its end was cut off is shown by a checkpoint only: --checkpoint")
    if not dry_run:
        click.echo(f"ordered; the operator writes {stack}-{head.sequence + 1:010} within a minute or two")


def _held(stack: str | None, *, everything: bool) -> str:
    if everything == (stack is not None):
        msg = "name a stack, or give --all"
        raise click.UsageError(msg)
    return LEGAL_HOLD_PREFIX + (stack or HOLD_ALL)
