"""What the audit commands read: the records, Helm's storage and the objects, all under the caller's rights."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.kinds import AUDIT_RECORD
from lockflight.api.promotion import Promotion
from lockflight.cli.app import App
from lockflight.cli.auditarchive import archived, archived_stacks
from lockflight.cli.errors import CliError, UnreachableError
from lockflight.cli.objects import list_all
from lockflight.policy.audit import Finding, Flaw, Head
from lockflight.policy.auditcheck import Deployed, Observed, compare
from lockflight.policy.auditjoin import flaws, joined
from lockflight.ports import Archive

root_option = click.option(
    "--root", default="lockflight-system", show_default=True, metavar="NAMESPACE", help="The operator's namespace."
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A stack's chain, and what does not fit."""

    stack: str
    records: tuple[AuditRecord, ...]
    findings: tuple[Finding, ...]


def records(app: App, root: str, archive: Archive | None = None) -> tuple[dict[str, list[AuditRecord]], list[Finding]]:
    """The records of every stack in their order, and those that cannot be read. Raises CliError.

    With an ``archive`` also what is only there, and what is there otherwise than in the cluster.
    """
    chains, findings = _in_cluster(app, root)
    if archive is None:
        return chains, findings
    known = [app.chosen_namespace] if app.chosen_namespace else sorted({*chains, *archived_stacks(archive)})
    for stack in known:
        kept, unreadable = archived(archive, stack)
        whole, differing = joined(stack, kept, chains.get(stack, []))
        chains[stack] = list(whole)
        findings += [*unreadable, *differing]
    return {stack: found for stack, found in chains.items() if found}, findings


def left(chains: Mapping[str, Sequence[AuditRecord]], since: datetime | None = None) -> list[Finding]:
    """The chains of which a part is only in the archive, where that part reaches beyond ``since``."""
    return [
        Finding(
            Flaw.NOT_COMPARED,
            chain[0].metadata.name,
            f"what was sealed before it ({chain[0].spec.at}) is in the archive: give it, --archive",
        )
        for chain in chains.values()
        if chain and chain[0].spec.sequence > 1 and (since is None or since < chain[0].spec.instant)
    ]


def _in_cluster(app: App, root: str) -> tuple[dict[str, list[AuditRecord]], list[Finding]]:
    from pydantic import ValidationError

    chains: dict[str, list[AuditRecord]] = defaultdict(list)
    unreadable: list[Finding] = []
    for item in app.api.list(AUDIT_RECORD, root):
        name = str(item["metadata"]["name"])
        try:
            record = AuditRecord.model_validate(item)
        except ValidationError as problem:
            first = problem.errors()[0]
            words = f"cannot be read: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            unreadable.append(Finding(Flaw.UNREADABLE, name, words))
            continue
        chains[record.spec.stack].append(record)
    for chain in chains.values():
        chain.sort(key=lambda record: record.metadata.name)
    return dict(chains), unreadable


def stacks(app: App, chains: dict[str, list[AuditRecord]]) -> Sequence[str]:
    """The stack chosen with ``-n``; else all that have records."""
    return [app.chosen_namespace] if app.chosen_namespace else sorted(chains)


def check(
    app: App, stack: str, chain: Sequence[AuditRecord], *, alone: bool = False, until: Head | None = None
) -> Checked:
    """Whether the chain is whole and, unless ``alone``, fits what runs and what the objects say.

    ``until`` is a place that it must hold.
    """
    findings = list(flaws(stack, chain, until))
    if not alone:
        observed, problems = _observed(app, stack)
        findings += problems
        try:
            findings += compare(chain, observed)
        except ValueError as problem:
            findings.append(Finding(Flaw.UNREADABLE, chain[0].metadata.name, str(problem)))
    return Checked(stack, tuple(chain), tuple(findings))


def _observed(app: App, stack: str) -> tuple[Observed, list[Finding]]:
    deployed: list[Deployed] = []
    problems: list[Finding] = []
    read: set[str] = set()
    try:
        bound = app.api.bound_namespaces(stack)
    except UnreachableError:
        raise
    except CliError as problem:
        bound, problems = (), [_not_compared(f"the namespaces of {stack}", problem)]
    for namespace in bound:
        try:
            deployed += _deployed(app, namespace)
            read.add(namespace)
        except UnreachableError:
            raise
        except CliError as problem:
            problems.append(_not_compared(f"Helm's storage in {namespace}", problem))
    promotions: Sequence[Promotion] = ()
    changes: Sequence[ChangeRequest] = ()
    try:
        promotions, changes = list_all(app, Promotion, stack), list_all(app, ChangeRequest, stack)
    except UnreachableError:
        raise
    except CliError as problem:
        problems.append(_not_compared(f"the objects of {stack}", problem))
    return Observed(deployed, frozenset(read), promotions, changes), problems


def _deployed(app: App, namespace: str) -> list[Deployed]:
    from lockflight.adapters.helm_storage import stored

    found = []
    for metadata in app.api.helm_secrets(namespace):
        one = stored(metadata)
        if one is not None:
            created = datetime.fromisoformat(str(metadata["creationTimestamp"]))
            found.append(Deployed(namespace, one.revision, created))
    return found


def _not_compared(what: str, problem: CliError) -> Finding:
    return Finding(Flaw.NOT_COMPARED, "", f"{what} could not be read: {problem.format_message()}")
