"""A word on a release: from options and reports to an entry of ``status.evidence``."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from lockflight.api.kinds import RELEASE
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App
from lockflight.cli.attestationfile import read_attestation
from lockflight.cli.errors import CliError
from lockflight.cli.evidence import UNIT_TESTS, Given, ReportError, from_junit
from lockflight.cli.objects import first_problem, get
from lockflight.cli.sarif import STATIC_ANALYSIS, from_sarif
from lockflight.cli.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Told:
    """What the command line said."""

    kind: str | None = None
    junit: Path | None = None
    sarif: Path | None = None
    fail_on: str = "error"
    result: str | None = None
    role: str | None = None
    reason: str | None = None
    url: str | None = None
    reviewers: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    attestation: Path | None = None


def on_release(app: App, name: str, told: Told, timeout: timedelta) -> None:
    """Append the word. Raises click.UsageError; CliError where a report cannot be believed, or nothing is resolved."""
    made, remark = entry(told)
    if remark:
        output.note(remark)
    release = _resolved(app, name, timeout)
    me = app.api.whoami()
    made |= {"by": me.user, "groups": list(me.groups), "generation": release.metadata.generation}
    made["releaseDigest"] = release.status.digest
    written = app.api.append(RELEASE, app.namespace, name, "evidence", made)
    output.show_object(app, written, RELEASE.plural, f"{made['type']}: {made['result']}, says {me.user}")


def entry(told: Told) -> tuple[dict[str, Any], str | None]:
    """The entry without who gives it, and what to tell about the report it comes from."""
    from pydantic import ValidationError

    from lockflight.api.evidence import PULL_REQUEST, EvidenceWord

    if told.attestation and (told.junit or told.sarif or told.result):
        msg = "--attestation says how it came out: leave --junit, --sarif and --result out"
        raise click.UsageError(msg)
    read = _read(told)
    signed = read_attestation(told.attestation, told.kind) if told.attestation else None
    kind = read.evidence.type if read else told.kind or (signed.kind if signed else None)
    result = read.evidence.result if read else told.result or (signed.result if signed else None)
    if kind is None or result is None:
        msg = "say what was checked and how it came out: --junit, --sarif or --attestation FILE, or --type and --result"
        raise click.UsageError(msg)
    if (result == "NotApplicable") != bool(told.role and result != "Withdrawn"):
        msg = (
            "--result NotApplicable is a waiver: it takes --role ROLE and --reason TEXT, and nothing else takes --role"
        )
        raise click.UsageError(msg)
    if result == "NotApplicable" and not told.reason:
        msg = "a waiver takes --reason TEXT"
        raise click.UsageError(msg)
    if (kind == PULL_REQUEST and result == "Passed") != bool(told.reviewers):
        msg = f"--type {PULL_REQUEST} takes --reviewer NAME, and no other type does"
        raise click.UsageError(msg)
    if told.authors and kind != PULL_REQUEST:
        msg = "reviewers and authors belong to a pull request: leave --author out"
        raise click.UsageError(msg)
    given = {
        "type": kind,
        "result": result,
        "role": told.role,
        "reason": told.reason,
        "url": told.url,
        "digest": read.evidence.digest if read else None,
        "reviewers": told.reviewers or None,
        "authors": told.authors or None,
        "attestation": signed.text if signed else None,
    }
    try:
        made = EvidenceWord.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as problem:
        raise click.UsageError(first_problem(problem)) from problem
    dumped = made.dump()
    dumped.pop("groups")
    return dumped, read.remark if read else None


def _read(told: Told) -> Given | None:
    """What the report says; None: there is none."""
    path = told.junit or told.sarif
    if path is None:
        return None
    if (told.junit and told.sarif) or told.result:
        msg = "one report says how it came out: give --junit, or --sarif, or --result"
        raise click.UsageError(msg)
    try:
        if told.junit:
            return from_junit(told.kind or UNIT_TESTS, path)
        return from_sarif(told.kind or STATIC_ANALYSIS, path, told.fail_on)
    except (OSError, ReportError) as problem:
        msg = f"{path}: {problem}"
        raise CliError(msg) from problem


def _resolved(app: App, name: str, timeout: timedelta) -> Release:
    """The release once its digest is known: there is nothing to bind a word to before."""

    def look() -> Release | None:
        found = get(app, Release, name)
        return found if found.status.digest else None

    return wait_for(app, timeout, look, lambda: f"the charts of release {name} are not resolved; see lockflight board")
