"""``hold`` and ``unhold``: keep a release from going on, and let it go on."""

import click

from lockflight.api.kinds import RELEASE
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app


@click.command()
@click.argument("release")
@click.argument("reason")
@command_options
@pass_app
def hold(app: App, release: str, reason: str) -> None:
    """Keep a release from environments that it has not reached."""
    held = app.api.merge(RELEASE, app.namespace, release, {"spec": {"hold": {"reason": reason}}})
    output.show_object(app, held, RELEASE.plural, "held")


@click.command()
@click.argument("release")
@command_options
@pass_app
def unhold(app: App, release: str) -> None:
    """Let a held release go on."""
    free = app.api.merge(RELEASE, app.namespace, release, {"spec": {"hold": None}})
    output.show_object(app, free, RELEASE.plural, "no longer held")
