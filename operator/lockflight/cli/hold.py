"""``hold`` and ``unhold``: keep a release, an application or an environment from going on, and let it go on."""

import click

from lockflight.api.kinds import ENVIRONMENT, RELEASE
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.names import complete_environments, complete_releases
from lockflight.cli.writing import edit

_environment = click.option(
    "--env", "environment", metavar="ENVIRONMENT", shell_complete=complete_environments, help="Everything there."
)
_application = click.option("--application", help="With --env: this application alone.")


@click.command()
@click.argument("words", metavar="[RELEASE] REASON", nargs=-1, required=True, shell_complete=complete_releases)
@_environment
@_application
@command_options
@pass_app
def hold(app: App, *, words: tuple[str, ...], environment: str | None, application: str | None) -> None:
    """Keep a release, or all that moves in an environment, from going on.

    A release is kept from environments that it has not reached.

    A hold on an environment keeps promotions that were made by themselves, by people, and those that go back or remove.
    It takes the right to govern it.
    """
    if len(words) != (1 if environment else 2):
        msg = "say what is held and why: RELEASE REASON, or --env ENVIRONMENT REASON"
        raise click.UsageError(msg)
    reason = {"reason": words[-1]}
    if environment:
        _place(app, environment, application, reason)
        return
    _alone(application)
    known = app.api.get(RELEASE, app.namespace, words[0])
    if known["spec"].get("hold") == reason:
        output.show_object(app, known, RELEASE.plural, "unchanged")
        return
    output.show_object(app, edit(app, RELEASE, known, {"hold": reason}), RELEASE.plural, "held")


@click.command()
@click.argument("release", required=False, shell_complete=complete_releases)
@_environment
@_application
@command_options
@pass_app
def unhold(app: App, release: str | None, environment: str | None, application: str | None) -> None:
    """Let a held release, or what is held in an environment, go on."""
    if bool(release) == bool(environment):
        msg = "say what goes on: RELEASE, or --env ENVIRONMENT"
        raise click.UsageError(msg)
    if environment:
        _place(app, environment, application, None)
        return
    _alone(application)
    known = app.api.get(RELEASE, app.namespace, str(release))
    if "hold" not in known["spec"]:
        output.show_object(app, known, RELEASE.plural, "unchanged")
        return
    output.show_object(app, edit(app, RELEASE, known, {"hold": None}), RELEASE.plural, "no longer held")


def _alone(application: str | None) -> None:
    if application:
        msg = "--application goes with --env: a release is of one application"
        raise click.UsageError(msg)


def _place(app: App, environment: str, application: str | None, reason: dict[str, str] | None) -> None:
    """Hold an environment, or one application there; None: no longer."""
    known = app.api.get(ENVIRONMENT, app.namespace, environment)
    part = (known["spec"].get("applications") or {}).get(application or "", {})
    before = part.get("hold") if application else known["spec"].get("hold")
    if before == reason:
        output.show_object(app, known, ENVIRONMENT.plural, "unchanged")
        return
    change: dict[str, object] = {"hold": reason}
    if application:
        # What holds nothing more and has no values says nothing.
        left = reason is not None or "values" in part
        change = {"applications": {application: {"hold": reason} if left else None}}
    done = "held" if reason else "no longer held"
    output.show_object(app, edit(app, ENVIRONMENT, known, change), ENVIRONMENT.plural, done)
