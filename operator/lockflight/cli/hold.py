"""``hold`` and ``unhold``: keep a release from going on, and let it go on."""

import click

from lockflight.api.kinds import RELEASE
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.names import release_argument
from lockflight.cli.writing import edit


@click.command()
@release_argument
@click.argument("reason")
@command_options
@pass_app
def hold(app: App, release: str, reason: str) -> None:
    """Keep a release from environments that it has not reached."""
    known = app.api.get(RELEASE, app.namespace, release)
    if known["spec"].get("hold") == {"reason": reason}:
        output.show_object(app, known, RELEASE.plural, "unchanged")
        return
    output.show_object(app, edit(app, RELEASE, known, {"hold": {"reason": reason}}), RELEASE.plural, "held")


@click.command()
@release_argument
@command_options
@pass_app
def unhold(app: App, release: str) -> None:
    """Let a held release go on."""
    known = app.api.get(RELEASE, app.namespace, release)
    if "hold" not in known["spec"]:
        output.show_object(app, known, RELEASE.plural, "unchanged")
        return
    output.show_object(app, edit(app, RELEASE, known, {"hold": None}), RELEASE.plural, "no longer held")
