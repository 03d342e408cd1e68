"""Objects that cannot be right: each is told what is wrong, where, and what to do; nothing else is affected."""

import hashlib
import json
import random
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import yaml

from lockflight.devcluster.errors import CommandFailedError
from tests.e2e.conftest import Neighbour
from tests.e2e.stack import Stack, eventually

ONE = [{"name": "integration", "tier": "Integration"}]
NO_DIGEST = "sha256:" + "0" * 64


def _release(stack: Stack, version: str, chart: dict[str, Any], **spec: Any) -> str:
    """A Release of one chart as given; its name."""
    name = f"{stack.name}-{version}"
    evidence = [{"type": kind, "result": "Passed"} for kind in ("static-analysis", "unit-tests")]
    stack.create(
        "Release",
        name,
        {"application": stack.name, "version": version, "chart": chart, "evidence": evidence, **spec},
    )
    return name


def test_references_to_nothing_are_named_and_heal(stack: Stack, neighbour: Neighbour) -> None:
    stack.install(ONE)
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")

    nowhere = stack.promote(release, "moon")
    nothing = stack.promote(f"{stack.name}-9.9.9", "integration")

    message = stack.says(nowhere, "Binding", "EnvironmentMissing")
    assert "spec.environmentRef: environment moon does not exist" in message
    assert stack.status("lfpromo", nowhere)["phase"] == "Waiting"
    assert stack.condition("lfpromo", nowhere, "Stalled")["status"] == "False"
    message = stack.says(nothing, "Binding", "ReleaseMissing")
    assert f"spec.releaseRef: release {stack.name}-9.9.9 does not exist in {stack.name}" in message
    neighbour.gets_through()

    stack.release("9.9.9")
    stack.reaches(nothing, "Succeeded")


def test_a_cycle_of_environments_closes_what_is_on_it_and_nothing_else(stack: Stack) -> None:
    def system_test(name: str, before: str) -> dict[str, Any]:
        check = {"verification": [{"name": "smoke", "helmTest": {}}]}
        return {"name": name, "tier": "SystemTest", "spec": {"promotesFrom": [before], "exit": check}}

    stack.install([*ONE, system_test("one", "two"), system_test("two", "one")])
    release = stack.release("1.0.0")

    # Its first look may have come before the other environment was there.
    eventually(lambda: "cycle" in stack.condition("lfenv", "one", "Ready")["message"], "the cycle to be seen")
    ready = stack.condition("lfenv", "one", "Ready")
    assert ready["reason"] == "NotGoverned"
    assert "spec.promotesFrom is a cycle, one → two → one" in ready["message"]
    stack.reaches(f"{release}-integration", "Succeeded")
    into = stack.promote(release, "one")
    assert "cycle" in stack.says(into, "Rules", "NotGoverned")

    itself = stack.refused("Environment", "loop", {"tier": "Integration", "promotesFrom": ["loop"]}, person="petra")
    assert "spec.promotesFrom" in itself
    assert "promotesFrom names the environment itself" in itself


def test_an_environment_may_not_be_laxer_than_its_tier(stack: Stack) -> None:
    stack.install([*ONE, {"name": "uat", "tier": "UAT", "spec": {"promotesFrom": ["integration", "gone"]}}])
    assert "spec.promotesFrom is gone: allowed is an environment of this stack" in stack.becomes(
        "lfenv", "uat", "Ready", "NotGoverned"
    )

    stack.create("Environment", "production", {"tier": "Production"}, person="petra")

    message = stack.becomes("lfenv", "production", "Ready", "NotGoverned")
    assert "spec.changeControl is absent: allowed is approvals for normal changes" in message


