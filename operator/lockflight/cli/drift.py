"""``drift show``, ``take-over`` and ``put-back``: what was changed by another way than a promotion, and its end."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.drift import DriftState, DriftStatus
from lockflight.api.environment import Environment
from lockflight.api.kinds import CHANGE_REQUEST
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.deciding import confirmed, yes_option
from lockflight.cli.errors import CliError
from lockflight.cli.names import complete_changes, environment_argument
from lockflight.cli.objects import get, list_all
from lockflight.cli.writing import edit

_NEVER = datetime.min.replace(tzinfo=UTC)
_application = click.option("--application", metavar="NAME", help="Only this application. [default: all]")


@click.group()
def drift() -> None:
    """What runs and was not promoted so: look at it, and settle it."""


@drift.command()
@environment_argument
@_application
@command_options
@pass_app
def show(app: App, *, environment: str, application: str | None) -> None:
    """Every field that is not as it was last promoted; values of Secrets are never shown."""
    rows = _rows(get(app, Environment, environment), application)
    if app.as_data:
        output.show_data(app, [row.dump() for row in rows])
        return
    if not rows:
        output.line(f"what runs in {environment} is what was last promoted, as far as it is compared (spec.drift)")
        return
    table = [line for row in rows for line in _lines(row)]
    output.show_table(output.Table(("application", "object", "field", "what", "field manager"), tuple(table)))
    for row in rows:
        shown = sum(len(obj.fields) for obj in row.objects)
        if row.count > shown:
            output.line(f"{row.application}: {row.count - shown} more fields differ")
        if row.put_back is not None and row.put_back.message:
            output.line(f"{row.application}: {row.put_back.message} ({row.put_back.tries} tries)")
        if row.digest:
            output.line(f"{row.application}: since {output.when(row.since)}, as a whole {row.digest}")


@drift.command("take-over")
@environment_argument
@click.option(
    "--change", required=True, metavar="CHANGE", shell_complete=complete_changes, help="The change that brings over it."
)
@yes_option
@command_options
@pass_app
def take_over(app: App, *, environment: str, change: str, yes: bool) -> None:
    """Have a change take the drift over: what it brings is applied over what was changed. It is approved anew."""
    found = get(app, ChangeRequest, change)
    if environment not in found.spec.environments:
        msg = f"change {change} is for {', '.join(found.spec.environments)}: name a change for {environment}"
        raise CliError(msg)
    only = get(app, Release, found.spec.release).spec.application if found.spec.release else None
    rows = [r for r in _rows(get(app, Environment, environment), only) if r.state is DriftState.DRIFTED and r.digest]
    if not rows:
        msg = f"nothing of {only or 'what the change brings'} drifted in {environment}: there is nothing to take over"
        raise CliError(msg)
    for row in rows:
        for line in _lines(row):
            output.note("  ".join(cell for cell in line if cell != "-"))
    if not confirmed(app, f"Have {change} take this over? Approvals that it has are void then", yes=yes):
        return
    kept = [row.dump() for row in found.spec.takes_over if row.environment != environment]
    taken = [*kept, *({"environment": environment, "drift": row.digest} for row in rows)]
    if taken == [row.dump() for row in found.spec.takes_over]:
        output.show_object(app, found.dump(), CHANGE_REQUEST.plural, "unchanged: it takes exactly this over already")
        return
    written = edit(app, CHANGE_REQUEST, app.api.get(CHANGE_REQUEST, app.namespace, change), {"takesOver": taken})
    output.show_object(app, written, CHANGE_REQUEST.plural, "takes it over; it is approved anew")


@drift.command("put-back")
@environment_argument
@_application
@yes_option
@command_options
@pass_app
def put_back(app: App, *, environment: str, application: str | None, yes: bool) -> None:
    """Have what drifted put back as it was last promoted: exactly what is shown, and nothing that came since.

    The operator does it once no freeze holds it, from the revision that Helm recorded.
    """
    rows = [
        r for r in _rows(get(app, Environment, environment), application) if r.state is DriftState.DRIFTED and r.digest
    ]
    if not rows:
        msg = f"nothing drifted in {environment}: there is nothing to put back"
        raise CliError(msg)
    records = {row.application: _record(app, environment, row.application) for row in rows}
    for row in rows:
        for line in _lines(row):
            output.note("  ".join(cell for cell in line if cell != "-"))
    if not confirmed(app, "Put this back as it was last promoted?", yes=yes):
        return
    for row in rows:
        name = records[row.application]
        asked = {"putBack": {"drift": row.digest}}
        written = edit(app, CHANGE_REQUEST, app.api.get(CHANGE_REQUEST, app.namespace, name), asked)
        output.show_object(app, written, CHANGE_REQUEST.plural, f"asks to put {row.application} back")


def _record(app: App, environment: str, application: str) -> str:
    """The open record of what nobody permitted. Raises CliError where the environment keeps none."""
    found = [
        change
        for change in list_all(app, ChangeRequest, app.namespace)
        if change.spec.unauthorised is not None
        and change.spec.unauthorised.application == application
        and environment in change.spec.environments
        and not (change.status.phase is not None and change.status.phase.ended)
    ]
    if not found:
        msg = (
            f"{application} in {environment} has no open unauthorised change: promote once more what runs there, or "
            "set spec.drift.mode to Correct"
        )
        raise CliError(msg)
    return max(found, key=lambda change: change.metadata.creation_timestamp or _NEVER).metadata.name


def _rows(environment: Environment, application: str | None) -> Sequence[DriftStatus]:
    return [row for row in environment.status.drift if application in (None, row.application)]


def _lines(row: DriftStatus) -> Sequence[tuple[str, ...]]:
    if row.state is DriftState.UNKNOWN:
        return [(row.application, "-", "-", f"could not be compared: {row.message}", "-")]
    return [
        (row.application, f"{obj.kind} {obj.name}", field.path or "-", field.what, field.manager or "-")
        for obj in row.objects
        for field in obj.fields
    ]
