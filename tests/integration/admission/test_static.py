"""The same policies read from files by the API server: nobody reaches them through the API."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockflight.admission.shipped import STATIC_PLACE, STATIC_SUFFIX, policies
from lockflight.assets import asset
from lockflight.devcluster import Cluster
from lockflight.devcluster.files import private_folder

from .attacks import ATTACKS, Attack
from .attacks_guard import WRITERS, named
from .conftest import CRDS, EXTRA, PEOPLE, VALUES, apply, apply_when_known, await_roles, template
from .world import (
    MERGE_PATCH,
    POLICIES,
    ROOT,
    TARGET,
    Caller,
    RefusedError,
    World,
    attempts,
    documents,
    entry,
)

pytestmark = pytest.mark.embedded

SHIPPED = asset("manifests/policies-static")
ONE_OF_EACH = tuple({attack.policy: attack for attack in ATTACKS if attack.who != "robot"}.values())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stack on an API server that was started with the static manifests, and no policy in the API."""
    state = private_folder(tmp_path_factory.mktemp("static") / "cluster")
    (state / "admission.yaml").write_text((SHIPPED / "admission.yaml").read_text().replace(STATIC_PLACE, str(SHIPPED)))
    cluster = Cluster.up(state, people=PEOPLE)
    try:
        yield _populated(cluster)
        cluster.check()
    finally:
        cluster.down()


def _populated(cluster: Cluster) -> World:
    apply(cluster, "\n---\n".join(path.read_text() for path in sorted(CRDS.glob("*.yaml"))))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
    annotations = {WRITERS: "user:lockflight-dev-admin create serviceaccounts/token"}
    root = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ROOT, "annotations": annotations}}
    apply(cluster, json.dumps(root))
    parts = [f"--show-only=templates/{name}.yaml" for name in ("rbac", "roles", "serviceaccount")]
    apply(cluster, template(cluster, "lockflight", *parts))
    await_roles(cluster)
    apply_when_known(cluster, template(cluster, "lockflight-stack", values=VALUES))
    apply(cluster, EXTRA)
    cluster.kubectl("annotate", "namespace", TARGET, f"{WRITERS}={named(TARGET)}")
    callers = {name: Caller(cluster.kubeconfig(name)) for name in ("admin", *(person.name for person in PEOPLE))}
    token = cluster.token("lockflight-system", "lockflight")
    account = cluster.service_account_kubeconfig("lockflight-system", "lockflight", token)
    world = World({**callers, "operator": Caller(account)})
    for _ in attempts("jo creates and the operator plans"):
        try:
            world.planned()
        except RefusedError:
            continue
        break
    return world


def test_what_is_loaded_is_what_is_shipped() -> None:
    for stem, text in policies().items():
        folder = "stamping" if stem.startswith("stamp") else "validating"
        loaded, ours = documents((SHIPPED / folder / stem).read_text()), documents(text)
        for obj in loaded:
            assert obj["metadata"]["name"].endswith(STATIC_SUFFIX)
            assert "paramKind" not in obj["spec"]
            obj["metadata"]["name"] = obj["metadata"]["name"].removesuffix(STATIC_SUFFIX)
            if "policyName" in obj["spec"]:
                obj["spec"]["policyName"] = obj["spec"]["policyName"].removesuffix(STATIC_SUFFIX)
        assert loaded == ours
    folders = {Path(match).name for match in re.findall(r"Dir: (\S+)", (SHIPPED / "admission.yaml").read_text())}
    assert folders == {path.name for path in SHIPPED.iterdir() if path.is_dir()}


def test_an_approval_is_stamped_though_the_api_knows_no_policy(guarded: World) -> None:
    for plural in ("validatingadmissionpolicies", "mutatingadmissionpolicies"):
        names = [obj["metadata"]["name"] for obj in guarded.send("admin", "GET", f"{POLICIES}/{plural}")["items"]]
        assert not [name for name in names if name.startswith("lockflight")]
    change = guarded.planned()
    guarded.add("alice", change, entry())
    assert guarded.entries(change)[0]["by"] == "alice"


@pytest.mark.parametrize("attack", ONE_OF_EACH, ids=lambda attack: attack.name)
def test_they_hold(guarded: World, attack: Attack) -> None:
    with pytest.raises(RefusedError) as refused:
        attack.act(guarded, attack.who)
    assert f"ValidatingAdmissionPolicy 'lockflight-{attack.policy}{STATIC_SUFFIX}'" in refused.value.message


@pytest.mark.parametrize("kind", ["validatingadmissionpolicies", "validatingadmissionpolicybindings"])
def test_not_even_system_masters_deletes_or_replaces_them(guarded: World, kind: str) -> None:
    name = f"lockflight-status{STATIC_SUFFIX}"
    with pytest.raises(RefusedError, match="not found"):
        guarded.send("admin", "DELETE", f"{POLICIES}/{kind}/{name}")
    policy, binding = documents((SHIPPED / "validating/status.yaml").read_text())
    obj = policy if kind == "validatingadmissionpolicies" else binding
    with pytest.raises(RefusedError, match=re.escape(STATIC_SUFFIX)):
        guarded.send("admin", "POST", f"{POLICIES}/{kind}", obj)
    release = guarded.make("releases", who="jo")
    with pytest.raises(RefusedError, match="in status people write only evidence"):
        guarded.send("admin", "PATCH", release.status, {"status": {"observedGeneration": 9}}, MERGE_PATCH)
