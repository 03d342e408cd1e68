"""``audit export`` and ``audit verify-pack``: evidence that leaves the cluster, and verifies without it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.kinds import CHANGE_REQUEST, ENVIRONMENT, PROMOTION, RELEASE
from lockflight.cli import output, packfiles
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.auditarchive import archive_options
from lockflight.cli.auditing import left, records, root_option, stacks
from lockflight.cli.errors import CliError
from lockflight.policy import auditpack
from lockflight.policy.auditpack import SIGNATURE, Chain, InvalidPack
from lockflight.policy.auditreport import population
from lockflight.ports import Archive

_COLUMNS = ("at", "environment", "application", "version", "action", "change", "approvers", "outcome", "record")
_OBJECTS = (ENVIRONMENT, RELEASE, CHANGE_REQUEST, PROMOTION)


@click.command()
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="A new folder, or a file that ends in .tar.gz or .tgz.",
)
@click.option(
    "--sign", "key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Ed25519 private key, PEM."
)
@archive_options
@root_option
@command_options
@pass_app
def export(app: App, *, target: Path, key: Path | None, root: str, archive: Archive | None) -> None:
    """Write a self-contained evidence pack: the chains, the objects as they are, and a report.

    All stacks with records, or the one given with -n. `lockflight audit verify-pack` verifies it without a cluster.
    What is only in the archive is taken with --archive.
    """
    chains, unreadable = records(app, root, archive)
    if unreadable:
        msg = f"record {unreadable[0].record} {unreadable[0].message}: nothing was exported"
        raise CliError(msg)
    chosen = {stack: chains.get(stack, []) for stack in stacks(app, chains)}
    chosen = {stack: found for stack, found in chosen.items() if found}
    if not chosen:
        msg = "there are no audit records to export"
        raise CliError(msg)
    objects = {stack: _objects(app, stack) for stack in chosen if stack != root}
    files = auditpack.pack(chosen, objects, _report(chosen, app.now()), app.now())
    if key is not None:
        files[SIGNATURE] = packfiles.sign(files, key)
    packfiles.write(target, files)
    if app.as_data:
        output.show_data(app, {"pack": str(target), "files": sorted(files), "signed": key is not None})
    else:
        count = sum(len(found) for found in chosen.values())
        output.line(f"{target}: {count} records of {', '.join(chosen)}{', signed' if key else ''}")
        for finding in left(chosen):
            output.note(f"{finding.record}: {finding.message}")


@click.command("verify-pack")
@click.argument("pack", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ed25519 public key, PEM: the pack must be signed by it.",
)
@command_options
@pass_app
def verify_pack(app: App, *, pack: Path, key: Path | None) -> None:
    """Verify an evidence pack, without a cluster: its files, its chains and, with --key, its signature.

    Exit code 1 if anything does not fit.
    """
    files = packfiles.read(pack)
    try:
        findings = auditpack.check(files)
        chains = auditpack.chains_of(files)
    except InvalidPack as problem:
        raise CliError(str(problem)) from problem
    signed = packfiles.signed_by(files, key) if key is not None else None
    rows = [_row(chain) for chain in chains]
    if app.as_data:
        found = [{"flaw": f.flaw.value, "where": f.record, "message": f.message} for f in findings]
        output.show_data(app, {"chains": rows, "signed": signed, "findings": found})
    else:
        output.show_table(
            output.table(("Stack", "Records", "From", "To", "Head"), [[str(v) for v in row.values()] for row in rows])
        )
        for finding in findings:
            output.line(f"{finding.flaw.value}: {finding.record}: {finding.message}")
    if signed is False:
        msg = f"{SIGNATURE} is no signature of that key over the manifest"
        raise CliError(msg)
    if findings:
        msg = f"the pack does not fit in {len(findings)} place(s)"
        raise CliError(msg)
    if signed is None and not app.as_data:
        output.note("whole in itself; who made it is shown by a signature only: --key")


def _row(chain: Chain) -> dict[str, object]:
    return {
        "stack": chain.stack,
        "records": len(chain.records),
        "from": chain.after.sequence + 1,
        "to": chain.head.sequence,
        "head": chain.head.hash,
    }


def _objects(app: App, stack: str) -> list[Mapping[str, Any]]:
    return [{"kind": kind.name, **item} for kind in _OBJECTS for item in app.api.list(kind, stack)]


def _report(chains: Mapping[str, Sequence[AuditRecord]], now: datetime) -> str:
    """What was deployed, as Markdown: the sentence on top of the records."""
    lines = ["# Evidence pack", "", "Verify: `lockflight audit verify-pack PACK --key PUBLIC.pem`.", ""]
    for stack, found in sorted(chains.items()):
        first, last = found[0].spec, found[-1].spec
        lines += [
            f"## {stack}",
            "",
            f"{len(found)} records, {found[0].metadata.name} ({first.at}) to {found[-1].metadata.name} ({last.at}), "
            f"head {last.hash}.",
            "",
        ]
        rows = [one.row() for one in population(found, first.instant, now)]
        if rows:
            names = (
                "at",
                "environment",
                "application",
                "version",
                "action",
                "change",
                "approvers",
                "outcome",
                "record",
            )
            lines += ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
            lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in rows]
            lines += [""]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value if value is not None else "")
    return text.replace("|", "\\|").replace("\n", " ") or "-"
