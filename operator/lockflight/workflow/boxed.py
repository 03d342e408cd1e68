"""Access for a time: whom approved emergencies let into an environment's targets right now, and its record."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lockflight.api.access import ACCESS_UNTIL_ANNOTATION
from lockflight.api.auditrecord import AuditAction
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment
from lockflight.policy.audit import AuditEntry
from lockflight.policy.boxed import grants, next_turn
from lockflight.policy.grants import CHANGE_ANNOTATION, Grant, until_text
from lockflight.policy.rbac import subjects
from lockflight.policy.records import subject_of
from lockflight.workflow.deps import Deps
from lockflight.workflow.indexes import Index


async def boxed(deps: Deps, stack: str, environment: str, *, fresh: bool) -> tuple[Grant, ...]:
    """The bindings that changes ask for, of those that are approved and in their time.

    ``fresh``: one request for each change that asks for any. Raises PortError.
    """
    changes = _asking(deps, stack, environment)
    if fresh and changes:
        read = await asyncio.gather(
            *(deps.cluster.get("ChangeRequest", c.metadata.namespace, c.metadata.name) for c in changes)
        )
        changes = tuple(c for c in read if isinstance(c, ChangeRequest))
    return grants(changes, environment, deps.clock.now())


def turns(deps: Deps, stack: str, environment: str) -> datetime | None:
    """When that changes by time alone."""
    return next_turn(_asking(deps, stack, environment), environment, deps.clock.now())


async def sealed_start(deps: Deps, stack: str, environment: str, namespace: str, grant: Grant) -> None:
    """Put on record that somebody is let in; of lasting access the Environment's own record tells. Raises PortError."""
    change = deps.store.get(ChangeRequest, stack, grant.change) if grant.change else None
    if change is None:
        return
    facts = {
        "environment": environment,
        "namespace": namespace,
        "level": grant.level.value,
        "subjects": sorted(map(str, grant.subjects)),
        "until": until_text(grant.until),
    }
    key = f"{namespace}/{grant.name}/{until_text(grant.until)}"
    await deps.audit.seal(stack, AuditEntry(AuditAction.ACCESS_GIVEN, subject_of(change), key=key, facts=facts))


async def sealed_end(deps: Deps, stack: str, environment: str, namespace: str, binding: Mapping[str, Any]) -> None:
    """Put on record that access for a time was taken away. Raises PortError."""
    meta = binding.get("metadata") or {}
    notes = meta.get("annotations") or {}
    name = notes.get(CHANGE_ANNOTATION)
    if not name:
        return
    about = deps.store.get(ChangeRequest, stack, name) or deps.store.get(Environment, stack, environment)
    if about is None:
        return
    until = notes.get(ACCESS_UNTIL_ANNOTATION, "")
    facts = {
        "environment": environment,
        "namespace": namespace,
        "change": name,
        "subjects": sorted(map(str, subjects(binding))),
        "until": until,
    }
    key = f"{namespace}/{meta.get('name')}/{until}"
    await deps.audit.seal(stack, AuditEntry(AuditAction.ACCESS_ENDED, subject_of(about), key=key, facts=facts))


def _asking(deps: Deps, stack: str, environment: str) -> tuple[ChangeRequest, ...]:
    return tuple(c for c in deps.store.by(ChangeRequest, Index.CHANGES_FOR, stack, environment) if c.spec.access)
