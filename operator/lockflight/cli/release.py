"""``release create``: CI's one command."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from lockflight.api import reasons
from lockflight.api.conditions import find
from lockflight.api.kinds import RELEASE
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release, ReleaseSpec, ScopeItem, Source
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.charts import pair
from lockflight.cli.client import Manifest
from lockflight.cli.errors import AlreadyExistsError, CliError, NotFoundError
from lockflight.cli.evidence import EvidenceType, Given
from lockflight.cli.git import read_scope, read_source
from lockflight.cli.objects import first_problem, get, list_all
from lockflight.cli.promote import ended
from lockflight.cli.releasespec import Origin, build, components, differences, environments, requirements
from lockflight.cli.waiting import timeout_option, wait_for
from lockflight.cli.writing import create as make
from lockflight.policy.versions import without_config


@click.group()
def release() -> None:
    """Create a release."""


@release.command()
@click.option("--application", required=True, help="What this is a version of.")
@click.option("--version", required=True, help="Semantic version.")
@click.option(
    "--based-on",
    metavar="RELEASE",
    help="New values for that release, with its charts and images: a Config release, of version X+cfg.N.",
)
@click.option(
    "--hotfix-of",
    metavar="RELEASE",
    help="A Hotfix release, made from that one, which production runs. Its own change says so.",
)
@click.option("--includes", metavar="HOTFIX", multiple=True, help="A hotfix that this release contains; repeat.")
@click.option(
    "--requires",
    metavar="APPLICATION=RANGE",
    multiple=True,
    help="Another application that must run where it goes, such as ledger='>=1.2 <2'; repeat.",
)
@click.option("--chart", metavar="REF", help="oci://HOST/PATH[:VERSION][@DIGEST], or a chart's name with --repo.")
@click.option("--chart-version", help="Version of the chart. [default: that of the release]")
@click.option("--repo", "chart_repository", metavar="URL", help="Chart repository.")
@click.option("--digest", metavar="sha256:…", help="Digest of the chart.")
@click.option(
    "--component", "named", metavar="NAME=REF", multiple=True, help="A component and its chart; repeat, in order."
)
@click.option("--values", metavar="[COMPONENT=]FILE", multiple=True, help="Values; later files win.")
@click.option(
    "--env-values",
    metavar="ENV[/COMPONENT]=FILE",
    multiple=True,
    help="Values in one environment; part of the release's digest.",
)
@click.option(
    "--evidence",
    metavar="TYPE=Passed[:URL] | [TYPE=]FILE.xml",
    type=EvidenceType(),
    multiple=True,
    help="A test result; a JUnit report is counted, as unit-tests unless TYPE is given.",
)
@click.option("--from-git", is_flag=True, help="Read repository, revision, branch, tag, authors and scope out of git.")
@click.option("--repository", help="Where the source is.")
@click.option("--revision", help="The commit.")
@click.option("--branch", help="The branch it is merged to.")
@click.option("--tag", help="Its tag.")
@click.option("--author", "authors", multiple=True, help="An author; repeat.")
@click.option(
    "--scope",
    "told_scope",
    metavar="ID=TITLE",
    multiple=True,
    help="A piece of work that it brings; repeat. With --from-git also each commit trailer 'Scope: ID TITLE'.",
)
@click.option("--train", metavar="NAME", help="A later train than the one it makes the cut-off of.")
@click.option("--hold", "hold_reason", metavar="REASON", help="Create it held.")
@click.option("--name", help="Name of the object. [default: APPLICATION-VERSION]")
@click.option(
    "--wait",
    metavar="[ENVIRONMENT]",
    is_flag=False,
    flag_value="",
    help="Wait until its charts are resolved; with ENVIRONMENT, until it has passed there.",
)
@timeout_option
@command_options
@pass_app
def create(
    app: App,
    *,
    application: str,
    version: str,
    based_on: str | None,
    hotfix_of: str | None,
    includes: Sequence[str],
    requires: Sequence[str],
    chart: str | None,
    chart_version: str | None,
    chart_repository: str | None,
    digest: str | None,
    named: Sequence[str],
    values: Sequence[str],
    env_values: Sequence[str],
    evidence: Sequence[Given],
    from_git: bool,
    repository: str | None,
    revision: str | None,
    branch: str | None,
    tag: str | None,
    authors: Sequence[str],
    told_scope: Sequence[str],
    train: str | None,
    hold_reason: str | None,
    name: str | None,
    wait: str | None,
    timeout: timedelta,
) -> None:
    """Create a release, once.

    The same content again is left as it is; other content under the same version is refused, naming the fields that
    differ.
    """
    from pydantic import ValidationError

    if based_on and hotfix_of:
        msg = "--based-on makes a Config release, --hotfix-of a Hotfix: give one of them"
        raise click.UsageError(msg)
    for given in evidence:
        if given.remark:
            output.note(given.remark)
    told = {"repository": repository, "revision": revision, "branch": branch, "tag": tag, "authors": tuple(authors)}
    try:
        spec = build(
            application,
            version,
            components(
                without_config(version),
                chart=chart,
                chart_version=chart_version,
                repository=chart_repository,
                digest=digest,
                named=named,
                values=values,
            ),
            source(version, {k: v for k, v in told.items() if v}, from_git=from_git),
            environments(env_values),
            [given.evidence for given in evidence],
            train,
            Origin(based_on, hotfix_of, tuple(includes)),
            scope(told_scope, from_git=from_git),
            requirements(requires),
        )
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    found, done = ensure(app, name or default_name(application, version), spec, hold_reason)
    if not app.as_data or wait is None:
        output.show_object(app, found, RELEASE.plural, done)
    if wait is not None:
        _wait(app, found["metadata"]["name"], wait or None, timeout)


def default_name(application: str, version: str) -> str:
    """``<application>-<version>``, spelt as object names are: lower case, - for +."""
    return f"{application}-{version}".lower().replace("+", "-")


def ensure(app: App, name: str, spec: ReleaseSpec, hold_reason: str | None) -> tuple[Manifest, str]:
    """The release with this content, and ``created`` or ``unchanged``.

    Raises CliError naming the fields in which another release of this version differs.
    """
    wanted = spec.dump()
    if hold_reason:
        wanted["hold"] = {"reason": hold_reason}
    known = _known(app, name, spec)
    if known is None:
        try:
            return make(app, Release, name, wanted), "created"
        except AlreadyExistsError:
            # Somebody was quicker: judge what is there now.
            known = app.api.get(RELEASE, app.namespace, name)
    there = _normal(known)
    if not hold_reason:
        there.pop("hold", None)
    found = list(differences(there, wanted))
    if found:
        msg = (
            f"release {known['metadata']['name']} exists with other content: {'; '.join(found)}. "
            "A release is immutable: give the new content a new --version"
        )
        raise CliError(msg)
    return known, "unchanged"


def _known(app: App, name: str, spec: ReleaseSpec) -> Manifest | None:
    """The object of that name; else another one with the same application and version."""
    try:
        return app.api.get(RELEASE, app.namespace, name)
    except NotFoundError:
        for item in app.api.list(RELEASE, app.namespace):
            if (item["spec"].get("application"), item["spec"].get("version")) == (spec.application, spec.version):
                return item
    return None


def _normal(known: Manifest) -> dict[str, Any]:
    """The spec as this program would write it: what the API server fills in does not count as a difference."""
    from pydantic import ValidationError

    try:
        return ReleaseSpec.model_validate(known["spec"]).dump()
    except ValidationError:
        return dict(known["spec"])


def source(version: str, told: dict[str, Any], *, from_git: bool) -> Source | None:
    """What git says, with what the options say over it."""
    if not from_git:
        return Source(**told) if told else None
    found, remarks = read_source(version)
    for remark in remarks:
        if not (told.get("branch") and "--branch" in remark):
            output.note(remark)
    return Source(**(dict(found) | told))


def scope(told: Sequence[str], *, from_git: bool) -> tuple[ScopeItem, ...]:
    """What the options say, then what the commits say besides. Raises click.UsageError, pydantic.ValidationError."""
    items = dict(pair(text, "--scope") for text in told)
    for key, title in read_scope() if from_git else ():
        items.setdefault(key, title)
    return tuple(ScopeItem(id=key, title=title) for key, title in items.items())


def _wait(app: App, name: str, environment: str | None, timeout: timedelta) -> None:
    wanted = f"passed {environment}" if environment else "resolved"
    last = [f"release {name} is not {wanted} yet"]

    def look() -> Release | None:
        found = get(app, Release, name)
        if environment is None:
            stalled = find(found.status.conditions, reasons.STALLED)
            if stalled and stalled.status == "True" and stalled.observed_generation == found.metadata.generation:
                msg = f"release {name} cannot be resolved: {stalled.message}"
                raise CliError(msg)
            ready = find(found.status.conditions, reasons.READY)
            last[0] = f"release {name} is not resolved yet{': ' + ready.message if ready else ''}"
            return found if found.status.digest else None
        if passed(found, environment):
            return found
        last[0] = _how_far(app, found, environment)
        return None

    found = wait_for(app, timeout, look, lambda: f"{last[0]}; see lockflight board")
    if app.as_data:
        output.show_data(app, app.api.get(RELEASE, app.namespace, found.metadata.name))
    else:
        output.line(f"release {name} is {wanted}" if not environment else f"release {name} has {wanted}")


def passed(release: Release, environment: str) -> bool:
    """The release is verified and signed off there, with the content it has now."""
    return any(
        p.name == environment and p.signed and p.digest == release.status.digest for p in release.status.environments
    )


def _how_far(app: App, release: Release, environment: str) -> str:
    """How far it has come. Raises CliError where its way has ended."""
    own = [p for p in list_all(app, Promotion, app.namespace) if p.spec.release_ref.name == release.metadata.name]
    own.sort(key=lambda p: (p.metadata.creation_timestamp or app.now(), p.metadata.name))
    latest = {p.spec.environment_ref.name: p for p in own}
    for promotion in latest.values():
        phase = promotion.status.phase
        if phase and phase.final and phase is not Phase.SUCCEEDED:
            raise CliError(ended(promotion))
    waiting = [p for p in latest.values() if not (p.status.phase and p.status.phase.final)]
    if waiting:
        name, status = waiting[-1].metadata.name, waiting[-1].status
        return f"{name} is {(status.phase or Phase.WAITING).value}: {status.waits_for or 'not judged yet'}"
    return f"release {release.metadata.name} has not passed {environment}, and no promotion of it is open"
