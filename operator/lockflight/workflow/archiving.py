"""Keep the audit trail outside the cluster: a record leaves only once it is archived and old enough."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from lockflight.api.auditrecord import AuditRecord, record_name
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.kinds import LIVING
from lockflight.api.promotion import Promotion
from lockflight.policy.archiving import (
    ALL,
    NotWholeError,
    Orders,
    archived,
    folder,
    follows,
    hold_changed,
    imported,
    leaving,
    line,
    ordered,
    place,
    read,
    sequence_of,
)
from lockflight.policy.audit import Head, genesis, head_of
from lockflight.policy.records import ended_at
from lockflight.ports import Archive, ChainStore, PortError, Span, TamperedError
from lockflight.workflow.deps import Deps

log = structlog.get_logger()

_SLACK: Final = timedelta(days=1)
"""Records leave a day's worth at a time, so that a chain is not listed for each one."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long records stay."""

    cluster: timedelta = timedelta(days=90)
    """In the cluster, from when they were sealed."""
    archive: timedelta = timedelta(days=2557)
    """In the archive: seven years, two of them leap years."""


@dataclass(slots=True)
class Archiver:
    """One round after another; where it got to is kept in memory, and found again from the archive."""

    deps: Deps
    trail: ChainStore
    archive: Archive
    retention: Retention = Retention()
    at_once: int = 1_000
    """Records that a stack has archived in one round."""
    _done: dict[str, Head] = field(default_factory=dict)
    """By stack: the last record known to be in the archive."""

    async def round(self) -> None:
        """Archive what is new, take out what is old enough, go on from the archive where that was ordered.

        What fails for one stack is told, and tried again in the next round; the others go on.
        """
        orders = await self.deps.cluster.orders(self.deps.options.root_namespace)
        for stack, text in orders.restores.items():
            await self._told(stack, self._restore(stack, text))
        for stack, span in (await self.trail.spans()).items():
            await self._told(stack, self._stack(stack, span, orders))

    async def _told(self, stack: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
            failing = 0
        except (PortError, ValueError) as problem:
            failing = 1
            log.error("the audit trail is not archived", stack=stack, problem=str(problem))
        self.deps.metrics.gauge("audit_archive_failing", failing, stack=stack)

    async def _stack(self, stack: str, span: Span, orders: Orders) -> None:
        root = self.deps.options.root_namespace
        # A hold on all stacks stands in the chain of the operator's namespace.
        text = orders.holds.get(ALL if stack == root else stack, "")
        changed = hold_changed(root, span.hold, text)
        if changed is not None:
            await self.trail.seal(stack, changed)
        done = self._done.get(stack) or await self._found(stack, span)
        last = done.sequence + self.at_once
        try:
            while done.sequence < span.head.sequence:
                if done.sequence >= last:
                    # There is more than for one round: the other stacks have their turn, nothing leaves yet.
                    return
                done = await self._one(stack, done)
                self._done[stack] = done
        finally:
            self.deps.metrics.gauge("audit_archive_behind", span.head.sequence - done.sequence, stack=stack)
        await self._prune(stack, span)

    async def _one(self, stack: str, done: Head) -> Head:
        """Archive the next record. Raises NotWholeError where it does not follow: what is wrong is not made to last."""
        record = await self._record(stack, done.sequence + 1)
        head = follows(done, record.spec)
        until = record.spec.instant + self.retention.archive
        await self.archive.put(place(stack, head.sequence), line(record), until)
        return head

    async def _found(self, stack: str, span: Span) -> Head:
        """The last record in the archive, from the first one in the cluster on without a hole."""
        last = span.first - 1
        for name in await self.archive.names(folder(stack), place(stack, last) if last else ""):
            if sequence_of(name) != last + 1 or last == span.head.sequence:
                break
            last += 1
        if last >= span.first:
            return head_of((await self._archived(place(stack, last))).spec)
        if span.first == 1:
            return genesis(stack)
        first = (await self._record(stack, span.first)).spec
        before = Head(first.sequence - 1, first.previous)
        if span.link is None or before.sequence > span.link.up_to.sequence:
            msg = (
                f"what came before {record_name(stack, span.first)} is missing, and no record says that it was archived"
            )
            raise NotWholeError(msg)
        return before

    async def _prune(self, stack: str, span: Span) -> None:
        now, oldest = self.deps.clock.now(), await self._record(stack, span.first)
        link = span.link.up_to.sequence if span.link else 0
        slack = _SLACK if oldest.spec.sequence > link else timedelta()
        if now - oldest.spec.instant < self.retention.cluster + slack:
            return
        held = (await self.deps.cluster.orders(self.deps.options.root_namespace)).held(stack)
        if held is not None:
            log.info("records stay: legal hold", stack=stack, held=held)
            return
        records = await self._records(stack)
        leaves = leaving(records, now - self.retention.cluster)
        # An earlier process may have sealed that they leave, and ended before all were gone.
        known = [record for record in leaves if record.spec.sequence <= link]
        leaves = tuple(known) or leaves
        if not leaves:
            return
        await self._certain(stack, leaves)
        if not known:
            await self.trail.seal(stack, archived(records, leaves, self._living()))
        for record in leaves:
            meta = record.metadata
            await self.deps.cluster.remove("AuditRecord", meta.namespace, meta.name, meta.uid)
            await self.trail.pruned(stack, record.spec.sequence + 1)
        log.info("records left the cluster, they are archived", stack=stack, count=len(leaves))

    async def _certain(self, stack: str, leaves: Sequence[AuditRecord]) -> None:
        """Each is in the archive, read again now. Raises TamperedError."""
        for record in leaves:
            called = place(stack, record.spec.sequence)
            if await self.archive.get(called) != line(record):
                msg = f"{called} in the archive is not what is in the cluster: it stays there"
                raise TamperedError(msg)

    async def _restore(self, stack: str, text: str) -> None:
        """Go on from the archive, where a person who may do so named its head. Nothing where that was done.

        A head that somebody else cut off or made up is not that of the archive: then nothing is done.
        """
        span = (await self.trail.spans()).get(stack)
        by, head = ordered(text)
        if span is not None and span.head.sequence >= head.sequence:
            return
        records = [await self._archived(name) for name in await self.archive.names(folder(stack))]
        at = genesis(stack)
        for record in records:
            if record.spec.stack != stack:
                msg = f"{record.metadata.name} is of stack {record.spec.stack}"
                raise NotWholeError(msg)
            at = follows(at, record.spec)
        if at != head:
            msg = f"the archive ends with {at.sequence} {at.hash}, ordered was {head.sequence} {head.hash}"
            raise NotWholeError(msg)
        await self._agrees(stack, span, records)
        await self.trail.resume(stack, head, imported(records[-1], records[0].spec.instant, by))
        log.info("the audit trail goes on from the archive", stack=stack, head=head.sequence, by=by)

    async def _agrees(self, stack: str, span: Span | None, records: Sequence[AuditRecord]) -> None:
        """Where the cluster has records of that chain, they are those of the archive. Raises NotWholeError."""
        if span is None:
            return
        if records[span.head.sequence - 1].spec.hash != span.head.hash:
            msg = f"number {span.head.sequence} of {stack} in the cluster is not that of the archive"
            raise NotWholeError(msg)

    async def _archived(self, name: str) -> AuditRecord:
        content = await self.archive.get(name)
        if content is None:
            msg = f"{name} was in the archive and is gone"
            raise TamperedError(msg)
        return read(name, content)

    async def _record(self, stack: str, sequence: int) -> AuditRecord:
        name = record_name(stack, sequence)
        found = await self.deps.cluster.get("AuditRecord", self.deps.options.root_namespace, name)
        if not isinstance(found, AuditRecord):
            msg = f"{name} is missing"
            raise NotWholeError(msg)
        return found

    async def _records(self, stack: str) -> Sequence[AuditRecord]:
        found = await self.deps.cluster.list("AuditRecord", self.deps.options.root_namespace)
        mine = [record for record in found if isinstance(record, AuditRecord) and record.spec.stack == stack]
        return sorted(mine, key=lambda record: record.spec.sequence)

    def _living(self) -> Mapping[str, datetime | None]:
        """What is in the cluster, with when it ended."""
        return {
            obj.metadata.uid: ended_at(obj) if isinstance(obj, Promotion | ChangeRequest) else None
            for kind in LIVING
            for obj in self.deps.store.of(kind.model)
        }


async def keep_archiving(archiver: Archiver, every: timedelta) -> None:
    """Rounds without end."""
    while True:
        try:
            await archiver.round()
        except PortError as problem:
            log.warning("the audit trail cannot be read; trying again", problem=str(problem))
        await archiver.deps.clock.sleep(every)
