"""The operator process on a real API server, beside whatever else runs there: a root namespace, a Lease and a service
account of its own, with exactly the rights that the chart gives."""

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml

from lockflight.assets import asset
from lockflight.devcluster.operator import OperatorProcess
from lockflight.devcluster.ports import free_port
from lockflight.devcluster.providers import ClusterLike
from tests.real import apply, install_crds

ROOT = "runtime-system"
USER = f"system:serviceaccount:{ROOT}:lockflight"


def eventually(holds: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Poll until ``holds()`` is true; its value. Fails with ``what``."""
    deadline = monotonic() + seconds
    while not (value := holds()):
        assert monotonic() < deadline, f"waited {seconds:.0f} s in vain for: {what}"
        sleep(0.05)
    return value


@dataclass
class Bench:
    """Operators of this root namespace, and what the API server has seen of them."""

    cluster: ClusterLike
    folder: Path
    processes: list[OperatorProcess] = field(default_factory=list)

    def start(self, *, kubeconfig: Path | None = None, **env: str) -> OperatorProcess:
        """Start one more, by default as the service account; settings without the prefix ``LOCKFLIGHT_``."""
        folder = self.folder / str(len(self.processes))
        folder.mkdir()
        port = free_port()
        if kubeconfig is None:
            token = self.cluster.token(ROOT, "lockflight", "1h")
            kubeconfig = self.cluster.service_account_kubeconfig(ROOT, "lockflight", token)
        environment = {
            "PATH": self.cluster.env["PATH"],
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
            "LOCKFLIGHT_ROOT_NAMESPACE": ROOT,
            "LOCKFLIGHT_CACHE_DIR": str(folder / "cache"),
            "LOCKFLIGHT_HTTP_PORT": str(port),
            "LOCKFLIGHT_LEASE_SECONDS": "6",
            **{f"LOCKFLIGHT_{name.upper()}": value for name, value in env.items()},
        }
        log = folder / "operator.log"
        file = log.open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "lockflight.main"],
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        started = OperatorProcess(process, log, port, file)
        self.processes.append(started)
        return started

    def leader(self, **env: str) -> OperatorProcess:
        """Start one and wait until it leads."""
        started = self.start(**env)
        self.wait_role(started, "leader")
        return started

    def wait_role(self, operator: OperatorProcess, role: str) -> None:
        """Return once the operator is ready as leader or standby."""

        def there() -> bool:
            assert operator.alive, operator.tail()
            return self.get(operator, "readyz") == f"{role}\n"

        eventually(there, f"the operator is {role}")

    def get(self, operator: OperatorProcess, path: str) -> str | None:
        """What the operator answers over HTTP; None where it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except HTTPError as problem:
            return problem.read().decode()
        except OSError:
            return None

    def metric(self, operator: OperatorProcess, name: str) -> float:
        """A value of /metrics by name with labels; 0 where it is not there."""
        for line in (self.get(operator, "metrics") or "").splitlines():
            known, _, value = line.rpartition(" ")
            if known == f"lockflight_{name}":
                return float(value)
        return 0.0

    def logged(self, operator: OperatorProcess, message: str) -> list[dict[str, Any]]:
        """Log lines with that message."""
        lines = [json.loads(line) for line in operator.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("message") == message]

    def show(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """An object, as JSON; empty where it does not exist."""
        text = self.cluster.kubectl("-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found

    def writes(self) -> list[str]:
        """What the operators of this root namespace wrote so far, from the audit log.

        Their Lease, reviews and dry runs apart.
        """
        log = self.cluster.audit_log
        if log is None:
            pytest.fail("this provider has no audit log to look into")
        found = []
        for line in log.read_text().splitlines():
            event = json.loads(line)
            about = event.get("objectRef", {})
            if (
                event["user"]["username"] == USER
                and event["verb"] not in ("get", "list", "watch")
                and about.get("resource") not in ("leases", "subjectaccessreviews", "selfsubjectreviews")
                and "dryRun=All" not in event["requestURI"]
            ):
                found.append(f"{event['verb']} {about.get('resource')} {about.get('namespace')}/{about.get('name')}")
        return found


@pytest.fixture(scope="session")
def prepared(cluster: ClusterLike) -> None:
    """CRDs, the root namespace and the chart's rights, under names of their own."""
    install_crds(cluster)
    helm = shutil.which("helm", path=cluster.env["PATH"])
    assert helm is not None
    chart = str(asset("charts/lockflight"))
    rendered = subprocess.run(
        [helm, "template", "lockflight", chart, "--namespace", ROOT, "--show-only", "templates/rbac.yaml"],
        env=cluster.env,
        check=True,
        capture_output=True,
    ).stdout
    rights = [document for document in yaml.safe_load_all(rendered) if document]
    for document in rights:
        document["metadata"]["name"] += "-runtime"
        if "roleRef" in document:
            document["roleRef"]["name"] += "-runtime"
    core: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ROOT}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "lockflight", "namespace": ROOT}},
    ]
    apply(cluster, *core, *rights)


@pytest.fixture
def bench(prepared: None, cluster: ClusterLike, tmp_path: Path) -> Iterator[Bench]:
    """A place to start operators; all of them are ended, and their Lease removed."""
    made = Bench(cluster, tmp_path)
    yield made
    for process in made.processes:
        if process.alive:
            process.kill()
    cluster.kubectl("-n", ROOT, "delete", "lease", "lockflight", "--ignore-not-found")


@pytest.fixture
def team(cluster: ClusterLike, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stack's namespace for one test."""
    name = "runtime-" + request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-")
    apply(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
