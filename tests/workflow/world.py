"""A stack with one application, and the commands of the people around it: on fakes, or on a real API server."""

import asyncio
import itertools
import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from lockflight.adapters.api_client import KubeClient
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.helm import HelmCli
from lockflight.adapters.helm_env import HelmEnvironment
from lockflight.adapters.kube import KubeCluster
from lockflight.api.auditrecord import AuditAction, AuditRecord
from lockflight.api.common import API_VERSION, CREATOR_ANNOTATION
from lockflight.api.kinds import BY_NAME, LIVING, AnyObject
from lockflight.assets import asset
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.model import HelmStatus, Revision
from lockflight.ports import Helm
from lockflight.workflow.deps import Options
from lockflight.workflow.sweep import sweep
from tests.fakes import (
    FakeAdmission,
    FakeCharts,
    FakeClock,
    FakeHelm,
    FakeLeadership,
    RecordingEvents,
    RecordingMetrics,
)
from tests.real import apply, helm_binary, make_charts
from tests.workflow.faults import Faults, FaultyCluster, FaultyHelm
from tests.workflow.process import Process

ROOT = "lockflight-system"
EVIDENCE = [{"type": kind, "result": "Passed"} for kind in ("static-analysis", "unit-tests", "integration-tests")]
SMOKE = {"verification": [{"name": "smoke", "helmTest": {"timeout": "1m"}}]}
INTEGRATION = {"tier": "Integration", "autoPromote": False}
UAT = {"tier": "UAT", "autoPromote": False, "promotesFrom": []}
PRODUCTION = {
    "tier": "Production",
    "promotesFrom": [],
    "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}},
}
IMAGE = "registry.example/app@sha256:" + "a" * 64

_numbers = itertools.count(1)


