"""Records leave a real API server for a real folder, and a chain goes on from there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lockflight.adapters.api_client import MERGE_PATCH, KubeClient, path_of
from lockflight.adapters.archive_folder import FolderArchive
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.kube import KubeCluster
from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditSubject
from lockflight.devcluster.providers import ClusterLike
from lockflight.handlers.store import LiveStore
from lockflight.policy.archiving import RESTORE_PREFIX, folder, order, read, start_of
from lockflight.policy.audit import AuditEntry, head_of, verify
from lockflight.ports import ConflictError, UnreachableError
from lockflight.workflow.archiving import Archiver
from lockflight.workflow.deps import Deps, Options
from lockflight.workflow.trail import AuditTrail
from tests.fakes import (
    FakeAdmission,
    FakeCharts,
    FakeClock,
    FakeHelm,
    FakeLeadership,
    RecordingEvents,
    RecordingMetrics,
)
from tests.real import install_crds, new_namespace

STACK = "payments"
OLD = datetime.now(UTC) - timedelta(days=100)


def entry(number: int) -> AuditEntry:
    subject = AuditSubject(kind="Promotion", namespace=STACK, name=f"p{number}", uid=f"uid-{number}")
    return AuditEntry(AuditAction.FINISHED, subject, facts={"number": number})


@pytest.fixture
async def client(cluster: ClusterLike) -> AsyncIterator[KubeClient]:
    install_crds(cluster)
    made = await KubeClient.connect(str(cluster.kubeconfig()))
    yield made
    await made.close()


def archiver(client: KubeClient, root: str, archive: FolderArchive) -> Archiver:
    """Of an operator that has just begun."""
    clock = SystemClock()
    cluster = KubeCluster(client, clock)
    trail = AuditTrail(cluster, clock, root, archive)
    deps = Deps(
        clock=clock,
        cluster=cluster,
        admission=FakeAdmission(),
        helm=FakeHelm(),
        charts=FakeCharts(),
        events=RecordingEvents(),
        metrics=RecordingMetrics(),
        leadership=FakeLeadership(),
        audit=trail,
        store=LiveStore(),
        options=Options(root_namespace=root),
    )
    return Archiver(deps, trail, archive)


async def there(client: KubeClient, root: str) -> list[AuditRecord]:
    found = await KubeCluster(client, SystemClock()).list("AuditRecord", root)
    records = [record for record in found if isinstance(record, AuditRecord)]
    return sorted(records, key=lambda record: record.spec.sequence)


async def test_old_records_move_and_a_lost_chain_goes_on(
    cluster: ClusterLike, client: KubeClient, tmp_path: Path
) -> None:
    root, archive = new_namespace(cluster), FolderArchive(tmp_path)
    long_ago = AuditTrail(KubeCluster(client, SystemClock()), FakeClock(OLD), root, archive)
    for number in range(4):
        await long_ago.seal(STACK, entry(number))

    first = archiver(client, root, archive)
    await first.trail.seal(STACK, entry(4))
    await first.round()
    await first.round()
    left = await there(client, root)
    assert [record.spec.sequence for record in left] == [5, 6]
    assert verify(STACK, left, after=start_of(STACK, left)) == ()

    kept = [read(name, await archive.get(name) or b"") for name in await archive.names(folder(STACK))]
    assert [record.spec.sequence for record in kept] == [1, 2, 3, 4, 5, 6]
    assert verify(STACK, kept) == (), "also after the way through the API server and back"

    lost = new_namespace(cluster)
    second = archiver(client, lost, archive)
    with pytest.raises(UnreachableError, match="lockflight audit restore payments"):
        await second.trail.seal(STACK, entry(5))
    text = order("rita", head_of(kept[-1].spec))
    path = path_of("api", "v1", "namespaces", lost)
    annotations = {"metadata": {"annotations": {RESTORE_PREFIX + STACK: text}}}
    await client.write("PATCH", path, annotations, content_type=MERGE_PATCH)
    await second.round()
    await second.trail.seal(STACK, entry(5))
    found = await there(client, lost)
    assert [(r.spec.sequence, r.spec.action.value, r.spec.by) for r in found] == [
        (7, "Imported", "rita"),
        (8, "Finished", None),
    ]
    assert verify(STACK, [*kept, *found]) == ()


async def test_another_record_of_that_name_is_not_removed(cluster: ClusterLike, client: KubeClient) -> None:
    root, real = new_namespace(cluster), KubeCluster(client, SystemClock())
    await AuditTrail(real, SystemClock(), root).seal(STACK, entry(1))
    (record,) = await there(client, root)
    with pytest.raises(ConflictError):
        await real.remove("AuditRecord", root, record.metadata.name, "00000000-0000-4000-8000-000000000000")
    await real.remove("AuditRecord", root, record.metadata.name, record.metadata.uid)
    await real.remove("AuditRecord", root, record.metadata.name, record.metadata.uid)
    assert await there(client, root) == []
