"""The self-test: are the policies in the API server the ones that were shipped, and does it refuse what they forbid?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lockflight.api.auditrecord import AuditAction, AuditSubject
from lockflight.api.common import GROUP
from lockflight.policy.audit import AuditEntry
from lockflight.policy.digest import canonical_digest

POLICY_KINDS: Final = (
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
)
_MUTATORS: Final = ("MutatingAdmissionPolicy", "MutatingWebhookConfiguration")
# What the API server fills in where a spec leaves it out, so that it means the same absent.
_DEFAULTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "namespaceSelector": ({},),
    "objectSelector": ({},),
    "scope": ("*",),
    "matchPolicy": ("Equivalent",),
    "failurePolicy": ("Fail",),
}
# Groups in which what a deployer applies, and what decides about it, is written.
_GUARDED_GROUPS: Final = frozenset({GROUP, "", "apps", "batch", "rbac.authorization.k8s.io", "*"})

Names = tuple[str, str]
"""Kind and name of a cluster-scoped object."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``differences`` between what is in force and what was shipped; ``others`` may change what is written here."""

    differences: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """What the self-test last found, as far as it concerns one promotion."""

    problems: tuple[str, ...] = ()
    """What is not as it must be: the line does not hold."""
    unknown: tuple[str, ...] = ()
    """What could not be asked."""
    others: tuple[str, ...] = ()
    """Other policies and webhooks that may change what is written here."""


def spec_digest(spec: Mapping[str, Any]) -> str:
    """The digest of a policy's or binding's spec; the API server's defaults make no difference."""
    return canonical_digest(_plain(spec))


def digests(objects: Iterable[Mapping[str, Any]], *, stamps: bool) -> Mapping[Names, str]:
    """Spec digests by kind and name; without ``stamps`` mutating policies are left out: the server knows none."""
    return {
        (str(obj["kind"]), str(obj["metadata"]["name"])): spec_digest(obj.get("spec") or {})
        for obj in objects
        if obj.get("kind") in POLICY_KINDS and (stamps or not str(obj["kind"]).startswith("Mutating"))
    }


def compare(shipped: Mapping[Names, str], registered: Sequence[Mapping[str, Any]]) -> Comparison:
    """What is missing or differs, and who else may change what is written."""
    found = digests(registered, stamps=True)
    differences = []
    for names, digest in sorted(shipped.items()):
        kind, name = names
        if names not in found:
            differences.append(f"{kind} {name} is missing")
        elif found[names] != digest:
            differences.append(f"{kind} {name} is {found[names][:19]}, shipped is {digest[:19]}")
    others = [
        f"{obj['kind']} {obj['metadata']['name']}"
        for obj in registered
        if obj.get("kind") in _MUTATORS and (obj["kind"], obj["metadata"]["name"]) not in shipped and _reaches(obj)
    ]
    return Comparison(tuple(differences), tuple(sorted(others)))


def tampered(root: str, chain: str, problem: str, since: datetime) -> AuditEntry:
    """What the audit trail says of a problem that stands since then; back again later, it is another entry."""
    kind, name = problem.split(" ")[:2] if chain == root else ("Namespace", chain)
    return AuditEntry(
        AuditAction.POLICY_TAMPERED,
        AuditSubject(kind=kind, namespace="", name=name, uid=canonical_digest([kind, name])[7:47]),
        key=canonical_digest([problem, since.isoformat()])[7:47],
        facts={"problem": problem},
    )


def _reaches(mutator: Mapping[str, Any]) -> bool:
    """Whether its rules name groups that are written in stacks and targets; selectors are not looked at."""
    spec = mutator.get("spec") or {}
    rules = list((spec.get("matchConstraints") or {}).get("resourceRules") or ())
    for webhook in mutator.get("webhooks") or ():
        rules += webhook.get("rules") or ()
    return any(_GUARDED_GROUPS & set(rule.get("apiGroups") or ()) for rule in rules)


def _plain(value: Any) -> Any:
    """Without what is absent or a default."""
    if isinstance(value, Mapping):
        return {
            key: _plain(member)
            for key, member in value.items()
            if member is not None and member not in _DEFAULTS.get(key, ())
        }
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value
