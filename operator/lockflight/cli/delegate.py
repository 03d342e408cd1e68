"""``delegate``: hand roles over to a deputy, for a time; ``--revoke`` takes them back."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from lockflight.api.common import Reason, parse_duration
from lockflight.api.delegation import Delegation, DelegationSpec
from lockflight.api.kinds import DELEGATION
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.deciding import RoleType
from lockflight.cli.objects import first_problem, parse
from lockflight.cli.writing import create, edit


@click.group()
def delegate() -> None:
    """Let a deputy decide for you in a role, for a time."""


@delegate.command()
@click.option("--to", "deputy", required=True, metavar="USER", help="The deputy, as kubectl auth whoami names them.")
@click.option("--role", "roles", required=True, multiple=True, type=RoleType(), help="A role you hold; repeat.")
@click.option("--reason", required=True, help="Why, such as leave.")
@click.option("--start", metavar="TIME", help="RFC 3339, such as 2026-12-01T00:00:00Z. [default: now]")
@click.option("--end", required=True, metavar="TIME|DURATION", help="RFC 3339, or a duration such as 2w; at most 30d.")
@click.option("--name", help="Name of the object. [default: made by the API server]")
@command_options
@pass_app
def to(
    app: App, *, deputy: str, roles: Sequence[str], reason: str, start: str | None, end: str, name: str | None
) -> None:
    """Hand roles over. What the deputy decides for you counts as yours, and once for the two of you."""
    from pydantic import ValidationError

    me = app.api.whoami().user
    begins = _instant("--start", start) if start else app.now()
    try:
        spec = DelegationSpec.model_validate(
            {
                "from": me,
                "to": deputy,
                "roles": list(roles),
                "start": begins,
                "end": _end(end, begins),
                "reason": reason,
            }
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    made = create(app, Delegation, name, spec.dump(), prefix="delegation-")
    output.show_object(app, made, DELEGATION.plural, f"{deputy} decides for {me} as {', '.join(roles)}")


@delegate.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why it ends; kept on the object.")
@command_options
@pass_app
def revoke(app: App, name: str, reason: str) -> None:
    """Take it back; what the deputy approved and was not used yet counts no more."""
    known = app.api.get(DELEGATION, app.namespace, name)
    if parse(Delegation, known).spec.revoke:
        output.show_object(app, known, DELEGATION.plural, "unchanged")
        return
    ended = edit(app, DELEGATION, known, {"revoke": Reason(reason=reason).dump()})
    output.show_object(app, ended, DELEGATION.plural, "revoked")


def _end(text: str, start: datetime) -> datetime:
    try:
        return start + parse_duration(text)
    except ValueError:
        return _instant("--end", text)


def _instant(option: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        msg = f"{option} {text!r}: write RFC 3339 such as 2026-12-01T00:00:00Z"
        raise click.UsageError(msg) from problem
    if found.tzinfo is None:
        msg = f"{option} {text!r} has no offset: write RFC 3339 such as 2026-12-01T00:00:00Z"
        raise click.UsageError(msg)
    return found.astimezone(UTC)
