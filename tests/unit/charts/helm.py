"""Charts rendered by the real Helm."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
HELM = ROOT / ".tools/bin/helm"


class ChartError(Exception):
    """Helm refused the chart or the values; the message is Helm's."""


def run(*args: str, values: Mapping[str, Any] | None = None) -> str:
    """Run helm with ``values`` on its standard input."""
    done = subprocess.run(
        [str(HELM), *args, "--values", "-"],
        input=yaml.safe_dump(dict(values or {})),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChartError(done.stderr + done.stdout)
    return done.stdout


def template(chart: str, values: Mapping[str, Any] | None = None, *options: str) -> list[dict[str, Any]]:
    """The objects of ``charts/<chart>``, installed into lockflight-system."""
    served = ("--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy")
    place = ("-n", "lockflight-system", *served)
    text = run("template", "x", str(ROOT / "charts" / chart), *place, *options, values=values)
    return [obj for obj in yaml.safe_load_all(text) if obj]


def find(objects: list[dict[str, Any]], kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    """The one object of that kind and name."""
    (found,) = (
        o
        for o in objects
        if (o["kind"], o["metadata"]["name"]) == (kind, name)
        and (namespace is None or o["metadata"].get("namespace") == namespace)
    )
    return found


def names(objects: list[dict[str, Any]], kind: str) -> set[str]:
    """The names of all objects of a kind."""
    return {o["metadata"]["name"] for o in objects if o["kind"] == kind}


def rights(role: Mapping[str, Any]) -> set[tuple[str, str, str, str]]:
    """Group, resource, name (empty: any) and verb of everything a role grants."""
    return {
        (group, resource, name, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }
