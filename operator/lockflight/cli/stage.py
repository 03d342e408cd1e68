"""``env show``: an environment as a stage: what goes in, what comes out, who gives it, what is missing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from lockflight.api.environment import Environment, Item
from lockflight.api.promotion import Outcome, Promotion
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.calendars import ROOT
from lockflight.cli.errors import NotFoundError
from lockflight.cli.names import environment_argument
from lockflight.cli.objects import get
from lockflight.cli.plan import stack_objects
from lockflight.cli.turns import Turns
from lockflight.policy.climb import known
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import Effective, NamedVerdict, Snapshot
from lockflight.policy.outlook import Objects, snapshot
from lockflight.policy.promotion import sign_offs
from lockflight.policy.stage import inputs, outputs
from lockflight.policy.upstream import passage

_PASSED, _MISSING, _UNKNOWN = "given", "missing", "not known"


@click.command("show")
@environment_argument
@click.option("--release", "release", metavar="RELEASE", help="Also what is missing for it.")
@click.option("--root-namespace", default=ROOT, show_default=True, help="Where the operator runs.")
@command_options
@pass_app
def show(app: App, *, environment: str, release: str | None, root_namespace: str) -> None:
    """What goes into an environment, what comes out, and who may give each.

    With --release also what is missing for it: the gates themselves are asked. What only the operator can judge is
    taken from the release's promotion there, where it has one.
    """
    get(app, Environment, environment)
    objects = stack_objects(app, root_namespace)
    governed = objects.governed.get(environment)
    if governed is None:
        msg = f'environments.lockflight.dev "{environment}" not found in {app.namespace}: lockflight board shows them'
        raise NotFoundError(msg)
    found = get(app, Release, release) if release else None
    stands = _stands(objects, found, environment, app.now()) if found is not None else None
    went, came = _rows(inputs(governed), stands, Turns(app)), _rows(outputs(governed), stands, Turns(app))
    if app.as_data:
        said = {"environment": environment, "tier": governed.spec.tier.value, "inputs": went, "outputs": came}
        output.show_data(
            app, {**said, **({"release": release} if release else {}), "problems": list(governed.problems)}
        )
        return
    _print(environment, governed, release, went, came)


def _print(
    environment: str,
    governed: Effective,
    release: str | None,
    went: Sequence[Mapping[str, Any]],
    came: Sequence[Mapping[str, Any]],
) -> None:
    output.heading(f"{environment}: tier {governed.spec.tier.value}{f', for {release}' if release else ''}")
    for problem in governed.problems:
        output.line(f"closed: {problem}", 2)
    for title, rows in (("Inputs", went), ("Outputs", came)):
        click.echo()
        output.heading(title)
        if not rows:
            output.line("none", 2)
            continue
        headers = ["what", "given by", "who may", *(["stands", "says"] if release else [])]
        cells = [
            [
                row["name"],
                row["givenBy"],
                ", ".join(row.get("holders", ())) or "-",
                *([row["stands"], row.get("says", "")] if release else []),
            ]
            for row in rows
        ]
        output.show_table(output.table(headers, cells))


def _rows(items: Sequence[Item], stands: Mapping[str, tuple[str, str]] | None, turns: Turns) -> list[dict[str, Any]]:
    rows = []
    for item in items:
        row: dict[str, Any] = item.dump()
        if item.right:
            row["holders"] = list(turns.may(item.right))
        if stands is not None:
            key = item.gate or ("sign-offs" if item.name.endswith("sign-off") else item.name)
            row["stands"], row["says"] = stands.get(key, (_UNKNOWN, ""))
        rows.append(row)
    return rows


def _stands(objects: Objects, release: Release, name: str, now: datetime) -> dict[str, tuple[str, str]]:
    """Where each gate and each output stands for a release: in one word, and why."""
    s = snapshot(objects, release, name)
    here = [
        p
        for p in objects.promotions
        if p.spec.environment_ref.name == name and p.spec.release_ref.name == release.metadata.name
    ]
    latest = max(here, key=lambda p: str(p.metadata.creation_timestamp or ""), default=None)
    found = {row.gate: _of_gate(row) for row in (known(v, latest) for v in evaluate_all(s, now))}
    return found | _of_outputs(s, release, name, latest)


def _of_gate(row: NamedVerdict) -> tuple[str, str]:
    verdict = row.verdict
    if verdict.outcome is Outcome.NOT_APPLICABLE and verdict.reason == "Unknown":
        return _UNKNOWN, verdict.message
    return (_PASSED if verdict.open else _MISSING), "" if verdict.open else verdict.message


def _of_outputs(s: Snapshot, release: Release, name: str, latest: Promotion | None) -> dict[str, tuple[str, str]]:
    row = passage(s, name)
    if row is not None and row.withdrawn:
        return {"sign-offs": (_MISSING, row.withdrawn)}
    found: dict[str, tuple[str, str]] = {}
    for check in latest.status.verification if latest is not None else ():
        passed = check.state == "Passed"
        found[f"verification {check.name}"] = (
            _PASSED if passed else _MISSING,
            "" if passed else check.message or check.state,
        )
    if row is not None and row.signed:
        found["sign-offs"] = _PASSED, ""
    elif latest is not None and s.effective is not None:
        said = sign_offs(latest, s.effective, release, s.rights)
        found["sign-offs"] = (_PASSED if said.complete else _MISSING), said.message
    return found
