"""Which namespaces are guarded, and who writes there, by the values of the operator's chart."""

import json
import re
from typing import Any

import pytest
import yaml

from lockflight.admission.installed import installed
from lockflight.admission.shipped import KUSTOMIZATION
from lockflight.admission.writers import LINE, PLATFORMS
from lockflight.policy.selftest import digests

from .helm import ROOT, ChartError, find, names, template

BINDING = "ValidatingAdmissionPolicyBinding"
SELECTORS = ("matchResources", "namespaceSelector", "matchExpressions")


def guard(**values: Any) -> list[dict[str, Any]]:
    return template("lockflight", {"guard": values})


def tiers(objects: list[dict[str, Any]], name: str) -> list[str]:
    """The tiers in which a binding is in force."""
    found: Any = find(objects, BINDING, name)["spec"]
    for key in SELECTORS:
        found = found[key]
    return sorted(found[0]["values"])


def writers(objects: list[dict[str, Any]]) -> dict[str, list[str]]:
    policy = find(objects, "ValidatingAdmissionPolicy", "lockflight-guard")
    text = next(v["expression"] for v in policy["spec"]["variables"] if v["name"] == "known")
    known: dict[str, list[str]] = json.loads(text)
    return known


CHOSEN: tuple[dict[str, Any], ...] = (
    {},
    {"enforcement": {"UAT": "Audit", "Integration": "Deny"}, "platforms": ["EKS", "KWOK"]},
    {"enforcement": {"UAT": "Off", "Production": "Off"}, "root": "Off", "writers": ["group:backup create secrets"]},
    {"root": "Audit", "breakGlass": {"group": "oncall", "longest": "30m"}},
)


@pytest.mark.parametrize("values", CHOSEN, ids=str)
def test_what_the_chart_installs_is_what_the_operator_compares_with(values: dict[str, Any]) -> None:
    objects = template("lockflight", {"guard": values})
    (container,) = find(objects, "Deployment", "lockflight")["spec"]["template"]["spec"]["containers"]
    told = next(item["value"] for item in container["env"] if item["name"] == "LOCKFLIGHT_GUARD")
    account = "system:serviceaccount:lockflight-system:lockflight"
    assert digests(installed(account, told), stamps=True) == digests(objects, stamps=True)


def test_kustomize_installs_the_same_as_the_chart() -> None:
    files = (ROOT / "manifests/policies").rglob("*.yaml")
    shipped = [obj for path in files if path.name != KUSTOMIZATION for obj in yaml.safe_load_all(path.read_text())]
    assert digests(shipped, stamps=True) == digests(template("lockflight"), stamps=True)


def test_uat_and_production_are_guarded_where_nobody_chose() -> None:
    objects = guard()
    assert tiers(objects, "lockflight-guard") == ["Production", "UAT"]
    assert "lockflight-guard-audit-tiers" not in names(objects, BINDING)


def test_a_tier_is_reported_first() -> None:
    objects = guard(enforcement={"Production": "Audit", "SystemTest": "Audit"})
    assert tiers(objects, "lockflight-guard") == ["UAT"]
    assert tiers(objects, "lockflight-guard-audit-tiers") == ["Production", "SystemTest"]
    actions = find(objects, BINDING, "lockflight-guard-audit-tiers")["spec"]["validationActions"]
    assert actions == ["Audit", "Warn"]


def test_what_is_off_is_not_bound() -> None:
    objects = guard(enforcement={"Production": "Off", "UAT": "Off"}, root="Off")
    assert names(objects, BINDING) & {"lockflight-guard", "lockflight-guard-root"} == set()
    assert "lockflight-stamp-break-glass" not in names(objects, "MutatingAdmissionPolicyBinding")


def test_the_namespace_of_the_operator_is_the_one_it_is_installed_into() -> None:
    binding = find(guard(), BINDING, "lockflight-guard-root")
    selected = binding["spec"]["matchResources"]["namespaceSelector"]
    assert selected == {"matchLabels": {"kubernetes.io/metadata.name": "lockflight-system"}}


def test_platforms_and_lines_of_ones_own_add_writers() -> None:
    plain, more = writers(guard()), writers(guard(platforms=["EKS", "KWOK"], writers=["group:backup create secrets"]))
    assert "user:kwok" not in plain
    assert more["user:kwok"] == ["update pods,pods/status", "delete pods"]
    assert more["group:backup"] == ["create secrets"]
    assert more.keys() > plain.keys()


def test_no_token_is_left_in_what_is_installed() -> None:
    assert "LOCKFLIGHT_" not in json.dumps([o["spec"] for o in guard() if "Policy" in o["kind"]])


def test_the_break_glass_group_and_its_time_are_chosen() -> None:
    objects = guard(breakGlass={"group": "oncall", "longest": "30m"})
    text = json.dumps([o for o in objects if "Policy" in o["kind"]])
    assert "'oncall' in variables.groups" in text
    assert "duration('30m')" in text
    assert "lockflight-break-glass' in" not in text


@pytest.mark.parametrize(
    "values",
    [
        {"writers": ["group:backup create"]},
        {"writers": ["backup create secrets"]},
        {"enforcement": {"Production": "Maybe"}},
        {"enforcement": {"Live": "Deny"}},
        {"platforms": ["OpenShift"]},
        {"breakGlass": {"longest": "a while"}},
        {"breakGlass": {"group": "it's"}},
    ],
    ids=str,
)
def test_bad_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ChartError, match=r"guard|Live"):
        guard(**values)


def test_every_line_of_every_platform_is_one_that_people_could_write_but_for_the_star() -> None:
    lines = [line for platform in PLATFORMS.values() for line in platform]
    assert [line for line in lines if not re.match(LINE, line.replace("*", "pods"))] == []