def test_a_freeze_that_cannot_be_is_refused_and_one_of_an_unknown_zone_holds(stack: Stack) -> None:
    stack.install(ONE)
    backwards = {
        "reason": "Year end",
        "timeZone": "Europe/Berlin",
        "start": "2027-01-05T00:00:00",
        "end": "2026-12-18T18:00:00",
    }
    assert "end must lie after start" in stack.refused("FreezeWindow", "year-end", backwards, person="alice")
    said = stack.refused("FreezeWindow", "feb", {**backwards, "start": "2026-02-30T00:00:00"}, person="alice")
    assert "spec.start" in said
    assert "no such day" in said
    for rule, duration, says in (
        ("FREQ=SECONDLY", "2h", "what begins more often is no window"),
        ("FREQ=DAILY", "0h", "spec.recurrence.duration"),
        ("FREQ=DAILY", "-2h", "spec.recurrence.duration"),
    ):
        recurs = {"reason": "x", "timeZone": "UTC", "start": "2026-12-01T00:00:00"}
        recurs |= {"recurrence": {"rrule": rule, "duration": duration}}
        assert says in stack.refused("FreezeWindow", "recurs", recurs, person="alice")
    assert "spec.timeZone" in stack.refused("FreezeWindow", "zone", {**backwards, "timeZone": "a b"}, person="alice")

    nowhere = {"reason": "Year end", "timeZone": "Europe/Atlantis", "start": "2020-01-01T00:00:00"}
    stack.create("FreezeWindow", "atlantis", {**nowhere, "end": "2020-01-02T00:00:00"}, person="alice")

    message = stack.becomes("lffw", "atlantis", "Ready", "Invalid")
    assert "timeZone" in message
    assert "Europe/Atlantis" in message
    release = stack.release("1.0.0")
    held = stack.says(f"{release}-integration", "Freeze", "FreezeInvalid")
    assert "atlantis" in held
    assert stack.status("lfpromo", f"{release}-integration")["phase"] == "OnHold"

    stack.kubectl(
        "patch", "lffw", "atlantis", "--type=merge", "-p", '{"spec":{"timeZone":"Europe/Berlin"}}', person="petra"
    )
    stack.reaches(f"{release}-integration", "Succeeded")


def test_a_chart_that_is_not_there_or_is_another_one(stack: Stack, neighbour: Neighbour) -> None:
    stack.install(ONE)
    place, digest = stack.chart("1.0.0")
    registry = stack.cluster.registry

    absent = _release(stack, "2.0.0", {"oci": place, "version": "2.0.0"})
    nowhere = _release(stack, "2.0.1", {"oci": f"oci://{registry}/{stack.name}/none", "version": "1.0.0"})
    differs = _release(stack, "2.0.2", {"oci": place, "version": "1.0.0", "digest": NO_DIGEST})
    renamed = _release(stack, "2.0.3", {"oci": place, "version": "7.0.0", "digest": digest})
    down = _release(stack, "2.0.4", {"oci": "oci://127.0.0.1:1/charts/app", "version": "1.0.0"})

    message = stack.becomes("lfrel", absent, "Ready", "ChartNotFound")
    assert f"{place} 2.0.0 does not exist" in message
    assert "push it" in message
    assert "does not exist" in stack.becomes("lfrel", nowhere, "Ready", "ChartNotFound")
    message = stack.becomes("lfrel", differs, "Ready", "DigestMismatch")
    assert digest in message
    assert NO_DIGEST in message
    message = stack.becomes("lfrel", renamed, "Ready", "DigestMismatch")
    assert "is chart app 1.0.0, the release says app 7.0.0" in message
    message = stack.becomes("lfrel", down, "Ready", "RegistryUnreachable")
    assert "127.0.0.1:1" in message
    assert stack.condition("lfrel", down, "Reconciling")["status"] == "True"
    assert stack.condition("lfrel", differs, "Stalled")["status"] == "True"
    for name, why in ((absent, "does not exist"), (differs, NO_DIGEST), (down, "127.0.0.1:1")):
        assert why in stack.says(stack.promote(name, "integration"), "Binding", "ReleaseNotReady")
    neighbour.gets_through()


