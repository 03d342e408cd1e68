"""What runs in an environment, and what ran there before."""

from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.release import Release
from lockflight.cli.app import App
from lockflight.cli.errors import CliError
from lockflight.cli.objects import list_all


def runs_there(target: Environment, application: str | None) -> TargetStatus:
    """The target of the application, or of the only one there is. Raises CliError where that is not one."""
    name = target.metadata.name
    rows = [row for row in target.status.targets if application in (None, row.application)]
    if len(rows) == 1:
        return rows[0]
    found = ", ".join(row.application for row in target.status.targets) or "nothing"
    if application:
        msg = f"{application} does not run in {name}, where {found} runs"
    else:
        msg = f"in {name} runs {found}: say what goes back with --application, or name the release with --to"
    raise CliError(msg)


def ran_before(app: App, target: Environment, running: TargetStatus) -> Release:
    """What ran there, verified, before what runs now. Raises CliError where that is not known."""
    name = target.metadata.name
    known = [
        (row.deployed_at, release)
        for release in list_all(app, Release, app.namespace)
        for row in release.status.environments
        if release.spec.application == running.application
        and release.metadata.name != running.release
        and (row.name, row.environment_uid, row.digest) == (name, target.metadata.uid, release.status.digest)
        and row.verified_at is not None
        and row.deployed_at <= running.deployed_at
    ]
    if not known:
        msg = (
            f"no release of {running.application} ran in {name}, verified, before {running.release}: name one with --to"
        )
        raise CliError(msg)
    return max(known, key=lambda pair: pair[0])[1]
