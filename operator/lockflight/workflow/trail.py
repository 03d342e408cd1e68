"""The audit trail in the cluster: one chain of AuditRecords a stack, in the root namespace."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lockflight.api.auditrecord import ACTION_LABEL, AuditAction, AuditRecord, AuditRecordSpec, record_name
from lockflight.api.common import API_VERSION, STACK_LABEL
from lockflight.policy.archiving import Hold, Link, folder, hold_of, link_of, place, read, sequence_of
from lockflight.policy.audit import AuditEntry, Head, SealedRule, following, genesis, head_of, identity
from lockflight.ports import Archive, Clock, Cluster, PortError, Span, UnreachableError


@dataclass(slots=True)
class _Chain:
    head: Head
    first: int = 0
    """The number of its first record in the cluster."""
    link: Link | None = None
    hold: Hold = Hold()
    compared: bool = False
    """The archive was asked whether it knows of more."""
    began: datetime | None = None
    sealed: set[bytes] = field(default_factory=set)
    rules: dict[tuple[str, str, str], SealedRule] = field(default_factory=dict)
    """The last record of each rule object, by kind, namespace and name."""

    def add(self, spec: AuditRecordSpec) -> None:
        """Know a record. Whether it is what it should be is for ``verify`` to say: what is there is followed."""
        about = spec.subject
        self.sealed.add(identity(about.uid, spec.action, spec.key))
        self.began = min(self.began or spec.instant, spec.instant)
        self.first = min(self.first or spec.sequence, spec.sequence)
        if spec.sequence > self.head.sequence:
            self.head = head_of(spec)
        if spec.action is AuditAction.RULES_CHANGED:
            where = (about.kind, about.namespace, about.name)
            known = self.rules.get(where)
            if known is None or known.sequence < spec.sequence:
                self.rules[where] = SealedRule(*where, uid=about.uid, key=spec.key, sequence=spec.sequence)
        hold = hold_of(spec)
        if hold is not None and hold.sequence > self.hold.sequence:
            self.hold = hold
        self._join(spec)

    def _join(self, spec: AuditRecordSpec) -> None:
        """Know what an earlier part of the chain said that is only in the archive."""
        try:
            link = link_of(spec)
        except ValueError as problem:
            raise UnreachableError(str(problem)) from problem
        if link is None or (self.link is not None and self.link.up_to.sequence > link.up_to.sequence):
            return
        self.link = link
        if link.hold.sequence > self.hold.sequence:
            self.hold = link.hold
        self.sealed |= link.identities
        for rule in link.rules:
            where = (rule.kind, rule.namespace, rule.name)
            known = self.rules.get(where)
            if known is None or known.sequence < rule.sequence:
                self.rules[where] = rule


class AuditTrail:
    """Implements ``ports.Audit`` on the cluster.

    A record's name is its place in the chain, so that two writers cannot both take it: whoever comes second reads what
    the first one wrote and goes on from there. A record is created only when every one before it is known, so nothing
    is sealed twice, whichever process sealed it. Heads and the identities of what was sealed are kept in memory (about
    100 bytes a record), read once from the cluster.
    """

    def __init__(self, cluster: Cluster, clock: Clock, root: str, archive: Archive | None = None) -> None:
        """``root`` is the operator's namespace."""
        self._archive = archive
        self._cluster = cluster
        self._clock = clock
        self._root = root
        self._chains: dict[str, _Chain] | None = None
        self._reading = asyncio.Lock()
        self._writing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def seal(self, stack: str, entry: AuditEntry) -> None:
        """Have ``entry`` in the chain of ``stack``, once. Raises PortError."""
        async with self._writing[stack]:
            chain = await self._chain(stack)
            if entry.id not in chain.sealed and not chain.compared:
                await self._compare(stack, chain)
            await self._write(stack, chain, entry)

    async def spans(self) -> Mapping[str, Span]:
        """Every stack with records in the cluster. Raises PortError."""
        await self._chain(self._root)
        return {
            stack: Span(chain.first, chain.head, chain.link, chain.hold)
            for stack, chain in (self._chains or {}).items()
            if chain.first
        }

    async def pruned(self, stack: str, first: int) -> None:
        """The records before that number are gone from the cluster. Raises PortError."""
        (await self._chain(stack)).first = first

    async def resume(self, stack: str, head: Head, entry: AuditEntry) -> bool:
        """Go on behind a head that only the archive has, with ``entry``; False where the chain is there or beyond.

        Raises PortError.
        """
        async with self._writing[stack]:
            chain = await self._chain(stack)
            if chain.head.sequence >= head.sequence:
                return False
            before, chain.head = chain.head, head
            try:
                await self._write(stack, chain, entry)
            except PortError:
                # Nothing may be sealed behind that head but this entry.
                chain.head = before
                raise
            chain.compared = True
            return True

    async def sealed(self, stack: str, uid: str, action: AuditAction, key: str = "") -> bool:
        """Whether that was sealed already. Raises PortError."""
        return identity(uid, action, key) in (await self._chain(stack)).sealed

    async def began(self, stack: str) -> datetime | None:
        """When the oldest record of the stack that is still there was sealed. Raises PortError."""
        return (await self._chain(stack)).began

    async def rules(self) -> Sequence[SealedRule]:
        """The last record of every rule object of every stack. Raises PortError."""
        await self._chain(self._root)
        return [rule for chain in (self._chains or {}).values() for rule in chain.rules.values()]

    async def rule(self, kind: str, namespace: str, name: str) -> AuditRecord | None:
        """The last record of a rule object, also where it is only in the archive. Raises PortError."""
        known = (await self._chain(namespace)).rules.get((kind, namespace, name))
        if known is None:
            return None
        found = await self._record(record_name(namespace, known.sequence))
        if found is None and self._archive is not None:
            called = place(namespace, known.sequence)
            content = await self._archive.get(called)
            try:
                return read(called, content) if content is not None else None
            except ValueError as problem:
                raise UnreachableError(str(problem)) from problem
        return found

    async def _write(self, stack: str, chain: _Chain, entry: AuditEntry) -> None:
        while entry.id not in chain.sealed:
            spec = following(stack, chain.head, entry, self._clock.now())
            if await self._cluster.create(self._manifest(spec)) is not None:
                chain.add(spec)
            else:
                chain.add(await self._taken(stack, spec.sequence))

    async def _compare(self, stack: str, chain: _Chain) -> None:
        """Before anything is sealed: the archive knows of no record that is missing here, so that no chain forks.

        Raises PortError.
        """
        while self._archive is not None:
            try:
                beyond = await self._archive.names(folder(stack), place(stack, chain.head.sequence))
            except PortError as problem:
                if chain.head.sequence:
                    # What was archived already would be found out by whoever archives the next one.
                    return
                msg = f"whether the archive holds records of {stack} is not known, so none is begun: {problem}"
                raise UnreachableError(msg) from problem
            if not beyond:
                break
            following_ = await self._record(record_name(stack, chain.head.sequence + 1))
            if following_ is None:
                msg = (
                    f"the archive holds records of {stack} up to number {sequence_of(beyond[-1])}, the cluster up to "
                    f"number {chain.head.sequence}: go on from the archive with lockflight audit restore {stack}"
                )
                raise UnreachableError(msg)
            chain.add(following_.spec)
        chain.compared = True

    async def _chain(self, stack: str) -> _Chain:
        async with self._reading:
            if self._chains is None:
                self._chains = await self._read()
        return self._chains.setdefault(stack, _Chain(genesis(stack)))

    async def _read(self) -> dict[str, _Chain]:
        chains: dict[str, _Chain] = {}
        for record in await self._cluster.list("AuditRecord", self._root):
            if isinstance(record, AuditRecord):
                stack = record.spec.stack
                chains.setdefault(stack, _Chain(genesis(stack))).add(record.spec)
        return chains

    async def _taken(self, stack: str, sequence: int) -> AuditRecordSpec:
        """The record that another process sealed at that place."""
        name = record_name(stack, sequence)
        found = await self._record(name)
        if found is None:
            msg = f"audit record {name} was there and is gone"
            raise UnreachableError(msg)
        return found.spec

    async def _record(self, name: str) -> AuditRecord | None:
        try:
            found = await self._cluster.get("AuditRecord", self._root, name)
        except ValueError as problem:
            msg = f"audit record {name} cannot be read, so nothing can be sealed after it: {problem}"
            raise UnreachableError(msg) from problem
        return found if isinstance(found, AuditRecord) else None

    def _manifest(self, spec: AuditRecordSpec) -> dict[str, Any]:
        return {
            "apiVersion": API_VERSION,
            "kind": "AuditRecord",
            "metadata": {
                "name": record_name(spec.stack, spec.sequence),
                "namespace": self._root,
                "labels": {STACK_LABEL: spec.stack, ACTION_LABEL: spec.action.value},
            },
            "spec": spec.dump(),
        }
