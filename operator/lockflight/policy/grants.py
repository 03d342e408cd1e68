"""The RoleBindings that an environment's access asks for, against those that are there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lockflight.api.access import (
    ACCESS_LABEL,
    ACCESS_UNTIL_ANNOTATION,
    LADDER_ROLES,
    Access,
    AccessLevel,
    AccessSubject,
)
from lockflight.api.common import ENVIRONMENT_LABEL, GROUP, STACK_LABEL
from lockflight.policy.ladder import ROLE_OF
from lockflight.policy.rbac import Who, subjects

RBAC: Final = "rbac.authorization.k8s.io"
CHANGE_ANNOTATION: Final = f"{GROUP}/change"
"""On a RoleBinding for a time: the emergency that asks for it."""
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Grant:
    """One RoleBinding as it ought to be."""

    level: AccessLevel
    subjects: frozenset[Who]
    change: str = ""
    """The emergency that it is for; empty: the spec asks for it."""
    until: datetime | None = None

    @property
    def name(self) -> str:
        """Of the RoleBinding."""
        return f"{ROLE_OF[self.level]}-{self.change[:_LONGEST].rstrip('-.')}" if self.change else ROLE_OF[self.level]

    @property
    def via(self) -> str:
        """As a holding names it."""
        return f"RoleBinding {self.name}"


@dataclass(frozen=True, slots=True)
class Steps:
    """What brings the bindings that are there to those that ought to be."""

    make: tuple[Grant, ...] = ()
    change: tuple[Grant, ...] = ()
    remove: tuple[str, ...] = ()


def standing(access: Iterable[Access]) -> tuple[Grant, ...]:
    """What the spec asks for: one binding for each level."""
    found: dict[AccessLevel, set[Who]] = {}
    for entry in access:
        found.setdefault(AccessLevel(entry.level), set()).update(map(who, entry.subjects))
    return tuple(Grant(level, frozenset(named)) for level, named in sorted(found.items(), key=lambda row: row[0].rank))


def who(subject: AccessSubject) -> Who:
    """A subject as RBAC names it."""
    return Who(subject.kind, subject.name, subject.namespace or "")


def steps(there: Sequence[Mapping[str, Any]], wanted: Iterable[Grant], *, widen: bool) -> Steps:
    """What to do about the bindings of a namespace.

    Not ``widen``: the rules that ask for it do not count yet. Then what is too much is taken away, and nothing given.
    """
    mine = {str(obj["metadata"]["name"]): obj for obj in there if ours(obj)}
    make, change = [], []
    kept: set[str] = set()
    for grant in wanted:
        known = mine.get(grant.name)
        if known is None:
            make += [grant] if widen else []
            continue
        has = set(subjects(known))
        target = grant if widen else Grant(grant.level, grant.subjects & has, grant.change, grant.until)
        # A binding names its role for good: one to another role is taken away, and made anew by the next pass.
        if str((known.get("roleRef") or {}).get("name")) != ROLE_OF[grant.level] or not target.subjects:
            continue
        kept.add(grant.name)
        if has != target.subjects or _until(known) != until_text(target.until):
            change.append(target)
    return Steps(tuple(make), tuple(change), tuple(sorted(mine.keys() - kept)))


def ours(obj: Mapping[str, Any]) -> bool:
    """Whether Lockflight keeps that binding: it carries our label, and binds a role of the ladder."""
    meta, ref = obj.get("metadata") or {}, obj.get("roleRef") or {}
    labels = meta.get("labels") or {}
    known = ref.get("kind") == "ClusterRole" and ref.get("name") in LADDER_ROLES
    return obj.get("kind") == "RoleBinding" and ACCESS_LABEL in labels and known


def manifest(grant: Grant, namespace: str, stack: str, environment: str) -> dict[str, Any]:
    """The RoleBinding."""
    labels = {ACCESS_LABEL: "boxed" if grant.change else "standing", STACK_LABEL: stack, ENVIRONMENT_LABEL: environment}
    metadata: dict[str, Any] = {"name": grant.name, "namespace": namespace, "labels": labels}
    if grant.change:
        metadata["annotations"] = {
            CHANGE_ANNOTATION: grant.change,
            ACCESS_UNTIL_ANNOTATION: until_text(grant.until),
        }
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": ROLE_OF[grant.level]},
        "subjects": [_subject(each) for each in sorted(grant.subjects)],
    }


def until_text(until: datetime | None) -> str:
    """An instant as the annotation says it; empty: none."""
    return f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else ""


def _until(obj: Mapping[str, Any]) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(ACCESS_UNTIL_ANNOTATION, ""))


def _subject(each: Who) -> dict[str, str]:
    named = {"kind": each.kind, "name": each.name}
    return named | ({"namespace": each.namespace} if each.kind == "ServiceAccount" else {"apiGroup": RBAC})
