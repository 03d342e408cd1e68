"""``change submit``, ``review``, ``hold``, ``cancel`` and ``regularise``: what people do during a change's life."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from lockflight.api.changerecords import Bypass, Incident, IncidentSeverity, ReviewOutcome
from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.kinds import CHANGE_REQUEST
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.deciding import RoleType, comment_option, confirmed, role_option, yes_option
from lockflight.cli.errors import CliError
from lockflight.cli.names import change_argument
from lockflight.cli.objects import first_problem, get
from lockflight.cli.writing import edit


def _stamped(app: App, role: str, generation: int, **more: object) -> dict[str, Any]:
    """An entry with who the API server takes the caller for, as ``deciding.entry`` does it for decisions."""
    me = app.api.whoami()
    given = {key: value for key, value in more.items() if value}
    return {"role": role, **given, "by": me.user, "groups": list(me.groups), "generation": generation}


@click.command()
@change_argument
@click.option("--role", default="requester", show_default=True, type=RoleType(), help="The role in which you submit.")
@comment_option
@command_options
@pass_app
def submit(app: App, *, change: str, role: str, comment: str | None) -> None:
    """Put a change forward that a robot created; you cannot approve it then."""
    found = get(app, ChangeRequest, change)
    if found.status.phase is not None and found.status.phase.ended:
        msg = f"change {change} is {found.status.phase}: raise another one"
        raise CliError(msg)
    entry = _stamped(app, role, found.metadata.generation, comment=comment)
    written = app.api.append(CHANGE_REQUEST, app.namespace, change, "submissions", entry)
    output.show_object(app, written, CHANGE_REQUEST.plural, f"submitted as {role} by {entry['by']}")


@click.command()
@change_argument
@role_option
@click.option("--outcome", required=True, type=click.Choice([o.value for o in ReviewOutcome]), help="How it went.")
@click.option("--summary", required=True, metavar="TEXT", help="What happened, and what is learnt; kept for ever.")
@click.option(
    "--accept",
    "accepts",
    multiple=True,
    type=click.Choice([b.value for b in Bypass]),
    help="A debt of an emergency that you accept for good; repeat.",
)
@yes_option
@command_options
@pass_app
def review(app: App, *, change: str, role: str, outcome: str, summary: str, accepts: Sequence[str], yes: bool) -> None:
    """Say how a change went, which closes it.

    Whoever wanted it, edited it or carried it out does not review it. An emergency closes once what it owes is settled,
    or accepted in a role that ratifies it.
    """
    found = get(app, ChangeRequest, change)
    if found.status.phase is not ChangePhase.REVIEW:
        state = found.status.phase or ChangePhase.NEW
        words = "it has ended" if state.ended else "a review says how it went, once it was carried out (phase Review)"
        msg = f"change {change} is {state}: {words}"
        raise CliError(msg)
    if not app.as_data:
        _show(found)
    if not confirmed(app, f"Review {change} as {role}: {outcome}?", yes=yes):
        output.note(f"{change}: nothing sent")
        return
    entry = _stamped(app, role, found.metadata.generation, outcome=outcome, summary=summary, accepts=list(accepts))
    written = app.api.append(CHANGE_REQUEST, app.namespace, change, "review", entry)
    output.show_object(app, written, CHANGE_REQUEST.plural, f"reviewed as {role} by {entry['by']}: {outcome}")


def _show(change: ChangeRequest) -> None:
    spec, status = change.spec, change.status
    output.heading(f"{change.metadata.name}: {spec.title}")
    if spec.incident:
        output.line(f"incident {spec.incident.id}, {spec.incident.severity}", 2)
    for use in status.used_by:
        output.line(f"{use.environment}: {'finished' if use.finished else 'not finished'}, {use.at:%Y-%m-%d %H:%MZ}", 2)
    for row in status.debts:
        words = f"settled: {row.settled_by}" if row.settled_by else f"owed until {row.due_by:%Y-%m-%d %H:%MZ}"
        output.line(f"{row.gate}{f' of {row.upstream}' if row.upstream else ''}: {words}", 2)
    for found in status.findings:
        output.line(f"{found.object}: {found.what}{f' by {found.changed_by}' if found.changed_by else ''}", 2)


def _edited(app: App, change: str, spec: Mapping[str, Any], done: str) -> None:
    known = app.api.get(CHANGE_REQUEST, app.namespace, change)
    if all(known["spec"].get(key) == value for key, value in spec.items()):
        output.show_object(app, known, CHANGE_REQUEST.plural, "unchanged")
        return
    output.show_object(app, edit(app, CHANGE_REQUEST, known, dict(spec)), CHANGE_REQUEST.plural, done)


@click.command()
@change_argument
@click.argument("reason")
@command_options
@pass_app
def hold(app: App, change: str, reason: str) -> None:
    """Hold a change: nothing starts under it. An edit: approvals are given anew."""
    _edited(app, change, {"hold": {"reason": reason}}, "held")


@click.command()
@change_argument
@command_options
@pass_app
def unhold(app: App, change: str) -> None:
    """Let a held change go on. An edit: approvals are given anew."""
    _edited(app, change, {"hold": None}, "no longer held")


@click.command()
@change_argument
@click.argument("reason")
@command_options
@pass_app
def cancel(app: App, change: str, reason: str) -> None:
    """Cancel a change, for good. What was done under it is reviewed all the same."""
    _edited(app, change, {"cancel": {"reason": reason}}, "cancelled")


def incident_of(incident: str, severity: str, opened_at: str | None, now: str) -> dict[str, Any]:
    """An incident as the API takes it. Raises click.UsageError."""
    from pydantic import ValidationError

    try:
        given = {"id": incident, "severity": severity, "openedAt": opened_at or now}
        return Incident.model_validate(given).dump()
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem


incident_options = (
    click.option("--incident", required=True, metavar="ID", help="The incident's number, such as INC-77."),
    click.option(
        "--severity",
        type=click.Choice([s.value for s in IncidentSeverity]),
        default=IncidentSeverity.SEV1.value,
        show_default=True,
        help="How bad the incident is.",
    ),
    click.option("--opened-at", metavar="TIME", help="When it was opened: RFC 3339 with offset. [default: now]"),
)


@click.command()
@change_argument
@incident_options[0]
@incident_options[1]
@incident_options[2]
@command_options
@pass_app
def regularise(app: App, *, change: str, incident: str, severity: str, opened_at: str | None) -> None:
    """Give a change that was made without permission its incident; it still owes its review."""
    from datetime import UTC, datetime

    found = get(app, ChangeRequest, change)
    if found.spec.unauthorised is None:
        msg = f"change {change} was asked for: only what was changed without permission is regularised"
        raise CliError(msg)
    given = incident_of(incident, severity, opened_at, datetime.now(UTC).isoformat())
    _edited(app, change, {"incident": given}, f"regularised by {incident}")
