"""Run the operator beside an embedded cluster exactly as its Deployment there says.

The embedded cluster has no containers. The chart is installed as on any cluster; then the Deployment's command,
arguments and environment are started as a process here, with the token of its service account. What a kubelet would
add, the API server's address, the token and the volumes, is added here, and nothing else.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any

from lockflight.api.common import API_VERSION, GUARD_WRITERS_ANNOTATION
from lockflight.assets import asset
from lockflight.devcluster.cluster import Cluster
from lockflight.devcluster.errors import DevClusterError
from lockflight.devcluster.ports import free_port
from lockflight.devcluster.providers import ClusterLike

NAMESPACE = "lockflight-system"


class OperatorError(Exception):
    """The operator did not start, or ended; the message holds the tail of its log."""


@dataclass(slots=True)
class OperatorProcess:
    """A running operator."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    _file: IO[bytes]

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def wait_ready(self, seconds: float = 60) -> None:
        """Return once /readyz answers 200. Raises OperatorError with the tail of the log."""
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            if not self.alive:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            sleep(0.05)
        msg = f"the operator is not ready:\n{self.tail()}"
        raise OperatorError(msg)

    def tail(self, lines: int = 40) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM, and its exit code; SIGKILL where it does not end in time."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = -9
        self._file.close()
        return code

    def kill(self) -> None:
        """SIGKILL to the operator and to what it started, all at once, as a node that dies would."""
        # Stopped first: otherwise it would see its children die, or they would be told that it did.
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGSTOP)
            for child in _children(self.process.pid):
                os.kill(child, signal.SIGKILL)
            self.process.kill()
        self.process.wait()


def _children(pid: int) -> list[int]:
    """The processes that ``pid`` started and that still run."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def install(cluster: ClusterLike, values: Mapping[str, Any] | None = None, *, sets: Sequence[str] = ()) -> None:
    """Install the operator's chart, or upgrade it."""
    command = [
        "helm",
        "upgrade",
        "--install",
        "lockflight",
        str(asset("charts/lockflight")),
        "--namespace",
        NAMESPACE,
        "--create-namespace",
        "--set",
        f"settings.plainHttpRegistries={{{cluster.registry}}}",
    ]
    if isinstance(cluster, Cluster):
        command += ["--set", "guard.platforms={KWOK}"]
    for item in sets:
        command += ["--set", item]
    if values is not None:
        command += ["--values", "-"]
    done = subprocess.run(
        command,
        env={**cluster.env, "KUBECONFIG": str(cluster.kubeconfig("admin"))},
        input=json.dumps(values).encode() if values is not None else None,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        msg = f"the chart could not be installed: {done.stderr.decode()}"
        raise OperatorError(msg)
    _let_start(cluster)
    _wait_served(cluster)
    _wait_roles(cluster)


def _let_start(cluster: ClusterLike) -> None:
    """Let the administrator mint the operator's token, which a guard of the root namespace refuses otherwise."""
    me = cluster.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    line = f"user:{me} create serviceaccounts/token"
    cluster.kubectl("annotate", "--overwrite", "namespace", NAMESPACE, f"{GUARD_WRITERS_ANNOTATION}={line}")


_PROBES: Mapping[str, Mapping[str, Any]] = {
    "Environment": {"tier": "Local"},
    "Release": {"application": "probe", "version": "1.0.0", "chart": {"oci": "oci://probe/probe", "version": "1.0.0"}},
    "Promotion": {"releaseRef": {"name": "probe"}, "environmentRef": {"name": "probe"}},
    "ChangeRequest": {
        "type": "Normal",
        "title": "probe",
        "reason": "probe",
        "releaseRef": {"name": "probe"},
        "environments": ["probe"],
    },
    "FreezeWindow": {"reason": "probe", "timeZone": "UTC", "start": "2020-01-01T00:00:00"},
}


def _wait_served(cluster: ClusterLike, seconds: float = 60) -> None:
    """Return once the API server takes our objects: its admission learns of new kinds a moment after the CRDs."""
    probes = [
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "probe"}, "spec": spec}
        for kind, spec in _PROBES.items()
    ]
    probe = {"apiVersion": "v1", "kind": "List", "items": probes}
    deadline = monotonic() + seconds
    while True:
        try:
            cluster.kubectl("create", "-n", NAMESPACE, "--dry-run=server", "-f", "-", stdin=json.dumps(probe))
        except DevClusterError as problem:
            if monotonic() > deadline:
                msg = f"the API server does not take our objects: {problem}"
                raise OperatorError(msg) from problem
            sleep(0.2)
        else:
            return


def _wait_roles(cluster: ClusterLike, seconds: float = 60) -> None:
    """Return once the ClusterRoles that aggregate are put together: a controller does that a moment after they came."""
    deadline = monotonic() + seconds
    listing = ("get", "clusterroles", "-l", "app.kubernetes.io/name=lockflight", "-o", "json")
    while any(not role.get("rules") for role in json.loads(cluster.kubectl(*listing))["items"]):
        if monotonic() > deadline:
            msg = "nothing puts the roles of people together: does the clusterrole-aggregation controller run?"
            raise OperatorError(msg)
        sleep(0.2)


def start(
    cluster: ClusterLike,
    folder: Path,
    *,
    extra_env: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> OperatorProcess:
    """Start the operator as its Deployment says; ``folder`` takes its volumes and its log.

    ``command`` is run instead of the Deployment's, with everything else as it is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    container = _container(cluster)
    port = free_port()
    environment = {item["name"]: item.get("value", "") for item in container.get("env", [])}
    for mount in container.get("volumeMounts", []):
        place = folder / "volumes" / mount["name"]
        place.mkdir(parents=True, exist_ok=True)
        environment = {k: v.replace(mount["mountPath"], str(place)) for k, v in environment.items()}
    token = cluster.token(NAMESPACE, "lockflight", "24h")
    environment |= {
        "KUBECONFIG": str(cluster.service_account_kubeconfig(NAMESPACE, "lockflight", token)),
        "LOCKFLIGHT_HTTP_PORT": str(port),
        "PATH": cluster.env["PATH"],
        "HOME": str(folder),
        **(extra_env or {}),
    }
    run = list(command or [*container.get("command", []), *container.get("args", [])])
    if run and Path(run[0]).name.startswith("python"):
        run[0] = sys.executable
    log = folder / "operator.log"
    file = log.open("ab")
    process = subprocess.Popen(
        run,
        env=environment,
        stdout=file,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    if isinstance(cluster, Cluster):
        # Whoever ends the cluster, or dies before, ends the operator, too.
        cluster.adopt("operator", process.pid)
    return OperatorProcess(process, log, port, file)


def _container(cluster: ClusterLike) -> dict[str, Any]:
    done = subprocess.run(
        [
            "kubectl",
            "--kubeconfig",
            str(cluster.kubeconfig("admin")),
            "-n",
            NAMESPACE,
            "get",
            "deployment",
            "lockflight",
            "-o",
            "json",
        ],
        env=cluster.env,
        capture_output=True,
        check=True,
    )
    container: dict[str, Any] = json.loads(done.stdout)["spec"]["template"]["spec"]["containers"][0]
    return container
