"""``values``: where every value of a release in an environment comes from."""

from typing import Any

import click

from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.calendars import ROOT
from lockflight.cli.names import complete_environments, release_argument
from lockflight.cli.objects import get
from lockflight.cli.valuesof import ValuesOf, components_of, shown, values_of
from lockflight.policy.provenance import Explained


@click.command()
@release_argument
@click.option(
    "--env", "environment", required=True, metavar="ENVIRONMENT", shell_complete=complete_environments, help="Where."
)
@click.option("--component", metavar="NAME", help="Only this component. [default: all]")
@click.option("--overridden", is_flag=True, help="Also what each value took the place of.")
@click.option("--root-namespace", default=ROOT, show_default=True, help="Where the operator runs.")
@command_options
@pass_app
def values(
    app: App, *, release: str, environment: str, component: str | None, overridden: bool, root_namespace: str
) -> None:
    """Where every value of a release in an environment comes from.

    They are layered as a plan would have them now; the chart's own values lie below. Values of Secrets are shown as
    digests, and only to those who may read them.
    """
    found = values_of(app, get(app, Release, release), get(app, Environment, environment), root_namespace)
    chosen = components_of(found, component)
    if app.as_data:
        rows = [_data(found, name, each, overridden=overridden) for name, all_of in chosen for each in all_of]
        output.show_data(app, rows)
    else:
        table = [
            row for name, all_of in chosen for each in all_of for row in _rows(found, name, each, everything=overridden)
        ]
        output.show_table(output.Table(("component", "path", "value", "source"), tuple(table)))
    for unread in found.unread:
        output.note(f"not read, so what it gives is missing here: {unread}")


def _rows(found: ValuesOf, component: str, each: Explained, *, everything: bool) -> list[tuple[str, ...]]:
    def text(value: Any, source: str) -> str:
        import json

        return json.dumps(shown(value, source, found.secrets), ensure_ascii=False)

    rows: list[tuple[str, ...]] = [(component, each.path, text(each.value, each.source), each.source)]
    if everything:
        rows += [
            (component, f"  {each.path}", text(o.value, o.source), f"overridden: {o.source}") for o in each.overridden
        ]
    return rows


def _data(found: ValuesOf, component: str, each: Explained, *, overridden: bool) -> dict[str, Any]:
    def one(value: Any, source: str) -> dict[str, Any]:
        field = "digest" if source in found.secrets else "value"
        return {field: shown(value, source, found.secrets), "source": source}

    row = {"component": component, "path": each.path, **one(each.value, each.source)}
    return {**row, "overridden": [one(o.value, o.source) for o in each.overridden]} if overridden else row
