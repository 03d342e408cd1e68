"""A stack on a real API server, with people and robots who prove who they are, and a few objects to attack."""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, Self

import yaml
from kubernetes import config
from kubernetes.client.exceptions import ApiException

STACK = "admission"
TARGET = "admission-production"
ROOT = "lockflight-system"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "6b8f0c1e-0000-4000-8000-000000000000"}
API = "/apis/lockflight.dev/v1alpha1"
POLICIES = "/apis/admissionregistration.k8s.io/v1"
PATIENCE = 30.0
"""Seconds within which a policy must act; it takes about one."""

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class RefusedError(Exception):
    """The API server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Caller:
    """Somebody at the API server, as their kubeconfig proves."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client = config.new_client_from_config(str(kubeconfig))
        token = self._client.configuration.get_api_key_with_prefix("BearerToken")
        self._headers = {"authorization": token} if token else {}

    def send(
        self, method: str, path: str, body: object = None, content: str = "application/json", as_user: str = ""
    ) -> dict[str, Any]:
        """One request, with every right of ``as_user`` where one is given; RefusedError for any answer but 2xx."""
        url = self._client.configuration.host + path
        headers = {**self._headers, "Content-Type": content, "Accept": "application/json"}
        if as_user:
            # What RBAC would refuse no policy gets to see.
            headers |= {"Impersonate-User": as_user, "Impersonate-Group": "system:masters"}
        try:
            answer = self._client.call_api(method, url, header_params=headers, body=body)
            data = answer.read()
        except ApiException as error:
            status, data = error.status, error.body or b"{}"
        else:
            status = answer.status
        answered: dict[str, Any] = json.loads(data)
        if status >= 300:
            raise RefusedError(status, answered.get("message", ""))
        return answered

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def digest(text: str) -> str:
    """A digest that stands for ``text``."""
    return "sha256:" + sha256(text.encode()).hexdigest()


def entry(role: str = "cab", decision: str = "Approved", **more: object) -> dict[str, Any]:
    """An entry of a people's list, as a person sends it."""
    return {"role": role, "decision": decision, **more}


