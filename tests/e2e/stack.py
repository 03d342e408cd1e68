"""A stack of its own for a test, and the commands that people use on it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import yaml

from lockflight.assets import asset
from lockflight.devcluster.errors import CommandFailedError
from lockflight.devcluster.providers import ClusterLike

API = "lockflight.dev/v1alpha1"
IMAGE: str = yaml.safe_load((asset("charts/sample-app") / "values.yaml").read_text())["image"]
"""Really there, for clusters that run containers."""
OTHER_IMAGE = "registry.example/other@sha256:" + "b" * 64
EVIDENCE = ("static-analysis", "unit-tests", "integration-tests")
SMOKE = {"verification": [{"name": "smoke", "helmTest": {"timeout": "1m"}}]}


def eventually(holds: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Poll until ``holds()`` is true; its value. Fails with ``what``."""
    deadline = monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if monotonic() > deadline:
            msg = f"waited {seconds:.0f} s in vain for: {what}"
            raise AssertionError(msg)
        sleep(0.1)


@dataclass
class Stack:
    """One stack: its namespace is its name, and so is its application's unless said otherwise."""

    cluster: ClusterLike
    name: str
    work: Path
    _charts: dict[str, tuple[str, str]] = field(default_factory=dict)

    # What the platform team does.

    def install(
        self,
        environments: Sequence[Mapping[str, Any]],
        *,
        applications: Sequence[str] = (),
        values: Mapping[str, Any] | None = None,
        people: Mapping[str, Any] | None = None,
    ) -> None:
        """Install the stack's chart and wait until its environments were looked at."""
        document = {
            "stack": self.name,
            "applications": list(applications),
            "environments": list(environments),
            "people": {
                "releasers": [{"kind": "Group", "name": "developers"}],
                "approvers": {"cab": [{"kind": "Group", "name": "cab"}]},
                "signers": {
                    "qa": [{"kind": "Group", "name": "qa"}],
                    "business": [{"kind": "Group", "name": "business"}],
                },
                "governors": [{"kind": "Group", "name": "platform"}],
                **(people or {}),
            },
            **(values or {}),
        }
        self.helm(
            "upgrade",
            "--install",
            self.name,
            str(asset("charts/lockflight-stack")),
            "-n",
            "lockflight-system",
            "-f",
            "-",
            stdin=yaml.safe_dump(document),
        )
        for environment in environments:
            name = environment["name"]
            eventually(lambda n=name: self.condition("lfenv", n, "Ready"), f"environment {name} to be looked at")

    def chart(
        self,
        version: str = "1.0.0",
        *,
        name: str = "app",
        fails: bool = False,
        image: str = IMAGE,
        edit: Callable[[Path], None] | None = None,
    ) -> tuple[str, str]:
        """Push a chart like the sample application's; its OCI reference and digest."""
        key = f"{name}-{version}"
        if key in self._charts:
            return self._charts[key]
        folder = self.work / f"chart-{key}"
        shutil.copytree(asset("charts/sample-app"), folder)
        meta = yaml.safe_load((folder / "Chart.yaml").read_text()) | {"name": name, "version": version}
        (folder / "Chart.yaml").write_text(yaml.safe_dump(meta))
        values = yaml.safe_load((folder / "values.yaml").read_text()) | {"image": image, "test": {"fail": fails}}
        (folder / "values.yaml").write_text(yaml.safe_dump(values))
        if edit is not None:
            edit(folder)
        self.helm("package", str(folder), "-d", str(self.work))
        place = f"oci://{self.cluster.registry}/{self.name}"
        said = self.helm("push", str(self.work / f"{key}.tgz"), place, "--plain-http")
        digest = next(word for word in said.split() if word.startswith("sha256:"))
        self._charts[key] = (f"{place}/{name}", digest)
        return self._charts[key]

    # What delivery teams do.

    def release(
        self,
        version: str,
        *,
        application: str | None = None,
        components: Sequence[str] = ("app",),
        values: Mapping[str, Any] | None = None,
        **spec: Any,
    ) -> str:
        """Create a Release of the charts ``components`` in ``version``; its name."""
        application = application or self.name
        name = f"{application}-{version}"
        parts = []
        for component in components:
            place, digest = self._charts.get(f"{component}-{version}") or self.chart(version, name=component)
            parts.append(
                {
                    "name": component,
                    "chart": {"oci": place, "version": version, "digest": digest},
                    "values": dict(values or {}),
                }
            )
        body = {
            "application": application,
            "version": version,
            "source": {"branch": "main", "tag": f"v{version}"},
            "components": parts,
            "evidence": [{"type": kind, "result": "Passed"} for kind in EVIDENCE],
            **spec,
        }
        self.create("Release", name, body)
        return name

    def promote(self, release: str, environment: str, *, name: str | None = None, **spec: Any) -> str:
        """Create a Promotion as a developer; its name."""
        name = name or f"{release}-{environment}"
        self.create(
            "Promotion", name, {"releaseRef": {"name": release}, "environmentRef": {"name": environment}, **spec}
        )
        return name

    def change(self, name: str, release: str, *environments: str, **spec: Any) -> str:
        """Raise a normal change as a developer and wait for its plan; its name."""
        body = {
            "type": "Normal",
            "title": name,
            "reason": "a test",
            "releaseRef": {"name": release},
            "environments": list(environments) or ["production"],
            "risk": {"assessment": "none"},
            "rollbackPlan": {"strategy": "Manual", "steps": ["ask"]},
            **spec,
        }
        self.create("ChangeRequest", name, body)
        eventually(lambda: self.status("lfchg", name).get("planDigest"), f"a plan for change {name}")
        return name

    def approve(self, change: str, *people: str, decision: str = "Approved") -> None:
        """Append each one's decision, as that person, with stock kubectl."""
        for person in people:
            self.append(person, "lfchg", change, "approvals", {"role": "cab", "decision": decision})

    def sign(self, person: str, promotion: str, role: str, decision: str = "Approved") -> None:
        """Append a sign-off as ``person``."""
        self.append(person, "lfpromo", promotion, "signOffs", {"role": role, "decision": decision})

    def append(self, person: str, kind: str, name: str, entries: str, entry: Mapping[str, Any]) -> None:
        """Append to a people's list, as stock kubectl does it."""
        patch = [{"op": "add", "path": f"/status/{entries}/-", "value": entry}]
        self.kubectl("patch", kind, name, "--subresource=status", "--type=json", "-p", json.dumps(patch), person=person)

    def create(self, kind: str, name: str, spec: Mapping[str, Any], *, person: str = "jo") -> None:
        """Create an object of ours."""
        manifest = {"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": self.name}, "spec": spec}
        self.kubectl("create", "-f", "-", person=person, stdin=json.dumps(manifest))

    def refused(self, kind: str, name: str, spec: Mapping[str, Any], *, person: str = "jo") -> str:
        """What the API server says against such an object; fails where it takes it."""
        try:
            self.create(kind, name, spec, person=person)
        except CommandFailedError as refusal:
            return refusal.stderr
        msg = f"{kind} {name} was taken: {spec}"
        raise AssertionError(msg)

    # What is seen.

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        """An object; empty where it does not exist."""
        text = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found", namespace=namespace)
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found

    def status(self, kind: str, name: str) -> dict[str, Any]:
        """An object's status."""
        status: dict[str, Any] = self.get(kind, name).get("status", {})
        return status

    def condition(self, kind: str, name: str, wanted: str) -> dict[str, Any]:
        """One condition; empty where it is not set."""
        rows = self.status(kind, name).get("conditions", [])
        return next((row for row in rows if row["type"] == wanted), {})

    def becomes(self, kind: str, name: str, wanted: str, reason: str, seconds: float = 60) -> str:
        """Wait until a condition has ``reason``; its message."""
        try:
            eventually(lambda: self.condition(kind, name, wanted).get("reason") == reason, "", seconds)
        except AssertionError:
            msg = f"{kind} {name}: {wanted} is {self.condition(kind, name, wanted)}, not {reason}"
            raise AssertionError(msg) from None
        return str(self.condition(kind, name, wanted)["message"])

    def gate(self, promotion: str, name: str) -> dict[str, Any]:
        """What one gate says; empty where it was not judged."""
        rows = self.status("lfpromo", promotion).get("gates", [])
        return next((row for row in rows if row["name"] == name), {})

    def reaches(self, promotion: str, phase: str, seconds: float = 90) -> dict[str, Any]:
        """Wait until a promotion is in ``phase``; its status."""
        try:
            eventually(lambda: self.status("lfpromo", promotion).get("phase") == phase, "", seconds)
        except AssertionError:
            status = self.status("lfpromo", promotion)
            shut = [g for g in status.get("gates", []) if g["outcome"] in ("Waiting", "Denied")]
            msg = f"{promotion} is {status.get('phase')}, not {phase}: {status.get('conditions')}\nshut: {shut}"
            raise AssertionError(msg) from None
        return self.status("lfpromo", promotion)

    def says(self, promotion: str, gate: str, reason: str, seconds: float = 60) -> str:
        """Wait until a gate gives ``reason``; its message."""
        try:
            eventually(lambda: self.gate(promotion, gate).get("reason") == reason, "", seconds)
        except AssertionError:
            msg = f"{promotion}: {gate} says {self.gate(promotion, gate)}, not {reason}"
            raise AssertionError(msg) from None
        return str(self.gate(promotion, gate)["message"])

    def revisions(self, namespace: str, release: str) -> list[dict[str, Any]]:
        """Helm's history."""
        history: list[dict[str, Any]] = json.loads(self.helm("history", release, "-n", namespace, "-o", "json"))
        return history

    def deployed(self, namespace: str) -> dict[str, str]:
        """Helm release to chart, of what is deployed in a namespace."""
        return {row["name"]: row["chart"] for row in json.loads(self.helm("list", "-n", namespace, "-o", "json"))}

    # How.

    def kubectl(
        self, *arguments: str, person: str = "admin", stdin: str | None = None, namespace: str | None = None
    ) -> str:
        """Run kubectl in the stack's namespace; its output. Raises CommandFailedError."""
        return self.cluster.kubectl("-n", namespace or self.name, *arguments, person=person, stdin=stdin)

    def lockflight(self, *arguments: str, person: str) -> subprocess.CompletedProcess[str]:
        """Run our own command as ``person``, in the stack's namespace."""
        command = [str(Path(sys.executable).with_name("lockflight")), "-n", self.name, *arguments]
        return subprocess.run(
            command, env=self.cluster.env_for(person), capture_output=True, text=True, check=False, timeout=90
        )

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        """Run helm as admin; what it said."""
        environment = {**self.cluster.env, "KUBECONFIG": str(self.cluster.kubeconfig("admin"))}
        done = subprocess.run(
            ["helm", *arguments], env=environment, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            msg = f"helm {' '.join(arguments)}: {done.stderr}"
            raise AssertionError(msg)
        return done.stdout + done.stderr
