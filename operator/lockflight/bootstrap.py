"""The composition root: the only place that knows which adapter stands behind which port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from lockflight.adapters.admission import KubeAdmission
from lockflight.adapters.api_client import KubeClient
from lockflight.adapters.archives import opened
from lockflight.adapters.charts import ChartCache
from lockflight.adapters.checkpoints import SignedWebhook
from lockflight.adapters.clock import SystemClock
from lockflight.adapters.events import EventPoster
from lockflight.adapters.helm import HelmCli
from lockflight.adapters.helm_env import HelmEnvironment
from lockflight.adapters.kube import KubeCluster
from lockflight.adapters.lease import LeaseLeader
from lockflight.adapters.listing import KubeListing
from lockflight.adapters.metrics import PrometheusMetrics
from lockflight.adapters.signatures import SignatureVerifier
from lockflight.admission.installed import installed
from lockflight.admission.tokens import Guard
from lockflight.api.common import Tier
from lockflight.handlers import watch
from lockflight.handlers.health import Http
from lockflight.handlers.intake import Intake
from lockflight.handlers.kopf_tasks import Watches
from lockflight.handlers.listing import Lists
from lockflight.handlers.queue import WorkQueue
from lockflight.handlers.store import LiveStore
from lockflight.handlers.vitals import Vitals
from lockflight.handlers.wake import Waker
from lockflight.ports import Archive, Clock, Metrics
from lockflight.settings import Settings
from lockflight.workflow.archiving import Archiver, Retention, keep_archiving
from lockflight.workflow.checkpoints import Notary, keep_posting
from lockflight.workflow.comparing import keep_comparing
from lockflight.workflow.deps import Deps, Options
from lockflight.workflow.keys import Key
from lockflight.workflow.pruning import Pruner, keep_pruning
from lockflight.workflow.reconcile import reconcile
from lockflight.workflow.selftest import keep_testing
from lockflight.workflow.slots import Slots
from lockflight.workflow.sweep import sweep
from lockflight.workflow.trail import AuditTrail

log = structlog.get_logger()

LEASE = "lockflight"


@dataclass(frozen=True, slots=True)
class Operator:
    """The parts of the process that have a beginning and an end."""

    settings: Settings
    clock: Clock
    """The machine's, by which the process itself goes."""
    lists: Lists
    store: LiveStore
    waker: Waker
    watches: Watches
    leader: LeaseLeader
    queue: WorkQueue[Key]
    comparison: Callable[[], Coroutine[None, None, None]]
    """Compares what runs in UAT and Production with what was applied, without end."""
    self_test: Callable[[], Coroutine[None, None, None]]
    """Tests without end whether the policies in the API server are in force."""
    vitals: Vitals
    http: Http
    sweep: Callable[[], Awaitable[None]]
    """Has looked at again what another process left unsealed."""
    checkpoints: Callable[[], Coroutine[None, None, None]]
    """Posts signed heads of the audit trail, without end; ends at once where nobody is to get them."""
    archiving: Callable[[], Coroutine[None, None, None]]
    """Keeps the audit trail outside the cluster, without end; ends at once where there is no archive."""
    pruning: Callable[[], Coroutine[None, None, None]]
    """Takes finished objects out of the cluster, without end; ends at once where they stay for ever."""


