"""What Argo CD and Flux make of an object, by their own rules."""

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import cel
import yaml
from lupa import lua51

ROOT: Final = Path(__file__).resolve().parent.parent
GITOPS: Final = ROOT / "manifests/gitops"
_KEY: Final = "resource.customizations.health.lockflight.dev_"
ARGO_STATUSES: Final = ("Healthy", "Progressing", "Suspended", "Degraded")

# Argo CD opens base, table and package, and an `os` without harm: no string methods, no files, no programs.
_SANDBOX: Final = """
for _, name in ipairs({"string", "io", "os", "math", "debug", "coroutine", "package", "require", "module", "dofile",
                       "loadfile", "load", "loadstring", "python"}) do
  rawset(_G, name, nil)
end
"""


class LuaHealth:
    """Health scripts, run as Argo CD runs them: a global ``obj``, the standard library closed, a table returned."""

    def __init__(self, scripts: Mapping[str, str]) -> None:
        self.scripts = scripts

    def of(self, obj: Mapping[str, Any]) -> tuple[str, str]:
        """Status and message of an object. Raises lupa's LuaError, or ValueError where no health is returned."""
        runtime = lua51.LuaRuntime(register_eval=False, register_builtins=False, unpack_returned_tuples=True)
        runtime.execute('getmetatable("").__index = nil')
        run = runtime.eval("function(script) return assert(loadstring(script)) end")
        script = run(self.scripts[obj["kind"]])
        runtime.execute(_SANDBOX)
        runtime.globals()["obj"] = _table(runtime, json.loads(json.dumps(obj)))
        health = script()
        if lua51.lua_type(health) != "table" or health["status"] not in ARGO_STATUSES:
            msg = f"no health: {health}"
            raise ValueError(msg)
        return str(health["status"]), str(health["message"])


def _table(runtime: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return runtime.table_from({key: _table(runtime, child) for key, child in value.items()})
    if isinstance(value, list):
        return runtime.table_from([_table(runtime, child) for child in value])
    return value


class _Loader(yaml.SafeLoader):
    """As Kubernetes reads YAML: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [row for row in rows if row[0] != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """The objects that ``kubectl kustomize`` makes of a folder."""
    command = [str(ROOT / ".tools/bin/kubectl"), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [obj for obj in yaml.load_all(done.stdout, Loader=_Loader) if obj]


@cache
def argo() -> LuaHealth:
    """The scripts as they stand in the ConfigMap that is installed."""
    (config,) = kustomize(GITOPS / "argocd")
    return LuaHealth({key.removeprefix(_KEY): text for key, text in config["data"].items() if key.startswith(_KEY)})


def kstatus(obj: Mapping[str, Any]) -> str:
    """What kstatus makes of a custom resource: generation, Reconciling, Stalled, then Ready; otherwise Current.

    The rules are those of sigs.k8s.io/cli-utils, pkg/kstatus/status, for kinds that it does not know.
    """
    metadata, status = obj["metadata"], obj.get("status", {})
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if "observedGeneration" in status and status["observedGeneration"] != metadata["generation"]:
        return "InProgress"
    held = {c["type"]: c["status"] for c in status.get("conditions", ())}
    for row in status.get("conditions", ()):
        if row["status"] == "True" and row["type"] in ("Reconciling", "Stalled"):
            return "InProgress" if row["type"] == "Reconciling" else "Failed"
    return "Current" if held.get("Ready", "True") == "True" else "InProgress"


@cache
def expressions() -> dict[str, dict[str, str]]:
    """Flux's healthCheckExprs by kind."""
    patch = yaml.safe_load((GITOPS / "flux/health-checks.yaml").read_text())
    return {row["kind"]: row for row in patch["spec"]["healthCheckExprs"]}


def flux(obj: Mapping[str, Any]) -> str:
    """What a Flux Kustomization with our expressions makes of an object: in progress, failed, current, in this order.

    The rules are those of fluxcd/pkg, runtime/cel. Raises what CEL raises, such as KeyError for an absent field.
    """
    row = expressions().get(obj["kind"])
    if row is None:
        return kstatus(obj)
    if obj.get("status", {}).get("observedGeneration") != obj["metadata"]["generation"]:
        return "InProgress"
    for key, verdict in (("inProgress", "InProgress"), ("failed", "Failed"), ("current", "Current")):
        if key in row and cel.evaluate(row[key], dict(obj)) is True:
            return verdict
    return "InProgress"
