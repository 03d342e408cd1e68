"""``make bench``: Lockflight beside the bare helm binary with the same flags, in the same run; what judging costs.

Approval to applied: from the moment the approval was sent to the moment the API server answered Helm's last write, the
one that marks the revision as deployed. Bare helm: from the start of its process to that same write.

All gates of one promotion are judged in a nearly empty store and in a full one, and an approval is sent with the
policies and without.
"""

import asyncio
import os
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from bench import admission, gates
from bench.audit import deployed_at, requests
from bench.world import ENVIRONMENT, World, approve, name, plans, propose, until, world

ONE_BY_ONE = 20
AT_ONCE = 100
CONCURRENCY = 4
FLAGS = ("--install", "--disable-openapi-validation", "--history-max", "10", "--wait", "--timeout", "600s")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: float
    bare: float


def main() -> None:
    """Run everything and print the tables."""
    print(f"\n{'judged from the store':<64}{'p50':>10}{'p99':>10}", flush=True)
    for measured in gates.measure():
        print(f"{measured.what:<64}{measured.p50:>7.2f} ms{measured.p99:>7.2f} ms", flush=True)
    applications = [f"app-{number:03}" for number in range(AT_ONCE)]
    print(f"{os.cpu_count()} cores; one cluster for all rows; chart: 4 objects and a test", flush=True)
    with world(applications) as w:
        rows = [*_one_by_one(w, applications[0])]
        rows.append(_at_once(w, applications))
        propose(w, applications[:1], "3.0.0")
        w.operator.stop()
        approvals = admission.status_patch(w, name(applications[0], "3.0.0"))
    print(f"\n{'approval → applied':<34}{'lockflight':>12}{'bare helm':>12}{'ratio':>8}")
    for row in rows:
        print(f"{row.what:<34}{row.ours:>10.3f} s{row.bare:>10.3f} s{row.ours / row.bare:>8.2f}")
    print(f"\n{'an approval (status patch)':<34}{'policies':>12}{'none':>12}{'ratio':>8}")
    for what, of in (("p50", statistics.median), ("p99", _p99)):
        ours, none = (of(times) for times in approvals)
        print(f"{what:<34}{ours:>9.2f} ms{none:>9.2f} ms{ours / none:>8.2f}")


def _one_by_one(w: World, application: str) -> list[Row]:
    ours, bare, counts = [], [], []
    for number in range(ONE_BY_ONE):
        version = f"1.0.{number}"
        propose(w, [application], version)
        seen = plans(w, [name(application, version)])
        began = datetime.now(UTC)
        asyncio.run(approve(w, seen))
        _succeeded(w, [name(application, version)])
        ours.append(_seconds(w, application, "app", began))
        counts.append(_counted(w, began, application))
        bare.append(_bare(w, application, version))
        print(f"  {number + 1}/{ONE_BY_ONE}  {ours[-1]:.3f} s, bare {bare[-1]:.3f} s", flush=True)
    _print_counts(counts)
    return [
        Row("one at a time, p50", statistics.median(ours), statistics.median(bare)),
        Row("one at a time, p95", _p95(ours), _p95(bare)),
    ]


def _at_once(w: World, applications: Sequence[str]) -> Row:
    version = "2.0.0"
    propose(w, applications, version)
    names = [name(a, version) for a in applications]
    seen = plans(w, names)
    began = datetime.now(UTC)
    asyncio.run(approve(w, seen))
    _succeeded(w, names)
    ours = max(_seconds(w, a, "app", began) for a in applications)
    began = datetime.now(UTC)
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(lambda a: _helm(w, a, version), applications))
    bare = max(_seconds(w, a, "bare", began) for a in applications)
    return Row(f"{len(applications)} at once, until the last", ours, bare)


def _bare(w: World, application: str, version: str) -> float:
    began = datetime.now(UTC)
    _helm(w, application, version)
    return _seconds(w, application, "bare", began)


def _helm(w: World, application: str, version: str) -> None:
    environment = {**w.cluster.env, "KUBECONFIG": str(w.cluster.kubeconfig("admin"))}
    target = f"{application}-{ENVIRONMENT}"
    subprocess.run(
        [
            "helm",
            "upgrade",
            f"{application}-bare",
            str(w.archive),
            "-n",
            target,
            *FLAGS,
            "--set",
            f"message={version}",
            "--kube-as-user",
            f"lockflight:deployer:{target}",
        ],
        env=environment,
        check=True,
        capture_output=True,
    )


def _seconds(w: World, application: str, component: str, began: datetime) -> float:
    prefix = f"sh.helm.release.v1.{application}-{component}.v"
    ended = deployed_at(w.cluster.audit_log, f"{application}-{ENVIRONMENT}", prefix, began)
    if ended is None:
        raise RuntimeError(f"{application}-{component} was not deployed:\n{w.operator.tail()}")
    return (ended - began).total_seconds()


def _succeeded(w: World, names: Sequence[str]) -> None:
    def done() -> bool:
        phases = {n: s.get("phase") for n, s in w.statuses("promotions").items()}
        failed = [n for n in names if phases.get(n) in ("Failed", "RolledBack", "Rejected", "Expired")]
        if failed:
            raise RuntimeError(f"{failed[:3]} did not succeed:\n{w.operator.tail()}")
        return all(phases.get(n) == "Succeeded" for n in names)

    until(done, "the promotions to succeed", 600)


def _counted(w: World, began: datetime, application: str) -> Counter[str]:
    """Requests between approval and end, by who they are made as; the Lease and events of the cluster left out."""
    counts: Counter[str] = Counter()
    for r in requests(w.cluster.audit_log, began):
        if r.user != "system:serviceaccount:lockflight-system:lockflight":
            continue
        deployer = r.acting_as == f"lockflight:deployer:{application}-{ENVIRONMENT}"
        who = "as the deployer (Helm and its storage)" if deployer else "as the operator"
        counts[f"{who}, {'writes' if r.writes else 'reads'}"] += 1
    return counts


def _print_counts(counts: Sequence[Counter[str]]) -> None:
    print(f"\n{'API requests per promotion (median)':<50}")
    for what in sorted({key for c in counts for key in c}):
        print(f"  {what:<48}{statistics.median(c[what] for c in counts):>5.0f}")


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[max(0, round(0.99 * len(values)) - 1)]


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


if __name__ == "__main__":
    sys.exit(main())
