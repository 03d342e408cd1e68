"""``guard try``, ``guard open`` and ``guard close``: what a guard would refuse, and broken glass."""

import re
from dataclasses import asdict
from datetime import UTC, timedelta
from typing import IO

import click

from lockflight.api.common import (
    BREAK_GLASS_ANNOTATION,
    BREAK_GLASS_REASON_ANNOTATION,
    BREAK_GLASS_UNTIL_ANNOTATION,
    GUARD_LABEL,
    GUARD_WRITERS_ANNOTATION,
    TIER_LABEL,
    parse_duration,
)
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.client import Manifest
from lockflight.cli.errors import CliError
from lockflight.cli.guard_log import events, refusals, suggestions

_COUNTED = re.compile(
    r'^apiserver_validating_admission_policy_check_total\{(?=[^}]*policy="lockflight-guard")'
    r'[^}]*enforcement_action="(\w+)"[^}]*\} ([0-9.e+]+)$',
    re.MULTILINE,
)


@click.group()
def guard() -> None:
    """Guarded namespaces: who would be refused, and breaking the glass."""


@guard.command("try")
@click.argument("target", metavar="NAMESPACE")
@click.option(
    "--audit-log",
    "logs",
    multiple=True,
    type=click.File("r", encoding="utf-8", errors="replace"),
    help="The API server's audit log, one event a line; - for standard input; repeat.",
)
@command_options
@pass_app
def try_(app: App, target: str, logs: tuple[IO[str], ...]) -> None:
    """Who was refused in NAMESPACE, or would have been, and what would let each through.

    Without an audit log only how often can be told, for all namespaces together, from the API server's metrics.
    """
    if not logs:
        _counts(app)
        return
    found = refusals((event for log in logs for event in events(log)), target)
    if app.as_data:
        output.show_data(app, [asdict(refusal) for refusal in found])
        return
    if not found:
        click.echo(f"nobody was refused in {target}, nor would have been: {_state(app.api.read_namespace(target))}")
        return
    rows = tuple((r.user, r.request, str(r.times), r.last, "refused" if r.denied else "reported") for r in found)
    output.show_table(output.Table(("who", "request", "times", "last", "guard"), rows))
    lines = suggestions(found)
    if lines:
        click.echo(f"\nWhom of them you want, name in annotation {GUARD_WRITERS_ANNOTATION} of namespace {target}:\n")
        click.echo("\n".join(lines))
    if any(not refusal.line for refusal in found):
        click.echo("\nNo line lets anybody work inside pods or write records of Helm.")


@guard.command("open")
@click.argument("target", metavar="NAMESPACE")
@click.option(
    "--reason", required=True, help="Why, with the incident's number: kept on the Namespace and in the record."
)
@click.option("--for", "length", default="1h", show_default=True, metavar="DURATION", help="For how long, such as 30m.")
@command_options
@pass_app
def open_(app: App, target: str, reason: str, length: str) -> None:
    """Break the glass of NAMESPACE: the break-glass group may write there for a while.

    Takes the verb break-glass on targetnamespaces/NAMESPACE. It shows as the condition GlassBroken.
    """
    try:
        elapsed: timedelta = parse_duration(length)
    except ValueError as problem:
        msg = f"--for {length!r}: write a duration such as 30m or 2h"
        raise click.UsageError(msg) from problem
    until = f"{(app.now() + elapsed).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    annotations = {
        BREAK_GLASS_UNTIL_ANNOTATION: until,
        BREAK_GLASS_REASON_ANNOTATION: reason,
        # Stamped by the API server; one that is too old for that takes it from here.
        BREAK_GLASS_ANNOTATION: app.api.whoami().user,
    }
    changed = app.api.annotate_namespace(target, annotations)
    if app.as_data:
        output.show_data(app, changed)
        return
    click.echo(f"glass of namespace {target} broken until {until}; afterwards: lockflight guard close {target}")


@guard.command()
@click.argument("target", metavar="NAMESPACE")
@command_options
@pass_app
def close(app: App, target: str) -> None:
    """Mend the glass of NAMESPACE before its time is over."""
    known = app.api.read_namespace(target)["metadata"].get("annotations") or {}
    ours = (BREAK_GLASS_UNTIL_ANNOTATION, BREAK_GLASS_REASON_ANNOTATION, BREAK_GLASS_ANNOTATION)
    gone = {key: None for key in ours if key in known}
    if gone:
        app.api.annotate_namespace(target, gone)
    click.echo(f"glass of namespace {target} {'mended' if gone else 'is whole'}")


def _state(namespace: Manifest) -> str:
    labels = namespace["metadata"].get("labels") or {}
    if TIER_LABEL not in labels and GUARD_LABEL not in labels:
        return f"it is not guarded, having no label {TIER_LABEL}"
    return f"tier {labels.get(TIER_LABEL, 'unknown')}, {labels.get(GUARD_LABEL, 'guarded as the tier is')}"


def _counts(app: App) -> None:
    counted = {action: int(float(number)) for action, number in _COUNTED.findall(app.api.metrics())}
    if app.as_data:
        output.show_data(app, counted)
        return
    if not counted:
        msg = "this API server counts nothing of the guard: give its audit log, --audit-log FILE (docs/guard.md)"
        raise CliError(msg)
    for action, number in sorted(counted.items()):
        click.echo(f"{action}: {number} requests, in all guarded namespaces together")
    click.echo("Who that was says the audit log: --audit-log FILE (docs/guard.md)")
