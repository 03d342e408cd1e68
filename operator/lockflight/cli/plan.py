"""``plan``: when a release could start in an environment, who is next, and the whole way there."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import format_duration
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Promotion, WaitingFor
from lockflight.api.release import Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.calendars import ROOT, in_root
from lockflight.cli.errors import NotFoundError
from lockflight.cli.instants import instant
from lockflight.cli.objects import get, list_all
from lockflight.cli.turns import Turns
from lockflight.policy.climb import Climb, Leg, climb
from lockflight.policy.model import NamedVerdict
from lockflight.policy.outlook import UNSEEN, Objects, as_of
from lockflight.policy.whynot import Then, then


@click.command()
@click.argument("release")
@click.option("--to", "target", required=True, metavar="ENVIRONMENT", help="Where it is to go.")
@click.option(
    "--at", "day", metavar="TIME", help="Also why, or why not, at this day or instant in RFC 3339, past or to come."
)
@click.option("--root-namespace", default=ROOT, show_default=True, help="Where the operator runs.")
@command_options
@pass_app
def plan(app: App, release: str, *, target: str, day: str | None, root_namespace: str) -> None:
    """When a release could start in an environment, who is next, and the whole way there.

    If people act now: the gates themselves are asked, at later times and with what people would give. What only the
    operator can judge (Helm's storage, images, rights, the API server's policies) is taken from an open promotion where
    there is one.
    """
    found = get(app, Release, release)
    objects = stack_objects(app, root_namespace)
    if target not in objects.governed:
        msg = f'environments.lockflight.dev "{target}" not found in {app.namespace}: lockflight board shows them'
        raise NotFoundError(msg)
    way = climb(objects, found, target, app.now())
    asked = _then(objects, found, way, instant(day)) if day else None
    turns = Turns(app)
    if app.as_data:
        output.show_data(app, _data(way, asked, turns))
        return
    _headline(way, target, turns)
    click.echo()
    _timeline(way)
    for leg in way.legs:
        _details(leg, turns)
    if asked is not None:
        _why_not(asked, way)


def stack_objects(app: App, root: str) -> Objects:
    """Everything in the stack that gates look at, with what the operator's namespace adds to it."""
    stack = app.namespace

    def both(model: type[Any]) -> list[Any]:
        return [*list_all(app, model, stack), *in_root(app, model, root)]

    bulk = [c for c in in_root(app, ChangeRequest, root) if any(r.stack == stack for r in c.spec.releases or ())]
    return Objects(
        stack=stack,
        root=root,
        environments=list_all(app, Environment, stack),
        baselines=in_root(app, Environment, root),
        releases=list_all(app, Release, stack),
        promotions=list_all(app, Promotion, stack),
        changes=[*list_all(app, ChangeRequest, stack), *bulk],
        freezes=tuple(both(FreezeWindow)),
        calendars=both(ReleaseCalendar),
        standards=both(StandardChange),
        delegations=both(Delegation),
    )


def _then(objects: Objects, release: Release, way: Climb, at: datetime) -> Then:
    """At a time to come with what the climb brings until then; at a past one with what was there then."""
    leg = way.legs[-1]
    if at >= way.now:
        return then(objects, release, leg.environment, at, leg)
    past = as_of(objects, at)
    was = next((r for r in past.releases if r.metadata.name == release.metadata.name), release)
    return then(past, was, leg.environment, at)


def _headline(way: Climb, target: str, turns: Turns) -> None:
    last, at = way.legs[-1], way.next
    if last.passed is not None:
        output.heading(f"{way.release} has passed {target}")
    elif way.start is None:
        output.heading(f"{way.release} to {target}: no start can be foreseen")
    elif way.start <= way.now:
        output.heading(f"{way.release} to {target}: it may start as soon as people act")
    else:
        output.heading(f"{way.release} to {target}: earliest start {output.when(way.start)}, if people act now")
    if at is not None:
        output.line(f"next: {_next(at, turns)}", 2)


def _next(leg: Leg, turns: Turns) -> str:
    """The person, or else the clock, that it waits for first."""
    if leg.blocked is not None:
        return f"{leg.blocked.gate} in {leg.environment} is shut, and nobody opens it: {leg.blocked.verdict.message}"
    if leg.people:
        return f"{_who(leg.people[0], turns)}, in {leg.environment}: {leg.people[0].what}"
    if leg.held:
        return f"the clock, in {leg.environment}: {leg.held[0].gate} until {output.when(leg.held[0].until)}"
    return f"the operator, in {leg.environment}"


def _who(row: WaitingFor, turns: Turns) -> str:
    """The role, and who holds it."""
    holders = turns.holders(row)
    return f"{row.who} ({', '.join(holders)})" if holders else row.who


def _timeline(way: Climb) -> None:
    rows = [
        (
            leg.environment,
            leg.tier,
            "passed" if leg.passed else _phase(leg),
            _when(leg.reached),
            _when(leg.start),
            format_duration(leg.takes.duration) if leg.takes and not leg.passed else "-",
            _when(leg.end),
        )
        for leg in way.legs
    ]
    output.show_table(output.table(["environment", "tier", "state", "reached", "starts", "takes", "passes"], rows))


