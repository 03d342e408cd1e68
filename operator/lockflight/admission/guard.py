"""Guarded namespaces: what is applied there is applied by the deployer, and by nobody else."""

from collections.abc import Iterator, Sequence
from typing import Any

from lockflight.admission.manifest import ANY, Binding, Check, Match, held, literal, validating
from lockflight.admission.tokens import DEFAULT, GROUP_TOKEN, ROOT_TOKEN, WRITERS_TOKEN, Guard
from lockflight.admission.writers import FORBIDDEN, LINE
from lockflight.api.common import (
    BREAK_GLASS_UNTIL_ANNOTATION,
    GROUP,
    GUARD_LABEL,
    GUARD_WRITERS_ANNOTATION,
    TIER_LABEL,
)

INSTANT = "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
"""RFC 3339 in UTC, whole seconds: what ends an opening."""

EVERYTHING = Match(
    ["*/*"],
    ["CREATE", "UPDATE", "DELETE", "CONNECT"],
    group=ANY,
    namespaced=True,
    # Said by everybody, all the time, and nothing that runs follows from it; reviews only ask.
    but=("/events", "events.k8s.io/events", "coordination.k8s.io/leases", "authorization.k8s.io/*"),
)


def malformed(lines: str) -> str:
    """CEL: those of ``lines``, an expression, that are no line of the annotation."""
    broad = " || ".join(f"l.startsWith({literal(prefix)})" for prefix in FORBIDDEN)
    return f"{lines}.filter(l, !l.matches({literal(LINE)}) || {broad})"


def lines(annotations: str) -> str:
    """CEL: the lines of the annotation in ``annotations``, an expression; empty ones are skipped."""
    return f"{annotations}[?{literal(GUARD_WRITERS_ANNOTATION)}].orValue('').split('\\n').filter(l, l != '')"


_MATCHES = (
    "r.split(' ')[0].split(',').exists(o, o in variables.operations && (r.split(' ')[1] == '*' || "
    "(o == 'scale' ? variables.base : variables.what) in r.split(' ')[1].split(',')))"
)


def same_but(old: str, new: str, *keys: str) -> str:
    """CEL: two maps are equal but for ``keys``."""
    free = "[" + ", ".join(map(literal, keys)) + "]"
    return (
        f"({new}.all(k, k in {free} || {old}[?k] == optional.of({new}[k])) && {old}.all(k, k in {free} || k in {new}))"
    )


_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_RESTART = " && ".join(
    [
        "request.operation == 'UPDATE'",
        "variables.what in ['deployments.apps', 'statefulsets.apps', 'daemonsets.apps']",
        same_but("oldObject.metadata", "object.metadata", "managedFields", "generation", "resourceVersion"),
        same_but("oldObject.spec", "object.spec", "template"),
        same_but("oldObject.spec.template", "object.spec.template", "metadata"),
        same_but(
            "oldObject.spec.template.?metadata.orValue({})",
            "object.spec.template.?metadata.orValue({})",
            "annotations",
            "creationTimestamp",
        ),
        same_but(
            "oldObject.spec.template.?metadata.?annotations.orValue({})",
            "object.spec.template.?metadata.?annotations.orValue({})",
            _RESTARTED,
        ),
    ]
)

# The server's own clock, where a request shows it: an object's creation, and each part of it that was just written.
_TIMES = (
    "request.operation == 'CREATE' ? [object.?metadata.?creationTimestamp.orValue(null)].filter(t, t != null) : "
    "request.operation == 'UPDATE' ? object.?metadata.?managedFields.orValue([])"
    ".filter(m, !(m in oldObject.?metadata.?managedFields.orValue([]))).map(m, m.?time.orValue(null))"
    ".filter(t, t != null) : []"
)

VARIABLES = {
    "user": "request.userInfo.?username.orValue('')",
    "groups": "request.userInfo.?groups.orValue([])",
    "place": "request.?namespace.orValue('')",
    "operation": (
        "{'CREATE': 'create', 'UPDATE': 'update', 'DELETE': 'delete', 'CONNECT': 'connect'}[request.operation]"
    ),
    "base": "request.resource.resource + (request.resource.group == '' ? '' : '.' + request.resource.group)",
    "subresource": "request.?subResource.orValue('')",
    "what": "variables.base + (variables.subresource == '' ? '' : '/' + variables.subresource)",
    "restart": _RESTART,
    "operations": (
        "[variables.operation] + (variables.restart ? ['restart'] : []) + "
        "(variables.operation == 'update' && variables.subresource == 'scale' ? ['scale'] : [])"
    ),
    # How a line would name the requester: system:serviceaccount:a:b is serviceaccount:a:b.
    "self": (
        "variables.user.startsWith('system:serviceaccount:') ? variables.user.substring(7) : 'user:' + variables.user"
    ),
    "me": "[variables.self, 'user:' + variables.user] + variables.groups.map(g, 'group:' + g)",
    "annotations": "namespaceObject.metadata.?annotations.orValue({})",
    "lines": lines("variables.annotations"),
    "malformed": malformed("variables.lines"),
    "known": WRITERS_TOKEN + "\n",
    "controller": f"variables.me.exists(w, w in variables.known && variables.known[w].exists(r, {_MATCHES}))",
    # An annotation of which a part is malformed says nothing.
    "named": (
        "size(variables.malformed) == 0 && variables.lines.exists(l, l.split(' ')[0] in variables.me && "
        f"[l.substring(l.indexOf(' ') + 1)].exists(r, {_MATCHES}))"
    ),
    "until": f"variables.annotations[?{literal(BREAK_GLASS_UNTIL_ANNOTATION)}].orValue('')",
    "times": _TIMES,
    "glassBroken": (
        f"'{GROUP_TOKEN}' in variables.groups && variables.until.matches({literal(INSTANT)}) && "
        "variables.times.all(t, timestamp(t) < timestamp(variables.until))"
    ),
    "deployer": "variables.user == 'lockflight:deployer:' + variables.place",
    "access": (
        "variables.user == 'lockflight:access:' + variables.place && "
        "variables.base == 'rolebindings.rbac.authorization.k8s.io'"
    ),
    "eviction": "variables.what == 'pods/eviction' && variables.operation == 'create'",
    "secretType": (
        "(request.operation == 'DELETE' ? oldObject : object).?type.orValue('') == 'helm.sh/release.v1' || "
        "(request.operation == 'DELETE' ? oldObject : object).metadata.?labels.?owner.orValue('') == 'helm' || "
        "(request.operation == 'DELETE' ? oldObject : object).metadata.name.startsWith('sh.helm.release.v1.') || "
        "request.operation == 'UPDATE' && oldObject.metadata.?labels.?owner.orValue('') == 'helm'"
    ),
    "collector": (
        "request.operation == 'DELETE' && variables.user == 'system:serviceaccount:kube-system:namespace-controller'"
    ),
    "advice": (
        "size(variables.malformed) == 0 ? '' : ' (nobody else is let through now: line ' + variables.malformed[0] + "
        f"' of annotation {GUARD_WRITERS_ANNOTATION} is malformed)'"
    ),
}

