"""All gates of one promotion, judged once: in a store with next to nothing, and in one of ten thousand releases."""

import asyncio
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from time import perf_counter

from tests.unit.policy.builders import (
    BEFORE,
    FIVE,
    NOW,
    change,
    freeze,
    passage,
    promotion,
    release,
    world,
)
from tests.unit.workflow.deps import make_deps

from lockflight.api.promotion import Phase
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import Snapshot
from lockflight.workflow import gather
from lockflight.workflow.deps import Deps

WINDOWS = 1_000
RELEASES = 10_000
ROUNDS = 100


@dataclass(frozen=True)
class Measured:
    """Milliseconds: the median and the 99th percentile of all rounds."""

    what: str
    p50: float
    p99: float


def measure() -> Iterator[Measured]:
    """The table's rows, the baseline first."""
    yield from asyncio.run(_rows("1 window, 2 releases", _deps(windows=1, releases=0, applications=1)))
    for applications in (100, 1):
        what = f"{WINDOWS} windows, {RELEASES} releases of {applications} application{'s' if applications > 1 else ''}"
        yield from asyncio.run(_rows(what, _deps(applications=applications)))


def _deps(*, windows: int = WINDOWS, releases: int = RELEASES, applications: int) -> Deps:
    """A store with one promotion to judge; every other release has passed UAT and production."""
    deps = make_deps()
    for environment in FIVE:
        deps.store.put(environment)
    for obj in (BEFORE, release(), change(), promotion()):
        deps.store.put(obj)
    for number in range(windows):
        deps.store.put(
            freeze(
                f"freeze-{number}",
                start=f"2026-{1 + number % 9:02}-{1 + number % 27:02}T18:00:00",
                end=None,
                recurrence={"rrule": "FREQ=MONTHLY;BYDAY=-1FR", "duration": "24h"},
            )
        )
    for number in range(releases):
        version = f"1.{number // 100}.{number % 100}"
        application = f"app-{number % applications}" if number % applications else "payments"
        name = f"payments-{version}"
        rows = (passage("uat", name), passage("production", name))
        deps.store.put(release(version, application=application, passed=rows))
        at = NOW - timedelta(days=30, minutes=number)
        deps.store.put(
            promotion(f"{name}-production", release_name=name, phase=Phase.SUCCEEDED, started=at, verified=at)
        )
    return deps


async def _rows(what: str, deps: Deps) -> list[Measured]:
    mine = promotion()
    snapshot = _completed(await gather.beside(deps, mine))
    shut = [row for row in evaluate_all(snapshot, NOW) if not row.verdict.open]
    if shut:
        # A gate that closes early is quick: only open ones are worth timing.
        raise RuntimeError(f"not open: {shut}")
    gates, gathered = [], []
    for number in range(ROUNDS):
        began = perf_counter()
        evaluate_all(snapshot, NOW + timedelta(seconds=number))
        gates.append(perf_counter() - began)
        began = perf_counter()
        await gather.beside(deps, mine)
        gathered.append(perf_counter() - began)
    return [_measured(f"{what}: all gates", gates), _measured(f"{what}: gathered from the store", gathered)]


def _completed(gathered: Snapshot) -> Snapshot:
    """With what Helm, the registry and the API server would say."""
    known = world()
    return replace(
        gathered,
        namespace=known.namespace,
        deployer_may=True,
        admission=known.admission,
        plan=known.plan,
        revisions=known.revisions,
        running=known.running,
        rights=known.rights,
        evidence_rights=known.evidence_rights,
        ladder=known.ladder,
        drift=known.drift,
        here=(BEFORE,),
    )


def _measured(what: str, seconds: list[float]) -> Measured:
    ordered = sorted(second * 1_000 for second in seconds)
    return Measured(what, statistics.median(ordered), ordered[round(0.99 * len(ordered)) - 1])