def _phase(leg: Leg) -> str:
    phase = leg.promotion.status.phase if leg.promotion else None
    return phase.value if phase else "to come"


def _when(instant_: datetime | None) -> str:
    return "-" if instant_ is None else f"{instant_:%Y-%m-%d %H:%MZ}"


def _details(leg: Leg, turns: Turns) -> None:
    if leg.passed is not None:
        return
    click.echo()
    output.heading(f"{leg.environment} ({leg.tier})")
    if leg.reached is None:
        output.line("never reached: see upstream", 2)
        return
    for row in leg.people:
        output.line(f"waits for {_who(row, turns)}: {row.what}", 2)
    for held in leg.held:
        output.line(f"held by {held.gate} until {output.when(held.until)}: {held.message}", 2)
    for note in leg.notes:
        output.line(f"{_when(note.at)}: {note.what}", 2)
    if leg.blocked is not None:
        output.line(f"{leg.blocked.gate} stays shut: {leg.blocked.verdict.message}", 2)
    if leg.takes is not None:
        output.line(f"expected to take {format_duration(leg.takes.duration)}: {leg.takes.why}", 2)
    if leg.gates:
        _gates(leg)


def _gates(leg: Leg) -> None:
    shut = [row.gate for row in leg.gates if not row.verdict.open]
    unknown = [row.gate for row in leg.gates if row.verdict.reason == "Unknown"]
    open_ = [row.gate for row in leg.gates if row.verdict.open and row.gate not in unknown]
    for words, names in (("shut", shut), ("open", open_)):
        if names:
            output.line(f"{words} when it is reached: {', '.join(names)}", 2)
    if unknown:
        output.line(f"judged by the operator alone, once it is promoted there: {', '.join(unknown)}", 2)


def _why_not(asked: Then, way: Climb) -> None:
    target = way.legs[-1].environment
    click.echo()
    output.heading(f"{target} at {output.when(asked.at)}")
    if asked.at < way.now:
        output.line("by what was there then, and the rules as they are now", 2)
    start = way.start
    if asked.at >= way.now and start is not None and asked.at < start:
        output.line(f"too early: the earliest start is {output.when(start)}", 2)
    anyway = {row.gate for row in asked.shut_anyway}
    for row in asked.shut_anyway:
        output.line(f"shut, whatever people do: {row.gate}: {row.verdict.message}", 2)
    for row in asked.shut:
        if row.gate not in anyway:
            output.line(f"shut as things stand: {row.gate}: {row.verdict.message}", 2)
    if not asked.shut and not asked.shut_anyway:
        output.line("every gate that can be judged from here is open", 2)


def _data(way: Climb, asked: Then | None, turns: Turns) -> dict[str, Any]:
    at = way.next
    return {
        "release": way.release,
        "environment": way.legs[-1].environment,
        "asOf": _iso(way.now),
        "earliestStart": _iso(way.start),
        "next": {"environment": at.environment, "what": _next(at, turns)} if at else None,
        "legs": [_leg_data(leg, turns) for leg in way.legs],
        "then": _then_data(asked) if asked else None,
    }


def _leg_data(leg: Leg, turns: Turns) -> dict[str, Any]:
    return {
        "environment": leg.environment,
        "tier": leg.tier,
        "passed": leg.passed is not None,
        "promotion": leg.promotion.metadata.name if leg.promotion else None,
        "reached": _iso(leg.reached),
        "start": _iso(leg.start),
        "durationSeconds": int(leg.takes.duration.total_seconds()) if leg.takes else None,
        "end": _iso(leg.end),
        "waitingFor": [{**row.dump(), "holders": list(turns.holders(row))} for row in leg.people],
        "heldBy": [
            {"gate": h.gate, "since": _iso(h.since), "until": _iso(h.until), "message": h.message} for h in leg.held
        ],
        "notes": [{"at": _iso(n.at), "what": n.what} for n in leg.notes],
        "gates": _rows(leg.gates),
        "blockedBy": _rows([leg.blocked])[0] if leg.blocked else None,
    }


def _then_data(asked: Then) -> dict[str, Any]:
    return {"at": _iso(asked.at), "gates": _rows(asked.gates), "shutAnyway": _rows(asked.shut_anyway)}


def _rows(gates: Sequence[NamedVerdict] | Iterable[NamedVerdict]) -> list[dict[str, Any]]:
    return [
        {
            "name": row.gate,
            "outcome": row.verdict.outcome.value,
            "reason": row.verdict.reason,
            "message": row.verdict.message,
            "retryAt": _iso(row.verdict.retry_at),
            "judgedBy": "operator" if row.gate in UNSEEN else "plan",
        }
        for row in gates
    ]


def _iso(when: datetime | None) -> str | None:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}" if when is not None else None
