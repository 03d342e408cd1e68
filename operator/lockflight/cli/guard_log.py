"""Who a guard refused, or would have refused, as the API server's audit log tells."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

POLICIES = ("lockflight-guard", "lockflight-guard-root")
_FAILURE = "validation.policy.admission.k8s.io/validation_failure"
_REFUSED = re.compile(r"ValidatingAdmissionPolicy '(lockflight-guard(?:-root)?)' with binding '[^']*' denied request: ")
# The guard ends its message with the line of the annotation that would let the request through.
_LINE = re.compile(r"of the namespace: ((?:user|serviceaccount):\S+) (\S+) (\S+)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of request of one requester, as often as it was seen."""

    user: str
    request: str
    """Verb and resource, as the API server calls them."""
    times: int
    last: str
    """RFC 3339, as logged."""
    denied: bool
    """Whether it was refused at least once; else it was only reported."""
    line: str
    """The line of the annotation that lets it through; empty: no line does."""


def events(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The audit events among ``lines``: one as JSON each, after whatever a log service writes before it.

    A row whose field ``log`` holds the event as text (AKS) is understood. What is no event is skipped.
    """
    for line in lines:
        start = line.find("{")
        if start < 0:
            continue
        try:
            found = json.loads(line[start:])
            inner = found.get("log") or found.get("properties", {}).get("log")
            if isinstance(inner, str):
                found = json.loads(inner)
        except (ValueError, AttributeError):
            continue
        if isinstance(found, dict) and found.get("kind") == "Event" and "auditID" in found:
            yield found


def refusals(found: Iterable[Mapping[str, Any]], namespace: str) -> list[Refusal]:
    """What the guard said about ``namespace``: most often first."""
    known: dict[tuple[str, str], Refusal] = {}
    seen: set[tuple[str, str]] = set()
    for event in found:
        where = event.get("objectRef") or {}
        said = _said(event) if where.get("namespace") == namespace else None
        # A request is logged at each of its stages.
        mark = (str(event["auditID"]), str(event.get("stage")))
        if said is None or event.get("stage") == "RequestReceived" or mark in seen:
            continue
        seen.add(mark)
        message, denied = said
        user = str((event.get("impersonatedUser") or event.get("user") or {}).get("username", ""))
        request = f"{event.get('verb', '')} {_resource(where)}"
        line = _LINE.search(message)
        before = known.get((user, request))
        known[user, request] = Refusal(
            user,
            request,
            (before.times if before else 0) + 1,
            max(before.last if before else "", str(event.get("requestReceivedTimestamp", ""))),
            denied or (before.denied if before else False),
            " ".join(line.groups()) if line else "",
        )
    return sorted(known.values(), key=lambda r: (-r.times, r.user, r.request))


def suggestions(found: Iterable[Refusal]) -> list[str]:
    """The lines that would let all of them through, one a subject and list of operations."""
    resources: dict[tuple[str, str], set[str]] = {}
    for refusal in found:
        if refusal.line:
            subject, operation, resource = refusal.line.split(" ")
            resources.setdefault((subject, resource), set()).add(operation)
    lines: dict[tuple[str, str], list[str]] = {}
    for (subject, resource), operations in sorted(resources.items()):
        lines.setdefault((subject, ",".join(sorted(operations))), []).append(resource)
    return [f"{subject} {operations} {','.join(names)}" for (subject, operations), names in lines.items()]


def _resource(where: Mapping[str, Any]) -> str:
    group, sub = where.get("apiGroup", ""), where.get("subresource", "")
    return f"{where.get('resource', '')}{'.' * bool(group)}{group}{'/' * bool(sub)}{sub}"


def _said(event: Mapping[str, Any]) -> tuple[str, bool] | None:
    """The guard's message, and whether it refused."""
    text = (event.get("annotations") or {}).get(_FAILURE)
    if text:
        for failure in json.loads(text):
            if failure.get("policy") in POLICIES:
                return str(failure.get("message", "")), False
    message = str((event.get("responseStatus") or {}).get("message", ""))
    return (message, True) if _REFUSED.search(message) else None