_ASK = (
    f"; who must do this day by day is named in annotation {GUARD_WRITERS_ANNOTATION} of the namespace: "
    "' + variables.self + ' ' + variables.operation + ' ' + variables.what + variables.advice"
)

SHELL = Check(
    "variables.glassBroken || !(variables.what in ['pods/exec', 'pods/attach', 'pods/portforward', "
    "'pods/ephemeralcontainers'])",
    "'nobody works inside the pods of namespace ' + variables.place + ', which is guarded: ' + variables.what + "
    "' is refused; in an emergency break the glass: lockflight guard open ' + variables.place + ' --reason WHY'",
    "Forbidden",
)

TOKENS = Check(
    "variables.what != 'serviceaccounts/token' || variables.controller || variables.named",
    "'a token would let its bearer work as service account ' + request.?name.orValue('') + ' in namespace ' + "
    "variables.place + ', which is guarded" + _ASK,
    "Forbidden",
)

_RECORDS = Check(
    "variables.what != 'secrets' || !variables.secretType || variables.deployer || variables.collector",
    "'Helm keeps here what Lockflight deployed, and from it is read what runs: in namespace ' + variables.place + "
    "' only its deployer writes records of Helm; promote a release, or roll one back: "
    "lockflight promote'",
    "Forbidden",
)

_WRITERS = Check(
    "variables.deployer || variables.access || variables.controller || variables.eviction || variables.named || "
    "variables.glassBroken || request.resource.group == 'rbac.authorization.k8s.io' && "
    + held("bind", "targetnamespaces", "variables.place"),
    "variables.user + ' may not ' + variables.operation + ' ' + variables.what + ' in namespace ' + variables.place + "
    "', which is guarded: promote a release instead" + _ASK,
    "Forbidden",
)

_ROOT = Check(
    "variables.controller || variables.eviction || variables.named || variables.glassBroken || "
    f"request.resource.group == '{GROUP}' || " + held("bind", "targetnamespaces", "variables.place"),
    "variables.user + ' may not ' + variables.operation + ' ' + variables.what + ' in namespace ' + variables.place + "
    "', where Lockflight runs: ask for verb bind on targetnamespaces/' + variables.place + '" + _ASK,
    "Forbidden",
)


def _guarded(tiers: Sequence[str]) -> dict[str, Any]:
    """Namespaces of these tiers, but for those that asked to be reported alone."""
    return {
        "matchExpressions": [
            {"key": TIER_LABEL, "operator": "In", "values": list(tiers)},
            {"key": GUARD_LABEL, "operator": "NotIn", "values": ["Audit"]},
        ]
    }


_ASKED = {"matchExpressions": [{"key": GUARD_LABEL, "operator": "In", "values": ["Audit"]}]}
_REPORTS = ("Audit", "Warn")


def denied(guard: Guard) -> list[Binding]:
    """Where a guard refuses; nowhere where no tier is to be refused."""
    tiers = guard.tiers("Deny")
    return [Binding(_guarded(tiers))] if tiers else []


def _bindings(guard: Guard) -> list[Binding]:
    audited = guard.tiers("Audit")
    return [
        *denied(guard),
        Binding(_ASKED, _REPORTS, "-audit"),
        *([Binding(_guarded(audited), _REPORTS, "-audit-tiers")] if audited else []),
    ]


def policies(guard: Guard = DEFAULT) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects: target namespaces, and the operator's own."""
    about = "In a guarded namespace its deployer writes, the cluster's controllers, and whom the platform team named."
    checks = [SHELL, TOKENS, _RECORDS, _WRITERS]
    yield "guard", validating("guard", about, EVERYTHING, VARIABLES, checks, _bindings(guard))
    root = {"matchLabels": {"kubernetes.io/metadata.name": ROOT_TOKEN}}
    actions = ("Deny",) if guard.root == "Deny" else _REPORTS
    about = "In the namespace where the operator runs write those who hold bind on it, and the cluster's controllers."
    bindings = [] if guard.root == "Off" else [Binding(root, actions)]
    yield "guard-root", validating("guard-root", about, EVERYTHING, VARIABLES, [SHELL, TOKENS, _ROOT], bindings)
