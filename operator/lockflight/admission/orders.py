"""What people order of the audit trail on the operator's namespace: a legal hold, or to go on from the archive."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.manifest import Check, Match, literal, validating
from lockflight.api.common import CANARY, GROUP
from lockflight.policy.archiving import LEGAL_HOLD_PREFIX, RESTORE_PREFIX


def _asks(verb: str, resource: str = "auditrecords") -> str:
    """Whether the requester holds ``verb``, a CEL expression, on the records of the stack that the order names."""
    return (
        f"authorizer.group('{GROUP}').resource('{resource}').namespace(variables.name)"
        f".name(variables.stack).check({verb}).allowed()"
    )


_OURS = f"(k.startsWith({literal(LEGAL_HOLD_PREFIX)}) || k.startsWith({literal(RESTORE_PREFIX)}))"

_VARIABLES = {
    "user": "request.userInfo.?username.orValue('')",
    "name": "object.metadata.name",
    "annotations": "object.metadata.?annotations.orValue({})",
    "before": "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})",
    "set": (
        f"variables.annotations.filter(k, {_OURS} && variables.before[?k] != optional.of(variables.annotations[k]))"
    ),
    "touched": f"variables.set + variables.before.filter(k, {_OURS} && !(k in variables.annotations))",
    "one": "size(variables.touched) == 1 ? variables.touched[0] : ''",
    "stack": "variables.one.contains('/') ? variables.one.split('/')[1] : ''",
    "verb": f"variables.one.startsWith({literal(RESTORE_PREFIX)}) ? 'restore' : 'hold'",
    "text": "size(variables.set) == 1 ? variables.annotations[variables.set[0]] : ''",
}
_ASK = "ask for verb ' + variables.verb + ' on auditrecords/' + variables.stack + ' in namespace ' + variables.name + '"
_WILDCARD = f"'you hold this right by a wildcard, as cluster administrators do: it counts only by name; {_ASK}'"


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects. The operator carries orders out: it may not give one (policy break-glass)."""
    yield (
        "audit-orders",
        validating(
            "audit-orders",
            "Who may hold audit records for legal reasons, and who may have a chain go on from the archive.",
            Match(["namespaces", "namespaces/*"], ["CREATE", "UPDATE"], group=""),
            _VARIABLES,
            [
                Check(
                    "size(variables.touched) <= 1",
                    "'one order a request: a legal hold or a restore, of one stack'",
                ),
                Check(
                    f"size(variables.touched) != 1 || {_asks('variables.verb')}",
                    f"'you may not order this of the audit trail: {_ASK}'",
                    "Forbidden",
                ),
                Check(f"size(variables.touched) != 1 || !{_asks(literal(CANARY))}", _WILDCARD, "Forbidden"),
                Check(
                    f"size(variables.touched) != 1 || !{_asks('variables.verb', CANARY)}",
                    _WILDCARD,
                    "Forbidden",
                ),
                Check(
                    "size(variables.set) != 1 || variables.text.startsWith(variables.user + ': ') && "
                    "size(variables.text.trim()) > size(variables.user) + 2 && size(variables.text) <= 1024",
                    "'an order says who gave it and why: \\'' + variables.user + ': …\\''",
                    "Forbidden",
                ),
            ],
        ),
    )
