"""``wait``: until a change is where a pipeline needs it."""

from datetime import timedelta

import click

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.conditions import Condition, find
from lockflight.api.promotion import Promotion
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.errors import CliError
from lockflight.cli.names import complete_changes
from lockflight.cli.objects import get
from lockflight.cli.waiting import timeout_option, wait_for

_LOST = (ChangePhase.REJECTED, ChangePhase.EXPIRED, ChangePhase.CANCELLED, ChangePhase.CLOSED)


@click.command()
@click.argument("change", metavar="NAME", shell_complete=complete_changes)
@click.option("--step", metavar="STEP", help="Wait for this step of the promotion NAME to be open, not for a change.")
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
def wait(app: App, *, change: str, step: str | None, wanted: str, timeout: timedelta) -> None:
    """Wait until a change may be carried out, as a pipeline does.

    It comes before a step of its own, of Argo CD for one. With --step it waits until a promotion has come to a step
    that others take, or a verification that others do: how that went is said with lockflight attest.

    Ends with an error as soon as the change has ended without that.
    """
    if step is not None:
        _for_step(app, change, step, timeout)
        return
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


def _for_step(app: App, promotion: str, step: str, timeout: timedelta) -> None:
    last: list[str] = ["it was not judged yet"]

    def look() -> Promotion | None:
        found = get(app, Promotion, promotion)
        row = next((row for row in found.status.steps if row.name == step), None)
        theirs = next((row for row in found.status.verification if row.name == step and row.role), None)
        if (row is not None and row.state == "Authorized") or (theirs is not None and theirs.state == "Running"):
            return found
        if theirs is not None and theirs.state != "Pending":
            msg = f"promotion {promotion} is {found.status.phase}: verification {step} is {theirs.state}"
            raise CliError(msg)
        over = found.status.phase is not None and found.status.phase.final
        if over or (row is not None and row.state in ("Done", "Failed")):
            state = f"step {step} is {row.state}" if row is not None else f"it has no step {step}"
            msg = f"promotion {promotion} is {found.status.phase}: {state}"
            raise CliError(msg)
        last[0] = found.status.waits_for or last[0]
        return None

    found = wait_for(app, timeout, look, lambda: f"step {step} of {promotion} is not open: {last[0]}")
    if app.as_data:
        output.show_data(app, found.dump())
    else:
        mine = any(row.name == step for row in found.status.steps if row.state == "Authorized")
        what, state = ("step", reasons.AUTHORIZED) if mine else ("verification", "open")
        output.line(f"{what} {step} of {promotion} is {state}: {found.status.waits_for or ''}", 0)
