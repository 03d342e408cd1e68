"""Rule objects in the audit trail: which rules are in force, by digest, and what changed in them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditSubject
from lockflight.api.kinds import Living
from lockflight.policy.audit import AuditEntry
from lockflight.policy.digest import canonical_digest

RULE_KINDS: Final = frozenset({"Environment", "FreezeWindow", "ReleaseCalendar", "StandardChange", "Delegation"})
"""The kinds that bind others, or say who may decide for whom."""

_LARGEST: Final = 2**53 - 1


def rule_spec(rule: Living) -> dict[str, Any]:
    """A rule's spec as it is sealed: numbers that RFC 8785 cannot hold become text."""
    spec: dict[str, Any] = _plain(rule.spec.dump())
    return spec


def rule_written(rule: Living) -> dict[str, Any]:
    """A rule's spec as people wrote it: a field that a later version of Lockflight knows besides changes nothing."""
    spec: dict[str, Any] = _plain(
        rule.spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    )
    return spec


def rule_digest(rule: Living) -> str:
    """What tells two versions of a rule apart."""
    return canonical_digest(rule_spec(rule))


def rule_rows(rules: Iterable[Living]) -> list[dict[str, Any]]:
    """The rules in force, by digest, sorted."""
    rows = [
        {
            "kind": rule.kind,
            "namespace": rule.metadata.namespace,
            "name": rule.metadata.name,
            "uid": rule.metadata.uid,
            "generation": rule.metadata.generation,
            "digest": rule_digest(rule),
        }
        for rule in rules
        if rule.kind in RULE_KINDS
    ]
    return sorted(rows, key=lambda row: (row["kind"], row["namespace"], row["name"]))


def key_of_rule(rule: Living) -> str:
    """What a version of a rule is sealed under."""
    return f"generation/{rule.metadata.generation}"


GONE: Final = "gone"
"""What a deleted rule is sealed under."""


def rule_changed(rule: Living, before: AuditRecord | None) -> AuditEntry:
    """A rule as it is now, with its diff to what was sealed ``before``; None: it is new.

    ``by`` is the person only where the stamps leave no doubt: the creator of a new object, or the one who is the first
    new editor since. Else ``facts.editors`` names everyone who ever edited it.
    """
    meta, spec = rule.metadata, rule_spec(rule)
    old: Mapping[str, Any] = before.spec.facts if before is not None else {}
    facts: dict[str, Any] = {
        "generation": meta.generation,
        "digest": canonical_digest(spec),
        "spec": spec,
        "diff": list(differences(old.get("spec") or {}, spec)) if before is not None else None,
        "creator": meta.creator,
        "editors": sorted(meta.editors),
    }
    return AuditEntry(
        AuditAction.RULES_CHANGED,
        AuditSubject(kind=rule.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid),
        key=key_of_rule(rule),
        by=_by(rule, old, new=before is None),
        facts={key: value for key, value in facts.items() if value not in (None, [], "")},
    )


def rule_gone(before: AuditRecord) -> AuditEntry:
    """A rule that was deleted; who did it, the API server's own audit log knows."""
    facts = {"digest": before.spec.facts.get("digest"), "spec": before.spec.facts.get("spec")}
    known = {key: value for key, value in facts.items() if value is not None}
    return AuditEntry(AuditAction.RULES_CHANGED, before.spec.subject, key=GONE, facts=known | {"deleted": True})


def differences(old: Any, new: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Every place that differs, as a JSON pointer (RFC 6901) with ``from`` and ``to``; absent: it was not there."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            step = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in old:
                yield {"path": step, "to": new[key]}
            elif key not in new:
                yield {"path": step, "from": old[key]}
            else:
                yield from differences(old[key], new[key], step)
    elif old != new:
        yield {"path": path, "from": old, "to": new}


def _by(rule: Living, old: Mapping[str, Any], *, new: bool) -> str | None:
    meta = rule.metadata
    if new:
        return meta.creator if meta.generation == 1 else None
    if not meta.editors:
        return meta.creator
    added = meta.editors - frozenset(old.get("editors") or ())
    return next(iter(added)) if len(added) == 1 and old.get("generation") == meta.generation - 1 else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return str(value)
    return value
