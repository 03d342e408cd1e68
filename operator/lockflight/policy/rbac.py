"""What RBAC rules amount to in a namespace: a level of access."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lockflight.api.access import AccessLevel
from lockflight.api.common import GROUP

_READS: Final = frozenset({"get", "list", "watch"})
_RBAC: Final = "rbac.authorization.k8s.io"
_ELSEWHERE: Final = frozenset(
    {
        # What is asked or said by everybody, or is bound by policies of its own.
        "authorization.k8s.io",
        "authentication.k8s.io",
        "events.k8s.io",
        "coordination.k8s.io",
        GROUP,
        # What belongs to the whole cluster.
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "certificates.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "node.k8s.io",
        "scheduling.k8s.io",
        "storagemigration.k8s.io",
    }
)
_OF_THE_CLUSTER: Final = frozenset(
    {
        "clusterrolebindings",
        "clusterroles",
        "componentstatuses",
        "csidrivers",
        "csinodes",
        "ingressclasses",
        "namespaces",
        "nodes",
        "persistentvolumes",
        "storageclasses",
        "volumeattachments",
        "events",
    }
)
_ROLES: Final = frozenset({"clusterrolebindings", "clusterroles", "rolebindings", "roles"})
_INSIDE: Final = frozenset({"pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"})
_OPERATIONS: Final = {
    "pods": frozenset({"delete", "deletecollection"}),
    "pods/eviction": frozenset({"create"}),
}
_SCALES: Final = frozenset({"update", "patch"})


@dataclass(frozen=True, slots=True, order=True)
class Who:
    """A subject of RBAC."""

    kind: str
    name: str
    namespace: str = ""
    """Of a service account."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def key(self) -> str:
        """As a line of the guard names it: user:jo, group:sre, serviceaccount:ci:robot."""
        parts = (self.kind.lower(), *filter(None, (self.namespace, self.name)))
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Holding:
    """Somebody's level in a namespace, and the binding that gives it."""

    who: Who
    level: AccessLevel
    via: str
    """Such as RoleBinding developers."""


def level(rules: Iterable[Mapping[str, Any]]) -> AccessLevel | None:
    """The level that ``rules`` amount to in a namespace; None: they give nothing there."""
    found = {each for rule in rules for each in _levels(rule)}
    return max(found, key=lambda each: each.rank, default=None)


def holdings(objects: Sequence[Mapping[str, Any]], cluster: Sequence[Mapping[str, Any]]) -> tuple[Holding, ...]:
    """Who holds what in a namespace; ``objects`` are its Roles and RoleBindings, ``cluster`` those of the cluster.

    A binding whose role is not there gives nothing yet.
    """
    roles = {("Role", _name(o)): o for o in objects if o.get("kind") == "Role"}
    roles |= {("ClusterRole", _name(o)): o for o in cluster if o.get("kind") == "ClusterRole"}
    levels = {key: level(role.get("rules") or ()) for key, role in roles.items()}
    found: list[Holding] = []
    for binding in (*objects, *cluster):
        if binding.get("kind") not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        ref = binding.get("roleRef") or {}
        given = levels.get((str(ref.get("kind")), str(ref.get("name"))))
        if given is not None:
            via = f"{binding['kind']} {_name(binding)}"
            found += [Holding(who, given, via) for who in subjects(binding)]
    return tuple(found)


def subjects(binding: Mapping[str, Any]) -> Iterator[Who]:
    """Whom a binding names. A service account called as a user, or a group of all, is what it stands for."""
    for subject in binding.get("subjects") or ():
        kind, name, place = str(subject.get("kind")), str(subject.get("name")), str(subject.get("namespace") or "")
        account = name.split(":") if kind == "User" and name.startswith("system:serviceaccount:") else []
        if len(account) == 4:
            kind, place, name = "ServiceAccount", account[2], account[3]
        yield Who(kind, name, place if kind == "ServiceAccount" else "")


def _levels(rule: Mapping[str, Any]) -> Iterator[AccessLevel]:
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in rule.get("verbs") or ():
                found = _weigh(str(group), str(resource), str(verb))
                if found is not None:
                    yield found


def _weigh(group: str, resource: str, verb: str) -> AccessLevel | None:
    """What one right is; what is not known writes, and so is Edit."""
    if (group in (_RBAC, "*") and resource in _ROLES and verb not in _READS) or resource == "nodes/proxy":
        # Whoever hands out rights has them all; through the kubelet one is in every pod.
        return AccessLevel.ADMIN
    if group in _ELSEWHERE or resource.partition("/")[0] in _OF_THE_CLUSTER:
        return None
    if verb in _READS:
        # All resources hold the Secrets; a shell may be opened by a get.
        return AccessLevel.EDIT if resource in ("*", "*/*", "secrets") or resource in _INSIDE else AccessLevel.VIEW
    if "*" in (verb, resource) or resource == "*/*":
        return AccessLevel.ADMIN
    if verb == "impersonate" and resource != "serviceaccounts":
        return AccessLevel.ADMIN
    if verb in _OPERATIONS.get(resource, ()) or (resource.endswith("/scale") and verb in _SCALES):
        return AccessLevel.OPERATE
    return AccessLevel.EDIT


def _name(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("name", ""))
