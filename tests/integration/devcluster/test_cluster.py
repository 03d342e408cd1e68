"""One embedded cluster, brought up once: what runs on it behaves as on a real one."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from lockflight.devcluster import Cluster, CommandFailedError, Person, ProgramCrashedError
from lockflight.devcluster.api import http_status
from lockflight.devcluster.processes import start_mark

FAILS = {"lockflight.dev/kwok-fail": "true"}
NEVER_READY = {"lockflight.dev/kwok-never-ready": "true"}


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """A cluster of this module's own, because programs of it are killed."""
    with tempfile.TemporaryDirectory(prefix="lockflight-") as state:
        cluster = Cluster.up(Path(state), people=[Person("alice", ("cab", "staff"))])
        yield cluster
        cluster.down()


def pod_spec(restart: str) -> dict[str, object]:
    return {"restartPolicy": restart, "containers": [{"name": "main", "image": "example.invalid/app:1"}]}


def deployment(name: str, annotations: dict[str, str], replicas: int = 2) -> dict[str, object]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod_spec("Always")},
        },
    }


def job(name: str, annotations: dict[str, str], restart: str = "Never") -> dict[str, object]:
    template = {"metadata": {"annotations": annotations}, "spec": pod_spec(restart)}
    spec = {"backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def create(cluster: Cluster, what: dict[str, object]) -> None:
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(what))


def wait(cluster: Cluster, what: str, condition: str) -> str:
    return cluster.kubectl("wait", what, f"--for={condition}", "--timeout=30s")


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_deployment_becomes_ready(own: Cluster) -> None:
    create(own, deployment("web", {}))
    wait(own, "deployment/web", "condition=Available")
    assert own.kubectl("get", "deployment/web", "-o", "jsonpath={.status.readyReplicas}") == "2"


def test_a_deployment_told_so_never_becomes_ready(own: Cluster) -> None:
    create(own, deployment("slow", NEVER_READY, replicas=1))
    assert eventually(lambda: own.kubectl("get", "pods", "-l=app=slow", "-o=jsonpath={..phase}") == "Running")
    assert own.kubectl("get", "pods", "-l=app=slow", "-o=jsonpath={..containerStatuses[*].ready}") == "false"


def test_a_deployment_told_to_fail_crash_loops(own: Cluster) -> None:
    create(own, deployment("crash", FAILS, replicas=1))
    reason = "-o=jsonpath={..state.waiting.reason}"
    assert eventually(lambda: own.kubectl("get", "pods", "-l=app=crash", reason) == "CrashLoopBackOff")
    assert own.kubectl("get", "pods", "-l=app=crash", "-o=jsonpath={..lastState.terminated.exitCode}") == "1"


@pytest.mark.parametrize("restart", ["Never", "OnFailure"])
def test_a_job_completes(own: Cluster, restart: str) -> None:
    name = f"good-{restart.lower()}"
    create(own, job(name, {}, restart))
    wait(own, f"job/{name}", "condition=Complete")


@pytest.mark.parametrize("restart", ["Never", "OnFailure"])
def test_a_job_told_to_fail_fails(own: Cluster, restart: str) -> None:
    name = f"bad-{restart.lower()}"
    create(own, job(name, FAILS, restart))
    wait(own, f"job/{name}", "condition=Failed")


def test_a_pod_told_to_fail_ends_with_exit_code_1(own: Cluster) -> None:
    metadata = {"name": "failing", "annotations": FAILS}
    create(own, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec("Never")})
    wait(own, "pod/failing", "jsonpath={.status.phase}=Failed")
    assert own.kubectl("get", "pod/failing", "-o=jsonpath={..terminated.exitCode}") == "1"


def chart(folder: Path, annotations: dict[str, str]) -> Path:
    """A chart of one Deployment and one Helm test whose pod carries `annotations`."""
    test = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "{{ .Release.Name }}-test", "annotations": {"helm.sh/hook": "test", **annotations}},
        "spec": pod_spec("Never"),
    }
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: app, version: 1.0.0}")
    (folder / "templates" / "app.yaml").write_text(yaml.safe_dump(deployment("{{ .Release.Name }}", {})))
    (folder / "templates" / "test.yaml").write_text(yaml.safe_dump(test))
    return folder


def helm(cluster: Cluster, *args: str) -> subprocess.CompletedProcess[str]:
    env = cluster.env_for("admin")
    return subprocess.run(["helm", *args], env=env, capture_output=True, text=True, timeout=60, check=False)


def test_helm_waits_for_the_deployment_and_its_test_passes(own: Cluster, tmp_path: Path) -> None:
    installed = helm(own, "install", "good", str(chart(tmp_path / "app", {})), "--wait", "--timeout=30s")
    assert installed.returncode == 0, installed.stderr
    tested = helm(own, "test", "good", "--timeout=30s")
    assert tested.returncode == 0, tested.stderr
    assert "Succeeded" in tested.stdout


def test_a_helm_test_told_to_fail_fails(own: Cluster, tmp_path: Path) -> None:
    installed = helm(own, "install", "bad", str(chart(tmp_path / "app", FAILS)), "--wait", "--timeout=30s")
    assert installed.returncode == 0, installed.stderr
    tested = helm(own, "test", "bad", "--timeout=30s")
    assert tested.returncode == 1
    assert "Failed" in tested.stdout


