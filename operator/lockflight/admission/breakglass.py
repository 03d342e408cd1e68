"""Breaking the glass: who opens a guarded namespace for how long, and what was written there meanwhile."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.guard import EVERYTHING, INSTANT, VARIABLES, denied, same_but
from lockflight.admission.manifest import OPERATOR, Check, Match, held, literal, mutating, validating
from lockflight.admission.tokens import DEFAULT, GROUP_TOKEN, LONGEST_TOKEN, Guard
from lockflight.api.common import (
    BREAK_GLASS_ANNOTATION,
    BREAK_GLASS_REASON_ANNOTATION,
    BREAK_GLASS_UNTIL_ANNOTATION,
)

ANNOTATIONS = (BREAK_GLASS_ANNOTATION, BREAK_GLASS_REASON_ANNOTATION, BREAK_GLASS_UNTIL_ANNOTATION)

_NAMESPACES = Match(["namespaces", "namespaces/*"], ["CREATE", "UPDATE"], group="")


def _of(which: str) -> str:
    """CEL: our annotations of a Namespace, as a list of strings."""
    found = f"{which}.metadata.?annotations.orValue({{}})"
    keys = "[" + ", ".join(map(literal, ANNOTATIONS)) + "]"
    return f"{which} == null ? [] : {keys}.filter(k, k in {found}).map(k, k + '=' + {found}[k])"


_VARIABLES = {
    "user": "request.userInfo.?username.orValue('')",
    "name": "object.metadata.name",
    "annotations": "object.metadata.?annotations.orValue({})",
    "before": "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})",
    "was": _of("oldObject"),
    "becomes": _of("object"),
    "changed": "!sets.equivalent(variables.was, variables.becomes)",
    "until": f"variables.annotations[?{literal(BREAK_GLASS_UNTIL_ANNOTATION)}].orValue('')",
    "opens": f"variables.until != variables.before[?{literal(BREAK_GLASS_UNTIL_ANNOTATION)}].orValue('') && "
    "variables.until != ''",
    "reason": f"variables.annotations[?{literal(BREAK_GLASS_REASON_ANNOTATION)}].orValue('')",
    # Whoever sets a field owns it from then on, alone and since the server's now, whatever else a client claims.
    "written": (
        "object.metadata.?managedFields.orValue([]).filter(m, "
        f"{literal('f:' + BREAK_GLASS_UNTIL_ANNOTATION)} in "
        "m.?fieldsV1[?'f:metadata'][?'f:annotations'].orValue({}))"
    ),
}

_CHECKS = (
    Check(
        f"variables.user != {literal(OPERATOR)} || oldObject != null && "
        + same_but("oldObject.metadata", "object.metadata", "annotations", "managedFields", "resourceVersion")
        + " && "
        + same_but("variables.before", "variables.annotations", *ANNOTATIONS)
        + " && object.?spec == oldObject.?spec && object.?status == oldObject.?status",
        "'the operator mends broken glass; it does nothing else to a namespace'",
        "Forbidden",
    ),
    Check(
        f"!variables.changed || variables.user == {literal(OPERATOR)} && size(variables.becomes) == 0 || "
        + held("break-glass", "targetnamespaces", "variables.name"),
        "'you may not break or mend the glass of namespace ' + variables.name + "
        "': ask for verb break-glass on targetnamespaces/' + variables.name",
        "Forbidden",
    ),
    Check(
        "!variables.changed || size(variables.becomes) == 0 || variables.opens && size(variables.was) == 0",
        "'the glass of namespace ' + variables.name + ' is broken already; who broke it, why and until when stays: "
        "mend it first: lockflight guard close ' + variables.name",
    ),
    Check(
        "!variables.opens || variables.reason.trim() != '' && size(variables.reason) <= 1024",
        f"'say why in annotation {BREAK_GLASS_REASON_ANNOTATION}, in at most 1024 characters'",
    ),
    Check(
        f"!variables.opens || variables.until.matches({literal(INSTANT)}) && size(variables.written) == 1 && "
        "timestamp(variables.until) > timestamp(variables.written[0].time) && "
        f"timestamp(variables.until) <= timestamp(variables.written[0].time) + duration('{LONGEST_TOKEN}')",
        f"'annotation {BREAK_GLASS_UNTIL_ANNOTATION} is an instant such as 2026-12-24T18:00:00Z, at most "
        f"{LONGEST_TOKEN} ahead of the server\\'s clock, not ' + variables.until",
    ),
    Check(
        f"!variables.opens || variables.annotations[?{literal(BREAK_GLASS_ANNOTATION)}].orValue('') == variables.user",
        f"'annotation {BREAK_GLASS_ANNOTATION} says who broke the glass: it must be \\'' + variables.user + '\\''",
        "Forbidden",
    ),
)


def _path(annotation: str) -> str:
    return f"'/metadata/annotations/' + jsonpatch.escapeKey({literal(annotation)})"


_STAMP_OPENING = (
    "variables.opens ? [JSONPatch{op: 'add', path: " + _path(BREAK_GLASS_ANNOTATION) + ", value: variables.user}] : "
    # Who mends the glass by the two annotations he wrote takes the third away as well.
    f"variables.until == '' && {literal(BREAK_GLASS_ANNOTATION)} in variables.annotations ? "
    f"[JSONPatch{{op: 'remove', path: {_path(BREAK_GLASS_ANNOTATION)}}}] : []"
)

_STAMP_OBJECT = (
    "variables.subresource != '' ? [] : variables.deployer ? "
    f"({literal(BREAK_GLASS_ANNOTATION)} in object.metadata.?annotations.orValue({{}}) ? "
    f"[JSONPatch{{op: 'remove', path: {_path(BREAK_GLASS_ANNOTATION)}}}] : []) : !variables.glassBroken ? [] : "
    "(has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}]) + "
    f"[JSONPatch{{op: 'add', path: {_path(BREAK_GLASS_ANNOTATION)}, value: variables.user}}]"
)


def policies(guard: Guard = DEFAULT) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects: the opening, and the mark on what is written while it lasts."""
    about = "Who may break the glass of a guarded namespace, and for how long."
    yield (
        "stamp-break-glass-opening",
        mutating("stamp-break-glass-opening", about, _NAMESPACES, _VARIABLES, _STAMP_OPENING),
    )
    yield "break-glass", validating("break-glass", about, _NAMESPACES, _VARIABLES, _CHECKS)
    marked = Match(
        EVERYTHING.resources,
        ["CREATE", "UPDATE"],
        group=EVERYTHING.group,
        namespaced=True,
        but=EVERYTHING.but,
        only_if=(
            f"'{GROUP_TOKEN}' in request.userInfo.?groups.orValue([]) || "
            "request.userInfo.?username.orValue('').startsWith('lockflight:deployer:')"
        ),
    )
    yield (
        "stamp-break-glass",
        mutating(
            "stamp-break-glass",
            "Marks what is written through broken glass; the deployer's next write takes the mark away.",
            marked,
            VARIABLES,
            _STAMP_OBJECT,
            denied(guard),
        ),
    )
