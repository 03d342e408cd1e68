"""``rule``: what people decide about rule objects, where a baseline's governance or a catalogue asks for it."""

from collections.abc import Callable
from typing import Final

import click
import yaml

from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.kinds import ENVIRONMENT, FREEZE_WINDOW, RELEASE_CALENDAR, STANDARD_CHANGE, Kind
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.deciding import Decision, comment_option, confirmed, entry, role_option, yes_option
from lockflight.cli.errors import CliError
from lockflight.cli.objects import get

Rule = Environment | FreezeWindow | ReleaseCalendar | StandardChange

_KINDS: Final = (ENVIRONMENT, FREEZE_WINDOW, RELEASE_CALENDAR, STANDARD_CHANGE)
_VERB: Final[dict[Decision, str]] = {"Approved": "Approve", "Rejected": "Reject", "Withdrawn": "Withdraw from"}
_BY_WORD: Final = {word: kind for kind in _KINDS for word in (kind.name.lower(), kind.plural, kind.short)}


@click.group()
def rule() -> None:
    """Approve the rules themselves: environments, calendars, edited freezes, patterns of standard changes.

    Those of all stacks lie in the operator's namespace: -n lockflight-system.
    """


class _RuleType(click.ParamType[tuple[Kind, str]]):
    """KIND/NAME."""

    name = "rule"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Kind, str]:
        """Kind and name, or wrong usage."""
        word, slash, name = str(value).partition("/")
        kind = _BY_WORD.get(word.lower())
        if kind is None or not slash or not name:
            allowed = ", ".join(f"{kind.short}/NAME" for kind in _KINDS)
            self.fail(f"{value!r} is no rule object: write {allowed}", param, ctx)
        return kind, name


def _deciding(function: Callable[..., None]) -> Callable[..., None]:
    for option in (pass_app, command_options, yes_option, comment_option, role_option):
        function = option(function)
    return click.argument("which", metavar="KIND/NAME", type=_RuleType())(function)


@rule.command()
@_deciding
def approve(app: App, *, which: tuple[Kind, str], role: str, comment: str | None, yes: bool) -> None:
    """Approve a rule as it is now.

    Shows it, and asks. The approval binds to what was shown: after an edit it is given anew.
    """
    _decide(app, which, role, "Approved", comment, yes=yes)


@rule.command()
@_deciding
def reject(app: App, *, which: tuple[Kind, str], role: str, comment: str | None, yes: bool) -> None:
    """Reject a rule as it is now: what it binds is closed until it is edited."""
    _decide(app, which, role, "Rejected", comment, yes=yes)


@rule.command()
@_deciding
def withdraw(app: App, *, which: tuple[Kind, str], role: str, comment: str | None, yes: bool) -> None:
    """Take back your approval of a rule."""
    _decide(app, which, role, "Withdrawn", comment, yes=yes)


def _decide(
    app: App, which: tuple[Kind, str], role: str, decision: Decision, comment: str | None, *, yes: bool
) -> None:
    kind, name = which
    found = _read(app, kind, name)
    meta, status = found.metadata, found.status
    if status.plan_digest is None or status.observed_generation != meta.generation:
        words = "the operator has not looked at it as it is now, or nobody has to approve it"
        msg = f"{kind.short} {name} cannot be decided on: {words}; see kubectl describe {kind.short} {name}"
        raise CliError(msg)
    if not app.as_data:
        _show(found)
    question = f"{_VERB[decision]} {kind.short} {name} as {role}, {output.short(status.plan_digest)}?"
    if not confirmed(app, question, yes=yes):
        output.note(f"{name}: nothing sent")
        return
    made = entry(app, role, decision, comment, meta.generation, status.plan_digest)
    written = app.api.append(kind, app.namespace, name, "approvals", made)
    done = f"{decision.lower()} as {role} by {made['by']}, as {status.plan_digest}"
    output.show_object(app, written, kind.plural, done)


def _read(app: App, kind: Kind, name: str) -> Rule:
    match kind.name:
        case "Environment":
            return get(app, Environment, name)
        case "FreezeWindow":
            return get(app, FreezeWindow, name)
        case "ReleaseCalendar":
            return get(app, ReleaseCalendar, name)
        case _:
            return get(app, StandardChange, name)


def _show(found: Rule) -> None:
    meta = found.metadata
    output.heading(f"{found.kind} {meta.namespace}/{meta.name}")
    output.line(f"created by {meta.creator or '?'}, edited by {', '.join(sorted(meta.editors)) or 'nobody'}", 2)
    for given in found.status.approvals:
        output.line(f"{given.role}: {given.decision} by {given.by or '?'}, generation {given.generation or '?'}", 2)
    for text in yaml.safe_dump(found.spec.dump(), sort_keys=False, allow_unicode=True).splitlines():
        output.line(text, 2)
