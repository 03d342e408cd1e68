"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy as plain objects, each with its binding."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lockflight.api.common import GROUP

OPERATOR = "system:serviceaccount:lockflight-system:lockflight"
"""The operator's account. The chart puts the installed one in its place."""

PREFIX = "lockflight-"


@dataclass(frozen=True, slots=True)
class Check:
    """What must be true, and what a person refused is told. ``message`` is a CEL string expression."""

    expression: str
    message: str
    reason: Literal["Invalid", "Forbidden"] = "Invalid"


@dataclass(frozen=True, slots=True)
class Match:
    """The requests a policy judges: resources of one API group, sub-resources named one by one."""

    resources: Sequence[str]
    operations: Sequence[str]
    group: str = GROUP

    def rules(self) -> list[dict[str, Any]]:
        """The match as ``resourceRules``; any version, so that a new one does not open a way round."""
        return [
            {
                "apiGroups": [self.group],
                "apiVersions": ["*"],
                "operations": list(self.operations),
                "resources": list(self.resources),
            }
        ]


def literal(text: str) -> str:
    """A CEL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _head(kind: str, name: str, about: str) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {
            "name": PREFIX + name,
            "labels": {"app.kubernetes.io/part-of": "lockflight"},
            "annotations": {f"{GROUP}/about": about},
        },
    }


def _variables(variables: Mapping[str, str], expressions: Sequence[str]) -> list[dict[str, str]]:
    """The variables that ``expressions`` use, directly or through one another, in their order."""
    used: set[str] = set()
    look = list(expressions)
    while look:
        found = set(re.findall(r"variables\.([A-Za-z]+)", look.pop())) - used
        used |= found
        look += [variables[name] for name in found]
    return [{"name": name, "expression": text} for name, text in variables.items() if name in used]


def validating(
    name: str, about: str, match: Match, variables: Mapping[str, str], checks: Sequence[Check]
) -> list[dict[str, Any]]:
    """A validating policy and its binding. It fails closed, and applies everywhere."""
    policy = _head("ValidatingAdmissionPolicy", name, about) | {
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": match.rules()},
            "variables": _variables(
                variables, [text for check in checks for text in (check.expression, check.message)]
            ),
            "validations": [
                {
                    "expression": check.expression,
                    "messageExpression": check.message,
                    "message": f"refused by {PREFIX}{name}",
                    "reason": check.reason,
                }
                for check in checks
            ],
        }
    }
    binding = _head("ValidatingAdmissionPolicyBinding", name, about) | {
        "spec": {"policyName": PREFIX + name, "validationActions": ["Deny"]}
    }
    return [policy, binding]


def mutating(
    name: str,
    about: str,
    match: Match,
    variables: Mapping[str, str],
    patch: str,
) -> list[dict[str, Any]]:
    """A mutating policy of one JSON patch, and its binding. Evaluated again when a later policy changed the object."""
    policy = _head("MutatingAdmissionPolicy", name, about) | {
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": match.rules()},
            "variables": _variables(variables, [patch]),
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        }
    }
    binding = _head("MutatingAdmissionPolicyBinding", name, about) | {"spec": {"policyName": PREFIX + name}}
    return [policy, binding]