def append(entries: str, *values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON patch that appends to a people's list."""
    return [{"op": "add", "path": f"/status/{entries}/-", "value": dict(value)} for value in values]


@dataclass(frozen=True)
class Thing:
    """An object of ours: where it is, and the list that people write."""

    plural: str
    namespace: str
    name: str
    entries: str = ""

    @property
    def path(self) -> str:
        """Its path."""
        return f"{API}/namespaces/{self.namespace}/{self.plural}/{self.name}"

    @property
    def status(self) -> str:
        """The path of its status."""
        return self.path + "/status"


_SPECS: dict[str, dict[str, Any]] = {
    "changerequests": {
        "type": "Normal",
        "title": "Payments 2.4.0",
        "reason": "Refund limits",
        "requestedBy": "requester",
        "releaseRef": {"name": "payments-2.4.0"},
        "environments": ["production"],
    },
    "promotions": {"releaseRef": {"name": "payments-2.4.0"}, "environmentRef": {"name": "uat"}},
    "releases": {
        "application": "payments",
        "version": "2.4.0",
        "chart": {"oci": "oci://registry.example/payments", "version": "2.4.0"},
    },
    "environments": {"tier": "UAT"},
    "standardchanges": {
        "title": "Patch upgrade",
        "pattern": {"applications": ["payments"], "environments": ["production"], "kinds": ["Deployment"]},
        "validUntil": "2030-06-30",
    },
    "freezewindows": {
        "reason": "Year end",
        "timeZone": "UTC",
        "start": "2030-12-18T18:00:00",
        "end": "2031-01-05T00:00:00",
    },
    "auditrecords": {
        "stack": "admission",
        "at": "2026-12-01T18:30:00Z",
        "action": "Approved",
        "subject": {"kind": "ChangeRequest", "namespace": "admission", "name": "chg-1", "uid": "1b6a2f0e"},
        "previous": digest("the one before"),
        "hash": digest("this one"),
    },
    "releasecalendars": {"timeZone": "UTC", "sprint": {"start": "2030-11-04"}},
    "delegations": {
        "from": "alice",
        "to": "dan",
        "roles": ["cab"],
        "start": "2030-12-01T00:00:00Z",
        "end": "2030-12-15T00:00:00Z",
        "reason": "leave",
    },
}
_KINDS = {
    "changerequests": ("ChangeRequest", "approvals"),
    "promotions": ("Promotion", "signOffs"),
    "releases": ("Release", "evidence"),
    "environments": ("Environment", "approvals"),
    "freezewindows": ("FreezeWindow", "approvals"),
    "auditrecords": ("AuditRecord", ""),
    "releasecalendars": ("ReleaseCalendar", "approvals"),
    "standardchanges": ("StandardChange", "approvals"),
    "delegations": ("Delegation", ""),
}


@dataclass
class World:
    """The stack and who is there."""

    callers: Mapping[str, Caller]
    namespace: str = STACK
    target: str = TARGET
    """A namespace that is bound to the stack."""
    root: str = ROOT
    """The namespace where the operator runs."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that a namespace made here carries besides."""
    old: Thing | None = None
    """A change from before the policies came."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def elsewhere(self, namespace: str, **labels: str) -> Self:
        """The same people, at work in another namespace."""
        return type(self)(self.callers, namespace, namespace, namespace, labels)

    def at(self, namespace: str) -> Self:
        """The same people and stack, attacking another target."""
        return replace(self, target=namespace)

    def send(
        self,
        who: str,
        method: str,
        path: str,
        body: object = None,
        content: str = "application/json",
        *,
        as_user: str = "",
        again: bool = False,
    ) -> dict[str, Any]:
        """A request as somebody; with ``again`` something that is there already will do."""
        try:
            return self.callers[who].send(method, path, body, content, as_user)
        except RefusedError as error:
            if again and error.status == 409:
                return {}
            raise

    def manifest(self, plural: str, name: str | None = None, **spec: object) -> dict[str, Any]:
        """An object that the schema accepts."""
        kind, _ = _KINDS[plural]
        name = name or f"{plural[:3]}-{next(self._numbers)}"
        return {
            "apiVersion": "lockflight.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {key: value for key, value in (_SPECS[plural] | spec).items() if value is not None},
        }

    def record(self) -> dict[str, Any]:
        """An audit record, at a place of its own."""
        number = next(self._numbers) + 1
        return self.manifest("auditrecords", f"admission-{number:010}", sequence=number)

    def sealed(self) -> Thing:
        """A record that the operator wrote."""
        obj = self.record()
        self.send("operator", "POST", f"{API}/namespaces/{self.namespace}/auditrecords", obj)
        return Thing("auditrecords", self.namespace, obj["metadata"]["name"])

    def make(self, plural: str, who: str = "jo", **spec: object) -> Thing:
        """Create an object as somebody."""
        obj = self.manifest(plural, **spec)
        self.send(who, "POST", f"{API}/namespaces/{self.namespace}/{plural}", obj)
        return Thing(plural, self.namespace, obj["metadata"]["name"], _KINDS[plural][1])

    def planned(self, plural: str = "changerequests", plan: str = "the plan", who: str = "jo", **spec: object) -> Thing:
        """An object for which the operator wrote a plan."""
        thing = self.make(plural, who, **spec)
        self.plan(thing, plan)
        return thing

    def plan(self, thing: Thing, plan: str = "the plan", generation: int = 1) -> None:
        """The operator writes a plan for that generation; a promotion is applied and verified."""
        found = digest(plan)
        status: dict[str, Any] = {"observedGeneration": generation}
        if thing.plural == "promotions":
            status["plan"] = {"digest": found, "namespace": "payments-uat", "components": []}
            status["phase"] = "AwaitingSignOff"
        elif thing.plural == "releases":
            status["digest"] = found
        else:
            status["planDigest"] = found
        self.observe(thing, **status)

    def observe(self, thing: Thing, **status: object) -> None:
        """The operator writes status."""
        self.send("operator", "PATCH", thing.status, {"status": status}, MERGE_PATCH)

    def add(self, who: str, thing: Thing, *entries: Mapping[str, Any]) -> dict[str, Any]:
        """Append entries as somebody."""
        return self.send(who, "PATCH", thing.status, append(thing.entries, *entries), JSON_PATCH)

    def append(self, who: str, thing: Thing, entries: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Append an entry to another list of the thing as somebody."""
        return self.send(who, "PATCH", thing.status, append(entries, entry), JSON_PATCH)

    def entries(self, thing: Thing) -> list[dict[str, Any]]:
        """The people's list as it is stored."""
        found: list[dict[str, Any]] = self.send("admin", "GET", thing.path)["status"][thing.entries]
        return found


def attempts(what: str, seconds: float = PATIENCE) -> Iterator[None]:
    """Tries until the time is up; then an AssertionError that names ``what``."""
    end = monotonic() + seconds
    while monotonic() < end:
        yield
    msg = f"{what}: not within {seconds} s"
    raise AssertionError(msg)


def documents(text: str) -> list[dict[str, Any]]:
    """The objects of a YAML stream."""
    return [obj for obj in yaml.safe_load_all(text) if obj]
