"""``compare``: how two environments differ, in what runs and in values."""

import json
from collections.abc import Sequence
from typing import Any

import click

from lockflight.api.environment import Environment
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.calendars import ROOT
from lockflight.cli.errors import CliError, NotFoundError
from lockflight.cli.names import complete_environments
from lockflight.cli.objects import get
from lockflight.cli.valuesof import ValuesOf, running_release, shown, values_of
from lockflight.policy.contrast import Contrast, Side, contrasts


@click.command()
@click.argument("first", metavar="ENVIRONMENT", shell_complete=complete_environments)
@click.argument("second", metavar="ENVIRONMENT", shell_complete=complete_environments)
@click.option("--application", metavar="NAME", help="Only this application. [default: all that run in either]")
@click.option("--release", metavar="RELEASE", help="Compare the values of this release. [default: of what runs]")
@click.option("--root-namespace", default=ROOT, show_default=True, help="Where the operator runs.")
@command_options
@pass_app
def compare(
    app: App, *, first: str, second: str, application: str | None, release: str | None, root_namespace: str
) -> None:
    """How two environments differ, in what runs and in values.

    Versions, charts and images that run are compared, and the values that a plan would have now. Where nothing runs,
    the release that runs in the other one is taken. Values of Secrets are shown as digests.
    """
    sides = get(app, Environment, first), get(app, Environment, second)
    given = get(app, Release, release) if release else None
    names = {row.application for side in sides for row in side.status.targets}
    if given is not None:
        names = {given.spec.application}
    chosen = sorted(names if application is None else names & {application})
    if not chosen:
        msg = f"{application or 'no application'} runs neither in {first} nor in {second}: name a release (--release)"
        raise CliError(msg)
    rows = [row for name in chosen for row in _application(app, sides, name, given, root_namespace)]
    if app.as_data:
        output.show_data(app, [_data(*row, first, second) for row in rows])
    elif not rows:
        output.line(f"{first} and {second} do not differ")
    else:
        table = tuple(
            (name, each.component or "-", each.path or each.what, left, right) for name, each, left, right in rows
        )
        output.show_table(output.Table(("application", "component", "what", first, second), table))


Row = tuple[str, Contrast, str, str]


def _application(
    app: App, sides: tuple[Environment, Environment], application: str, given: Release | None, root: str
) -> Sequence[Row]:
    running = [running_release(app, side, application) for side in sides]
    taken = [given or running[0] or running[1], given or running[1] or running[0]]
    values = [
        values_of(app, made, side, root) if made is not None else None for made, side in zip(taken, sides, strict=True)
    ]
    left, right = (_side(app, side, application, known) for side, known in zip(sides, values, strict=True))
    for side, known in zip(sides, values, strict=True):
        for unread in known.unread if known else ():
            output.note(f"{side.metadata.name}: not read, so what it gives is missing here: {unread}")
    return [
        (
            application,
            each,
            _text(each.left, each.left_source, values[0], each.what),
            _text(each.right, each.right_source, values[1], each.what),
        )
        for each in contrasts(left, right)
    ]


def _side(app: App, environment: Environment, application: str, known: ValuesOf | None) -> Side:
    target = next((t for t in environment.status.targets if t.application == application), None)
    plan = None
    if target is not None:
        try:
            plan = get(app, Promotion, target.promotion).status.plan
        except NotFoundError:
            output.note(f"{environment.metadata.name}: promotion {target.promotion} is gone, and its charts with it")
    return Side(target, plan, known.components if known else None)


def _text(value: Any, source: str, known: ValuesOf | None, what: str) -> str:
    if what != "value":
        return "-" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
    if not source:
        return "-"
    return f"{json.dumps(shown(value, source, known.secrets if known else frozenset()), ensure_ascii=False)} ({source})"


def _data(application: str, each: Contrast, left: str, right: str, first: str, second: str) -> dict[str, Any]:
    row: dict[str, Any] = {"application": application, "what": each.what}
    row |= {"component": each.component} if each.component else {}
    row |= {"path": each.path} if each.path else {}
    return {**row, first: left, second: right}
