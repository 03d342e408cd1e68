"""``attest``: how a step went that Lockflight does not take."""

import click

from lockflight.api.kinds import PROMOTION
from lockflight.api.promotion import Promotion
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.deciding import comment_option, role_option
from lockflight.cli.errors import CliError
from lockflight.cli.names import promotion_argument
from lockflight.cli.objects import get


@click.command()
@promotion_argument
@click.argument("step")
@role_option
@click.option("--result", required=True, type=click.Choice(["Passed", "Failed"]), help="How it went.")
@comment_option
@command_options
@pass_app
def attest(app: App, *, promotion: str, step: str, role: str, result: str, comment: str | None) -> None:
    """Say how a step went that others take.

    With Passed the promotion goes on, with Failed it ends. A pipeline does so after its own work;
    see lockflight wait --step.
    """
    found = get(app, Promotion, promotion)
    row, plan = next((s for s in found.status.steps if s.name == step), None), found.status.plan
    if row is None or plan is None:
        names = ", ".join(s.name for s in found.status.steps) or "none"
        msg = f"promotion {promotion} has no step {step}; its steps are: {names}"
        raise CliError(msg)
    me = app.api.whoami()
    entry: dict[str, object] = {"role": role, "step": step, "result": result, "by": me.user, "groups": list(me.groups)}
    entry |= {"generation": found.metadata.generation, "planDigest": plan.digest}
    written = app.api.append(
        PROMOTION, app.namespace, promotion, "attestations", entry | ({"comment": comment} if comment else {})
    )
    output.show_object(app, written, PROMOTION.plural, f"step {step}: {result}, says {me.user}")
