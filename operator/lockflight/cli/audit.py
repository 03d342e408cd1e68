"""``audit verify``, ``audit population``, ``audit show`` and ``audit rules``: what an auditor asks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from lockflight.api.auditrecord import AuditAction, AuditRecord
from lockflight.api.common import Tier
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.auditarchive import archive_options
from lockflight.cli.auditing import Checked, check, left, records, root_option, stacks
from lockflight.cli.auditorders import hold, restore, unhold
from lockflight.cli.auditpack import export, verify_pack
from lockflight.cli.checkpoints import key_option, latest
from lockflight.cli.errors import CliError, NotFoundError
from lockflight.cli.instants import instant as instant_of
from lockflight.policy.audit import Finding
from lockflight.policy.auditreport import population as population_of
from lockflight.policy.auditreport import rules_on, story
from lockflight.ports import Archive


@click.group()
def audit() -> None:
    """Verify the audit trail, and ask it."""


audit.add_command(export)
audit.add_command(verify_pack)
audit.add_command(hold)
audit.add_command(unhold)
audit.add_command(restore)


@audit.command()
@click.option("--chain-only", is_flag=True, help="Do not compare with Helm's releases and with the objects.")
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint kept elsewhere, which the chains must hold; repeat.",
)
@key_option
@archive_options
@root_option
@command_options
@pass_app
def verify(
    app: App, root: str, *, chain_only: bool, checkpoints: tuple[Path, ...], key: Path | None, archive: Archive | None
) -> None:
    """Walk the chains, and compare them with Helm's release Secrets and with the objects.

    Names what does not fit: a gap, an edited record, a deployment without record, a record without deployment, an
    object that says something else. Exit code 1 if anything does not, or could not be compared. With --archive the
    chains are walked from their first record on; with --checkpoint an end that was cut off or written anew is found.
    """
    heads = latest(checkpoints, key)
    chains, unreadable = records(app, root, archive)
    chosen = [app.chosen_namespace] if app.chosen_namespace else sorted({*chains, *heads})
    checked = [check(app, stack, chains.get(stack, []), alone=chain_only, until=heads.get(stack)) for stack in chosen]
    findings = [*unreadable, *(finding for one in checked for finding in one.findings)]
    if app.as_data:
        output.show_data(app, {"stacks": [_chain(one) for one in checked], "findings": [_finding(f) for f in findings]})
    else:
        rows = [
            (c["stack"], str(c["records"]), str(c["from"]), str(c["to"]), output.short(c["head"]), str(c["findings"]))
            for c in map(_chain, checked)
        ]
        output.show_table(output.table(("Stack", "Records", "From", "To", "Head", "Findings"), rows))
        for finding in findings:
            output.line(": ".join(filter(None, (finding.flaw.value, finding.record, finding.message))))
        _noted(chains)
    if findings:
        msg = f"the audit trail does not fit in {len(findings)} place(s)"
        raise CliError(msg)


@audit.command()
@click.option("--from", "start", required=True, metavar="DATE", help="The first day, or an instant in RFC 3339.")
@click.option("--to", "end", required=True, metavar="DATE", help="The last day, or the instant at which it ends.")
@click.option("--tier", type=click.Choice([t.value for t in Tier]), help="Only environments of that tier.")
@archive_options
@root_option
@command_options
@pass_app
def population(app: App, start: str, end: str, tier: str | None, root: str, archive: Archive | None) -> None:
    """List every deployment of a time, complete, for an auditor to sample from. Days are UTC.

    Says with it why the list is complete, or why it is not: then the exit code is 1.
    """
    begin, finish = instant_of(start), instant_of(end, last=True)
    if begin >= finish:
        msg = f"--from {start} is not before --to {end}"
        raise click.UsageError(msg)
    chains, unreadable = records(app, root, archive)
    chosen = [stack for stack in stacks(app, chains) if stack != root]
    found = population_of((r for stack in chosen for r in chains.get(stack, [])), begin, finish, tier)
    checked = [check(app, stack, chains.get(stack, [])) for stack in chosen]
    findings = [*unreadable, *(finding for one in checked for finding in one.findings)]
    findings += left({stack: chains.get(stack, []) for stack in chosen}, begin)
    statement = _statement(len(found), checked, findings, begin, finish, tier)
    if app.as_data:
        output.show_data(
            app,
            {
                "from": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
                "to": f"{finish:%Y-%m-%dT%H:%M:%SZ}",
                "tier": tier,
                "deployments": [one.row() for one in found],
                "complete": not findings,
                "statement": statement,
                "stacks": [_chain(one) for one in checked],
                "findings": [_finding(f) for f in findings],
            },
        )
    else:
        names = (
            "at",
            "stack",
            "environment",
            "application",
            "version",
            "action",
            "change",
            "approvers",
            "outcome",
            "record",
        )
        rows = [[_cell(row[name]) for name in names] for row in (one.row() for one in found)]
        output.show_table(output.table([name.capitalize() for name in names], rows))
        output.line(statement)
        for finding in findings:
            output.line(": ".join(filter(None, (finding.flaw.value, finding.record, finding.message))), 2)
    if findings:
        msg = "the list is not shown to be complete"
        raise CliError(msg)


@audit.command()
@click.argument("change")
@archive_options
@root_option
@command_options
@pass_app
def show(app: App, change: str, root: str, archive: Archive | None) -> None:
    """Tell who let a change in, on which evidence, and what came of it."""
    chains, _ = records(app, root, archive)
    # A bulk change is one of the operator's namespace, and is carried out in the stacks.
    asked = chains if app.namespace == root else {app.namespace: chains.get(app.namespace, [])}
    found = story((r for chain in asked.values() for r in chain), app.namespace, change)
    if not found:
        msg = f"nothing is sealed about change {change} in {app.namespace}; check the name and --namespace"
        raise NotFoundError(_with_left(msg, chains, app.namespace))
    if app.as_data:
        output.show_data(app, [one.spec.dump() for one in found])
        return
    rows = [_told(record) for record in found]
    output.show_table(output.table(("At", "Action", "Subject", "By", "What", "Record"), rows))
    for applied in (r for r in found if r.spec.action is AuditAction.APPLIED):
        _evidence(applied)
    _noted({app.namespace: chains.get(app.namespace, [])})


@audit.command()
@click.option("--env", "environment", required=True, help="The environment.")
@click.option("--on", "day", required=True, metavar="DATE", help="A day (its end, UTC), or an instant in RFC 3339.")
@archive_options
@root_option
@command_options
@pass_app
def rules(app: App, environment: str, day: str, root: str, archive: Archive | None) -> None:
    """Show the rules that were in force for an environment then."""
    instant = instant_of(day, last=True)
    chains, _ = records(app, root, archive)
    # A rule may have been sealed for the last time before what is in the cluster began.
    gone = left({stack: chains.get(stack, []) for stack in dict.fromkeys((app.namespace, root))})
    if gone:
        msg = f"the rules cannot be told from the cluster alone: {gone[0].message}"
        raise CliError(msg)
    there = rules_on((r for stack in dict.fromkeys((app.namespace, root)) for r in chains.get(stack, [])), instant)
    mine = next((r for r in there if _is(r, "Environment", app.namespace, environment)), None)
    if mine is None:
        msg = f"no environment {environment} of {app.namespace} was sealed by {instant:%Y-%m-%dT%H:%M:%SZ}"
        raise NotFoundError(msg)
    tier = _spec(mine).get("tier")
    found = [
        r
        for r in there
        if r.spec.subject.kind != "Environment"
        or r is mine
        or (r.spec.subject.namespace == root and _spec(r).get("tier") == tier)
    ]
    if app.as_data:
        output.show_data(app, [one.spec.dump() for one in found])
        return
    rows = [_ruled(record) for record in found]
    output.show_table(output.table(("Kind", "Name", "Generation", "Since", "By", "Digest", "Record"), rows))
    output.line("the rules themselves: -o yaml")


def _noted(chains: Mapping[str, Sequence[AuditRecord]]) -> None:
    """Say which part of the chains was not looked at."""
    for finding in left(chains):
        output.note(f"{finding.record}: {finding.message}")


def _with_left(words: str, chains: Mapping[str, Sequence[AuditRecord]], stack: str) -> str:
    return "; ".join([words, *(finding.message for finding in left({stack: chains.get(stack, [])}))])


def _told(record: AuditRecord) -> tuple[str, ...]:
    spec, about = record.spec, record.spec.subject
    return (
        spec.at,
        spec.action.value,
        f"{about.kind} {about.name}",
        _who(record),
        _what(record),
        record.metadata.name,
    )


def _ruled(record: AuditRecord) -> tuple[str, ...]:
    spec, about = record.spec, record.spec.subject
    return (
        about.kind,
        f"{about.namespace}/{about.name}",
        _cell(spec.facts.get("generation")),
        spec.at,
        _who(record),
        output.short(spec.facts.get("digest")),
        record.metadata.name,
    )


def _is(record: AuditRecord, kind: str, namespace: str, name: str) -> bool:
    about = record.spec.subject
    return (about.kind, about.namespace, about.name) == (kind, namespace, name)


def _spec(record: AuditRecord) -> dict[str, Any]:
    spec: dict[str, Any] = record.spec.facts.get("spec") or {}
    return spec


def _who(record: AuditRecord) -> str:
    spec = record.spec
    if spec.by:
        return spec.by
    editors = spec.facts.get("editors") if spec.action is AuditAction.RULES_CHANGED else None
    return f"one of {', '.join(editors)}" if editors else "operator"


def _what(record: AuditRecord) -> str:
    facts = record.spec.facts
    match record.spec.action:
        case AuditAction.APPLIED:
            return f"{facts.get('application')} {facts.get('version')} to {facts.get('environment')}"
        case AuditAction.FINISHED:
            return ": ".join(filter(None, (facts.get("phase"), facts.get("message"))))
        case AuditAction.VERIFIED:
            return ", ".join(f"{v.get('name')} {v.get('state')}" for v in facts.get("verification") or ())
        case AuditAction.TAKEN_BACK:
            return f"{facts.get('way')}: {facts.get('why')}"
        case _:
            return ": ".join(filter(None, (f"as {facts['role']}" if "role" in facts else "", facts.get("comment"))))


def _evidence(applied: AuditRecord) -> None:
    facts = applied.spec.facts
    output.heading(f"What {applied.spec.subject.name} rested on ({applied.metadata.name})")
    output.line(f"plan {facts.get('planDigest')}, release {facts.get('releaseDigest')}", 2)
    for entry in (facts.get("change") or {}).get("approvals") or ():
        groups = f" [{', '.join(entry['groups'])}]" if entry.get("groups") else ""
        output.line(f"{entry.get('decision')} by {entry.get('by')} as {entry.get('role')}{groups}", 2)
    for item in facts.get("evidence") or ():
        output.line(f"evidence {item.get('type')}: {item.get('result')} {item.get('url', '')}".rstrip(), 2)
    for item in facts.get("attested") or ():
        output.line(f"evidence {item.get('type')}: {item.get('result')}, says {item.get('by')}", 2)
    for gate in facts.get("verdicts") or ():
        output.line(f"gate {gate.get('gate')}: {gate.get('outcome')} {gate.get('message', '')}".rstrip(), 2)
    for rule in facts.get("rules") or ():
        where = f"{rule.get('kind')} {rule.get('namespace')}/{rule.get('name')}"
        output.line(f"rule {where} generation {rule.get('generation')}, {rule.get('digest')}", 2)


def _statement(
    count: int,
    checked: Sequence[Checked],
    findings: Iterable[Finding],
    begin: datetime,
    end: datetime,
    tier: str | None,
) -> str:
    span = f"[{begin:%Y-%m-%d %H:%M}, {end:%Y-%m-%d %H:%M}) UTC"
    what = f"{count} deployment(s) in {span}" + (f" into tier {tier}" if tier else "")
    chains = "; ".join(
        f"{c.stack}: {len(c.records)} records up to {c.records[-1].metadata.name} with hash {c.records[-1].spec.hash}"
        for c in checked
        if c.records
    )
    if any(True for _ in findings):
        return f"{what}. NOT shown to be complete, because of what is named below. Chains: {chains or 'none'}."
    return (
        f"{what}. Complete: every Helm action has its record before it begins, the chains have no gap and no edit, and "
        f"every revision in Helm's storage has its record. Chains: {chains or 'none'}."
    )


def _chain(checked: Checked) -> dict[str, Any]:
    first, last = (checked.records[0].spec, checked.records[-1].spec) if checked.records else (None, None)
    return {
        "stack": checked.stack,
        "records": len(checked.records),
        "from": first.sequence if first else 0,
        "to": last.sequence if last else 0,
        "head": last.hash if last else "",
        "findings": len(checked.findings),
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"flaw": finding.flaw.value, "record": finding.record, "message": finding.message}


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value) if value not in (None, "") else "-"
