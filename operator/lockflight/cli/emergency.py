"""``emergency rollback`` and ``emergency deploy``: everything that an emergency needs, in one command."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from lockflight.api.changerequest import ChangeRequest, ChangeRequestSpec, Strategy
from lockflight.api.common import ChangeType, Ref, Tier
from lockflight.api.environment import Environment
from lockflight.api.kinds import CHANGE_REQUEST, PROMOTION, RELEASE
from lockflight.api.promotion import Action
from lockflight.api.release import Release, ReleaseSpec
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.changelife import incident_of, incident_options
from lockflight.cli.client import Manifest
from lockflight.cli.errors import AlreadyExistsError, CliError, NotFoundError, TimedOutError
from lockflight.cli.names import environment_argument, release_argument
from lockflight.cli.objects import first_problem, get, parse
from lockflight.cli.promote import agreed, ensure
from lockflight.cli.ranbefore import ran_before, runs_there
from lockflight.cli.release import ensure as ensure_release
from lockflight.cli.release import source
from lockflight.cli.releasespec import Origin, build, components
from lockflight.cli.waiting import DURATION, wait_for
from lockflight.cli.writing import create
from lockflight.policy.auto import promotion_name
from lockflight.policy.drafting import rollback_plan
from lockflight.policy.emergencyrules import DEFAULT_SEVERITIES

_ROLE = re.compile(r'"role":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Incident:
    """The incident that both commands are about, as the API takes it."""

    given: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its number."""
        return str(self.given["id"])


@click.group()
@incident_options[0]
@incident_options[1]
@incident_options[2]
@command_options
@click.pass_context
def emergency(ctx: click.Context, *, incident: str, severity: str, opened_at: str | None) -> None:
    """Because of an incident, go back or bring a release: all in one command.

    Writes the change, the promotion, and the release where needed. Prints the command that approves it, for whoever is
    awake. You cannot approve it yourself.
    """
    now = ctx.ensure_object(App).now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ctx.meta[__name__] = Incident(incident_of(incident, severity, opened_at, now))


def _common(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        pass_app,
        click.pass_context,
        command_options,
        click.option(
            "--timeout", type=DURATION, default="30s", show_default=True, help="How long to wait for its assessment."
        ),
        click.option("--name", help="Name of the change. [default: INCIDENT-RELEASE-ENVIRONMENT]"),
        click.option("--past-freeze", "freezes", multiple=True, help="A freeze to go past by its override; repeat."),
        click.option("--step", "steps", multiple=True, help="A step of taking it back; repeat, in order."),
        click.option("--strategy", type=click.Choice([s.value for s in Strategy]), help="How it is taken back."),
        click.option("--reason", help="Why. [default: the incident's number]"),
    ):
        command = option(command)
    return command


@emergency.command()
@environment_argument
@click.option("--application", help="What goes back. [default: the one application that runs there]")
@click.option("--to", metavar="RELEASE", help="The release to go back to. [default: what ran there, verified, before]")
@_common
def rollback(
    app: App, ctx: click.Context, *, environment: str, application: str | None, to: str | None, **given: Any
) -> None:
    """Go back in ENVIRONMENT to what ran there before."""
    target = get(app, Environment, environment)
    release = get(app, Release, to) if to else ran_before(app, target, runs_there(target, application))
    plan = {"strategy": given["strategy"] or Strategy.HELM_ROLLBACK, "steps": list(given["steps"])}
    _raise(app, ctx, release, target, Action.ROLLBACK, plan, given)


@emergency.command()
@release_argument
@environment_argument
@click.option("--application", help="To create RELEASE: what it is a version of.")
@click.option("--version", help="To create RELEASE: its semantic version.")
@click.option("--chart", metavar="REF", help="To create RELEASE: oci://HOST/PATH[:VERSION][@DIGEST].")
@click.option("--digest", metavar="sha256:…", help="To create RELEASE: digest of the chart.")
@click.option("--values", metavar="FILE", multiple=True, help="To create RELEASE: values; later files win.")
@click.option("--from-git", is_flag=True, help="To create RELEASE: read its branch, tag and authors out of git.")
@click.option(
    "--hotfix-of", metavar="RELEASE", help="To create RELEASE as a Hotfix of that one, which production runs."
)
@_common
def deploy(
    app: App,
    ctx: click.Context,
    *,
    release: str,
    environment: str,
    application: str | None,
    version: str | None,
    chart: str | None,
    digest: str | None,
    values: Sequence[str],
    from_git: bool,
    hotfix_of: str | None,
    **given: Any,
) -> None:
    """Bring RELEASE into ENVIRONMENT; with --chart it is created first."""
    target = get(app, Environment, environment)
    if chart:
        if not application or not version:
            msg = "--chart creates the release: give --application and --version too"
            raise click.UsageError(msg)
        spec = _release(application, version, chart, digest, values, hotfix_of, from_git=from_git)
        made, done = ensure_release(app, release, spec, None)
        _show(app, made, RELEASE.plural, done)
        found = parse(Release, made)
    else:
        found = get(app, Release, release)
    first = not any(row.application == found.spec.application for row in target.status.targets)
    irreversible = any(not part.reversible for part in found.spec.parts())
    drafted = rollback_plan(found, first=first, irreversible=irreversible)
    plan = {"strategy": given["strategy"], "steps": list(given["steps"])} if given["strategy"] else None
    if plan is None and drafted is None:
        msg = "it cannot be taken back by Helm: say how with --strategy RollForward|Restore|Manual and --step"
        raise click.UsageError(msg)
    _raise(app, ctx, found, target, Action.DEPLOY, plan or (drafted.dump() if drafted else {}), given)


