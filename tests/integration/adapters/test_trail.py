"""The audit trail on a real API server: two operators at once, and what the server itself refuses."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lockflight.adapters.api_client import MERGE_PATCH, KubeClient, path_of
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.kube import KubeCluster
from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditSubject
from lockflight.devcluster.providers import ClusterLike
from lockflight.policy.audit import AuditEntry, verify
from lockflight.ports import RefusedError
from lockflight.workflow.trail import AuditTrail
from tests.real import install_crds, new_namespace

WRITERS, ENTRIES = 3, 12


def entry(number: int) -> AuditEntry:
    subject = AuditSubject(kind="Promotion", namespace="payments", name=f"p{number}", uid=f"uid-{number}")
    return AuditEntry(AuditAction.APPLIED, subject, facts={"number": number, "share": 0.5})


@pytest.fixture
async def clients(cluster: ClusterLike) -> AsyncIterator[list[KubeClient]]:
    """One for each operator."""
    install_crds(cluster)
    made = [await KubeClient.connect(str(cluster.kubeconfig())) for _ in range(WRITERS)]
    yield made
    for client in made:
        await client.close()


async def test_operators_that_write_at_once_make_one_chain(cluster: ClusterLike, clients: list[KubeClient]) -> None:
    root, clock = new_namespace(cluster), SystemClock()
    trails = [AuditTrail(KubeCluster(client, clock), clock, root) for client in clients]
    await asyncio.gather(*(t.seal("payments", entry(n)) for n in range(ENTRIES) for t in trails))
    found = [r for r in await KubeCluster(clients[0], clock).list("AuditRecord", root) if isinstance(r, AuditRecord)]
    assert sorted(r.spec.subject.name for r in found) == sorted(f"p{n}" for n in range(ENTRIES))
    assert verify("payments", found) == (), "also after the way through the API server and back"


async def test_the_api_server_lets_nobody_edit_a_record(cluster: ClusterLike, clients: list[KubeClient]) -> None:
    root, clock, client = new_namespace(cluster), SystemClock(), clients[0]
    await AuditTrail(KubeCluster(client, clock), clock, root).seal("payments", entry(1))
    path = path_of("apis", "lockflight.dev", "v1alpha1", "namespaces", root, "auditrecords", "payments-0000000001")
    for change in ({"by": "mallory"}, {"facts": {"number": 2}}, {"facts": {"added": {"deep": [1]}}}):
        with pytest.raises(RefusedError, match="an audit record is never edited"):
            await client.write("PATCH", path, {"spec": change}, content_type=MERGE_PATCH)
