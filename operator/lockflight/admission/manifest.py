"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy as plain objects, each with its binding."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lockflight.api.common import GROUP

OPERATOR = "system:serviceaccount:lockflight-system:lockflight"
"""The operator's account. The chart puts the installed one in its place."""

PREFIX = "lockflight-"

ANY = "*"


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
    namespaced: bool = False
    """Only what lies in a namespace: a selector of namespaces never skips what lies in none."""
    but: Sequence[str] = ()
    """Resources of these API groups left out, ``group/resource`` each; the core group is empty."""
    only_if: str = ""
    """A CEL expression; requests for which it is false are none of the policy's business."""

    def constraints(self) -> dict[str, Any]:
        """The match as ``matchConstraints``; any version, so that a new one does not open a way round."""
        found: dict[str, Any] = {"matchPolicy": "Equivalent"}
        found["resourceRules"] = [self._rule(self.group, self.resources)]
        if self.but:
            split = [text.split("/", 1) for text in self.but]
            found["excludeResourceRules"] = [self._rule(group, [resource]) for group, resource in split]
        return found

    def conditions(self) -> dict[str, Any]:
        """``matchConditions``; nothing where every request counts."""
        return {"matchConditions": [{"name": "only-if", "expression": self.only_if}]} if self.only_if else {}

    def _rule(self, group: str, resources: Sequence[str]) -> dict[str, Any]:
        scope = {"scope": "Namespaced"} if self.namespaced else {}
        return {
            "apiGroups": [group],
            "apiVersions": ["*"],
            "operations": list(self.operations),
            "resources": list(resources),
            **scope,
        }


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a policy is in force, and what it does there."""

    namespaces: Mapping[str, Any] = field(default_factory=dict)
    """A label selector; empty: everywhere."""
    actions: Sequence[str] = ("Deny",)
    suffix: str = ""

    def spec(self, policy: str, actions: Sequence[str] = ()) -> dict[str, Any]:
        """The binding's ``spec``."""
        spec: dict[str, Any] = {"policyName": policy}
        if actions:
            spec["validationActions"] = list(actions)
        if self.namespaces:
            spec["matchResources"] = {"namespaceSelector": dict(self.namespaces)}
        return spec


EVERYWHERE = (Binding(),)


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


def held(verb: str, resource: str, name: str, namespace: str = "") -> str:
    """CEL: whether the requester holds ``verb`` on ``resource`` of ours; ``name`` and ``namespace`` are expressions."""
    where = f".namespace({namespace})" if namespace else ""
    return f"authorizer.group('{GROUP}').resource('{resource}'){where}.name({name}).check('{verb}').allowed()"


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
    name: str,
    about: str,
    match: Match,
    variables: Mapping[str, str],
    checks: Sequence[Check],
    bindings: Sequence[Binding] = EVERYWHERE,
) -> list[dict[str, Any]]:
    """A validating policy and its bindings. It fails closed, and applies everywhere unless they say otherwise."""
    policy = _head("ValidatingAdmissionPolicy", name, about) | {
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": match.constraints(),
            **match.conditions(),
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
    bound = [
        _head("ValidatingAdmissionPolicyBinding", name + binding.suffix, about)
        | {"spec": binding.spec(PREFIX + name, binding.actions)}
        for binding in bindings
    ]
    return [policy, *bound]


def mutating(
    name: str,
    about: str,
    match: Match,
    variables: Mapping[str, str],
    patch: str,
    bindings: Sequence[Binding] = EVERYWHERE,
) -> list[dict[str, Any]]:
    """A mutating policy of one JSON patch, and its bindings. Evaluated again when a later policy changed the object."""
    policy = _head("MutatingAdmissionPolicy", name, about) | {
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": match.constraints(),
            **match.conditions(),
            "variables": _variables(variables, [patch]),
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        }
    }
    bound = [
        _head("MutatingAdmissionPolicyBinding", name + binding.suffix, about) | {"spec": binding.spec(PREFIX + name)}
        for binding in bindings
    ]
    return [policy, *bound]
