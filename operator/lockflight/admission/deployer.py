"""What the virtual users of a target namespace may never do, and who may act as one of them."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.manifest import ANY, OPERATOR, Check, Match, held, literal, validating
from lockflight.api.access import LADDER_ROLES

_LADDER = ", ".join(literal(name) for name in LADDER_ROLES)
"""The ClusterRoles that the access ladder binds."""

_USER = {
    "user": "request.userInfo.?username.orValue('')",
    "place": "request.?namespace.orValue('')",
    "deployer": "variables.user.startsWith('lockflight:deployer:')",
    "access": "variables.user.startsWith('lockflight:access:')",
    "subjects": "object.?subjects.orValue([])",
    "kind": "request.kind.kind",
    "bound": "request.operation == 'DELETE' ? oldObject : object",
}


def _virtual() -> list[dict[str, Any]]:
    return validating(
        "deployer",
        "A virtual user works in its own namespace alone; its charts bind roles to service accounts of that namespace.",
        Match(
            ["*/*"],
            ["CREATE", "UPDATE", "DELETE", "CONNECT"],
            group=ANY,
            but=("authorization.k8s.io/*", "authentication.k8s.io/*"),
            only_if=(
                "request.userInfo.?username.orValue('').startsWith('lockflight:deployer:') || "
                "request.userInfo.?username.orValue('').startsWith('lockflight:access:')"
            ),
        ),
        _USER,
        [
            Check(
                "variables.place != '' && (variables.user == 'lockflight:deployer:' + variables.place || "
                "variables.user == 'lockflight:access:' + variables.place)",
                "variables.user + ' works in its own namespace alone, not in ' + "
                "(variables.place == '' ? 'the whole cluster' : variables.place)",
                "Forbidden",
            ),
            Check(
                "!variables.deployer || request.resource.group != 'rbac.authorization.k8s.io' || "
                "request.resource.resource != 'rolebindings' || request.operation == 'DELETE' || "
                "variables.subjects.all(s, s.kind == 'ServiceAccount' && s.?namespace.orValue('') == variables.place)",
                "'a chart binds roles to service accounts of ' + variables.place + ' alone, never to users, groups "
                "or accounts of other namespaces: RoleBinding ' + object.metadata.name + ' does; people get their "
                "rights from the platform team'",
                "Forbidden",
            ),
            Check(
                "!variables.access || request.resource.group == 'rbac.authorization.k8s.io' && "
                "request.resource.resource == 'rolebindings'",
                "variables.user + ' writes the bindings of the access ladder, nothing else'",
                "Forbidden",
            ),
            Check(
                "!variables.access || variables.kind != 'RoleBinding' || "
                f"variables.bound.roleRef.kind == 'ClusterRole' && variables.bound.roleRef.name in [{_LADDER}]",
                "variables.user + ' binds the roles of the access ladder alone, and takes only those bindings away: '"
                " + variables.bound.roleRef.name + ' is none of them'",
                "Forbidden",
            ),
            Check(
                "!variables.access || request.operation == 'DELETE' || variables.subjects.all(s, "
                "!s.name.startsWith('system:') && !s.name.startsWith('lockflight:') && !(s.kind == 'ServiceAccount' && "
                f"'system:serviceaccount:' + s.?namespace.orValue('') + ':' + s.name == {literal(OPERATOR)}))",
                "variables.user + ' gives access to people and robots by name, never to everybody or to Lockflight "
                "itself: RoleBinding ' + object.metadata.name + ' does'",
                "Forbidden",
            ),
        ],
    )


_NAMES = f"n.startsWith('lockflight:') || n == {literal(OPERATOR)}"


def _impersonation() -> list[dict[str, Any]]:
    return validating(
        "impersonation",
        "Roles that let somebody act as a deployer, or as the operator, by name are the platform team's.",
        Match(
            ["roles", "clusterroles", "rolebindings", "clusterrolebindings"],
            ["CREATE", "UPDATE"],
            "rbac.authorization.k8s.io",
        ),
        {
            "binding": "request.resource.resource.endsWith('bindings')",
            "changed": "request.operation == 'CREATE' || object.?rules != oldObject.?rules",
            "impersonates": (
                "!variables.binding && object.?rules.orValue([]).exists(r, "
                "r.verbs.exists(v, v == '*' || v.startsWith('impersonate')) && "
                f"r.?resourceNames.orValue([]).exists(n, {_NAMES}))"
            ),
            "operators": (
                "object.?subjects.orValue([]).all(s, s.kind == 'ServiceAccount' && 'system:serviceaccount:' + "
                f"s.?namespace.orValue('') + ':' + s.name == {literal(OPERATOR)})"
            ),
        },
        [
            Check(
                "!variables.changed || !variables.impersonates || " + held("bind", "targetnamespaces", "''"),
                "'role ' + object.metadata.name + ' lets others act as a user of Lockflight, whom every policy lets "
                "through: ask for verb bind on targetnamespaces'",
                "Forbidden",
            ),
            Check(
                "!variables.binding || !object.roleRef.name.matches('^lockflight-stack-.*-impersonate$') || "
                "variables.operators",
                "'role ' + object.roleRef.name + ' lets the operator act as the deployers of a stack: it is bound to "
                "the operator alone'",
                "Forbidden",
            ),
        ],
    )


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects."""
    yield "deployer", _virtual()
    yield "impersonation", _impersonation()
