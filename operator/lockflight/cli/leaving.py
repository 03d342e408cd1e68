"""``rollback`` and ``remove``: an application goes back, or away, with the change that this takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from lockflight.api.changerequest import ChangePhase, ChangeRequest, ChangeRequestSpec, Strategy
from lockflight.api.common import ChangeType, Ref, Tier
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.kinds import CHANGE_REQUEST, PROMOTION
from lockflight.api.promotion import Action
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.errors import AlreadyExistsError, CliError
from lockflight.cli.names import complete_environments
from lockflight.cli.objects import first_problem, get, list_all
from lockflight.cli.promote import ensure
from lockflight.cli.ranbefore import ran_before, runs_there
from lockflight.cli.writing import create
from lockflight.policy.auto import promotion_name


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do, and what is said of it."""

    action: Action
    release: Release
    target: Environment
    reason: str | None = None
    assessment: str | None = None
    steps: tuple[str, ...] = ()

    @property
    def removes(self) -> bool:
        """It goes away."""
        return self.action is Action.REMOVE


def _common(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        pass_app,
        command_options,
        click.option("--step", "steps", multiple=True, help="A new change: a step of undoing it; repeat, in order."),
        click.option("--assessment", help="A new change: what may go wrong, and how that was looked into."),
        click.option("--reason", help="A new change: why."),
        click.option("--change", metavar="CHANGE", help="The change to run under. [default: the one that fits]"),
        click.option(
            "--env",
            "environment",
            metavar="ENVIRONMENT",
            required=True,
            shell_complete=complete_environments,
            help="Where.",
        ),
        click.argument("application"),
    ):
        command = option(command)
    return command


@click.command()
@_common
@click.option("--to", metavar="RELEASE", help="The release to go back to. [default: what ran there, verified, before]")
def rollback(app: App, *, application: str, environment: str, to: str | None, change: str | None, **given: Any) -> None:
    """Take an application in an environment back to a release that ran there, verified.

    The way back of a change that was approved needs no other change for a while, and is made under it. Any other
    takes a change of its own where the environment asks for one: --reason and --assessment raise it.
    """
    target = get(app, Environment, environment)
    running = runs_there(target, application)
    release = get(app, Release, to) if to else ran_before(app, target, running)
    wanted = Wanted(Action.ROLLBACK, release, target, given["reason"], given["assessment"], tuple(given["steps"]))
    before = ran_before(app, target, running) if to is None else None
    _go(app, wanted, change or _covering(app, target, running, release, before))


@click.command()
@_common
def remove(app: App, *, application: str, environment: str, change: str | None, **given: Any) -> None:
    """Remove an application from an environment: its Helm releases are uninstalled, with their history.

    Where the environment asks for a change, it is one that says so: --reason and --assessment raise it.
    """
    target = get(app, Environment, environment)
    release = get(app, Release, runs_there(target, application).release)
    wanted = Wanted(Action.REMOVE, release, target, given["reason"], given["assessment"], tuple(given["steps"]))
    _go(app, wanted, change)


def _go(app: App, wanted: Wanted, change: str | None) -> None:
    """The change where one is needed and none is there, then the promotion."""
    name, made = change, False
    if name is None and _controlled(wanted.target):
        name, made = _change(app, wanted)
    release, environment = wanted.release.metadata.name, wanted.target.metadata.name
    promotion, done = ensure(app, release, environment, name, wanted.action)
    output.show_object(app, promotion, PROMOTION.plural, done)
    if app.as_data:
        return
    if made:
        output.note(f"it waits for change {name}: lockflight approve {name} --role ROLE, by somebody else")
    output.note(f"what it waits for: lockflight why {promotion['metadata']['name']}")


def _controlled(target: Environment) -> bool:
    return target.spec.change_control is not None or target.spec.tier is Tier.PRODUCTION


def _covering(
    app: App, target: Environment, running: TargetStatus, release: Release, before: Release | None
) -> str | None:
    """The change that brought what runs, where going back is its own way back."""
    if before is None or before.metadata.name != release.metadata.name:
        return None
    for change in list_all(app, ChangeRequest, app.namespace):
        if change.status.phase in (ChangePhase.IMPLEMENT, ChangePhase.REVIEW) and any(
            (use.environment, use.promotion_uid) == (target.metadata.name, running.promotion_uid)
            for use in change.status.used_by
        ):
            return change.metadata.name
    return None


def _change(app: App, wanted: Wanted) -> tuple[str, bool]:
    """The one open change for it, else a new one, and whether it is new. Raises CliError."""
    release, environment = wanted.release.metadata.name, wanted.target.metadata.name
    fitting = [
        c.metadata.name
        for c in list_all(app, ChangeRequest, app.namespace)
        if c.spec.release == release
        and environment in c.spec.environments
        and c.spec.removes is wanted.removes
        and not (c.status.phase is not None and (c.status.phase.ended or c.status.phase is ChangePhase.REVIEW))
    ]
    if len(fitting) == 1:
        return fitting[0], False
    if len(fitting) > 1:
        msg = f"{', '.join(sorted(fitting))} are about {release} in {environment}: name one with --change"
        raise CliError(msg)
    if not wanted.reason or not wanted.assessment:
        msg = (
            f"{environment} asks for a change, and none that is open is about this: raise it with --reason and "
            "--assessment, or name one with --change"
        )
        raise CliError(msg)
    return _raised(app, wanted), True


def _raised(app: App, wanted: Wanted) -> str:
    from pydantic import ValidationError

    release, environment = wanted.release.metadata.name, wanted.target.metadata.name
    verb, suffix = ("remove", "remove") if wanted.removes else ("back to", "back")
    again = f"lockflight promote {release} {environment}"
    plan = {"strategy": Strategy.ROLL_FORWARD, "steps": list(wanted.steps) or [again]}
    if not wanted.removes and not wanted.steps:
        plan = {"strategy": Strategy.HELM_ROLLBACK, "steps": []}
    try:
        spec = ChangeRequestSpec.model_validate(
            {
                "type": ChangeType.NORMAL,
                "title": f"{verb} {release} in {environment}"[:256],
                "reason": wanted.reason,
                "release_ref": Ref(name=release),
                "action": "Remove" if wanted.removes else None,
                "environments": (environment,),
                "risk": {"assessment": wanted.assessment},
                "rollback_plan": plan,
            }
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    base = f"{promotion_name(release, environment)}-{suffix}"
    for name in _names(base):
        try:
            made = create(app, ChangeRequest, name, spec.dump())
        except AlreadyExistsError:
            continue
        if not app.as_data:
            output.show_object(app, made, CHANGE_REQUEST.plural, "created")
        return name
    msg = f"changes {base} and so on exist: name one with --change"
    raise CliError(msg)


def _names(base: str) -> Sequence[str]:
    return [base, *(f"{base}-{number}" for number in range(2, 10))]
