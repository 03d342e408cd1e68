"""Audit records: the operator creates and, once archived, removes them; nobody edits them."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.manifest import OPERATOR, Check, Match, literal, validating
from lockflight.policy.archiving import HOLD_ALL, LEGAL_HOLD_PREFIX

_USER = "request.userInfo.?username.orValue('')"


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects. No controller is let through: a namespace that holds records does not go."""
    yield (
        "audit",
        validating(
            "audit",
            "Audit records are created by the operator, never edited, and removed by it alone.",
            Match(["auditrecords", "auditrecords/*"], ["CREATE", "UPDATE", "DELETE"]),
            {"operator": f"{_USER} == {literal(OPERATOR)}"},
            [
                Check(
                    "request.operation != 'CREATE' || variables.operator",
                    "'audit records are written by the operator alone'",
                    "Forbidden",
                ),
                Check("request.operation != 'UPDATE'", "'an audit record is never edited'", "Forbidden"),
                Check(
                    "request.operation != 'DELETE' || variables.operator",
                    "'audit records stay: the operator removes those that are archived and past their retention'",
                    "Forbidden",
                ),
                # Enforced on the operator as well.
                Check(
                    f"request.operation != 'DELETE' || ![{literal(LEGAL_HOLD_PREFIX)} + oldObject.spec.stack, "
                    f"{literal(LEGAL_HOLD_PREFIX + HOLD_ALL)}].exists(k, k in "
                    "namespaceObject.metadata.?annotations.orValue({}))",
                    "'a legal hold is on these audit records: nobody removes them, the operator included'",
                    "Forbidden",
                ),
            ],
        ),
    )