def _release(
    application: str,
    version: str,
    chart: str,
    digest: str | None,
    values: Sequence[str],
    hotfix_of: str | None,
    *,
    from_git: bool,
) -> ReleaseSpec:
    from pydantic import ValidationError

    parts = components(
        version, chart=chart, chart_version=None, repository=None, digest=digest, named=(), values=values
    )
    try:
        return build(
            application,
            version,
            parts,
            source(version, {}, from_git=from_git),
            None,
            (),
            None,
            Origin(None, hotfix_of, ()),
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem


def _raise(
    app: App,
    ctx: click.Context,
    release: Release,
    target: Environment,
    action: Action,
    plan: Mapping[str, Any],
    given: Mapping[str, Any],
) -> None:
    """Change, then promotion, then the command for those who approve."""
    from pydantic import ValidationError

    incident: Incident = ctx.find_root().meta[__name__]
    _severe_enough(incident, target)
    release_name, environment = release.metadata.name, target.metadata.name
    verb = "back to" if action is Action.ROLLBACK else "bring"
    reason = given["reason"] or incident.id
    past = {"windows": list(given["freezes"]), "justification": reason} if given["freezes"] else None
    try:
        spec = ChangeRequestSpec.model_validate(
            {
                "type": ChangeType.EMERGENCY,
                "title": f"{incident.id}: {verb} {release_name} in {environment}"[:256],
                "reason": reason,
                "incident": incident.given,
                "release_ref": Ref(name=release_name),
                "environments": (environment,),
                "rollback_plan": plan,
                "freeze_override": past,
            }
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    name = given["name"] or _name(incident.id, release_name, environment)
    # Before anything is written: another promotion under another change would only stand in the way.
    agreed(app, release, target, action, name)
    change, done = _ensure_change(app, name, spec)
    _show(app, change, CHANGE_REQUEST.plural, done)
    promotion, done = ensure(app, release_name, environment, name, action)
    _show(app, promotion, PROMOTION.plural, done)
    found = _assessed(app, name, given["timeout"])
    if app.as_data:
        output.show_data(app, {"change": found.dump(), "promotion": promotion})
        return
    _tell(app, found, target)


def _severe_enough(incident: Incident, target: Environment) -> None:
    """Raises CliError where the environment takes no emergency of that severity: nothing would ever approve it."""
    control = target.spec.change_control
    rule, severity = control.emergency if control else None, str(incident.given["severity"])
    production = target.spec.tier is Tier.PRODUCTION
    allowed = (rule.severities or DEFAULT_SEVERITIES) if rule else DEFAULT_SEVERITIES if production else ()
    if allowed and severity not in allowed:
        msg = (
            f"{target.metadata.name} takes emergencies of severity {', '.join(allowed)} only, and {incident.id} is "
            f"{severity}: raise a normal change (lockflight change new)"
        )
        raise CliError(msg)


def _ensure_change(app: App, name: str, spec: ChangeRequestSpec) -> tuple[Manifest, str]:
    """The same again is left as it is: somebody who is woken up presses twice."""
    try:
        return create(app, ChangeRequest, name, spec.dump()), "created"
    except AlreadyExistsError:
        known = get(app, ChangeRequest, name)
    same = known.spec.model_copy(update={"incident": None}) == spec.model_copy(update={"incident": None})
    number = known.spec.incident.id if known.spec.incident else None
    ended = known.status.phase is not None and known.status.phase.ended
    if not same or ended or spec.incident is None or number != spec.incident.id:
        msg = f"change {name} exists and is {'over' if ended else 'another one'}: give --name"
        raise CliError(msg)
    return app.api.get(CHANGE_REQUEST, app.namespace, name), "unchanged"


def _name(incident: str, release: str, environment: str) -> str:
    """Of the incident's number, what an object's name may have."""
    number = re.sub(r"[^a-z0-9]+", "-", incident.lower()).strip("-") or "emergency"
    return promotion_name(f"{number}-{release}", environment)


def _assessed(app: App, name: str, timeout: timedelta) -> ChangeRequest:
    """The change once the operator says who approves it, else as far as it is."""

    def look() -> ChangeRequest | None:
        found = get(app, ChangeRequest, name)
        judged = found.status.observed_generation == found.metadata.generation
        return found if judged and (found.status.how_to_approve or _stuck(found)) else None

    try:
        return wait_for(app, timeout, look, lambda: f"change {name} is not assessed yet")
    except (TimedOutError, NotFoundError):
        return get(app, ChangeRequest, name)


def _stuck(change: ChangeRequest) -> bool:
    """It lacks something that waiting does not bring."""
    return change.status.plan_digest is not None and change.status.waits_for is not None


def _tell(app: App, change: ChangeRequest, target: Environment) -> None:
    name, status = change.metadata.name, change.status
    roles = _ROLE.findall(status.how_to_approve or "")
    control = target.spec.change_control
    if control is not None and control.emergency is not None:
        roles = [need.role for need in control.emergency.approvals]
    if status.waits_for:
        output.line(f"it waits for: {status.waits_for}")
    for role in roles or ["ROLE"]:
        output.line(f"approve: lockflight -n {app.namespace} approve {name} --role {role}")
    if status.how_to_approve:
        output.line(f"or with kubectl: {status.how_to_approve}")


def _show(app: App, made: Manifest, plural: str, done: str) -> None:
    if not app.as_data:
        output.show_object(app, made, plural, done)
