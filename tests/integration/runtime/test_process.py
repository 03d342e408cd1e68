"""The operator as a process: it watches, leads, stands by, ends, and leaves no trace where there is nothing to do."""

import json
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
import yaml

from lockflight.devcluster.ports import free_port
from lockflight.devcluster.providers import ClusterLike
from tests.integration.runtime.conftest import ROOT, Bench, eventually
from tests.real import apply


def freeze(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "FreezeWindow",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"reason": "Year end", "timeZone": "Europe/Berlin", "start": "2026-01-18T18:00:00"},
    }


def phase(bench: Bench, name: str, namespace: str) -> str | None:
    found = bench.show("lffw", namespace, name)
    text: str | None = found.get("status", {}).get("phase")
    return text


def written(bench: Bench, team: str) -> list[str]:
    """What was written in a team's namespace and to its audit trail: other tests left things to seal."""
    return [text for text in bench.writes() if f" {team}/" in text or f"/{team}-" in text]


def quiet(bench: Bench, team: str, seconds: float = 3) -> None:
    """Return when the operator wrote nothing of the team's for ``seconds``."""
    seen: list[str] = []
    since = monotonic()

    def still() -> bool:
        nonlocal seen, since
        now = written(bench, team)
        if now != seen:
            seen, since = now, monotonic()
        return monotonic() - since >= seconds

    eventually(still, "the operator to have nothing left to write")


def lease(bench: Bench) -> dict[str, Any]:
    spec: dict[str, Any] = bench.show("lease", ROOT, "lockflight").get("spec", {})
    return spec


def test_an_object_that_was_there_before_and_one_made_later_are_both_worked_on(bench: Bench, team: str) -> None:
    apply(bench.cluster, freeze("before", team))
    operator = bench.leader()
    eventually(lambda: phase(bench, "before", team) == "Active", "the status of the first freeze")
    apply(bench.cluster, freeze("after", team))
    eventually(lambda: phase(bench, "after", team) == "Active", "the status of the second freeze")
    assert bench.metric(operator, 'objects{kind="FreezeWindow"}') >= 2


def test_a_deleted_object_is_forgotten(bench: Bench, team: str) -> None:
    apply(bench.cluster, freeze("short", team))
    operator = bench.leader()
    eventually(lambda: phase(bench, "short", team) == "Active", "the status of the freeze")
    known = bench.metric(operator, 'objects{kind="FreezeWindow"}')
    bench.cluster.kubectl("-n", team, "delete", "lffw", "short")
    eventually(
        lambda: bench.metric(operator, 'objects{kind="FreezeWindow"}') == known - 1, "one object less in the store"
    )


def test_objects_get_no_annotations_and_no_finalizers(bench: Bench, team: str) -> None:
    apply(bench.cluster, freeze("plain", team))
    bench.leader()
    eventually(lambda: phase(bench, "plain", team) == "Active", "the status of the freeze")
    metadata = bench.show("lffw", team, "plain")["metadata"]
    assert "finalizers" not in metadata
    assert not [name for name in metadata.get("annotations", {}) if "kopf" in name]


def test_a_restart_with_nothing_to_do_writes_nothing(bench: Bench, team: str) -> None:
    apply(bench.cluster, freeze("settled", team))
    first = bench.leader()
    eventually(lambda: phase(bench, "settled", team) == "Active", "the status of the freeze")
    # Its record follows the status.
    quiet(bench, team)
    assert first.stop() == 0
    before = written(bench, team)
    assert f"patch freezewindows {team}/settled" in before
    second = bench.leader()
    passes = 'reconcile_duration_seconds_count{kind="FreezeWindow"}'
    eventually(
        lambda: (
            bench.metric(second, passes) >= bench.metric(second, 'objects{kind="FreezeWindow"}') > 0
            and bench.metric(second, "queue_depth") == 0
        ),
        "every freeze looked at again",
    )
    quiet(bench, team)
    assert second.stop() == 0
    assert written(bench, team) == before


def test_sigterm_ends_it_with_0_in_time_and_gives_the_lease_back(bench: Bench) -> None:
    operator = bench.leader()
    assert lease(bench)["holderIdentity"]
    started = monotonic()
    assert operator.stop() == 0, operator.tail()
    assert monotonic() - started < 30
    assert not lease(bench).get("holderIdentity")
    assert bench.logged(operator, "ending")[0]["reason"] == "signal"