@asynccontextmanager
async def operator(
    settings: Settings, lost: Callable[[], None], judged_by: Clock | None = None
) -> AsyncIterator[Operator]:
    """The operator, put together and not yet running; ``lost`` is called when the leader Lease is.

    ``judged_by`` is the clock of everything that is decided, the machine's by default. The Lease, the watches and the
    comparisons with the API server are about processes, and always go by the machine's.

    Raises PortError without usable credentials for a cluster, FileNotFoundError without helm, OSError where the
    cache folder cannot be written.
    """
    async with AsyncExitStack() as stack:
        machine, metrics = SystemClock(), PrometheusMetrics()
        clock = judged_by or machine
        client = await KubeClient.connect()
        stack.push_async_callback(client.close)
        leader = LeaseLeader(
            client,
            machine,
            namespace=settings.root_namespace,
            name=LEASE,
            identity=settings.identity,
            duration=timedelta(seconds=settings.lease_seconds),
            on_lost=lost,
        )
        store = LiveStore()
        environment = HelmEnvironment(settings.cache_dir)
        cluster = KubeCluster(client, clock)
        archive = _archive(settings)
        trail = AuditTrail(cluster, clock, settings.root_namespace, archive)
        guard = Guard.model_validate_json(settings.guard)
        deps = Deps(
            clock=clock,
            cluster=cluster,
            admission=KubeAdmission(client),
            helm=HelmCli(
                settings.helm_binary,
                environment,
                client,
                clock,
                concurrency=settings.helm_concurrency,
                history_max=settings.history_max,
            ),
            charts=ChartCache(
                settings.helm_binary,
                environment,
                settings.cache_dir,
                max_bytes=settings.chart_max_bytes,
                plain_http=settings.plain_http_registries,
            ),
            events=await stack.enter_async_context(EventPoster(client, clock, settings.identity)),
            metrics=metrics,
            leadership=leader,
            audit=trail,
            store=store,
            signatures=SignatureVerifier(),
            slots=Slots(settings.helm_concurrency),
            options=Options(
                root_namespace=settings.root_namespace,
                values_max_bytes=settings.values_max_bytes,
                plan_retry=timedelta(seconds=settings.plan_retry_seconds),
                secrets_key=settings.secrets_key_file.read_bytes() if settings.secrets_key_file else b"",
                controllers=guard.subjects(),
                break_glass=guard.break_glass.group,
                guarded=frozenset(map(Tier, guard.tiers("Deny"))),
                policies=partial(installed, guard=settings.guard, root=settings.root_namespace),
            ),
        )
        queue = WorkQueue(
            partial(_pass, deps), clock, concurrency=settings.reconcile_concurrency, failed=partial(_failed, metrics)
        )
        intake = Intake(store)
        admission_changed = asyncio.Event()
        waker = Waker(deps, queue)
        lists = Lists(KubeListing(client), intake, machine, metrics)
        vitals = Vitals(
            lists, queue, store, metrics, longest_silence=timedelta(seconds=3 * settings.resync_seconds + 60)
        )
        yield Operator(
            settings=settings,
            clock=machine,
            lists=lists,
            store=store,
            waker=waker,
            watches=Watches(watch.registry(intake, lists.told, admission_changed.set), watch.settings()),
            leader=leader,
            queue=queue,
            comparison=partial(keep_comparing, deps),
            self_test=partial(keep_testing, deps, admission_changed, waker.everything),
            vitals=vitals,
            sweep=partial(sweep, deps, queue.add),
            checkpoints=_checkpoints(settings, deps, trail),
            pruning=_pruning(settings, deps),
            archiving=_archiving(settings, Archiver(deps, trail, archive, _retention(settings)) if archive else None),
            http=Http(healthy=vitals.healthy, ready=vitals.ready, exposition=partial(_exposition, vitals, metrics)),
        )


def _archive(settings: Settings) -> Archive | None:
    """Raises ValueError where it cannot be used as it is set."""
    if not settings.archive:
        return None
    return opened(
        settings.archive,
        endpoint=settings.archive_endpoint,
        region=settings.archive_region,
        credentials=settings.archive_credentials,
        lock=settings.archive_lock,
    )


def _retention(settings: Settings) -> Retention:
    return Retention(timedelta(days=settings.archive_cluster_days), timedelta(days=settings.archive_days))


async def _nothing() -> None:
    """Nothing is to be done."""


def _checkpoints(settings: Settings, deps: Deps, trail: AuditTrail) -> Callable[[], Coroutine[None, None, None]]:
    """Raises ValueError and OSError where URL or key cannot be used."""
    if settings.checkpoint_url_file is None or settings.checkpoint_key_file is None:
        if settings.checkpoint_url_file is not None:
            msg = "checkpoints are signed: set LOCKFLIGHT_CHECKPOINT_KEY_FILE as well"
            raise ValueError(msg)
        return _nothing
    webhook = SignedWebhook(settings.checkpoint_url_file.read_text().strip(), settings.checkpoint_key_file)
    return partial(keep_posting, Notary(deps, trail, webhook), timedelta(seconds=settings.checkpoint_seconds))


def _archiving(settings: Settings, archiver: Archiver | None) -> Callable[[], Coroutine[None, None, None]]:
    if archiver is None:
        return _nothing
    return partial(keep_archiving, archiver, timedelta(seconds=settings.archive_seconds))


def _pruning(settings: Settings, deps: Deps) -> Callable[[], Coroutine[None, None, None]]:
    if not settings.object_days:
        return _nothing
    return partial(keep_pruning, Pruner(deps, timedelta(days=settings.object_days)))


async def _pass(deps: Deps, key: Key) -> datetime | None:
    with structlog.contextvars.bound_contextvars(key=str(key)):
        return await reconcile(deps, key)


def _failed(metrics: Metrics, key: Key, problem: Exception, pause: timedelta) -> None:
    log.error(
        "a pass failed unexpectedly", key=str(key), again_in_seconds=round(pause.total_seconds(), 1), exc_info=problem
    )
    metrics.count("reconcile_errors_total", kind=key.kind)


def _exposition(vitals: Vitals, metrics: PrometheusMetrics) -> bytes:
    vitals.record()
    return metrics.exposition()
