"""What approve, reject, withdraw and sign-off share: show it, ask, and send who looked at what."""

import sys
from typing import Any, Literal

import click

from lockflight.api.common import Label
from lockflight.cli.app import App

Decision = Literal["Approved", "Rejected", "Withdrawn"]


def entry(
    app: App,
    role: str,
    decision: Decision,
    comment: str | None,
    generation: int,
    plan_digest: str,
    on_behalf_of: str | None = None,
) -> dict[str, Any]:
    """An entry for a people's list.

    It says who the API server takes the caller for, and which generation and plan were shown. Where the API server
    stamps these, it compares; where it is too old to stamp (strict client mode), it refuses an entry without them.
    """
    me = app.api.whoami()
    made: dict[str, Any] = {"role": role, "decision": decision}
    if comment:
        made["comment"] = comment
    if on_behalf_of:
        made["onBehalfOf"] = on_behalf_of
    return made | {"by": me.user, "groups": list(me.groups), "generation": generation, "planDigest": plan_digest}


def confirmed(app: App, question: str, *, yes: bool) -> bool:
    """Whether the person says yes. Raises click.UsageError where nobody can be asked."""
    if yes:
        return True
    if not app.terminal():
        msg = "nobody can be asked here: look at what is shown, then give --yes"
        raise click.UsageError(msg)
    sys.stdout.flush()
    return click.confirm(question, default=False)


class RoleType(click.ParamType[str]):
    """A role's name."""

    name = "role"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, or wrong usage."""
        from pydantic import TypeAdapter, ValidationError

        try:
            return str(TypeAdapter(Label).validate_python(value))
        except ValidationError:
            self.fail(f"{value!r} is no role: lower-case letters, digits and -", param, ctx)


role_option = click.option("--role", required=True, type=RoleType(), help="The role in which you decide.")
comment_option = click.option("--comment", metavar="TEXT", help="Why; kept for ever.")
behalf_option = click.option(
    "--on-behalf-of", metavar="USER", help="Whose decision it is, where they made you their deputy (Delegation)."
)
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