class World(ABC):
    """What tests may do; ``process`` is the operator that lives now."""

    stack: str
    process: Process
    events: RecordingEvents
    metrics: RecordingMetrics
    helm: Helm

    # What differs.

    @abstractmethod
    async def write(self, raw: Mapping[str, Any]) -> None:
        """Create or change an object, as a person."""

    @abstractmethod
    async def write_status(self, kind: str, name: str, status: Mapping[str, Any]) -> None:
        """Replace keys of an object's status, as a person."""

    @abstractmethod
    async def raw(self, kind: str, name: str) -> dict[str, Any]:
        """An object as it is."""

    @abstractmethod
    async def objects(self) -> Sequence[AnyObject]:
        """All there is."""

    @abstractmethod
    async def bind(self, environment: str, tier: str, application: str) -> None:
        """A target namespace."""

    @abstractmethod
    def chart(self) -> dict[str, Any]:
        """A chart reference."""

    @abstractmethod
    def start(self) -> Process:
        """A new process on the same cluster; the one before is no more."""

    # What people do.

    async def environment(self, name: str, spec: Mapping[str, Any]) -> None:
        """Create or change an environment, with its target namespace."""
        await self.bind(name, spec["tier"], self.stack)
        await self.create("Environment", name, spec)

    async def release(
        self,
        version: str,
        *,
        values: Mapping[str, Mapping[str, Any]] | None = None,
        irreversible: Sequence[str] = (),
        name: str | None = None,
        **spec: Any,
    ) -> str:
        """A release whose components and their values are ``values``; its name."""
        name = name or f"{self.stack}-{version}"
        parts = [
            {
                "name": part,
                "chart": self.chart(),
                "values": {"greeting": version, **given},
                "reversible": part not in irreversible,
            }
            for part, given in (values or {"app": {}}).items()
        ]
        body = {
            "application": self.stack,
            "version": version,
            "source": {"branch": "main", "tag": f"v{version}"},
            "components": parts,
            "evidence": EVIDENCE,
            **spec,
        }
        await self.create("Release", name, body)
        return name

    async def promote(self, release: str, environment: str, *, name: str | None = None, **spec: Any) -> str:
        """A promotion; its name."""
        name = name or f"{release}-{environment}"
        body = {"releaseRef": {"name": release}, "environmentRef": {"name": environment}, **spec}
        await self.create("Promotion", name, body)
        return name

    async def change(self, name: str, release: str, strategy: str = "Uninstall", **spec: Any) -> str:
        """A normal change for production; its name."""
        steps = ["ask"] if strategy == "Manual" else []
        body = {
            "type": "Normal",
            "title": name,
            "reason": "a test",
            "releaseRef": {"name": release},
            "environments": ["production"],
            "risk": {"assessment": "none"},
            "rollbackPlan": {"strategy": strategy, "steps": steps},
            **spec,
        }
        await self.create("ChangeRequest", name, body)
        return name

    async def emergency(self, name: str, release: str, strategy: str = "Uninstall", **spec: Any) -> str:
        """An emergency for production; its name."""
        incident = {"id": "INC-77", "severity": "Sev1", "openedAt": "2026-12-01T08:00:00Z"}
        return await self.change(name, release, strategy, type="Emergency", incident=incident, **spec)

    async def approve(self, change: str, person: str = "alice", decision: str = "Approved", role: str = "cab") -> None:
        """One entry, stamped as the API server does it."""
        raw = await self.raw("ChangeRequest", change)
        entry = {"role": role, "decision": decision, "by": person, "planDigest": raw["status"].get("planDigest")}
        await self._append(raw, "approvals", entry)

    async def review(
        self, change: str, person: str = "carla", role: str = "cab", outcome: str = "Successful", **given: Any
    ) -> None:
        """One entry, stamped as the API server does it."""
        raw = await self.raw("ChangeRequest", change)
        await self._append(raw, "review", {"role": role, "outcome": outcome, "summary": "so", "by": person, **given})

    async def sign(self, promotion: str, person: str, role: str = "business", decision: str = "Approved") -> None:
        """One entry, stamped as the API server does it."""
        raw = await self.raw("Promotion", promotion)
        digest = raw["status"]["plan"]["digest"]
        entry = {"role": role, "decision": decision, "by": person, "planDigest": digest}
        await self._append(raw, "signOffs", entry)

    async def attest(self, release: str, kind: str, result: str = "Passed", by: str = "ci", **given: Any) -> None:
        """One word on a release, stamped as the API server does it."""
        raw = await self.raw("Release", release)
        digest = raw["status"]["digest"]
        await self._append(
            raw, "evidence", {"type": kind, "result": result, "by": by, "releaseDigest": digest, **given}
        )

    async def edit(self, kind: str, name: str, **spec: Any) -> None:
        """Change fields of a spec."""
        raw = await self.raw(kind, name)
        await self.write({**raw, "spec": {**raw["spec"], **spec}})

    async def freeze(self, name: str = "stop") -> None:
        """A freeze of everything from now until it is lifted."""
        await self.create("FreezeWindow", name, {"reason": "stop", "timeZone": "UTC", "start": "2020-01-01T00:00:00"})

    async def create(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        """An object, by jo."""
        metadata = {"name": name, "namespace": self.stack, "annotations": {CREATOR_ANNOTATION: "jo"}}
        await self.write({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": dict(spec)})

    async def _append(self, raw: Mapping[str, Any], field: str, entry: Mapping[str, Any]) -> None:
        entry = {"generation": raw["metadata"]["generation"], **entry}
        entries = [*raw["status"].get(field, ()), entry]
        await self.write_status(raw["kind"], raw["metadata"]["name"], {field: entries})

    # What the operator does.

    async def watch(self) -> None:
        """What the watches would tell."""
        self.process.tell(await self.objects())

    async def settle(self) -> None:
        """Everything that can happen now has happened and is told."""
        await self.watch()
        await self.process.settle()

    async def restart(self) -> None:
        """Another process, which lists everything and goes on."""
        self.process = self.start()
        await self.watch()
        self.process.listen()
        await sweep(self.process.deps, self.process.add)
        await self.process.settle()

    # What is seen.

    async def status(self, kind: str, name: str) -> dict[str, Any]:
        """An object's status."""
        status: dict[str, Any] = (await self.raw(kind, name)).get("status", {})
        return status

    async def phase(self, promotion: str) -> str:
        """A promotion's phase."""
        return str((await self.status("Promotion", promotion)).get("phase"))

    async def said(self, promotion: str) -> str:
        """The message of a promotion's condition Succeeded."""
        rows = (await self.status("Promotion", promotion))["conditions"]
        return str(next(row["message"] for row in rows if row["type"] == "Succeeded"))

    async def gate(self, promotion: str, name: str) -> str:
        """The reason of one gate."""
        rows = (await self.status("Promotion", promotion))["gates"]
        return str(next(row["reason"] for row in rows if row["name"] == name))

    async def uses(self, change: str) -> list[dict[str, Any]]:
        """Who used a change's approval."""
        uses: list[dict[str, Any]] = (await self.status("ChangeRequest", change)).get("usedBy", [])
        return uses

    def target(self, environment: str) -> str:
        """A target namespace."""
        return f"{self.stack}-{environment}"

    async def history(self, environment: str, component: str = "app") -> list[tuple[str, str]]:
        """(version, Helm's status) of every revision of a component, oldest first."""
        found = await self._revisions(environment)
        mine = [r for r in found if r.helm_release == f"{self.stack}-{component}"]
        return [(r.version, r.status.value) for r in sorted(mine, key=lambda r: r.revision)]

    async def running(self, environment: str) -> dict[str, str]:
        """Component to version, of what is deployed."""
        cut = len(self.stack) + 1
        found = await self._revisions(environment)
        return {r.helm_release[cut:]: r.version for r in found if r.status is HelmStatus.DEPLOYED}

    async def _revisions(self, environment: str) -> tuple[Revision, ...]:
        return await self.helm.revisions(self.target(environment), self.stack)


class FakeWorld(World):
    """Everything in memory; time stands still."""

    cluster: FaultyCluster
    helm: FaultyHelm
    task: asyncio.Future[None]
    """The operator at work beside the test."""
    go_on: asyncio.Event
    """Ends what hangs."""

    def __init__(self) -> None:
        self.stack = "payments"
        self.clock = FakeClock()
        self.faults = Faults()
        self.cluster, self.helm, self.charts = FaultyCluster(self.clock), FaultyHelm(), FakeCharts()
        self.cluster.faults = self.helm.faults = self.faults
        self.cluster.lives = self.helm.live
        self.charts.publish("oci://registry.example/app", "1.0.0")
        self.events, self.metrics = RecordingEvents(), RecordingMetrics()
        self.admission = FakeAdmission()
        self.leaders: list[FakeLeadership] = []
        self.process = self.start()
        self.process.listen()

    @property
    def leadership(self) -> FakeLeadership:
        """That of the process which lives now."""
        return self.leaders[-1]

    def start(self) -> Process:
        number = len(self.leaders) + 1
        self.leaders.append(FakeLeadership(f"operator-{number}", number))
        return Process(
            clock=self.clock,
            cluster=self.cluster,
            helm=self.helm,
            charts=self.charts,
            events=self.events,
            metrics=self.metrics,
            leadership=self.leadership,
            options=Options(root_namespace=ROOT),
            admission=self.admission,
        )

    def chart(self) -> dict[str, Any]:
        return {"oci": "oci://registry.example/app", "version": "1.0.0"}

    async def write(self, raw: Mapping[str, Any]) -> None:
        self.cluster.put(raw)

    async def write_status(self, kind: str, name: str, status: Mapping[str, Any]) -> None:
        raw = await self.raw(kind, name)
        raw["status"] = {**raw.get("status", {}), **status}
        self.cluster.put(raw)

    async def raw(self, kind: str, name: str) -> dict[str, Any]:
        return self.cluster.raw(kind, self.stack, name)

    async def objects(self) -> Sequence[AnyObject]:
        for namespace in self.cluster.namespaces.values():
            self.process.store.put_namespace(namespace)
        return self.cluster.everything()

    def records(self, *actions: AuditAction) -> list[AuditRecord]:
        """What was sealed, in order; only those actions where any are named."""
        return [record for record in self.cluster.records() if not actions or record.spec.action in actions]

    async def bind(self, environment: str, tier: str, application: str) -> None:
        name = f"{application}-{environment}"
        self.cluster.put_namespace(name, stack=self.stack, environment=environment, tier=tier)

    async def later(self, **much: float) -> None:
        """Let time go by, and the operator work."""
        self.clock.advance(timedelta(**much))
        await self.settle()

    async def until_hanging(self) -> None:
        """The operator works beside the test until Helm is at work on payments-app and does not come back."""
        self.go_on = self.helm.hang("payments-app")
        await self.watch()
        self.task = asyncio.ensure_future(self.process.settle())
        async with asyncio.timeout(5):
            while not self.helm.hanging("payments-app"):  # noqa: ASYNC110 - it yields, nothing is waited for
                await asyncio.sleep(0)

    async def kill(self) -> None:
        """The operator that works beside the test dies with what it started."""
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    def foreign_lock(self, environment: str, helm_release: str) -> None:
        """Somebody else's Helm is at work."""
        number = len(self.helm.kept(self.target(environment), helm_release)) + 1
        self.helm.put(self.target(environment), Revision(helm_release, number, HelmStatus.PENDING_UPGRADE))

    async def uninstalled_by_hand(self) -> None:
        """Somebody takes payments-app away from integration."""
        await FakeHelm.uninstall(self.helm, self.target("integration"), "payments-app", timedelta(minutes=1))

    def edit_now(self, kind: str, name: str, **spec: Any) -> None:
        """Change fields of a spec behind the operator's back: no watch has told yet."""
        raw = self.cluster.raw(kind, self.stack, name)
        self.cluster.put({**raw, "spec": {**raw["spec"], **spec}})

    def freeze_now(self) -> None:
        """A freeze begins, and no watch has told yet."""
        metadata = {"name": "now", "namespace": self.stack}
        spec = {"reason": "stop", "timeZone": "UTC", "start": "2020-01-01T00:00:00"}
        self.cluster.put({"kind": "FreezeWindow", "metadata": metadata, "spec": spec})

    async def gone(self, kind: str, name: str) -> None:
        """A person deletes an object."""
        self.cluster.delete(kind, self.stack, name)


class RealWorld(World):
    """The adapters on a real API server, as the operator's service account; a stack of its own."""

    def __init__(self, cluster: ClusterLike, admin: KubeClient, operator: KubeClient, folder: Path) -> None:
        self.stack = f"flow{next(_numbers)}"
        self._cluster, self._folder = cluster, folder
        self._clock = SystemClock()
        self._admin = KubeCluster(admin, self._clock)
        self._operator = KubeCluster(operator, self._clock)
        environment = HelmEnvironment(folder, str(operator_kubeconfig(cluster)))
        self.helm = HelmCli(helm_binary(cluster), environment, operator, self._clock)
        self._charts = make_charts(cluster, folder)
        self.events, self.metrics = RecordingEvents(), RecordingMetrics()
        self._lives = itertools.count(1)
        self._bound: list[dict[str, str]] = []
        apply(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.stack}})
        apply(cluster, *_people(self.stack))
        self.process = self.start()
        self.process.listen()

    def start(self) -> Process:
        number = next(self._lives)
        return Process(
            clock=self._clock,
            cluster=self._operator,
            helm=self.helm,
            charts=self._charts,
            events=self.events,
            metrics=self.metrics,
            leadership=FakeLeadership(f"operator-{number}", number),
            # The embedded cluster's nodes are played by a program.
            options=Options(root_namespace=ROOT, controllers=frozenset({"user:kwok"})),
        )

    def chart(self) -> dict[str, Any]:
        return {"oci": f"oci://{self._cluster.registry}/charts/sample", "version": "1.0.0"}

    async def write(self, raw: Mapping[str, Any]) -> None:
        known = ("name", "namespace", "annotations")
        metadata = {key: value for key, value in raw["metadata"].items() if key in known}
        await asyncio.to_thread(apply, self._cluster, {**_without_status(raw), "metadata": metadata})

    async def write_status(self, kind: str, name: str, status: Mapping[str, Any]) -> None:
        patch = json.dumps({"status": dict(status)})
        plural = f"{BY_NAME[kind].plural}.lockflight.dev"
        arguments = ["patch", plural, name, "-n", self.stack, "--subresource=status", "--type=merge", "-p", patch]
        await asyncio.to_thread(self._cluster.kubectl, *arguments)

    async def raw(self, kind: str, name: str) -> dict[str, Any]:
        found = await self._admin.get(kind, self.stack, name)
        assert found is not None, f"{kind} {name} is not there"
        return found.dump()

    async def objects(self) -> Sequence[AnyObject]:
        listed = [await self._operator.list(kind.model.__name__, self.stack) for kind in LIVING]
        return [obj for objects in listed for obj in objects]

    async def bind(self, environment: str, tier: str, application: str) -> None:
        self._bound.append({"name": environment, "tier": tier})
        values = {"stack": self.stack, "applications": [application], "environments": self._bound}
        objects = await asyncio.to_thread(rendered, self._cluster, "lockflight-stack", values)
        # The environments themselves are the tests'.
        await asyncio.to_thread(apply, self._cluster, *(o for o in objects if o["kind"] != "Environment"))


def rendered(cluster: ClusterLike, chart: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of one of our charts."""
    command = [helm_binary(cluster), "template", "lockflight", asset(f"charts/{chart}"), "-n", ROOT, "-f", "-"]
    done = subprocess.run(
        command, input=yaml.safe_dump(dict(values)).encode(), check=True, capture_output=True, env=cluster.env
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def operator_kubeconfig(cluster: ClusterLike) -> Path:
    """Credentials of the operator's service account."""
    return cluster.service_account_kubeconfig(ROOT, "lockflight", cluster.token(ROOT, "lockflight"))


def _without_status(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key != "status"}


def _people(stack: str) -> list[dict[str, Any]]:
    """The rights of those who decide: they are asked for again when a decision counts."""
    rule = {
        "apiGroups": ["lockflight.dev"],
        "resources": ["approvalroles"],
        "resourceNames": ["cab", "qa", "business"],
        "verbs": ["approve", "sign-off"],
    }
    says = {
        "apiGroups": ["lockflight.dev"],
        "resources": ["evidencetypes"],
        "resourceNames": [str(row["type"]) for row in EVIDENCE],
        "verbs": ["attest"],
    }
    return [
        *_bound(stack, "people", rule, "alice", "bob", "carol", "quinn"),
        # Who makes releases says how their tests came out.
        *_bound(stack, "builds", says, "jo"),
    ]


def _bound(stack: str, name: str, rule: Mapping[str, Any], *people: str) -> list[dict[str, Any]]:
    """A role of one rule, and who holds it."""
    rbac, meta = "rbac.authorization.k8s.io", {"name": name, "namespace": stack}
    subjects = [{"apiGroup": rbac, "kind": "User", "name": person} for person in people]
    ref = {"apiGroup": rbac, "kind": "Role", "name": name}
    return [
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {"apiVersion": f"{rbac}/v1", "kind": "RoleBinding", "metadata": meta, "roleRef": ref, "subjects": subjects},
    ]
