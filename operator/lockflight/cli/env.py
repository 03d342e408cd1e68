"""``env``: an environment as a stage, and who may do what in its target namespaces."""

import click

from lockflight.api.environment import Environment
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.names import environment_argument
from lockflight.cli.objects import get
from lockflight.cli.stage import show


@click.group()
def env() -> None:
    """Environments: what goes in, what comes out, who has access there."""


env.add_command(show)


@env.command()
@environment_argument
@command_options
@pass_app
def access(app: App, *, environment: str) -> None:
    """Who may do what in the target namespaces, as RBAC really says, and by which binding.

    Foreign is what neither the environment's spec nor a change asked for: somebody gave it by hand.
    """
    rows = get(app, Environment, environment).status.access
    if app.as_data:
        output.show_data(app, [row.dump() for row in rows])
        return
    if not rows:
        output.line(f"nobody has access to the target namespaces of {environment}, or it is not watched in its tier")
        return
    cells = [
        (row.namespace, row.subject, row.level.value, row.via, "foreign" if row.foreign else "as declared")
        for row in rows
    ]
    output.show_table(output.table(["namespace", "who", "level", "by", ""], cells))
