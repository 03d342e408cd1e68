"""Who holds which right in a stack: the rights there are, whom RBAC names, and what is wrong with the answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockflight.api.common import CANARY, GROUP

Manifest = Mapping[str, Any]

DECIDING = ("approve", "sign-off", "review", "submit", "waive", "relay", "deputize")
"""Verbs on approvalroles/<role>."""
CREATING = ("releases", "promotions", "changerequests")


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """A verb on a resource of ours; ``name`` empty: on any. ``namespaced`` false: asked without a namespace."""

    verb: str
    resource: str
    name: str = ""
    namespaced: bool = True
    in_root: bool = False
    """Asked in the operator's namespace."""

    def __str__(self) -> str:
        """As people say it: ``approve as cab``, ``create releases``."""
        if self.resource == "auditrecords":
            return f"{self.verb} the audit records of {self.name}"
        if self.resource == "approvalroles":
            return f"{self.verb} as {self.name}"
        return f"{self.verb} {self.name or self.resource}"


WILDCARDS = (Right(CANARY, "approvalroles", CANARY), Right("approve", CANARY, CANARY))
"""Nobody holds these by name: whoever does, holds a wildcard of verbs, or of resources."""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Whom RBAC names. A group stands for its members, whom the cluster does not know."""

    kind: str
    name: str

    @property
    def user(self) -> str:
        """The user to ask for; empty for a group."""
        return "" if self.kind == "Group" else self.name

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups to ask for."""
        if self.kind == "Group":
            return (self.name,)
        if self.kind == "ServiceAccount":
            namespace = self.name.split(":")[2]
            return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return ("system:authenticated",)


@dataclass(frozen=True, slots=True)
class Held:
    """What a subject holds, and whether that is by a wildcard."""

    subject: Subject
    rights: tuple[Right, ...]
    wildcard: bool


def rights(
    roles: Iterable[Manifest], rules: Iterable[Manifest], namespaces: Iterable[str], stack: str = ""
) -> tuple[Right, ...]:
    """Every right there is in a stack.

    Names come from RBAC itself and from the roles that the rule objects ask for; ``namespaces`` are those bound.
    With ``stack`` those on its audit records too, which are held in the operator's namespace.
    """
    named: dict[str, set[str]] = {"approvalroles": set(wanted(rules)), "evidencetypes": set(wanted_evidence(rules))}
    for role in roles:
        for rule in role.get("rules") or ():
            for resource in named.keys() & set(rule.get("resources") or ()):
                named[resource] |= set(rule.get("resourceNames") or ())
    found = [Right(verb, "approvalroles", name) for verb in DECIDING for name in sorted(named["approvalroles"])]
    found += [Right("attest", "evidencetypes", name) for name in sorted(named["evidencetypes"])]
    found += [Right("create", plural) for plural in CREATING]
    found += [Right("govern", "environments"), Right("govern", "freezewindows"), Right("lift", "freezewindows")]
    found += [
        Right(verb, "targetnamespaces", name, namespaced=False)
        for verb in ("bind", "break-glass")
        for name in sorted(set(namespaces))
    ]
    found += [Right(verb, "auditrecords", stack, in_root=True) for verb in ("hold", "restore") if stack]
    return tuple(found)


def wanted(rules: Iterable[Manifest]) -> Iterator[str]:
    """The approval roles that rule objects ask for, wherever in their spec."""

    def look(value: Any) -> Iterator[str]:
        if isinstance(value, Mapping):
            if isinstance(value.get("role"), str):
                yield value["role"]
            for inner in value.values():
                yield from look(inner)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for inner in value:
                yield from look(inner)

    for rule in rules:
        yield from look(rule.get("spec", {}))


def wanted_evidence(rules: Iterable[Manifest]) -> Iterator[str]:
    """The evidence types that environments name, bare or signed."""
    for rule in rules:
        entry = rule.get("spec", {}).get("entry") or {}
        yield from (*(entry.get("evidence") or ()), *(entry.get("signed") or ()))


