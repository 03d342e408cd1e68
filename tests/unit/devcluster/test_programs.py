import re
from pathlib import Path

import pytest
import yaml

from lockflight.devcluster import programs
from lockflight.devcluster.layout import Layout
from lockflight.devcluster.programs import Identities, Program

PORTS = {name: 20_001 + i for i, name in enumerate(programs.PORTS)}
SERVER = f"https://127.0.0.1:{PORTS['kube-apiserver']}"
PACKAGE = Path(programs.__file__).parent


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def ids(layout: Layout) -> Identities:
    return Identities(layout)


@pytest.fixture(scope="module")
def every(layout: Layout, ids: Identities) -> dict[str, Program]:
    made = (
        programs.etcd(layout, PORTS, ids),
        programs.kube_apiserver(layout, PORTS, ids),
        programs.kube_controller_manager(layout, PORTS, ids, SERVER),
        programs.kube_scheduler(layout, PORTS, ids, SERVER),
        programs.kwok(layout, PORTS, ids, SERVER),
        programs.registry(layout, PORTS),
    )
    return {program.name: program for program in made}


def test_every_program_of_the_table_can_be_made(every: dict[str, Program]) -> None:
    assert set(every) == set(programs.PROGRAMS)


def test_everything_listens_on_loopback_only(every: dict[str, Program], layout: Layout) -> None:
    addresses = [a for p in every.values() for a in p.args if re.match(r"--(bind-address|listen-\w+-urls)=", a)]
    assert len(addresses) == 5
    assert all("127.0.0.1" in address for address in addresses)
    config = yaml.safe_load((layout.root / "registry.yaml").read_text())
    assert config["http"]["addr"] == f"127.0.0.1:{PORTS['registry']}"
    assert "debug" not in config["http"]


def test_no_certificate_of_a_person_opens_the_store(every: dict[str, Program], ids: Identities) -> None:
    args = every["etcd"].args
    assert f"--trusted-ca-file={ids.etcd_ca.pair.cert}" in args
    assert "--client-cert-auth" in args
    assert ids.etcd_ca.pair.cert.read_bytes() != ids.ca.pair.cert.read_bytes()


def test_controllers_act_under_their_own_service_accounts(every: dict[str, Program]) -> None:
    assert "--use-service-account-credentials" in every["kube-controller-manager"].args


def test_the_audit_policy_keeps_every_request_and_no_body(every: dict[str, Program]) -> None:
    [path] = [a.partition("=")[2] for a in every["kube-apiserver"].args if a.startswith("--audit-policy-file=")]
    policy = yaml.safe_load(Path(path).read_text())
    assert policy["rules"] == [{"level": "Metadata"}]
    assert policy["omitStages"] == ["RequestReceived"]


def test_kwok_has_an_identity_of_its_own_with_rights_on_nodes_and_pods_only(layout: Layout) -> None:
    user = yaml.safe_load(layout.kubeconfig("kwok").read_text())["users"][0]["name"]
    role, binding = yaml.safe_load_all((PACKAGE / "kwok-rbac.yaml").read_text())
    assert user == programs.KWOK_USER
    assert [subject["name"] for subject in binding["subjects"]] == [programs.KWOK_USER]
    touched = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert touched == {"nodes", "nodes/status", "pods", "pods/status", "events", "leases"}
    assert not any("*" in rule["verbs"] for rule in role["rules"])


def test_every_stage_leaves_pods_alone_that_are_to_go() -> None:
    documents = list(yaml.safe_load_all((PACKAGE / "kwok-stages.yaml").read_text()))
    stages = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"] == "Stage"}
    assert set(stages) == {"node-ready", "pod-ready", "pod-completed", "pod-failed", "pod-without-image", "pod-deleted"}
    for name, spec in stages.items():
        going = [e["jq"]["operator"] for e in spec["selector"]["matchExpressions"] if "deletion" in e["jq"]["key"]]
        expected = {"node-ready": [], "pod-deleted": ["Exists"]}.get(name, ["DoesNotExist"])
        assert going == expected, name


def test_every_annotation_that_stages_read_is_documented() -> None:
    text = (PACKAGE / "kwok-stages.yaml").read_text()
    used = set(re.findall(r'"(lockflight\.dev/kwok-[a-z-]+)"', text))
    documented = set(re.findall(r"^#   (lockflight\.dev/kwok-[a-z-]+):", text, re.MULTILINE))
    page = (PACKAGE.parents[2] / "docs" / "devcluster.md").read_text()
    assert used == documented
    assert all(f"`{annotation}" in page for annotation in used)
