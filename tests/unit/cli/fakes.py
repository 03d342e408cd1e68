"""An API server in memory, and objects for it."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from click.testing import CliRunner, Result

from lockflight.api.kinds import Kind
from lockflight.cli.app import App
from lockflight.cli.client import Identity, Manifest
from lockflight.cli.errors import AlreadyExistsError, CliError, NotFoundError
from lockflight.cli.main import cli

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
STACK = "payments"
DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


class FakeApi:
    """Keeps objects by kind, namespace and name; patches as the API server does, as far as commands go."""

    namespace = STACK

    def __init__(self, *objects: Manifest) -> None:
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.writes: list[tuple[str, str]] = []
        self.refuse: CliError | None = None
        self.rbac: dict[str, list[Manifest]] = {}
        """Lists by the end of their path."""
        self.holds: dict[str, set[tuple[str, str, str]]] = {}
        """Verb, resource and name by user or group; names and verbs may be ``*``."""
        self.exposition = ""
        self.secrets: dict[str, list[Mapping[str, Any]]] = {}
        """By target namespace: the metadata of Helm's Secrets."""
        self.unreadable: set[str] = set()
        """Names of ConfigMaps and Secrets that the caller may not read."""
        self.before_create: Callable[[], None] = lambda: None
        for manifest in objects:
            self.put(manifest)

    def put(self, manifest: Manifest) -> None:
        """Put an object there, as somebody else."""
        meta = manifest["metadata"]
        self.objects[manifest["kind"], meta["namespace"], meta["name"]] = copy.deepcopy(manifest)

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """One object."""
        try:
            return copy.deepcopy(self.objects[kind.name, namespace, name])
        except KeyError:
            msg = f'{kind.plural}.lockflight.dev "{name}" not found'
            raise NotFoundError(msg) from None

    def list(self, kind: Kind, namespace: str | None) -> Sequence[Manifest]:
        """All objects."""
        return [copy.deepcopy(o) for (k, n, _), o in self.objects.items() if k == kind.name and namespace in (None, n)]

    def create(self, kind: Kind, namespace: str, body: Manifest) -> Manifest:
        """Create an object."""
        self.before_create()
        self._maybe_refuse()
        body = copy.deepcopy(body)
        name = body["metadata"].setdefault("name", body["metadata"].get("generateName", "") + "x7k2p")
        if (kind.name, namespace, name) in self.objects:
            msg = f'{kind.plural}.lockflight.dev "{name}" already exists'
            raise AlreadyExistsError(msg)
        body["metadata"]["uid"] = f"uid-{name}"
        self.put(body)
        self.writes.append(("create", name))
        return body

    def merge(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Apply a merge patch."""
        self._maybe_refuse()
        merged = _merge(self.get(kind, namespace, name), patch)
        self.put(merged)
        self.writes.append(("merge", name))
        return merged

    def append(self, kind: Kind, namespace: str, name: str, field: str, entry: Mapping[str, Any]) -> Manifest:
        """Append to a list in status."""
        self._maybe_refuse()
        found = self.get(kind, namespace, name)
        found["status"][field].append(dict(entry))
        self.put(found)
        self.writes.append(("append", name))
        return found

    def whoami(self) -> Identity:
        """The caller."""
        return Identity("alice", ("cab", "system:authenticated"))

    def items(self, path: str) -> Sequence[Manifest]:
        """Objects that are not ours."""
        return self.rbac.get(path.rpartition("/")[2], [])

    def may(self, user: str, groups: Sequence[str], verb: str, resource: str, namespace: str, name: str) -> bool:
        """As RBAC would."""
        held = {right for who in (user, *groups) for right in self.holds.get(who, ())}
        return any(v in (verb, "*") and r in (resource, "*") and n in (name, "*") for v, r, n in held)

    def config(self, kind: str, namespace: str, name: str) -> Manifest:
        """A ConfigMap or Secret."""
        if name in self.unreadable:
            msg = f'secrets "{name}" is forbidden'
            raise CliError(msg)
        try:
            return copy.deepcopy(self.objects[kind, namespace, name])
        except KeyError:
            msg = f'{kind} "{name}" not found'
            raise NotFoundError(msg) from None

    def read_namespace(self, name: str) -> Manifest:
        """A Namespace."""
        try:
            return copy.deepcopy(self.objects["Namespace", "", name])
        except KeyError:
            msg = f'namespaces "{name}" not found'
            raise NotFoundError(msg) from None

    def annotate_namespace(self, name: str, annotations: Mapping[str, str | None]) -> Manifest:
        """Merge annotations."""
        self._maybe_refuse()
        merged: Manifest = _merge(self.read_namespace(name), {"metadata": {"annotations": annotations}})
        self.objects["Namespace", "", name] = merged
        self.writes.append(("annotate", name))
        return merged

    def metrics(self) -> str:
        """The API server's metrics."""
        return self.exposition

    def bound_namespaces(self, stack: str) -> Sequence[str]:
        """The namespaces of ``secrets``."""
        return sorted(self.secrets)

    def helm_secrets(self, namespace: str) -> Sequence[Mapping[str, Any]]:
        """What ``secrets`` has for the namespace."""
        return self.secrets[namespace]

    def _maybe_refuse(self) -> None:
        if self.refuse:
            raise self.refuse


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result


class Clock:
    """Time that passes only while a command sleeps; ``on_sleep`` lets the world move meanwhile."""

    def __init__(self, on_sleep: Callable[[int], None] = lambda _: None) -> None:
        self.time, self.slept, self._on_sleep = NOW, 0, on_sleep

    def now(self) -> datetime:
        """The time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)
        self.slept += 1
        self._on_sleep(self.slept)


def run(
    api: FakeApi, *arguments: str, clock: Clock | None = None, stdin: str | None = None, terminal: bool = False
) -> Result:
    """Run a command against ``api``."""
    clock = clock or Clock()
    app = App(server=api, now=clock.now, sleep=clock.sleep, terminal=lambda: terminal)
    return CliRunner().invoke(cli, list(arguments), obj=app, input=stdin, prog_name="lockflight")


def data(result: Result) -> Any:
    """What a command printed with ``-o json``."""
    return json.loads(result.stdout)


def obj(
    kind: str, name: str, spec: Mapping[str, Any], status: Mapping[str, Any] | None = None, **meta: Any
) -> Manifest:
    """An object as the API server returns it."""
    return {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": STACK,
            "uid": f"uid-{name}",
            "generation": 1,
            "creationTimestamp": "2026-11-24T10:00:00Z",
            **meta,
        },
        "spec": dict(spec),
        **({"status": dict(status)} if status is not None else {}),
    }


def environment(name: str, tier: str, runs: str | None = None, **spec: Any) -> Manifest:
    """An environment in which the promotion ``payments-<runs>-<name>`` put what runs."""
    targets = [
        {
            "application": "payments",
            "namespace": f"payments-{name}",
            "release": f"payments-{runs}",
            "version": runs,
            "digest": DIGEST,
            "planDigest": DIGEST,
            "promotionUID": f"uid-payments-{runs}-{name}",
            "promotion": f"payments-{runs}-{name}",
            "state": "Succeeded",
            "deployedAt": "2026-11-24T10:00:00Z",
        }
    ]
    return obj("Environment", name, {"tier": tier, **spec}, {"targets": targets if runs else []})


def release(version: str, status: Mapping[str, Any] | None = None, **spec: Any) -> Manifest:
    """A release of payments."""
    chart = {"oci": "oci://registry.example/charts/payments", "version": version, "digest": DIGEST}
    return obj(
        "Release",
        f"payments-{version}",
        {"application": "payments", "version": version, "chart": chart, **spec},
        {"digest": DIGEST, **(status or {})},
    )


def promotion(version: str, to: str, phase: str | None = "Waiting", **status: Any) -> Manifest:
    """A promotion of a payments release."""
    return obj(
        "Promotion",
        f"payments-{version}-{to}",
        {"releaseRef": {"name": f"payments-{version}"}, "environmentRef": {"name": to}, "action": "Deploy"},
        {**({"phase": phase} if phase else {}), "signOffs": [], **status},
    )


def change(name: str = "chg-1042", **status: Any) -> Manifest:
    """A normal change for payments 2.4.0 to production, planned."""
    return obj(
        "ChangeRequest",
        name,
        {
            "type": "Normal",
            "title": "Payments 2.4.0",
            "reason": "Refund limits",
            "releaseRef": {"name": "payments-2.4.0"},
            "environments": ["production"],
            "rollbackPlan": {"strategy": "HelmRollback", "steps": ["helm rollback payments-app"]},
        },
        {
            "observedGeneration": 3,
            "phase": "Authorize",
            "plans": [{"environment": "production", "digest": DIGEST, "summary": "payments-app: chart aaaa"}],
            "planDigest": OTHER,
            "approvals": [],
            "approvalsSummary": "0/2 cab",
            **status,
        },
        generation=3,
        annotations={"lockflight.dev/creator": "jo"},
    )