def test_what_is_no_chart(stack: Stack) -> None:
    place = f"{stack.name}/picture"
    config, layer = _upload(stack, place, b"{}"), _upload(stack, place, b"not a chart")
    manifest = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": [layer]}
    registry = stack.cluster.registry
    _put(f"http://{registry}/v2/{place}/manifests/1.0.0", json.dumps(manifest).encode(), manifest["mediaType"])
    stack.install(ONE)

    release = _release(stack, "1.0.0", {"oci": f"oci://{registry}/{place}", "version": "1.0.0"})

    message = stack.becomes("lfrel", release, "Ready", "ChartUnreadable")
    assert f"{place} 1.0.0 is something else than a chart" in message


OCI = "application/vnd.oci.image"


def _upload(stack: Stack, place: str, data: bytes) -> dict[str, Any]:
    """Put a blob into the registry; its descriptor."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    start = f"http://{stack.cluster.registry}/v2/{place}/blobs/uploads/"
    with urllib.request.urlopen(urllib.request.Request(start, method="POST")) as answer:
        where = urljoin(start, answer.headers["Location"])
    _put(f"{where}&digest={digest}", data, "application/octet-stream")
    return {"mediaType": f"{OCI}.layer.v1.tar", "digest": digest, "size": len(data)}


def _put(url: str, data: bytes, kind: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": kind}, method="PUT")):  # noqa: S310
        pass


def test_a_number_that_json_cannot_hold_exactly(stack: Stack) -> None:
    stack.install(ONE)
    release = stack.release("1.0.0", values={"replicas": 2**53 + 1})

    message = stack.becomes("lfrel", release, "Ready", "ValuesNotCanonical")
    assert "spec.components[app].values" in message
    assert str(2**53 + 1) in message


def test_values_that_break_the_charts_schema(stack: Stack) -> None:
    stack.install(ONE)
    release = stack.release("1.0.0", values={"replicas": "many"})

    message = stack.says(f"{release}-integration", "Binding", "RenderFailed")
    assert "component app" in message
    assert "/replicas" in message
    assert "integer" in message
    assert stack.deployed(f"{stack.name}-integration") == {}


def test_values_of_a_mebibyte_are_refused_by_size(stack: Stack, neighbour: Neighbour) -> None:
    stack.install([*ONE, {"name": "local", "tier": "Local"}])
    place, digest = stack.chart("1.0.0")
    chart = {"oci": place, "version": "1.0.0", "digest": digest}
    huge = {"message": "x" * 1_048_576}

    large = f"{stack.name}-1.0.0"
    component = {"name": "app", "chart": chart, "values": huge}
    stack.create("Release", large, {"application": stack.name, "version": "1.0.0", "components": [component]})
    message = stack.becomes("lfrel", large, "Ready", "ValuesTooLarge")
    assert "spec.components[app].values is 1048" in message
    assert "allowed are 262144" in message
    assert stack.condition("lfrel", large, "Stalled")["status"] == "True"

    patch = json.dumps({"spec": {"values": huge}})
    stack.kubectl("patch", "lfenv", "local", "--type=merge", "--patch-file=/dev/stdin", stdin=patch, person="petra")
    small = stack.release("1.0.1")
    message = stack.says(f"{small}-local", "Binding", "ValuesTooLarge")
    assert "allowed are 262144" in message
    stack.reaches(f"{small}-integration", "Succeeded")
    neighbour.gets_through()


def test_a_chart_of_twenty_mebibytes_is_refused_by_size(stack: Stack, neighbour: Neighbour) -> None:
    def weigh_down(folder: Path) -> None:
        (folder / "files").mkdir()
        for part in range(5):
            (folder / "files" / f"{part}.bin").write_bytes(random.Random(part).randbytes(4 * 1_048_576))  # noqa: S311

    stack.install(ONE)
    stack.chart("1.0.0", edit=weigh_down)
    release = stack.release("1.0.0")

    message = stack.becomes("lfrel", release, "Ready", "ChartTooLarge")
    assert "chart is 20.0 MiB, allowed 1.0 MiB" in message
    assert stack.condition("lfrel", release, "Stalled")["status"] == "True"
    neighbour.gets_through()


def _template(text: str) -> Callable[[Path], None]:
    """Adds a template to a chart."""

    def edit(folder: Path) -> None:
        (folder / "templates" / "more.yaml").write_text(text)

    return edit


FOREIGN = {
    "another namespace": (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-system"}},
        "ForeignNamespace",
        "component app puts ConfigMap x into namespace kube-system: allowed is {target} only",
    ),
    "a Namespace": (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}},
        "ClusterScoped",
        "component app brings Namespace mine, which belongs to the cluster",
    ),
    "a ClusterRole": (
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "all"}, "rules": []},
        "ClusterScoped",
        "component app brings ClusterRole all, which belongs to the cluster",
    ),
}


def test_charts_that_reach_out_of_their_namespace_are_rejected(stack: Stack) -> None:
    stack.install(ONE)
    target = f"{stack.name}-integration"
    for number, (manifest, reason, words) in enumerate(FOREIGN.values()):
        version = f"1.0.{number}"
        stack.chart(version, edit=_template(yaml.safe_dump(manifest)))
        release = stack.release(version)
        stack.reaches(f"{release}-integration", "Rejected")
        gate = stack.gate(f"{release}-integration", "Binding")
        assert (gate["outcome"], gate["reason"]) == ("Denied", reason)
        assert words.format(target=target) in gate["message"]
    assert stack.deployed(target) == {}


def test_a_chart_that_renders_to_nonsense(stack: Stack) -> None:
    stack.install(ONE)

    stack.chart("1.0.0", edit=_template("a: b: c\n"))
    first = stack.release("1.0.0")
    message = stack.says(f"{first}-integration", "Binding", "RenderFailed")
    assert "component app" in message
    assert "more.yaml" in message
    stack.chart("1.0.1", edit=_template('{{ required "set .Values.token" .Values.token }}\n'))

    second = stack.release("1.0.1")

    assert "more.yaml" in stack.says(f"{second}-integration", "Binding", "RenderFailed")
    assert "set .Values.token" in stack.gate(f"{second}-integration", "Binding")["message"]


def test_a_chart_that_renders_differently_each_time_is_marked_and_deployed(stack: Stack) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dice}\ndata: {eyes: {{ randAlphaNum 12 | quote }}}\n"
    stack.install(ONE)
    stack.chart("1.0.0", edit=_template(manifest))
    release = stack.release("1.0.0")

    status = stack.reaches(f"{release}-integration", "Succeeded")
    assert status["plan"]["components"][0]["unstable"] is True


def test_references_in_a_release_that_the_api_server_refuses(stack: Stack) -> None:
    stack.install(ONE)
    place, digest = stack.chart("1.0.0")
    chart = {"oci": place, "version": "1.0.0", "digest": digest}
    base = {"application": stack.name, "version": "1.0.0"}

    assert "spec.version" in stack.refused("Release", "r", {**base, "version": "one", "chart": chart})
    both = {**base, "chart": chart, "components": [{"name": "app", "chart": chart}]}
    assert "give exactly one of them" in stack.refused("Release", "r", both)
    twice = {**base, "components": [{"name": "app", "chart": chart}] * 2}
    assert "Duplicate value" in stack.refused("Release", "r", twice)
    two_places = {**base, "chart": {**chart, "repository": "https://charts.example", "name": "app"}}
    assert "spec.chart" in stack.refused("Release", "r", two_places)
    assert "spec.chart.digest" in stack.refused("Release", "r", {**base, "chart": {**chart, "digest": "sha256:12"}})
    assert "spec.chart.oci" in stack.refused("Release", "r", {**base, "chart": {**chart, "oci": "registry/app"}})
    assert "unknown field" in stack.refused("Release", "r", {**base, "chart": chart, "colour": "red"})
    long = {**base, "application": "a" * 40, "components": [{"name": "b" * 20, "chart": chart}]}
    assert "at most 53 characters" in stack.refused("Release", "r", long)
    stack.create("Release", "right", {**base, "chart": chart})
    with pytest.raises(CommandFailedError, match="a release is immutable: version cannot change"):
        stack.kubectl("patch", "lfrel", "right", "--type=merge", "-p", '{"spec":{"version":"1.0.1"}}', person="jo")
