"""``promote`` and ``abort``."""

from collections.abc import Sequence
from datetime import timedelta

import click

from lockflight.api import reasons
from lockflight.api.conditions import find
from lockflight.api.environment import Environment
from lockflight.api.kinds import PROMOTION
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.client import Manifest
from lockflight.cli.errors import AlreadyExistsError, CliError
from lockflight.cli.names import environment_argument, promotion_argument, release_argument
from lockflight.cli.objects import get, list_all, parse
from lockflight.cli.waiting import timeout_option, wait_for
from lockflight.cli.writing import create, edit
from lockflight.policy.auto import promotion_name

TRIES = 3
"""Names tried where others create promotions at the same moment."""


@click.command()
@release_argument
@environment_argument
@click.option(
    "--change",
    metavar="CHANGE",
    help="The change to run under; a bulk change as NAMESPACE/NAME. [default: the one open change that names both]",
)
@click.option("--rollback", is_flag=True, help="Go back to RELEASE, which ran there before.")
@click.option("--wait", is_flag=True, help="Wait until it has ended: 0 only if it succeeded.")
@timeout_option
@command_options
@pass_app
def promote(
    app: App, *, release: str, environment: str, change: str | None, rollback: bool, wait: bool, timeout: timedelta
) -> None:
    """Bring a release into an environment.

    The promotion waits for its gates; nothing is applied before they are open. An open promotion of the same release to
    the same environment is left as it is.
    """
    action = Action.ROLLBACK if rollback else Action.DEPLOY
    found, done = ensure(app, release, environment, change, action)
    name = str(found["metadata"]["name"])
    if not (app.as_data and wait):
        output.show_object(app, found, PROMOTION.plural, done)
    if wait:
        _wait(app, name, timeout)
    elif not app.as_data:
        output.note(f"what it waits for: lockflight why {name}")


def ensure(
    app: App, release_name: str, environment_name: str, change: str | None, action: Action
) -> tuple[Manifest, str]:
    """The promotion, and ``created`` or ``unchanged``. Raises CliError where one under another change is open."""
    # Both are read first: a promotion of what does not exist would only wait for ever.
    release, environment = get(app, Release, release_name), get(app, Environment, environment_name)
    spec: dict[str, object] = {
        "releaseRef": {"name": release_name},
        "environmentRef": {"name": environment_name},
        "action": action.value,
    }
    if change:
        place, _, name = change.rpartition("/")
        spec["changeRequestRef"] = {"name": name, **({"namespace": place} if place else {})}
    for _ in range(TRIES):
        peers = list_all(app, Promotion, app.namespace)
        standing = _standing(peers, release, environment, action)
        if standing is not None:
            _agree(standing, change)
            return app.api.get(PROMOTION, app.namespace, standing.metadata.name), "unchanged"
        name = free_name(release_name, environment_name, action, {p.metadata.name for p in peers})
        try:
            return create(app, Promotion, name, spec), "created"
        except AlreadyExistsError:
            continue
    what = f"{release_name} to {environment_name}"
    msg = f"others keep creating promotions of {what}: see lockflight board, then try again"
    raise CliError(msg)


def agreed(app: App, release: Release, environment: Environment, action: Action, change: str) -> None:
    """Raise CliError where a promotion of the same under another change makes this one needless."""
    standing = _standing(list_all(app, Promotion, app.namespace), release, environment, action)
    if standing is not None:
        _agree(standing, change)


def _standing(
    peers: Sequence[Promotion], release: Release, environment: Environment, action: Action
) -> Promotion | None:
    """The promotion that makes another one needless: an open one, or the one that put there what runs there now."""
    same = [
        p
        for p in peers
        if (p.spec.release_ref.name, p.spec.environment_ref.name, p.spec.action)
        == (release.metadata.name, environment.metadata.name, action)
    ]
    for promotion in same:
        if not (promotion.status.phase and promotion.status.phase.final):
            return promotion
    running = {t.promotion_uid for t in environment.status.targets if t.application == release.spec.application}
    return next((p for p in same if p.status.phase is Phase.SUCCEEDED and p.metadata.uid in running), None)


def _agree(standing: Promotion, change: str | None) -> None:
    ref = standing.spec.change_request_ref
    under = (f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name) if ref else standing.status.change
    if change and change != under:
        words = f"runs under {under}" if under else "names no change"
        msg = f"promotion {standing.metadata.name} exists and {words}: lockflight abort {standing.metadata.name} first"
        raise CliError(msg)


def free_name(release: str, environment: str, action: Action, taken: set[str]) -> str:
    """``<release>-<environment>``, ``…-rollback`` or ``…-remove``, then ``…-2`` and so on."""
    suffix = {Action.ROLLBACK: "-rollback", Action.REMOVE: "-remove"}.get(action, "")
    base = promotion_name(release, environment) + suffix
    number, name = 1, base
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _wait(app: App, name: str, timeout: timedelta) -> None:
    seen: list[str] = []

    def look() -> Promotion | None:
        found = get(app, Promotion, name)
        phase = found.status.phase or Phase.WAITING
        words = f"{phase.value}: {found.status.waits_for or 'not judged yet'}"
        if not phase.final and (not seen or seen[-1] != words):
            output.note(words)
            seen.append(words)
        return found if phase.final else None

    done = wait_for(
        app,
        timeout,
        look,
        lambda: f"promotion {name} is still {seen[-1] if seen else 'waiting'}; see lockflight why {name}",
    )
    if app.as_data:
        output.show_data(app, app.api.get(PROMOTION, app.namespace, name))
    if done.status.phase is not Phase.SUCCEEDED:
        raise CliError(ended(done))
    if not app.as_data:
        output.line(f"promotion {name} succeeded")


def ended(promotion: Promotion) -> str:
    """How a promotion ended, in one line."""
    summary = find(promotion.status.conditions, reasons.SUCCEEDED)
    phase = promotion.status.phase.value if promotion.status.phase else "unknown"
    words = f": {summary.message}" if summary and summary.message else ""
    return f"promotion {promotion.metadata.name} ended {phase}{words}; see lockflight why {promotion.metadata.name}"


@click.command()
@promotion_argument
@command_options
@pass_app
def abort(app: App, promotion: str) -> None:
    """Abort a promotion; what has begun is taken back."""
    known = app.api.get(PROMOTION, app.namespace, promotion)
    found = parse(Promotion, known)
    if found.status.phase and found.status.phase.final:
        msg = f"promotion {promotion} has ended already: {found.status.phase.value}"
        raise CliError(msg)
    if found.spec.abort:
        output.show_object(app, known, PROMOTION.plural, "unchanged")
        return
    output.show_object(app, edit(app, PROMOTION, known, {"abort": True}), PROMOTION.plural, "aborted")
