"""``attest``: how a step went that Lockflight does not take, or a verification that others do."""

import click

from lockflight.api.kinds import PROMOTION
from lockflight.api.promotion import Phase, Promotion
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
    """Say how a step went that others take, or a verification that others do.

    STEP is the name of the step, or of the verification. With Passed the promotion goes on, with Failed
    it ends. A pipeline does so after its own work; see lockflight wait --step.
    """
    found = get(app, Promotion, promotion)
    plan, about = found.status.plan, _about(found, step)
    if about is None or plan is None:
        names = ", ".join(s.name for s in found.status.steps) or "none"
        theirs = ", ".join(v.name for v in found.status.verification if v.role) or "none"
        msg = f"promotion {promotion} has no step {step}; its steps are: {names}; verifications of others: {theirs}"
        raise CliError(msg)
    me = app.api.whoami()
    entry: dict[str, object] = {"role": role, about: step, "result": result, "by": me.user, "groups": list(me.groups)}
    entry |= {"generation": found.metadata.generation, "planDigest": plan.digest}
    written = app.api.append(
        PROMOTION, app.namespace, promotion, "attestations", entry | ({"comment": comment} if comment else {})
    )
    output.show_object(app, written, PROMOTION.plural, f"{about} {step}: {result}, says {me.user}")


def _about(promotion: Promotion, name: str) -> str | None:
    """Which of the two bears that name; while the promotion waits for verifications, those."""
    status = promotion.status
    theirs = any(row.name == name and row.role for row in status.verification)
    if theirs and status.phase is Phase.AWAITING_VERIFICATION:
        return "verification"
    if any(row.name == name for row in status.steps):
        return "step"
    return "verification" if theirs else None
