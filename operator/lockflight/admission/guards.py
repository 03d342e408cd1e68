"""Status that only the operator writes, objects in use, rule objects, and the labels that bind namespaces."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.guard import lines, malformed
from lockflight.admission.manifest import OPERATOR, Check, Match, held, literal, validating
from lockflight.admission.tokens import ROOT_TOKEN
from lockflight.api.common import GROUP, GUARD_WRITERS_ANNOTATION

_OBSERVED = ("delegations",)
"""Whose status holds no people's list."""

_USER = "request.userInfo.?username.orValue('')"
_COLLECTORS = (
    "variables.user in ['system:serviceaccount:kube-system:namespace-controller', "
    "'system:serviceaccount:kube-system:generic-garbage-collector']"
)


def _status() -> list[dict[str, Any]]:
    return validating(
        "status",
        "Status without a people's list is written by the operator alone.",
        Match([f"{plural}/status" for plural in _OBSERVED], ["UPDATE"]),
        {"user": _USER},
        [
            Check(
                f"variables.user == {literal(OPERATOR)} || object.?status == oldObject.?status",
                "'status is what the operator observed: nobody else writes it'",
                "Forbidden",
            )
        ],
    )


def _in_use() -> list[dict[str, Any]]:
    return validating(
        "in-use",
        "What is being carried out, or still needed, is not deleted.",
        Match(["changerequests", "promotions", "releases"], ["DELETE"]),
        {
            "user": _USER,
            "collector": _COLLECTORS,
            "kubectl": "'kubectl -n ' + request.?namespace.orValue('') + ' patch '",
            "name": "oldObject.metadata.name",
        },
        [
            Check(
                "variables.collector || !oldObject.?status.?inUse.orValue(false)",
                "oldObject.kind == 'Promotion' ? 'this promotion is under way: abort it first: ' + variables.kubectl + "
                "'lfpromo ' + variables.name + ' --type=merge -p \\'{\"spec\":{\"abort\":true}}\\'' : "
                "oldObject.kind == 'ChangeRequest' ? 'this change is being implemented or reviewed: it stays as the "
                "record until it is closed; to stop what it started, abort its promotion' : "
                "'this release runs somewhere or is being promoted: promote another one first; to keep it from going "
                "further, hold it: ' + variables.kubectl + 'lfrel ' + variables.name + "
                '\' --type=merge -p \\\'{"spec":{"hold":{"reason":"…"}}}\\\'\'',
                "Forbidden",
            )
        ],
    )


def _held(verb: str) -> str:
    return (
        f"authorizer.group('{GROUP}').resource(variables.resource).namespace(variables.stack)"
        f".name(variables.name).check('{verb}').allowed()"
    )


def _rule_objects() -> list[dict[str, Any]]:
    ask = "variables.resource + '/' + variables.name + ' in namespace ' + variables.stack"
    return validating(
        "rule-objects",
        "Environments, calendars, patterns and freezes bind others: they change only by those who hold govern on them; "
        "declaring a freeze takes RBAC alone, lifting it the verb lift.",
        Match(["environments", "freezewindows", "releasecalendars", "standardchanges"], ["CREATE", "UPDATE", "DELETE"]),
        {
            "user": _USER,
            "resource": "request.resource.resource",
            "stack": "request.?namespace.orValue('')",
            # With generateName there is no name yet: then govern is asked for without one.
            "name": "request.?name.orValue('')",
            "freeze": "variables.resource == 'freezewindows'",
            "updating": "request.operation == 'UPDATE'",
            "changed": (
                "!variables.updating || object.?spec != oldObject.?spec || "
                "object.metadata.?ownerReferences.orValue([]) != oldObject.metadata.?ownerReferences.orValue([])"
            ),
            "free": (
                "!variables.changed || variables.freeze && request.operation == 'CREATE' || "
                f"request.operation == 'DELETE' && ({_COLLECTORS})"
            ),
            "lifts": (
                "variables.freeze && variables.updating && has(object.spec.lift) && "
                "object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([]) && "
                "object.spec.all(k, k == 'lift' || oldObject.spec[?k] == optional.of(object.spec[k])) && "
                "oldObject.spec.all(k, k == 'lift' || k in object.spec)"
            ),
        },
        [
            Check(
                f"variables.free || {_held('govern')} || variables.lifts && {_held('lift')}",
                "variables.lifts ? 'you may not lift this freeze: ask for verb lift on ' + "
                + ask
                + " : 'this rule binds others: ask for verb govern on ' + "
                + ask
                + " + (variables.freeze ? '; to end a freeze before its time, lift it: spec.lift.reason' : '')",
                "Forbidden",
            )
        ],
    )


def _namespaces() -> list[dict[str, Any]]:
    def marks(of: str) -> str:
        """Our labels and annotations; those of broken glass have a policy of their own. The root namespace is one."""
        found = [
            f"({of}.metadata.?{kind}.orValue({{}})).filter(k, k.startsWith('{GROUP}/') && "
            f"!k.startsWith('{GROUP}/break-glass')).map(k, k + '=' + {of}.metadata.{kind}[k])"
            for kind in ("labels", "annotations")
        ]
        root = f"({of}.metadata.name == '{ROOT_TOKEN}' ? ['root'] : [])"
        return f"{of} == null ? [] : {' + '.join(found)} + {root}"

    return validating(
        "namespaces",
        "The labels that bind a namespace to a stack, an environment and a tier, who writes there, and the bound "
        "namespace itself, are for holders of bind on targetnamespaces/<namespace>.",
        Match(["namespaces", "namespaces/*"], ["CREATE", "UPDATE", "DELETE"], group=""),
        {
            "name": "request.?name.orValue('')",
            "was": marks("oldObject"),
            "becomes": marks("object"),
            "annotations": "object == null ? {} : object.metadata.?annotations.orValue({})",
            "lines": lines("variables.annotations"),
            "malformed": malformed("variables.lines"),
        },
        [
            Check(
                "sets.equivalent(variables.was, variables.becomes) || "
                + held("bind", "targetnamespaces", "variables.name"),
                f"'labels and annotations {GROUP}/… bind namespace ' + variables.name + ' to a stack and say who "
                "writes there: to bind, free or delete it, ask for verb bind on targetnamespaces/' + variables.name",
                "Forbidden",
            ),
            Check(
                "sets.equivalent(variables.was, variables.becomes) || size(variables.malformed) == 0",
                f"'annotation {GUARD_WRITERS_ANNOTATION}: no line of it is \\'' + variables.malformed[0] + '\\': write "
                "subject, operations and resources, one space between, such as "
                "\\'group:sre restart,scale deployments.apps\\', without groups that hold everybody'",
            ),
        ],
    )


def _changes() -> list[dict[str, Any]]:
    return validating(
        "changes",
        "A change is marked as unauthorised by the operator alone.",
        Match(["changerequests"], ["CREATE"]),
        {"user": _USER, "operator": f"variables.user == {literal(OPERATOR)}"},
        [
            Check(
                "variables.operator || !has(object.spec.unauthorised)",
                "'spec.unauthorised is what the operator found: leave it out'",
                "Forbidden",
            )
        ],
    )


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects."""
    yield "changes", _changes()
    yield "status", _status()
    yield "in-use", _in_use()
    yield "rule-objects", _rule_objects()
    yield "namespaces", _namespaces()
