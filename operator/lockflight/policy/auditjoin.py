"""A chain of which one part is in the cluster and one in the archive, and checkpoints kept elsewhere. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from lockflight.api.auditrecord import AuditRecord, record_name
from lockflight.policy.archiving import start_of
from lockflight.policy.audit import Finding, Flaw, Head, verify


def joined(
    stack: str, kept: Sequence[AuditRecord], there: Sequence[AuditRecord]
) -> tuple[tuple[AuditRecord, ...], tuple[Finding, ...]]:
    """The whole chain from the archive (``kept``) and the cluster (``there``), and where the two differ."""
    mine: Mapping[int, AuditRecord] = {record.spec.sequence: record for record in there}
    other = [r for r in kept if r.spec.sequence in mine and r.spec != mine[r.spec.sequence].spec]
    findings = [
        Finding(Flaw.EDITED, r.metadata.name, f"the archive holds it with hash {r.spec.hash}, and other words")
        for r in other
    ]
    last = max(mine, default=0)
    beyond = max((r.spec.sequence for r in kept), default=0)
    if beyond > last:
        words = f"the archive holds records up to number {beyond}, the cluster ends with {last}"
        findings.append(Finding(Flaw.CUT_OFF, record_name(stack, beyond), words))
    whole = {record.spec.sequence: record for record in kept} | dict(mine)
    return tuple(record for _, record in sorted(whole.items())), tuple(findings)


def flaws(stack: str, records: Sequence[AuditRecord], until: Head | None = None) -> tuple[Finding, ...]:
    """As ``audit.verify``, also where the start of the chain left the cluster and a record says so.

    ``until`` is a place that the chain must hold, such as a checkpoint.
    """
    return tuple(_flaws(stack, records, until))


def _flaws(stack: str, records: Sequence[AuditRecord], until: Head | None) -> Iterator[Finding]:
    try:
        start = start_of(stack, records)
    except ValueError as problem:
        yield Finding(Flaw.UNREADABLE, records[0].metadata.name, str(problem))
        return
    if until is not None and until.sequence < start.sequence:
        words = f"the checkpoint is at number {until.sequence}, which left the cluster: give the archive, --archive"
        yield Finding(Flaw.NOT_COMPARED, record_name(stack, until.sequence), words)
        until = None
    yield from verify(stack, records, after=start, until=until)
