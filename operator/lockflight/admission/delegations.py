"""Delegations: made by the person who hands over, who holds the roles, and deleted by nobody but them."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission import creatorgroups
from lockflight.admission.manifest import Check, Match, literal, mutating, validating
from lockflight.api.common import CANARY, CREATOR_ANNOTATION, GROUP

_ROLES = 4
"""Roles a delegation may name, as in the CRD."""

_VARIABLES = {
    **creatorgroups.VARIABLES,
    "user": "request.userInfo.?username.orValue('')",
    "stack": "request.?namespace.orValue('')",
    "creator": f"variables.known[?{literal(CREATOR_ANNOTATION)}].orValue('')",
    "roles": "variables.creating ? object.spec.roles : []",
    "collector": (
        "variables.user in ['system:serviceaccount:kube-system:namespace-controller', "
        "'system:serviceaccount:kube-system:generic-garbage-collector']"
    ),
}


def _held(index: int, resource: str, verb: str) -> str:
    return (
        f"authorizer.group('{GROUP}').resource('{resource}').namespace(variables.stack)"
        f".name(variables.roles[{index}]).check('{verb}').allowed()"
    )


def _checks() -> Iterator[Check]:
    yield Check(
        "!variables.creating || object.spec.from == variables.user",
        "'spec.from is who hands over: you are ' + variables.user + ', not ' + object.spec.from",
        "Forbidden",
    )
    yield Check(
        "!variables.creating || !variables.user.startsWith('system:')",
        "'a service account holds no role that it could hand over: a person does'",
        "Forbidden",
    )
    for index in range(_ROLES):
        role = f"variables.roles[{index}]"
        yield Check(
            f"size(variables.roles) <= {index} || {_held(index, 'approvalroles', 'approve')}",
            f"'you may not approve as \\'' + {role} + '\\', so you cannot hand it over'",
            "Forbidden",
        )
        yield Check(
            f"size(variables.roles) <= {index} || !({_held(index, 'approvalroles', CANARY)} || "
            f"{_held(index, CANARY, 'approve')})",
            f"'you hold approve on approvalroles/' + {role} + ' by a wildcard: it counts only when granted by name'",
            "Forbidden",
        )
    yield creatorgroups.CHECK
    yield Check(
        "variables.creating || variables.collector || variables.user == variables.creator || "
        "!variables.deleting && object.?spec == oldObject.?spec",
        "'only ' + variables.creator + ' revokes or deletes this delegation'",
        "Forbidden",
    )


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects: the stamp, and the policy that judges it again."""
    about = "A delegation is made by the person who hands over roles that they hold."
    stamped = Match(["delegations"], ["CREATE", "UPDATE"])
    judged = Match(["delegations"], ["CREATE", "UPDATE", "DELETE"])
    stamp_variables = {name: text for name, text in _VARIABLES.items() if name not in ("roles", "collector", "stack")}
    yield "stamp-delegations", mutating("stamp-delegations", about, stamped, stamp_variables, creatorgroups.STAMP)
    yield "delegations", validating("delegations", about, judged, _VARIABLES, list(_checks()))