def subjects(bindings: Iterable[Manifest], roles: Mapping[tuple[str, str], Manifest]) -> tuple[Subject, ...]:
    """Whom bindings give anything of ours, by name or by wildcard; ``roles`` by kind and name."""
    found = set()
    for binding in bindings:
        ref = binding.get("roleRef", {})
        if not _ours(roles.get((ref.get("kind", ""), ref.get("name", "")), {})):
            continue
        found |= {_subject(binding, subject) for subject in binding.get("subjects") or ()}
    return tuple(sorted(found))


def _ours(role: Manifest) -> bool:
    """Whether a role gives more than reading in our group, so that its holders are of interest."""
    return any(
        {GROUP, "*"} & set(rule.get("apiGroups") or ()) and set(rule.get("verbs") or ()) - {"get", "list", "watch"}
        for rule in role.get("rules") or ()
    )


def findings(held: Sequence[Held], rules: Sequence[Manifest], stack: str) -> Iterator[str]:
    """What is wrong, each with what to do about it."""
    for one in held:
        who = f"{one.subject.kind} {one.subject.name}"
        if one.wildcard:
            yield (
                f"{who} holds rights by a wildcard: it governs, lifts and binds, but never approves or signs off; "
                "where that is not meant, name verbs and resources in its roles"
            )
            continue
        decides = [right for right in one.rights if right.verb in ("approve", "sign-off")]
        creates = [right for right in one.rights if right.verb == "create" and right.resource != "changerequests"]
        if decides and creates:
            yield (
                f"{who} may {_listed(creates)} and {_listed(decides)}: keep the two apart, in people.releasers and "
                f"people.approvers of the chart lockflight-stack for {stack}"
            )
        if decides and one.subject.kind == "ServiceAccount":
            yield f"{who} holds {_listed(decides)}, which a service account never does: take it out"
        governs = [right for right in one.rights if right.verb == "govern"]
        if governs and creates:
            yield (
                f"{who} may {_listed(creates)} and {_listed(governs)}: whoever delivers makes no rules; "
                "take it out of people.governors"
            )
    able = {right.name for one in held if not one.wildcard for right in one.rights if right.verb in DECIDING}
    for role in sorted(set(wanted(rules)) - able):
        yield (
            f"rules of {stack} ask for role {role}, which nobody holds: name people in people.approvers.{role} or "
            f"people.signers.{role} of the chart lockflight-stack"
        )
    attested = {right.name for one in held if not one.wildcard for right in one.rights if right.verb == "attest"}
    for kind in sorted(set(wanted_evidence(rules)) - attested):
        yield (
            f"environments of {stack} ask for evidence {kind}, which nobody may attest: name a pipeline in "
            f"people.attesters.{kind} of the chart lockflight-stack"
        )


def _listed(found: Sequence[Right]) -> str:
    return ", ".join(str(right) for right in found)


def by_name(
    bindings: Iterable[Manifest], roles: Mapping[tuple[str, str], Manifest], verbs: Iterable[str], name: str
) -> tuple[Subject, ...]:
    """Whom RBAC gives one of ``verbs`` on the approval role or evidence type ``name``; wildcards do not count."""
    wanted_verbs, found = set(verbs), set()
    for binding in bindings:
        ref = binding.get("roleRef", {})
        rules = roles.get((ref.get("kind", ""), ref.get("name", "")), {}).get("rules") or ()
        if any(_gives(rule, wanted_verbs, name) for rule in rules):
            found |= {_subject(binding, subject) for subject in binding.get("subjects") or ()}
    return tuple(sorted(found))


def _gives(rule: Manifest, verbs: set[str], name: str) -> bool:
    return bool(
        {"approvalroles", "evidencetypes"} & set(rule.get("resources") or ())
        and name in (rule.get("resourceNames") or ())
        and verbs & set(rule.get("verbs") or ())
    )


def _subject(binding: Manifest, subject: Manifest) -> Subject:
    name = subject["name"]
    if subject["kind"] == "ServiceAccount":
        namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
        name = f"system:serviceaccount:{namespace}:{name}"
    return Subject(subject["kind"], name)
