"""Rule objects in the audit trail: every version, and the end, is sealed."""

from lockflight.api.auditrecord import AuditAction, AuditRecord
from lockflight.api.kinds import AnyObject, Living
from lockflight.policy.records import of_rule
from lockflight.policy.rulebook import GONE, RULE_KINDS, key_of_rule, rule_changed, rule_gone
from lockflight.workflow.deps import Deps
from lockflight.workflow.keys import Key


async def seal(deps: Deps, obj: AnyObject) -> None:
    """Seal the version of a rule object that is there, with its diff to the last one sealed, and what people
    decided about it; of others nothing.

    Raises PortError.
    """
    meta = obj.metadata
    if isinstance(obj, AuditRecord) or obj.kind not in RULE_KINDS:
        return
    await _version(deps, obj)
    for entry in of_rule(obj):
        await deps.audit.seal(meta.namespace, entry)


async def _version(deps: Deps, obj: Living) -> None:
    meta = obj.metadata
    if await deps.audit.sealed(meta.namespace, meta.uid, AuditAction.RULES_CHANGED, key_of_rule(obj)):
        return
    before = await deps.audit.rule(obj.kind, meta.namespace, meta.name)
    if before is not None and before.spec.subject.uid != meta.uid:
        # Deleted and made again: its end first, the new one begins anew.
        await deps.audit.seal(meta.namespace, rule_gone(before))
        before = None
    await deps.audit.seal(meta.namespace, rule_changed(obj, before))


async def gone(deps: Deps, key: Key) -> None:
    """Seal the end of a rule object that is not there any more. Raises PortError."""
    if key.kind not in RULE_KINDS or key in deps.store.broken:
        return
    before = await deps.audit.rule(key.kind, key.namespace, key.name)
    if before is not None and before.spec.key != GONE:
        await deps.audit.seal(key.namespace, rule_gone(before))
