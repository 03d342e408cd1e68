"""``wait``: until a change is where a pipeline needs it."""

from datetime import timedelta

import click

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.conditions import Condition, find
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.errors import CliError
from lockflight.cli.names import change_argument
from lockflight.cli.objects import get
from lockflight.cli.waiting import timeout_option, wait_for

_LOST = (ChangePhase.REJECTED, ChangePhase.EXPIRED, ChangePhase.CANCELLED, ChangePhase.CLOSED)


@click.command()
@change_argument
@click.option(
    "--for",
    "wanted",
    type=click.Choice([reasons.AUTHORIZED, reasons.APPROVED]),
    default=reasons.AUTHORIZED,
    show_default=True,
    help="Approved by enough people, or Authorized: approved, and may be carried out right now.",
)
@timeout_option
@command_options
@pass_app
def wait(app: App, *, change: str, wanted: str, timeout: timedelta) -> None:
    """Wait until a change may be carried out, as a pipeline does.

    It comes before a step of its own, of Argo CD for one.

    Ends with an error as soon as the change has ended without that.
    """
    last: list[Condition | None] = [None]

    def look() -> ChangeRequest | None:
        found = get(app, ChangeRequest, change)
        said = last[0] = find(found.status.conditions, wanted)
        if said is not None and said.status == "True" and said.observed_generation == found.metadata.generation:
            return found
        if found.status.phase in _LOST:
            msg = f"change {change} is {found.status.phase}: {said.message if said else 'nobody decided on it'}"
            raise CliError(msg)
        return None

    found = wait_for(app, timeout, look, lambda: last[0].message if last[0] else f"change {change} was not judged yet")
    if app.as_data:
        output.show_data(app, found.dump())
    else:
        output.line(f"change {change} is {wanted}: {last[0].message if last[0] else ''}", 0)
