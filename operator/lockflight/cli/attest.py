"""``attest``: evidence on a release; or how a step or a verification of others went."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from lockflight.api.kinds import PROMOTION
from lockflight.api.promotion import Phase, Promotion
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.attesting import Told, on_release
from lockflight.cli.deciding import RoleType, comment_option
from lockflight.cli.errors import CliError
from lockflight.cli.names import attested_argument
from lockflight.cli.objects import get
from lockflight.cli.sarif import LEVELS
from lockflight.cli.waiting import DURATION

_FILE = click.Path(dir_okay=False, path_type=Path)
RESULTS = ("Passed", "Failed", "NotApplicable", "Withdrawn")


@click.command()
@attested_argument
@click.argument("step", required=False)
@click.option("--type", "kind", type=RoleType(), help="Evidence type; for a report: unit-tests, static-analysis.")
@click.option("--junit", type=_FILE, help="A JUnit report, which says how it came out.")
@click.option("--sarif", type=_FILE, help="A SARIF report, which says how it came out.")
@click.option("--attestation", type=_FILE, help="The result signed: a DSSE envelope or a Sigstore bundle.")
@click.option(
    "--fail-on", type=click.Choice(LEVELS), default="error", show_default=True, help="SARIF: the mildest that fails."
)
@click.option("--result", type=click.Choice(RESULTS), help="How it came out, or how the step went.")
@click.option("--role", type=RoleType(), help="Of a step or of a waiver: the role in which you speak.")
@click.option("--reason", metavar="TEXT", help="Why; a waiver (NotApplicable) takes one.")
@click.option("--url", metavar="URL", help="Where the report is.")
@click.option("--reviewer", "reviewers", multiple=True, metavar="NAME", help="pull-request: who reviewed it; repeat.")
@click.option("--author", "authors", multiple=True, metavar="NAME", help="pull-request: who wrote it; repeat.")
@click.option(
    "--timeout", type=DURATION, default="1m", show_default=True, help="How long to wait for the release's charts."
)
@comment_option
@command_options
@pass_app
def attest(
    app: App,
    *,
    name: str,
    step: str | None,
    kind: str | None,
    junit: Path | None,
    sarif: Path | None,
    attestation: Path | None,
    fail_on: str,
    result: str | None,
    role: str | None,
    reason: str | None,
    url: str | None,
    reviewers: Sequence[str],
    authors: Sequence[str],
    timeout: timedelta,
    comment: str | None,
) -> None:
    """Attest evidence on a release; or, with STEP, say how a step or a verification of others went.

    Evidence is bound to the very bytes of the release. It counts where you hold attest on evidencetypes/TYPE, and a
    waiver (NotApplicable) where you hold waive on approvalroles/ROLE. STEP is the name of a step that others take, or
    of a verification that others do: with Passed the promotion goes on, with Failed it ends. A pipeline does so after
    its own work; see lockflight wait --step.
    """
    if step is not None:
        if result not in ("Passed", "Failed") or role is None or kind or junit or sarif or attestation:
            msg = "a step takes --role, and --result Passed or Failed"
            raise click.UsageError(msg)
        _step(app, name, step, role, result, comment)
        return
    if comment:
        msg = "--comment goes with a step: evidence takes --reason"
        raise click.UsageError(msg)
    told = Told(kind, junit, sarif, fail_on, result, role, reason, url, tuple(reviewers), tuple(authors), attestation)
    on_release(app, name, told, timeout)


def _step(app: App, promotion: str, step: str, role: str, result: str, comment: str | None) -> None:
    found = get(app, Promotion, promotion)
    plan, about = found.status.plan, _about(found, step)
    if about is None or plan is None:
        names = ", ".join(s.name for s in found.status.steps) or "none"
        theirs = ", ".join(v.name for v in found.status.verification if v.role) or "none"
        msg = f"promotion {promotion} has no step {step}; its steps are: {names}; verifications of others: {theirs}"
        raise CliError(msg)
    me = app.api.whoami()
    entry: dict[str, object] = {"role": role, about: step, "result": result, "by": me.user, "groups": list(me.groups)}
    entry |= {"generation": found.metadata.generation, "planDigest": plan.digest}
    written = app.api.append(
        PROMOTION, app.namespace, promotion, "attestations", entry | ({"comment": comment} if comment else {})
    )
    output.show_object(app, written, PROMOTION.plural, f"{about} {step}: {result}, says {me.user}")


def _about(promotion: Promotion, name: str) -> str | None:
    """Which of the two bears that name; while the promotion waits for verifications, those."""
    status = promotion.status
    theirs = any(row.name == name and row.role for row in status.verification)
    if theirs and status.phase is Phase.AWAITING_VERIFICATION:
        return "verification"
    if any(row.name == name for row in status.steps):
        return "step"
    return "verification" if theirs else None
