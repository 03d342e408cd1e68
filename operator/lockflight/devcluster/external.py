"""A cluster that somebody else runs, or that kind runs in Docker, with a registry of ours beside it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from lockflight.devcluster import kubeconfig, programs
from lockflight.devcluster.access import Access
from lockflight.devcluster.api import http_status
from lockflight.devcluster.errors import CommandFailedError, DevClusterError, NotReadyError
from lockflight.devcluster.files import exclusive, private_folder, write_private
from lockflight.devcluster.layout import Layout, default_tools, require_tools
from lockflight.devcluster.people import ADMIN, Person
from lockflight.devcluster.pki import Pair, key_pem, new_key, signing_request
from lockflight.devcluster.ports import LOOPBACK, free_port
from lockflight.devcluster.record import Record
from lockflight.devcluster.supervisor import Supervisor

_SIGNER = "kubernetes.io/kube-apiserver-client"
_SIGNING_PATIENCE = 30.0


class ExternalCluster(Access):
    """A cluster reached through an administrator's kubeconfig; people get certificates through its CSR API."""

    audit_log: Path | None = None
    """Where the API server of an external cluster writes it is not ours to know."""

    def __init__(self, supervisor: Supervisor, kind_name: str) -> None:
        """Use `open`; `kind_name` is the kind cluster to delete in the end, empty for a cluster that stays."""
        self._supervisor = supervisor
        self._kind_name = kind_name
        layout = supervisor.layout
        cluster = yaml.safe_load(layout.kubeconfig(ADMIN).read_text())["clusters"][0]["cluster"]
        ca = layout.root / "ca.crt"
        ca.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        super().__init__(layout, supervisor.record.tools, cluster["server"], ca)

    @classmethod
    def open(
        cls,
        state: Path,
        *,
        kind: bool,
        people: Sequence[Person] = (),
        detached: bool = False,
        progress: Callable[[str], None] = lambda _: None,
    ) -> ExternalCluster:
        """A new kind cluster, or the current context of KUBECONFIG, which is left running by `down`.

        Raises `CommandFailedError` when kind or kubectl fail and `DevClusterError` when the API server does not answer.
        """
        layout = Layout(state.resolve())
        tools = default_tools()
        require_tools(tools, ("kubectl", "helm", "registry"))
        for folder in (layout.root, layout.logs, layout.pki, layout.kubeconfig(ADMIN).parent):
            private_folder(folder)
        name = f"lockflight-{layout.root.name}"
        with exclusive(layout.lock):
            if kind:
                progress(f"kind creates the cluster {name}")
                _run(["kind", "create", "cluster", "--name", name, "--kubeconfig", str(layout.kubeconfig(ADMIN))])
            else:
                flat = [str(tools / "kubectl"), "config", "view", "--minify", "--flatten", "--raw"]
                write_private(layout.kubeconfig(ADMIN), _run(flat).encode())
            supervisor = Supervisor(layout, Record(tools, 0, {"registry": free_port()}))
            cluster = cls(supervisor, kind_name=name if kind else "")
            cluster._start(people, detached=detached, progress=progress)
        return cluster

    @property
    def registry(self) -> str:
        """`host:port` of the OCI registry (plain HTTP), reachable from this machine."""
        return f"{LOOPBACK}:{self._supervisor.record.ports['registry']}"

    def add_person(self, person: Person) -> Path:
        """Have a client certificate signed by the cluster and write the kubeconfig of a person."""
        key = new_key()
        pair = Pair(self._layout.pki / f"client-{person.name}.crt", self._layout.pki / f"client-{person.name}.key")
        write_private(pair.key, key_pem(key))
        request = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": f"lockflight-dev-{person.name}-"},
            "spec": {
                "request": base64.b64encode(signing_request(key, person.name, person.groups)).decode(),
                "signerName": _SIGNER,
                "usages": ["client auth"],
                "expirationSeconds": 86_400,
            },
        }
        name = self.kubectl("create", "-f", "-", "-o", "name", stdin=yaml.safe_dump(request)).strip()
        self.kubectl("certificate", "approve", name)
        pair.cert.write_bytes(base64.b64decode(self._signed(name)))
        self.kubectl("delete", name)
        path = self._layout.kubeconfig(person.name)
        return kubeconfig.for_certificate(path, server=self.server, ca=self.ca, user=person.name, pair=pair)

    def check(self) -> None:
        """Raise `ProgramCrashedError` when the registry ended on its own."""
        self._supervisor.check()

    def down(self, *, purge: bool = False) -> None:
        """End the registry and a kind cluster; a cluster of KUBECONFIG stays. `purge` deletes the state folder, too."""
        self._supervisor.stop()
        if self._kind_name:
            _run(["kind", "delete", "cluster", "--name", self._kind_name])
        if purge:
            shutil.rmtree(self._layout.root)

    def _start(self, people: Sequence[Person], *, detached: bool, progress: Callable[[str], None]) -> None:
        try:
            if not detached:
                self._supervisor.tie_to_caller()
            port = self._supervisor.record.ports["registry"]
            self._supervisor.launch(programs.registry(self._layout, self._supervisor.record.ports))
            self._supervisor.wait("registry", lambda: http_status(port, "/v2/") == 200)
            progress(f"registry ready  http://{self.registry}")
            self.kubectl("version")
            progress(f"API server answers  {self.server}")
            for person in people:
                self.add_person(person)
        except BaseException:
            self.down()
            raise

    def _signed(self, name: str) -> str:
        deadline = time.monotonic() + _SIGNING_PATIENCE
        while time.monotonic() < deadline:
            if certificate := self.kubectl("get", name, "-o", "jsonpath={.status.certificate}"):
                return certificate
            time.sleep(0.1)
        raise NotReadyError(name, _SIGNING_PATIENCE, f"no controller signs for {_SIGNER}")


def _run(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        msg = f"{argv[0]} is not installed"
        raise DevClusterError(msg) from None
    if done.returncode:
        raise CommandFailedError(argv, done.returncode, done.stderr)
    return done.stdout
