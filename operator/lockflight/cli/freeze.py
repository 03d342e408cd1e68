"""``freeze now`` and ``freeze lift``: stop the line, and start it again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from lockflight.api.common import ChangeType, Reason, Tier, parse_duration
from lockflight.api.freezewindow import Exempt, FreezeWindow, FreezeWindowSpec, OnRunning, Override, Selector
from lockflight.api.kinds import FREEZE_WINDOW
from lockflight.cli import output
from lockflight.cli.app import App, command_options, local_zone_name, pass_app
from lockflight.cli.objects import first_problem, parse
from lockflight.cli.writing import create, edit


@click.group()
def freeze() -> None:
    """Declare and lift freezes."""


@freeze.command()
@click.option("--reason", required=True, help="Why; shown on every promotion it holds.")
@click.option(
    "--tier", "tiers", multiple=True, type=click.Choice([t.value for t in Tier]), help="Only these tiers; repeat."
)
@click.option("--environment", "environments", multiple=True, help="Only these environments; repeat.")
@click.option("--application", "applications", multiple=True, help="Only these applications; repeat.")
@click.option(
    "--exempt",
    "exempt",
    multiple=True,
    type=click.Choice([t.value for t in ChangeType]),
    help="Change types that pass.",
)
@click.option(
    "--end",
    metavar="TIME|DURATION",
    help="When it ends: 2026-12-24T18:00 in --time-zone, or 4h. [default: when lifted]",
)
@click.option("--time-zone", metavar="ZONE", help="IANA zone. [default: that of this machine]")
@click.option("--abort", is_flag=True, help="Cancel what runs, and take it back. [default: it may finish]")
@click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="ROLE[=COUNT]",
    help="Approvals that let a change past which names this freeze; repeat.",
)
@click.option(
    "--override-emergency",
    "emergencies",
    multiple=True,
    metavar="ROLE[=COUNT]",
    help="The same for an emergency; repeat. [default: as --override]",
)
@click.option("--name", help="Name of the object. [default: freeze-, and the time]")
@command_options
@pass_app
def now(
    app: App,
    *,
    reason: str,
    tiers: Sequence[str],
    environments: Sequence[str],
    applications: Sequence[str],
    exempt: Sequence[str],
    end: str | None,
    time_zone: str | None,
    abort: bool,
    overrides: Sequence[str],
    emergencies: Sequence[str],
    name: str | None,
) -> None:
    """Begin a freeze now: nothing new starts until it ends or is lifted.

    In the operator's namespace (-n lockflight-system) it binds every stack.
    """
    from pydantic import ValidationError

    zone, zone_name = _zone(time_zone, needed=end is not None)
    start = app.now().astimezone(zone)
    try:
        spec = FreezeWindowSpec(
            reason=reason,
            time_zone=zone_name,
            start=_wall(start),
            end=_end(end, start, zone) if end else None,
            environments=Selector.model_validate({"tiers": list(tiers), "names": list(environments)})
            if tiers or environments
            else None,
            applications=tuple(applications),
            exempt=Exempt.model_validate({"changeTypes": list(exempt)}) if exempt else None,
            override=_override(overrides, emergencies),
            on_running=OnRunning.ABORT if abort else None,
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    chosen = name or f"freeze-{app.now():%Y%m%d-%H%M%S}"
    made = create(app, FreezeWindow, chosen, spec.dump())
    until = (
        f"until {spec.end} {zone_name}" if spec.end else f"until lifted: lockflight freeze lift {chosen} --reason WHY"
    )
    output.show_object(app, made, FREEZE_WINDOW.plural, f"created, in force {until}")


@freeze.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why it may end; kept on the object.")
@command_options
@pass_app
def lift(app: App, name: str, reason: str) -> None:
    """Lift a freeze for good; what it held comes back by itself.

    A freeze with an override holds until that many people have approved its lifting.
    """
    known = app.api.get(FREEZE_WINDOW, app.namespace, name)
    if parse(FreezeWindow, known).spec.lift:
        output.show_object(app, known, FREEZE_WINDOW.plural, "unchanged")
        return
    lifted = edit(app, FREEZE_WINDOW, known, {"lift": Reason(reason=reason).dump()})
    asked = parse(FreezeWindow, lifted).spec.override
    roles = ", ".join(f"{need.count} {need.role}" for need in asked.approvals) if asked else ""
    words = f"to be lifted: holds until approved there by {roles}, see status.howToApprove" if asked else "lifted"
    output.show_object(app, lifted, FREEZE_WINDOW.plural, words)


def _zone(name: str | None, *, needed: bool) -> tuple[ZoneInfo, str]:
    """The zone asked for; else this machine's; else UTC, which will do for a freeze without an end."""
    chosen = name or local_zone_name()
    if chosen is None:
        if needed:
            msg = "this machine does not say its zone: give --time-zone, such as Europe/Berlin"
            raise click.UsageError(msg)
        chosen = "UTC"
    try:
        return ZoneInfo(chosen), chosen
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        msg = f"--time-zone {chosen!r} is no IANA zone: write one such as Europe/Berlin"
        raise click.UsageError(msg) from problem


def _override(overrides: Sequence[str], emergencies: Sequence[str]) -> Override | None:
    if emergencies and not overrides:
        msg = "--override-emergency goes with --override"
        raise click.UsageError(msg)
    if not overrides:
        return None
    given = {"approvals": _counts(overrides), "emergency": _counts(emergencies) or None}
    return Override.model_validate(given)


def _counts(texts: Sequence[str]) -> list[dict[str, object]]:
    """``cab=2`` as a role and how many of it."""
    rows = (text.partition("=") for text in texts)
    return [{"role": role, "count": count or 1} for role, _, count in rows]


def _wall(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}"


def _end(text: str, start: datetime, zone: ZoneInfo) -> str:
    """The end as wall clock; a duration is elapsed time, whatever the clocks do meanwhile."""
    try:
        elapsed: timedelta = parse_duration(text)
    except ValueError:
        pass
    else:
        utc = start.astimezone(ZoneInfo("UTC")) + elapsed
        return _wall(utc.astimezone(zone))
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as problem:
        msg = f"--end {text!r}: write 2026-12-24T18:00 or a duration such as 4h"
        raise click.UsageError(msg) from problem
    if wall.tzinfo is not None:
        wall = wall.astimezone(zone)
    return _wall(wall)
