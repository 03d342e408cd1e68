"""``change create`` and ``change new``: raise a change."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from lockflight.api.changerequest import (
    ChangeRequest,
    ChangeRequestSpec,
    DeclaredRisk,
    ExternalRef,
    HotfixClaim,
    RollbackPlan,
    Schedule,
    StackRelease,
    Strategy,
)
from lockflight.api.common import ChangeType, Ref, RiskLevel
from lockflight.api.environment import Environment
from lockflight.api.kinds import CHANGE_REQUEST
from lockflight.api.release import Release
from lockflight.cli import changelife, output
from lockflight.cli.activity import Asked, activity_options
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.diff import read, show
from lockflight.cli.objects import first_problem, get
from lockflight.cli.waiting import DURATION, wait_for
from lockflight.cli.writing import create as make
from lockflight.policy.auto import promotion_name
from lockflight.policy.drafting import draft


@click.group()
def change() -> None:
    """Raise a change, and see it through its life."""


for _command in (
    changelife.submit,
    changelife.review,
    changelife.hold,
    changelife.unhold,
    changelife.cancel,
    changelife.regularise,
):
    change.add_command(_command)


@change.command()
@click.option("--release", "release_name", help="The release to bring there.")
@click.option(
    "--bulk",
    "bulk",
    multiple=True,
    metavar="STACK/RELEASE",
    help="One approval for several stacks: a release of one of them; repeat. Goes into the operator's namespace.",
)
@click.option("--environment", "environments", required=True, multiple=True, help="The environment it changes; repeat.")
@click.option("--title", required=True, help="What it is, in a line.")
@click.option("--reason", required=True, help="Why.")
@click.option("--assessment", help="What may go wrong, and how that was looked into. A normal change needs it.")
@click.option("--impact", type=click.Choice([r.value for r in RiskLevel]), help="How bad it would be.")
@click.option("--likelihood", type=click.Choice([r.value for r in RiskLevel]), help="How likely that is.")
@click.option("--standard", metavar="PATTERN", help="Raise a standard change that follows this StandardChange.")
@click.option("--hotfix", metavar="DEFECT", help="Say that the release is a hotfix, and which defect it mends.")
@click.option("--strategy", type=click.Choice([s.value for s in Strategy]), help="How it is taken back.")
@click.option("--step", "steps", multiple=True, help="A step of taking it back; repeat, in order.")
@click.option(
    "--schedule-start", metavar="TIME", help="Earliest start: RFC 3339 with offset, 2026-12-01T09:00:00+01:00."
)
@click.option("--schedule-end", metavar="TIME", help="No start at or after this.")
@click.option(
    "--requested-by",
    metavar="USER",
    help="Who asked for it, where you raise it for somebody. That person cannot approve it.",
)
@click.option(
    "--external", "external", multiple=True, metavar="SYSTEM=ID", help="Its number in a system of record; repeat."
)
@click.option("--name", help="Name of the object. [default: chg-, and some letters]")
@command_options
@pass_app
def create(
    app: App,
    *,
    release_name: str | None,
    bulk: Sequence[str],
    environments: Sequence[str],
    title: str,
    reason: str,
    assessment: str | None,
    impact: str | None,
    likelihood: str | None,
    standard: str | None,
    hotfix: str | None,
    strategy: str | None,
    steps: Sequence[str],
    schedule_start: str | None,
    schedule_end: str | None,
    requested_by: str | None,
    external: Sequence[str],
    name: str | None,
) -> None:
    """Raise a change: permission to bring a release into environments; a normal one, or one that follows a pattern.

    You cannot approve it yourself.
    """
    from pydantic import ValidationError

    if bool(schedule_start) != bool(schedule_end):
        msg = "--schedule-start and --schedule-end go together"
        raise click.UsageError(msg)
    if steps and not strategy:
        msg = "--step goes with --strategy"
        raise click.UsageError(msg)
    if bool(release_name) == bool(bulk):
        msg = "give --release, or --bulk for each stack"
        raise click.UsageError(msg)
    if bool(impact) != bool(likelihood):
        msg = "--impact and --likelihood go together"
        raise click.UsageError(msg)
    _no_hotfix_by_pattern(hotfix, standard)
    risk = {"impact": impact, "likelihood": likelihood, "assessment": assessment}
    try:
        spec = ChangeRequestSpec(
            type=ChangeType.STANDARD if standard else ChangeType.NORMAL,
            standard_change_ref=Ref(name=standard) if standard else None,
            hotfix=HotfixClaim(defect=hotfix) if hotfix else None,
            title=title,
            reason=reason,
            requested_by=requested_by,
            release_ref=Ref(name=release_name) if release_name else None,
            releases=tuple(_of_stack(text) for text in bulk) or None,
            environments=tuple(environments),
            risk=DeclaredRisk.model_validate(risk) if any(risk.values()) else None,
            rollback_plan=RollbackPlan.model_validate({"strategy": strategy, "steps": list(steps)})
            if strategy
            else None,
            schedule=Schedule.model_validate({"start": schedule_start, "end": schedule_end})
            if schedule_start
            else None,
            external_refs=tuple(_external(text) for text in external),
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    made = make(app, ChangeRequest, name, spec.dump(), prefix="chg-")
    output.show_object(app, made, CHANGE_REQUEST.plural, "created")
    if not app.as_data:
        output.note(f"what is being approved: lockflight diff {made['metadata']['name']}")


def _no_hotfix_by_pattern(hotfix: str | None, standard: str | None) -> None:
    if hotfix and standard:
        msg = "--hotfix goes with a normal change, not with --standard"
        raise click.UsageError(msg)


def _of_stack(text: str) -> StackRelease:
    stack, _, name = text.partition("/")
    if not name:
        msg = f"--bulk {text!r}: write STACK/RELEASE, such as payments/payments-2.4.1"
        raise click.UsageError(msg)
    return StackRelease(stack=stack, name=name)


def _external(text: str) -> ExternalRef:
    system, _, number = text.partition("=")
    if not number:
        msg = f"--external {text!r}: write SYSTEM=ID, such as servicenow=CHG0031"
        raise click.UsageError(msg)
    return ExternalRef(system=system, id=number)


@change.command()
@click.option("--release", "release_name", help="The release to bring there.")
@activity_options
@click.option("--environment", "environments", required=True, multiple=True, help="The environment it changes.")
@click.option("--title", help="What it is, in a line. [default: APPLICATION VERSION to ENVIRONMENT]")
@click.option("--reason", help="Why. [default: that the release is ready]")
@click.option("--assessment", help="What may go wrong, and how that was looked into. A normal change needs it.")
@click.option("--standard", metavar="PATTERN", help="Follow this StandardChange. [default: a normal change]")
@click.option("--hotfix", metavar="DEFECT", help="Say that the release is a hotfix, and which defect it mends.")
@click.option(
    "--schedule-start", metavar="TIME", help="Earliest start: RFC 3339 with offset, 2026-12-01T09:00:00+01:00."
)
@click.option("--schedule-end", metavar="TIME", help="No start at or after this.")
@click.option("--name", help="Name of the object. [default: RELEASE-ENVIRONMENT; for an activity chg-, and letters]")
@click.option("--timeout", type=DURATION, default="1m", show_default=True, help="How long to wait for its assessment.")
@command_options
@pass_app
def new(
    app: App,
    *,
    release_name: str | None,
    environments: Sequence[str],
    title: str | None,
    reason: str | None,
    assessment: str | None,
    standard: str | None,
    hotfix: str | None,
    schedule_start: str | None,
    schedule_end: str | None,
    name: str | None,
    timeout: timedelta,
    activity: str | None,
    description: str | None,
    duration: str | None,
    applications: Sequence[str],
    strategy: str | None,
    steps: Sequence[str],
) -> None:
    """Draft a change with all that a board asks for, and show it.

    It brings a release into an environment, or is an activity. The rollback plan is the release's own, else what fits;
    plan, risk and conflicts are the operator's, which it waits for. You cannot approve it yourself.
    """
    from pydantic import ValidationError

    asked = Asked(activity, description, duration, applications, strategy, steps)
    if bool(schedule_start) != bool(schedule_end):
        msg = "--schedule-start and --schedule-end go together"
        raise click.UsageError(msg)
    _no_hotfix_by_pattern(hotfix, standard)
    if bool(release_name) == asked.anything or (asked.anything and (standard or not schedule_start)):
        msg = "give --release, or --activity with --description, --duration, --step and a schedule"
        raise click.UsageError(msg)
    drafted = _drafted(app, release_name, environments, standard) if release_name else asked.spec(environments)
    said = {
        "title": title,
        "reason": reason,
        "risk": {"assessment": assessment} if assessment else None,
        "hotfix": {"defect": hotfix} if hotfix else None,
    }
    schedule = {"start": schedule_start, "end": schedule_end} if schedule_start else None
    try:
        spec = ChangeRequestSpec.model_validate(
            {**drafted, **{key: value for key, value in {**said, "schedule": schedule}.items() if value}}
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    called = name or (promotion_name(release_name, environments[0]) if release_name else None)
    called = make(app, ChangeRequest, called, spec.dump(), prefix="chg-")["metadata"]["name"]

    def assessed() -> ChangeRequest | None:
        found = get(app, ChangeRequest, called)
        judged = found.status.observed_generation == found.metadata.generation
        return found if judged and found.status.phase is not None else None

    found = wait_for(
        app, timeout, assessed, lambda: f"change {called} was made, and the operator did not assess it yet"
    )
    if app.as_data:
        output.show_data(app, found.dump())
        return
    show(read(app, found))
    output.note(f"it waits for: {found.status.waits_for or 'nothing'}")


def _drafted(app: App, name: str, environments: Sequence[str], standard: str | None) -> dict[str, Any]:
    if len(environments) != 1:
        msg = "one --environment at a time: each has a change of its own, or use lockflight change create"
        raise click.UsageError(msg)
    release, target = get(app, Release, name), get(app, Environment, environments[0])
    runs = any(row.application == release.spec.application for row in target.status.targets)
    irreversible = bool(release.spec.irreversible())
    return draft(release, environments[0], None, first=not runs, irreversible=irreversible, pattern=standard).dump()
