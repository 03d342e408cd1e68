"""``sign-off``: the word of testers and business that an environment's purpose was met."""

import click

from lockflight.api.kinds import PROMOTION
from lockflight.api.promotion import Phase, Promotion
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.deciding import Decision, comment_option, confirmed, entry, role_option, yes_option
from lockflight.cli.errors import CliError
from lockflight.cli.names import promotion_argument
from lockflight.cli.objects import get


@click.command()
@promotion_argument
@role_option
@click.option("--reject", is_flag=True, help="Refuse it: the release stays, and goes no further.")
@click.option("--withdraw", is_flag=True, help="Take your own sign-off back, also after the promotion has succeeded.")
@comment_option
@yes_option
@command_options
@pass_app
def sign_off(
    app: App, *, promotion: str, role: str, reject: bool, withdraw: bool, comment: str | None, yes: bool
) -> None:
    """Sign off what a promotion deployed, or reject it.

    Shows what runs and how its verification ended, and asks. With --withdraw the environment is not passed any
    more where too few sign-offs are left: the release goes no further than where it runs.
    """
    if reject and withdraw:
        msg = "--reject and --withdraw are two different things: give one of them"
        raise click.UsageError(msg)
    found = get(app, Promotion, promotion)
    phase, plan = found.status.phase or Phase.WAITING, found.status.plan
    late = phase is Phase.SUCCEEDED and (withdraw or reject)
    if (phase.final and not late) or plan is None:
        words = "it has ended" if phase.final else "nothing is planned yet"
        msg = f"promotion {promotion} is {phase.value}: {words}; see lockflight why {promotion}"
        raise CliError(msg)
    if not app.as_data:
        _show(found, phase)
    decision: Decision = "Withdrawn" if withdraw else "Rejected" if reject else "Approved"
    verb = "Withdraw your sign-off of" if withdraw else "Reject" if reject else "Sign off"
    if not confirmed(app, f"{verb} {promotion} as {role}, plan {output.short(plan.digest)}?", yes=yes):
        output.note(f"{promotion}: nothing sent")
        return
    made = entry(app, role, decision, comment, found.metadata.generation, plan.digest)
    written = app.api.append(PROMOTION, app.namespace, promotion, "signOffs", made)
    done = "withdrawn" if withdraw else "rejected" if reject else "signed off"
    output.show_object(app, written, PROMOTION.plural, f"{done} as {role} by {made['by']}, plan {plan.digest}")


def _show(promotion: Promotion, phase: Phase) -> None:
    status = promotion.status
    output.heading(f"{promotion.metadata.name}: {phase.value}")
    output.line(f"release {promotion.spec.release_ref.name}, digest {output.short(status.release_digest)}", 2)
    output.line(f"environment {promotion.spec.environment_ref.name}", 2)
    for result in status.verification:
        output.line(f"verification {result.name}: {result.state}{' ' + result.message if result.message else ''}", 2)
    for given in status.sign_offs:
        output.line(f"{given.role}: {given.decision} by {given.by or '?'}", 2)
