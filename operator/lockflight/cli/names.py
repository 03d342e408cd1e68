"""Arguments that name objects; the shell completes them from the API server."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from lockflight.api.kinds import CHANGE_REQUEST, ENVIRONMENT, PROMOTION, RELEASE, Kind
from lockflight.cli.app import App

F = TypeVar("F", bound=Callable[..., Any])
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _names(kind: Kind) -> Complete:
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        app = ctx.find_object(App) or App()
        try:
            found = app.api.list(kind, app.namespace)
        except click.ClickException:
            # Where nothing can be asked there is nothing to offer: a shell is no place for an error.
            return []
        names = sorted(str(item["metadata"]["name"]) for item in found)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return complete


complete_changes = _names(CHANGE_REQUEST)
complete_environments = _names(ENVIRONMENT)
complete_releases = _names(RELEASE)
promotion_argument = click.argument("promotion", shell_complete=_names(PROMOTION))
release_argument = click.argument("release", shell_complete=_names(RELEASE))
attested_argument = click.argument("name", metavar="RELEASE|PROMOTION", shell_complete=_names(RELEASE))
environment_argument = click.argument("environment", shell_complete=_names(ENVIRONMENT))
change_argument = click.argument("change", shell_complete=_names(CHANGE_REQUEST))
changes_argument = click.argument(
    "changes", metavar="CHANGE...", nargs=-1, required=True, shell_complete=_names(CHANGE_REQUEST)
)
