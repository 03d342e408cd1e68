"""``verify rerun``: a verification that failed, or is in doubt, once more."""

import click

from lockflight.api.kinds import PROMOTION
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.errors import CliError
from lockflight.cli.names import promotion_argument
from lockflight.cli.objects import get, list_all
from lockflight.cli.promote import free_name
from lockflight.cli.writing import create

MOST = 5
"""Promotions of one release into one environment whose verification failed; then another version is due."""

_WAITS = (Phase.AWAITING_VERIFICATION, Phase.AWAITING_SIGN_OFF)


@click.group()
def verify() -> None:
    """Verifications of what was deployed."""


@verify.command()
@promotion_argument
@command_options
@pass_app
def rerun(app: App, *, promotion: str) -> None:
    """Run the verification of a promotion again.

    A promotion that has ended stays as it is: this creates another one of the same release, under the same change,
    that is judged anew, applies the same bytes and verifies them. It takes the place of one that still waits for
    others or for sign-off.
    """
    found = get(app, Promotion, promotion)
    phase, failed = found.status.phase, any(row.state == "Failed" for row in found.status.verification)
    if found.spec.action is not Action.DEPLOY or not (
        phase in _WAITS or (phase is not None and phase.final and failed)
    ):
        msg = (
            f"promotion {promotion} is {phase or Phase.WAITING}, and no verification of it failed: there is nothing to "
            f"run again; see lockflight why {promotion}"
        )
        raise CliError(msg)
    release, environment = found.spec.release_ref.name, found.spec.environment_ref.name
    same = [
        p
        for p in list_all(app, Promotion, app.namespace)
        if (p.spec.release_ref.name, p.spec.environment_ref.name) == (release, environment)
    ]
    under_way = next((p for p in same if p.metadata.name != promotion and not _over(p)), None)
    if under_way is not None:
        msg = f"promotion {under_way.metadata.name} brings {release} to {environment} already"
        raise CliError(msg)
    tries = sum(any(row.state == "Failed" for row in p.status.verification) for p in same)
    if tries >= MOST:
        msg = f"the verification of {release} failed in {environment} {tries} times: mend it, and build another version"
        raise CliError(msg)
    spec = {key: value for key, value in found.spec.dump().items() if key != "abort"}
    name = free_name(release, environment, Action.DEPLOY, {p.metadata.name for p in same})
    made = create(app, Promotion, name, spec)
    output.show_object(app, made, PROMOTION.plural, f"created: verifies {release} in {environment} again")


def _over(promotion: Promotion) -> bool:
    return promotion.status.phase is not None and promotion.status.phase.final
