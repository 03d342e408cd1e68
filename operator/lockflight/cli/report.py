"""``report``: what each train carried, whether a faster cadence is advisable, and the governance documents."""

from datetime import timedelta
from itertools import takewhile
from pathlib import Path

import click

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import Tier, format_duration
from lockflight.api.environment import Environment
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.api.releasecalendar import DEFAULT_SPRINTS, Every, ReleaseCalendar, TrainRule
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.calendars import ROOT, followed
from lockflight.cli.documents import change, document_options, environment, release
from lockflight.cli.errors import CliError
from lockflight.cli.objects import list_all
from lockflight.cli.writers.files import deliver
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.maturity import Figures, Maturity, Thresholds, maturity
from lockflight.policy.cadence.offsets import InvalidCalendar
from lockflight.policy.cadence.trains import Train
from lockflight.policy.documents.model import document, section, table, text

_DEFAULT = Thresholds()
_SHARE = click.FloatRange(0, 1)


@click.group()
def report() -> None:
    """Figures and documents out of what happened."""


report.add_command(change)
report.add_command(release)
report.add_command(environment)


@report.command()
@click.option("--trains", "count", type=click.IntRange(1, 52), default=6, show_default=True, help="The last so many.")
@click.option("--calendar", "name", metavar="NAME", help="This calendar. [default: the one production follows]")
@click.option("--min-trains", type=int, default=_DEFAULT.trains, show_default=True, help="Fewer tell nothing.")
@click.option(
    "--max-failure-rate", type=_SHARE, default=_DEFAULT.change_failure_rate, show_default=True,
    help="Highest change-failure rate.",
)  # fmt: skip
@click.option(
    "--max-emergencies", type=_SHARE, default=_DEFAULT.emergency_share, show_default=True,
    help="Highest share of emergency changes.",
)  # fmt: skip
@click.option(
    "--min-automated", type=_SHARE, default=_DEFAULT.automated_share, show_default=True,
    help="Lowest share of passages that an automated check vouched for.",
)  # fmt: skip
@document_options
@click.option("--root-namespace", default=ROOT, show_default=True, help="Where the operator runs.")
@command_options
@pass_app
def cadence(
    app: App,
    *,
    count: int,
    name: str | None,
    min_trains: int,
    max_failure_rate: float,
    max_emergencies: float,
    min_automated: float,
    form: str | None,
    target: Path | None,
    root_namespace: str,
) -> None:
    """Whether tests are mature enough for a faster cadence.

    A train a line: deployments to production, how many failed or were taken back, how many were emergencies, how many
    hotfixes, the share of passages through any environment that an automated check vouched for, and the median time
    from a release to production. Promotions that were deleted are not known any more.
    """
    limits = Thresholds(min_trains, max_failure_rate, max_emergencies, min_automated)
    environments = [e for e in list_all(app, Environment, app.namespace) if e.spec.tier is Tier.PRODUCTION]
    calendars = followed(app, name, root_namespace, environments)
    if not calendars:
        msg = (
            f"no environment of tier Production in {app.namespace} follows a ReleaseCalendar: name one with --calendar"
        )
        raise CliError(msg)
    calendar = calendars[0]
    found = maturity(
        _last(app, calendar, count),
        list_all(app, Promotion, app.namespace),
        {r.metadata.name: r for r in list_all(app, Release, app.namespace)},
        {c.metadata.name: c for c in list_all(app, ChangeRequest, app.namespace)},
        [e.metadata.name for e in environments],
        limits,
    )
    headers = ["train", "deployments", "failed", "emergencies", "hotfixes", "automated", "lead time"]
    rows = [_line(row) for row in (*found.trains, found.total)]
    if form or target:
        name_of = f"{calendar.metadata.namespace}/{calendar.metadata.name}"
        told = section("Trains", table([h.capitalize() for h in headers], rows, "No train has begun."))
        about = f"Stack {app.namespace}, calendar {name_of}, as of {app.now():%Y-%m-%d %H:%M}Z"
        deliver(app, document("Cadence", about, told, section("Advice", text(_verdict(calendar, found)))), form, target)
        return
    if app.as_data:
        output.show_data(app, _data(calendar, found, limits))
        return
    output.heading(f"{app.namespace}: calendar {calendar.metadata.namespace}/{calendar.metadata.name}")
    output.show_table(output.table(headers, rows))
    click.echo()
    output.line(_verdict(calendar, found))


def _last(app: App, calendar: ReleaseCalendar, count: int) -> list[Train]:
    """The trains whose production time has begun, the last ``count``. Raises CliError."""
    now = app.now()
    try:
        kept = trains(calendar)
        begun = list(takewhile(lambda t: t.production <= now, kept.since(kept.first_day)))
    except InvalidCalendar as problem:
        raise CliError(str(problem)) from problem
    return begun[-count:]


def _line(row: Figures) -> tuple[str, ...]:
    return (
        row.train,
        str(row.deployments),
        _share(row.failed, row.change_failure_rate),
        _share(row.emergencies, row.emergency_share),
        str(row.hotfixes),
        _share(row.automated, row.automated_share),
        _duration(row.lead_time),
    )


def _share(count: int, share: float | None) -> str:
    return "-" if share is None else f"{count} ({share:.0%})"


def _duration(value: timedelta | None) -> str:
    # Days and hours are enough to compare by.
    return "-" if value is None else format_duration(timedelta(hours=round(value.total_seconds() / 3600)))


def _verdict(calendar: ReleaseCalendar, found: Maturity) -> str:
    if not found.ready:
        return f"Not yet mature enough for a faster cadence: {'; '.join(found.against)}."
    return f"Mature enough for a faster cadence: {_faster(calendar)}."


def _faster(calendar: ReleaseCalendar) -> str:
    """The next step on the ladder quarter, month, several sprints, one sprint, shorter sprints."""
    rule = calendar.spec.train or TrainRule()
    match rule.every:
        case Every.QUARTER:
            step = "every: Month instead of every: Quarter"
        case Every.MONTH:
            step = "sprints instead of every: Month"
        case None:
            sprints = rule.sprints or DEFAULT_SPRINTS
            step = f"sprints: {sprints // 2} instead of {sprints}" if sprints > 1 else "shorter sprints"
    return f"the next step in spec.train is {step}"


def _data(calendar: ReleaseCalendar, found: Maturity, limits: Thresholds) -> dict[str, object]:
    return {
        "calendar": f"{calendar.metadata.namespace}/{calendar.metadata.name}",
        "trains": [_row(row) for row in found.trains],
        "total": _row(found.total),
        "thresholds": {
            "minTrains": limits.trains,
            "maxChangeFailureRate": limits.change_failure_rate,
            "maxEmergencyShare": limits.emergency_share,
            "minAutomatedShare": limits.automated_share,
        },
        "ready": found.ready,
        "against": list(found.against),
    }


def _row(row: Figures) -> dict[str, object]:
    return {
        "train": row.train,
        "deployments": row.deployments,
        "failed": row.failed,
        "emergencies": row.emergencies,
        "hotfixes": row.hotfixes,
        "passages": row.passages,
        "automated": row.automated,
        "changeFailureRate": row.change_failure_rate,
        "emergencyShare": row.emergency_share,
        "automatedShare": row.automated_share,
        "leadTimeSeconds": int(row.lead_time.total_seconds()) if row.lead_time is not None else None,
    }
