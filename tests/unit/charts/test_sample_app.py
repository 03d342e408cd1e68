"""The demo's application."""

import pytest

from .helm import ROOT, ChartError, find, names, run, template


def test_the_chart_lints() -> None:
    assert "0 chart(s) failed" in run("lint", str(ROOT / "charts/sample-app"), "--strict")


def test_values_say_image_and_replicas() -> None:
    spec = find(template("sample-app", {"image": "i@sha256:1", "replicas": 3}), "Deployment", "x")["spec"]
    assert spec["replicas"] == 3
    assert [c["image"] for c in spec["template"]["spec"]["containers"]] == ["i@sha256:1"]


def test_it_brings_what_a_deployer_may_write() -> None:
    objects = template("sample-app")
    assert {o["kind"] for o in objects} == {"ServiceAccount", "ConfigMap", "Service", "Deployment", "Pod"}
    assert names(objects, "Pod") == {"x-test"}


@pytest.mark.parametrize("fail", [True, False])
def test_the_helm_test_fails_when_asked_to(fail: bool) -> None:
    pod = find(template("sample-app", {"test": {"fail": fail}}), "Pod", "x-test")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert (pod["metadata"]["annotations"].get("lockflight.dev/kwok-fail") == "true") is fail
    assert (pod["spec"]["containers"][0]["command"] == ["false"]) is fail


def test_unknown_values_are_refused() -> None:
    with pytest.raises(ChartError, match="imgae"):
        template("sample-app", {"imgae": "x"})
