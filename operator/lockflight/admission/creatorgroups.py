"""The groups of whoever created an object: stamped, restored, and checked again, so that rights can be asked later."""

from collections.abc import Iterator
from typing import Any, Final

from lockflight.admission.manifest import Check, Match, literal, mutating, validating
from lockflight.api.common import CREATOR_GROUPS_ANNOTATION

VARIABLES: Final = {
    "groups": "request.userInfo.?groups.orValue([])",
    "creating": "request.operation == 'CREATE'",
    "deleting": "request.operation == 'DELETE'",
    "known": "variables.creating ? {} : oldObject.metadata.?annotations.orValue({})",
    "firstGroups": (
        "variables.creating ? variables.groups.join('\\n') : "
        f"variables.known[?{literal(CREATOR_GROUPS_ANNOTATION)}].orValue('')"
    ),
    "nowGroups": (
        "variables.deleting ? variables.firstGroups : object.metadata.?annotations.orValue({})"
        f"[?{literal(CREATOR_GROUPS_ANNOTATION)}].orValue('')"
    ),
}

_PATH: Final = f"'/metadata/annotations/' + jsonpatch.escapeKey({literal(CREATOR_GROUPS_ANNOTATION)})"

STAMP: Final = (
    "variables.nowGroups == variables.firstGroups ? [] : variables.firstGroups == '' ? "
    f"[JSONPatch{{op: 'remove', path: {_PATH}}}] : "
    "(has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}]) + "
    f"[JSONPatch{{op: 'add', path: {_PATH}, value: variables.firstGroups}}]"
)

CHECK: Final = Check(
    "variables.nowGroups == variables.firstGroups",
    f"'annotation {CREATOR_GROUPS_ANNOTATION} names the groups you authenticated with, one a line, and stays'",
    "Forbidden",
)


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects for releases: whether their creator may attest what they claim is asked with these."""
    about = "The groups of whoever created a release, for its evidence counts while they may attest it."
    match = Match(["releases"], ["CREATE", "UPDATE"])
    yield "stamp-releases", mutating("stamp-releases", about, match, VARIABLES, STAMP)
    yield "releases", validating("releases", about, match, VARIABLES, [CHECK])