def test_sigterm_ends_one_that_still_waits_for_an_api_server(bench: Bench) -> None:
    config = yaml.safe_load(bench.cluster.kubeconfig().read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    kubeconfig = bench.folder / "nowhere.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    operator = bench.start(kubeconfig=kubeconfig)
    eventually(lambda: bench.logged(operator, "could not list; trying again"), "an attempt to list")
    assert bench.get(operator, "healthz") == "ok\n"
    assert bench.get(operator, "readyz") == "still listing\n"
    assert operator.stop() == 0, operator.tail()


@pytest.fixture
def future_field(cluster: ClusterLike) -> Iterator[str]:
    """FreezeWindow has a field that this operator does not know, as after an upgrade of the CRDs alone."""
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/future"
    crd = "freezewindows.lockflight.dev"

    def patch(operation: dict[str, Any]) -> None:
        cluster.kubectl("patch", "crd", crd, "--type=json", "-p", json.dumps([{"path": path, **operation}]))

    patch({"op": "add", "value": {"type": "string"}})
    yield "future"
    patch({"op": "remove"})


def test_an_object_that_does_not_parse_affects_no_other(bench: Bench, team: str, future_field: str) -> None:
    odd = freeze("odd", team)
    odd["spec"][future_field] = "later"

    def kept() -> bool:
        apply(bench.cluster, odd)
        return future_field in bench.show("lffw", team, "odd")["spec"]

    eventually(kept, "the API server knows the new field")
    operator = bench.leader(resync_seconds="1")
    apply(bench.cluster, freeze("well", team))
    eventually(lambda: phase(bench, "well", team) == "Active", "the status of the other freeze")
    eventually(lambda: bench.metric(operator, 'watch_staleness_seconds{kind="FreezeWindow"}') < 1, "a comparison")
    assert phase(bench, "odd", team) is None
    message = "an object does not parse and takes part in nothing"
    told = [line for line in bench.logged(operator, message) if line["key"] == f"FreezeWindow {team}/odd"]
    assert len(told) == 1, "once, however often it is seen"
    assert future_field in told[0]["problem"]


def test_probes_and_metrics_answer(bench: Bench) -> None:
    operator = bench.leader()
    assert bench.get(operator, "healthz") == "ok\n"
    assert bench.get(operator, "readyz") == "leader\n"
    metrics = bench.get(operator, "metrics") or ""
    for kind in ("Namespace", "Environment", "Release", "Promotion", "ChangeRequest", "FreezeWindow"):
        assert f'lockflight_watch_staleness_seconds{{kind="{kind}"}}' in metrics


def test_a_second_one_stands_by_and_takes_over_at_once_when_the_first_ends(bench: Bench, team: str) -> None:
    first = bench.leader(identity="one")
    second = bench.start(identity="two")
    bench.wait_role(second, "standby")
    apply(bench.cluster, freeze("handed-over", team))
    eventually(lambda: phase(bench, "handed-over", team) == "Active", "the status of the freeze")
    assert bench.metric(second, 'reconcile_duration_seconds_count{kind="FreezeWindow"}') == 0
    assert bench.get(second, "readyz") == "standby\n"
    assert first.stop() == 0
    bench.wait_role(second, "leader")
    assert lease(bench)["holderIdentity"] == "two"
    apply(bench.cluster, freeze("new-leader", team))
    eventually(lambda: phase(bench, "new-leader", team) == "Active", "the status of the second freeze")


def test_a_lost_lease_ends_the_process_with_1_and_a_line_in_the_log(bench: Bench) -> None:
    operator = bench.leader(identity="one")
    other = [{"op": "replace", "path": "/spec/holderIdentity", "value": "another"}]
    bench.cluster.kubectl("-n", ROOT, "patch", "lease", "lockflight", "--type=json", "-p", json.dumps(other))
    eventually(lambda: not operator.alive, "the process ends")
    assert operator.stop() == 1
    assert bench.logged(operator, "the leader Lease is lost")
    assert bench.logged(operator, "ending")[0]["reason"] == "lease lost"
    assert lease(bench)["holderIdentity"] == "another"


def test_a_process_without_helm_does_not_start(bench: Bench) -> None:
    operator = bench.start(helm_binary="no-such-helm")
    eventually(lambda: not operator.alive, "the process ends")
    assert operator.stop() == 1
    assert "no-such-helm" in bench.logged(operator, "cannot start")[0]["problem"]