def test_the_registry_takes_a_chart_and_gives_it_back(own: Cluster, tmp_path: Path) -> None:
    assert helm(own, "package", str(chart(tmp_path / "app", {})), "-d", str(tmp_path)).returncode == 0
    pushed = helm(own, "push", str(tmp_path / "app-1.0.0.tgz"), f"oci://{own.registry}/charts", "--plain-http")
    assert pushed.returncode == 0, pushed.stderr
    shown = helm(own, "show", "chart", f"oci://{own.registry}/charts/app", "--version=1.0.0", "--plain-http")
    assert "name: app" in shown.stdout, shown.stderr


def test_a_person_is_known_with_groups_and_has_no_rights_to_begin_with(own: Cluster) -> None:
    who = json.loads(own.kubectl("auth", "whoami", "-o", "json", person="alice"))["status"]["userInfo"]
    assert who["username"] == "alice"
    assert set(who["groups"]) == {"cab", "staff", "system:authenticated"}
    with pytest.raises(CommandFailedError, match="forbidden"):
        own.kubectl("get", "pods", person="alice")


def test_somebody_unknown_has_no_kubeconfig(own: Cluster) -> None:
    with pytest.raises(KeyError, match="nobody named 'mallory'"):
        own.kubeconfig("mallory")


def test_a_service_account_acts_by_its_token(own: Cluster) -> None:
    own.kubectl("create", "serviceaccount", "bot")
    path = own.service_account_kubeconfig("default", "bot", own.token("default", "bot"))
    argv = ["kubectl", f"--kubeconfig={path}", "auth", "whoami", "-o=jsonpath={.status.userInfo.username}"]
    assert subprocess.run(argv, env=own.env, capture_output=True, text=True, check=True).stdout == (
        "system:serviceaccount:default:bot"
    )


def test_commands_run_as_nobody_unless_told(own: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere/else")
    assert "KUBECONFIG" not in own.env
    assert own.env_for("alice")["KUBECONFIG"] == str(own.kubeconfig("alice"))


def test_the_audit_log_says_who_did_what_as_whom(own: Cluster) -> None:
    own.kubectl("create", "configmap", "audited", "--as=carol", "--as-group=system:masters")
    events = [json.loads(line) for line in own.audit_log.read_text().splitlines()]
    [event] = [
        e
        for e in events
        if e["verb"] == "create" and e.get("objectRef", {}).get("resource") == "configmaps" and "impersonatedUser" in e
    ]
    assert event["user"]["username"] == "lockflight-dev-admin"
    assert event["impersonatedUser"]["username"] == "carol"
    assert event["requestURI"].startswith("/api/v1/namespaces/default/configmaps")
    assert event["responseStatus"]["code"] == 201
    assert "requestObject" not in event
    assert {e["stage"] for e in events}.isdisjoint({"RequestReceived"})


def test_identities_in_the_audit_log_are_real(own: Cluster) -> None:
    create(own, deployment("watched", {}, replicas=1))
    wait(own, "deployment/watched", "condition=Available")
    users = {json.loads(line)["user"]["username"] for line in own.audit_log.read_text().splitlines()}
    assert {
        "kwok",
        "system:kube-scheduler",
        "system:serviceaccount:kube-system:replicaset-controller",
    } <= users


def test_bringing_up_what_runs_changes_nothing(own: Cluster) -> None:
    before = own.status()
    assert Cluster.up(before[0].log.parents[1]).status() == before


def test_crashes_are_reported_with_the_tail_of_the_log_and_healed_by_up(own: Cluster) -> None:
    victims = {program.name: program for program in own.status() if program.name in {"kube-scheduler", "registry"}}
    for program in victims.values():
        assert program.pid is not None
        os.kill(program.pid, signal.SIGKILL)
    assert eventually(lambda: sum(program.alive for program in own.status()) == 4)
    with pytest.raises(ProgramCrashedError, match="ended on its own") as crash:
        own.check()
    assert crash.value.name in victims
    healed = Cluster.up(victims["registry"].log.parents[1])
    healed.check()
    after = {program.name: program for program in healed.status()}
    assert all(program.alive for program in after.values())
    assert {name for name, program in after.items() if program not in own.status()} == set(victims)


def test_down_leaves_nothing_and_up_goes_on_where_it_was(own: Cluster) -> None:
    state = own.status()[0].log.parents[1]
    running = Cluster.attach(state)
    running.kubectl("create", "namespace", "kept")
    pids = [program.pid for program in running.status() if program.pid is not None]
    assert len(pids) == 6
    running.down()
    running.down()
    assert not any(start_mark(pid) for pid in pids)
    assert http_status(int(running.registry.rpartition(":")[2]), "/v2/") == 0
    again = Cluster.up(state)
    assert again.server == own.server
    assert again.kubectl("get", "namespace", "kept", "-o", "name") == "namespace/kept\n"
    create(again, job("after", {}))
    wait(again, "job/after", "condition=Complete")
