"""The embedded cluster: brought up, found again, asked how it is, taken down."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from lockflight.devcluster import programs, record
from lockflight.devcluster.access import Access
from lockflight.devcluster.api import Api, http_status, https_status
from lockflight.devcluster.errors import NotUpError, ProgramCrashedError
from lockflight.devcluster.files import exclusive, private_folder
from lockflight.devcluster.layout import CONTROL_PLANE, Layout, default_tools, require_tools
from lockflight.devcluster.people import ADMIN, Person
from lockflight.devcluster.ports import LOOPBACK, free_ports, listening
from lockflight.devcluster.programs import Identities, Program
from lockflight.devcluster.record import Record
from lockflight.devcluster.supervisor import ProgramStatus, Supervisor

Progress = Callable[[str], None]
"""Told one line as each program gets ready."""

_NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_ADMIN_USER, _ADMIN_GROUPS = "lockflight-dev-admin", ("system:masters",)


class Cluster(Access):
    """A running control plane. One state folder holds one; any number may run side by side."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Use `up` or `attach`."""
        self._supervisor = supervisor
        self._ids = Identities(supervisor.layout)
        known = supervisor.record
        server = f"https://{LOOPBACK}:{known.ports['kube-apiserver']}"
        super().__init__(supervisor.layout, known.tools, server, self._ids.ca.pair.cert)

    @classmethod
    def up(
        cls,
        state: Path,
        *,
        nodes: int = 2,
        people: Sequence[Person] = (),
        tools: Path | None = None,
        detached: bool = False,
        progress: Progress = lambda _: None,
    ) -> Cluster:
        """Start what does not run yet and wait until it serves; with everything running, just attach.

        `nodes` is how many fake nodes there are at least. Unless `detached`, the cluster goes down when the calling
        process ends, however it ends. Raises `ToolsMissingError`, `ProgramCrashedError` or `NotReadyError`; a cluster
        that could not start leaves its logs and no process.
        """
        layout = Layout(state.resolve())
        tools = tools or default_tools()
        require_tools(tools, CONTROL_PLANE)
        private_folder(layout.root)
        private_folder(layout.logs)
        with exclusive(layout.lock):
            for attempt in (1, 2, 3):
                cluster = cls(Supervisor(layout, _usable(layout, tools, nodes)))
                try:
                    cluster._start(detached=detached, progress=progress)
                except ProgramCrashedError as crash:
                    # Somebody took a port between our choice and its use: choose again.
                    if attempt == 3 or "address already in use" not in crash.tail:
                        raise
                else:
                    break
            for person in people:
                cluster.add_person(person)
        return cluster

    @classmethod
    def attach(cls, state: Path) -> Cluster:
        """The cluster of a state folder, running or not; raises `NotUpError` when there never was one."""
        return cls(Supervisor.attach(Layout(state.resolve())))

    @property
    def registry(self) -> str:
        """`host:port` of the OCI registry (plain HTTP)."""
        return f"{LOOPBACK}:{self._supervisor.record.ports['registry']}"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log, one JSON event a line, every request in it."""
        return self._layout.audit_log

    @property
    def people(self) -> list[Person]:
        """Everybody added so far, without the admin."""
        return [Person(name, groups) for name, groups in self._supervisor.record.people.items()]

    def add_person(self, person: Person) -> Path:
        """Issue a client certificate and write the kubeconfig of a person; harmless when repeated."""
        self._supervisor.remember_person(person)
        return self._ids.kubeconfig(self.server, person.name, person.name, person.groups)

    def adopt(self, name: str, pid: int) -> None:
        """Remember a process that was started beside the cluster, so that `down` ends it, too."""
        self._supervisor.adopt(name, pid)

    def status(self) -> list[ProgramStatus]:
        """Every program, whether it runs or not."""
        return self._supervisor.status(programs.PROGRAMS)

    def check(self) -> None:
        """Raise `ProgramCrashedError`, with the tail of its log, for a program that ended on its own."""
        self._supervisor.check()

    def down(self, *, purge: bool = False) -> None:
        """End every program; harmless when repeated. `purge` deletes the state folder, too."""
        if not self._layout.root.is_dir():
            return
        with exclusive(self._layout.lock):
            if self._supervisor.reload():
                self._supervisor.stop()
            if purge:
                shutil.rmtree(self._layout.root)

    def _start(self, *, detached: bool, progress: Progress) -> None:
        try:
            if not detached:
                self._supervisor.tie_to_caller()
            self._ids.kubeconfig(self.server, ADMIN, _ADMIN_USER, _ADMIN_GROUPS)
            for person in self.people:
                self._ids.kubeconfig(self.server, person.name, person.name, person.groups)
            self._bring_up(progress)
        except BaseException:
            self._supervisor.stop()
            raise

    def _bring_up(self, progress: Progress) -> None:
        layout, ports, ids = self._layout, self._supervisor.record.ports, self._ids
        began: dict[str, float] = {}

        def launch(*wanted: Program) -> None:
            for program in wanted:
                began[program.name] = time.monotonic()
                self._supervisor.launch(program)

        def ready(name: str, condition: Callable[[], bool], where: str = "") -> None:
            self._supervisor.wait(name, condition)
            progress(f"{name:<24} ready  {time.monotonic() - began[name]:4.1f} s  {where}".rstrip())

        def healthy(name: str, path: str = "/healthz") -> Callable[[], bool]:
            return lambda: https_status(ports[name], path, self.ca) == 200

        launch(programs.etcd(layout, ports, ids), programs.registry(layout, ports))
        ready("etcd", lambda: listening(ports["etcd"]))
        launch(programs.kube_apiserver(layout, ports, ids))
        ready("registry", lambda: http_status(ports["registry"], "/v2/") == 200, f"http://{self.registry}")
        ready("kube-apiserver", healthy("kube-apiserver", "/readyz"), self.server)
        self._grant_kwok()
        self._make_nodes()
        if not self._supervisor.alive("kwok"):
            self._free_nodes()
        launch(
            programs.kube_controller_manager(layout, ports, ids, self.server),
            programs.kube_scheduler(layout, ports, ids, self.server),
            programs.kwok(layout, ports, ids, self.server),
        )
        ready("kube-controller-manager", healthy("kube-controller-manager"))
        ready("kube-scheduler", healthy("kube-scheduler"))
        ready("kwok", self._nodes_ready, f"{self._supervisor.record.nodes} nodes")
        self.check()

    def api(self) -> Api:
        """The API server as admin, for requests that are made often."""
        admin = self._ids.ca.client(f"client-{ADMIN}", _ADMIN_USER, _ADMIN_GROUPS)
        return Api(self._supervisor.record.ports["kube-apiserver"], self.ca, admin)

    def _grant_kwok(self) -> None:
        resources = {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"}
        for item in yaml.safe_load_all(Path(__file__).with_name("kwok-rbac.yaml").read_text()):
            path = f"/apis/rbac.authorization.k8s.io/v1/{resources[item['kind']]}/{item['metadata']['name']}"
            self.api().apply(path, item)

    def _make_nodes(self) -> None:
        for number in range(1, self._supervisor.record.nodes + 1):
            name = f"kwok-{number}"
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
            self.api().apply(f"/api/v1/nodes/{name}", node)

    def _free_nodes(self) -> None:
        # A node belongs to the KWOK that holds its lease; one that has ended would keep it until the lease expires.
        for lease in self.api().get(_NODE_LEASES)["items"]:
            self.api().delete(f"{_NODE_LEASES}/{lease['metadata']['name']}")

    def _nodes_ready(self) -> bool:
        held = {lease["metadata"]["name"] for lease in self.api().get(_NODE_LEASES)["items"]}
        ready = {
            node["metadata"]["name"]
            for node in self.api().get("/api/v1/nodes")["items"]
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))
            and not any(t["key"].startswith("node.kubernetes.io/") for t in node["spec"].get("taints", []))
        }
        return len(held & ready) >= self._supervisor.record.nodes


def _usable(layout: Layout, tools: Path, nodes: int) -> Record:
    """The record of before when its ports are still ours to use, else one with fresh ports."""
    try:
        known = record.load(layout)
    except NotUpError:
        known = Record(tools, nodes, {})
    alive = {name: process for name, process in known.processes.items() if process.alive}
    known = replace(known, tools=tools, nodes=max(nodes, known.nodes), processes=alive)
    ports = dict(zip(programs.PORTS, free_ports(len(programs.PORTS)), strict=True))
    if known.ports and (alive or not any(listening(port) for port in known.ports.values())):
        # One of an earlier version knows fewer.
        return replace(known, ports=ports | known.ports)
    return replace(known.without_processes(), ports=ports)
