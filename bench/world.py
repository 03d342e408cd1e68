"""The cluster that the benchmark runs on: the operator as its chart gives it, and a hundred applications to promote."""

import asyncio
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import yaml

from lockflight.assets import asset
from lockflight.demo.steps import push
from lockflight.devcluster import Cluster, Person
from lockflight.devcluster.operator import OperatorProcess, install, start

STACK = "bench"
ENVIRONMENT = "production"
EVIDENCE = ("static-analysis", "unit-tests", "integration-tests")


@dataclass(frozen=True)
class World:
    """A cluster with a running operator and a stack."""

    cluster: Cluster
    operator: OperatorProcess
    chart: str
    digest: str
    archive: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as admin; its output."""
        return self.call("kubectl", *arguments, stdin=stdin)

    def call(self, *command: str, stdin: str | None = None, person: str = "admin") -> str:
        """Run a program as a person; its output. Raises RuntimeError with what it said."""
        environment = self.cluster.env_for(person)
        done = subprocess.run(list(command), env=environment, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def statuses(self, plural: str) -> dict[str, dict[str, Any]]:
        """Every object of a kind in the stack, its status by name: one request, for what polls must not weigh much."""
        found = self.cluster.api().get(f"/apis/lockflight.dev/v1alpha1/namespaces/{STACK}/{plural}?resourceVersion=0")
        return {item["metadata"]["name"]: item.get("status", {}) for item in found["items"]}


@contextmanager
def world(applications: Sequence[str]) -> Iterator[World]:
    """A fresh cluster, its operator and a stack with one production environment for ``applications``."""
    with TemporaryDirectory(prefix="lockflight-bench-") as folder:
        work = Path(folder)
        cluster = Cluster.up(
            work / "cluster", nodes=4, people=[Person("alice", ("cab",)), Person("jo", ("developers",))]
        )
        operator = None
        try:
            install(cluster)
            digest = push(cluster, work, "1.0.0")
            operator = start(cluster, work / "operator")
            operator.wait_ready()
            made = World(
                cluster, operator, f"oci://{cluster.registry}/charts/payments", digest, work / "payments-1.0.0.tgz"
            )
            _stack(made, applications)
            yield made
        finally:
            if operator is not None:
                operator.stop()
            cluster.down()


def _stack(world: World, applications: Sequence[str]) -> None:
    values = {
        "stack": STACK,
        "applications": list(applications),
        "environments": [
            {
                "name": ENVIRONMENT,
                "tier": "Production",
                "spec": {
                    "promotesFrom": [],
                    "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}},
                },
            }
        ],
        "people": {
            "releasers": [{"kind": "Group", "name": "developers"}],
            "approvers": {"cab": [{"kind": "Group", "name": "cab"}]},
        },
    }
    world.call(
        "helm",
        "upgrade",
        "--install",
        STACK,
        str(asset("charts/lockflight-stack")),
        "-n",
        "lockflight-system",
        "-f",
        "-",
        stdin=yaml.safe_dump(values),
    )


def propose(world: World, applications: Sequence[str], version: str) -> None:
    """A release, a change and a promotion for each application; returns when every change has a plan to approve."""
    documents = [doc for application in applications for doc in _proposal(world, application, version)]
    world.call("kubectl", "create", "-f", "-", stdin=yaml.safe_dump_all(documents), person="jo")
    names = {name(application, version) for application in applications}

    def ready() -> bool:
        changes, promotions = world.statuses("changerequests"), world.statuses("promotions")
        return all(
            changes.get(n, {}).get("planDigest") and promotions.get(n, {}).get("phase") == "Waiting" for n in names
        )

    until(ready, "every change to have a plan", 300)


def name(application: str, version: str) -> str:
    """The name of the release, change and promotion of one application and version."""
    return f"{application}-{version}"


def _proposal(world: World, application: str, version: str) -> list[dict[str, Any]]:
    api, meta = "lockflight.dev/v1alpha1", {"name": name(application, version), "namespace": STACK}
    return [
        {
            "apiVersion": api,
            "kind": "Release",
            "metadata": meta,
            "spec": {
                "application": application,
                "version": version,
                "source": {"branch": "main", "tag": f"v{version}"},
                "components": [
                    {
                        "name": "app",
                        "chart": {"oci": world.chart, "version": "1.0.0", "digest": world.digest},
                        "values": {"message": version},
                    }
                ],
                "evidence": [{"type": kind, "result": "Passed"} for kind in EVIDENCE],
            },
        },
        {
            "apiVersion": api,
            "kind": "ChangeRequest",
            "metadata": meta,
            "spec": {
                "type": "Normal",
                "title": f"{application} {version}",
                "reason": "benchmark",
                "releaseRef": {"name": meta["name"]},
                "environments": [ENVIRONMENT],
                "risk": {"assessment": "none: a benchmark"},
                "rollbackPlan": {"strategy": "Manual", "steps": ["ask the team"]},
            },
        },
        {
            "apiVersion": api,
            "kind": "Promotion",
            "metadata": meta,
            "spec": {"releaseRef": {"name": meta["name"]}, "environmentRef": {"name": ENVIRONMENT}},
        },
    ]


def plans(world: World, names: Sequence[str]) -> dict[str, str]:
    """The plan digest of each change, as whoever approves it has seen it."""
    found = world.statuses("changerequests")
    return {name: found[name]["planDigest"] for name in names}


async def approve(world: World, seen: Mapping[str, str]) -> None:
    """Append an approval to each change as alice, all at once; ``seen`` are their plans."""
    async with await client_of(world, "alice") as api:

        async def one(change: str) -> None:
            entry = {"role": "cab", "decision": "Approved", "planDigest": seen[change]}
            status, said = await append_approval(api, change, entry)
            if status >= 300:
                raise RuntimeError(f"approval of {change}: {status} {said}")

        await asyncio.gather(*(one(n) for n in seen))


async def client_of(world: World, person: str) -> Any:
    """A client that keeps its connections, as a person; an async context manager."""
    from kubernetes.aio import client, config

    configuration = client.Configuration()
    await config.load_kube_config(str(world.cluster.kubeconfig(person)), client_configuration=configuration)
    return client.ApiClient(configuration)


async def append_approval(api: Any, change: str, entry: dict[str, str], query: str = "") -> tuple[int, str]:
    """The CAB's one command as an HTTP request; status and answer."""
    path = f"/apis/lockflight.dev/v1alpha1/namespaces/{STACK}/changerequests/{change}/status"
    response = await api.rest_client.request(
        "PATCH",
        f"{api.configuration.host}{path}{query}",
        headers={"Content-Type": "application/json-patch+json", "Accept": "application/json"},
        body=[{"op": "add", "path": "/status/approvals/-", "value": entry}],
    )
    return response.status, (await response.read()).decode()


def until(holds: Any, what: str, seconds: float) -> None:
    """Poll until ``holds()``; raises TimeoutError naming ``what``."""
    deadline = monotonic() + seconds
    while not holds():
        if monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        sleep(0.2)
