"""Who created an object and who edited its spec: stamped as annotations, restored, and checked again."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.manifest import OPERATOR, Check, Match, literal, mutating, validating
from lockflight.api.common import CREATOR_ANNOTATION, EDITORS_ANNOTATION

STAMPED = (
    "changerequests",
    "promotions",
    "releases",
    "standardchanges",
    "delegations",
    "environments",
    "freezewindows",
    "releasecalendars",
)
_NAMELESS = ("environments", "freezewindows", "releasecalendars")
"""May be created and edited by clients that sign nothing, where nothing stamps: Helm installs them, and GitOps does.
Then nobody approves them, as nobody may where the creator is unknown."""

_MATCH = Match(STAMPED, ["CREATE", "UPDATE"])

_VARIABLES = {
    "user": "request.userInfo.?username.orValue('')",
    "operator": f"variables.user == {literal(OPERATOR)}",
    "creating": "request.operation == 'CREATE'",
    "annotations": "object.metadata.?annotations.orValue({})",
    "creator": f"variables.annotations[?{literal(CREATOR_ANNOTATION)}].orValue('')",
    "nameless": f"request.resource.resource in [{', '.join(map(literal, _NAMELESS))}] && variables.creator == ''",
    "editors": f"variables.annotations[?{literal(EDITORS_ANNOTATION)}].orValue('')",
    "known": "variables.creating ? {} : oldObject.metadata.?annotations.orValue({})",
    "firstCreator": (
        f"variables.creating ? variables.user : variables.known[?{literal(CREATOR_ANNOTATION)}].orValue('')"
    ),
    "formerEditors": f"variables.known[?{literal(EDITORS_ANNOTATION)}].orValue('')",
    "edited": "!variables.creating && object.?spec != oldObject.?spec",
    # One user a line; whoever is known already is not added again.
    "allEditors": (
        "!variables.edited || variables.user == variables.firstCreator || "
        "variables.user in variables.formerEditors.split('\\n') ? variables.formerEditors : "
        "variables.formerEditors == '' ? variables.user : variables.formerEditors + '\\n' + variables.user"
    ),
}


def _set(annotation: str, value: str, now: str) -> str:
    path = f"'/metadata/annotations/' + jsonpatch.escapeKey({literal(annotation)})"
    return (
        f"({value} == {now} ? [] : {value} == '' ? [JSONPatch{{op: 'remove', path: {path}}}] : "
        f"[JSONPatch{{op: 'add', path: {path}, value: {value}}}])"
    )


_PATCH = (
    "(has(object.metadata.annotations) || variables.firstCreator == '' && variables.allEditors == '' ? [] : "
    "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}]) + "
    + _set(CREATOR_ANNOTATION, "variables.firstCreator", "variables.creator")
    + " + "
    + _set(EDITORS_ANNOTATION, "variables.allEditors", "variables.editors")
)

_CHECKS = (
    # The operator never approves, so whether its own name stands there decides nothing.
    Check(
        "variables.creator == variables.firstCreator || "
        "variables.creating && (variables.operator || variables.nameless) && variables.creator == ''",
        f"'annotation {CREATOR_ANNOTATION} says who created this and stays: it must be \\'' + "
        "variables.firstCreator + '\\''",
        "Forbidden",
    ),
    Check(
        "variables.editors == variables.allEditors || variables.nameless && variables.editors == ''",
        f"'annotation {EDITORS_ANNOTATION} names everyone who edited this, one a line: it must be \\'' + "
        "variables.allEditors.split('\\n').join(', ') + '\\''",
        "Forbidden",
    ),
    Check(
        "variables.creating || object.?spec.?requestedBy == oldObject.?spec.?requestedBy",
        "'requestedBy cannot change, for the requester does not approve: cancel this change and raise another one'",
    ),
    # The garbage collector may delete what is in use, so nobody makes it do that by naming an owner.
    Check(
        "object.metadata.?ownerReferences.orValue([]) == "
        "(variables.creating ? [] : oldObject.metadata.?ownerReferences.orValue([]))",
        "'objects of Lockflight have no owner: leave ownerReferences out'",
    ),
)


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects: the stamp, and the policy that judges it again."""
    about = "Who created a change, a promotion, a release or a rule, and who edited its spec."
    yield "stamp-four-eyes", mutating("stamp-four-eyes", about, _MATCH, _VARIABLES, _PATCH)
    yield "four-eyes", validating("four-eyes", about, _MATCH, _VARIABLES, _CHECKS)
