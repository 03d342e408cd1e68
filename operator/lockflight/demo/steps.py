"""What people do again and again in the story, in one stack."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lockflight.assets import asset
from lockflight.demo.narrator import Narrator
from lockflight.devcluster.providers import ClusterLike

API = "lockflight.dev/v1alpha1"
EVIDENCE = ("static-analysis", "unit-tests", "integration-tests")


@dataclass
class Steps:
    """The steps in one stack, whose application is called like it."""

    n: Narrator
    stack: str
    work: Path
    digests: dict[str, str] = field(default_factory=dict)
    """The chart's digest by version, once pushed."""

    def install(self, values: Mapping[str, Any]) -> None:
        """Install the stack's chart, or change it."""
        command = ["helm", "upgrade", "--install", self.stack, str(asset("charts/lockflight-stack"))]
        self.n.run(
            "admin",
            [*command, "-n", "lockflight-system", "-f", "-"],
            shown=f"lockflight stack init {self.stack} --values > {self.stack}.yaml; helm upgrade --install "
            f"{self.stack} charts/lockflight-stack -n lockflight-system -f {self.stack}.yaml",
            stdin=yaml.safe_dump(dict(values)),
            quiet=True,
        )
        self.n.until(
            "the environments to be governed", lambda: self.condition("lfenv", "production", "Ready") == "True"
        )

    def lockflight(self, who: str, *arguments: str, refused: bool = False) -> str:
        """Run our own command in the stack."""
        return self.n.run(who, ["lockflight", "-n", self.stack, *arguments], refused=refused)

    def kubectl(self, who: str, *arguments: str) -> str:
        """Run kubectl in the stack."""
        return self.n.run(who, ["kubectl", *arguments, "-n", self.stack])

    def write(self, who: str, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        """Apply an object of ours."""
        manifest = {"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": self.stack}, "spec": spec}
        shown = f"kubectl apply -f {name}.yaml"
        self.n.run(who, ["kubectl", "apply", "-f", "-"], shown=shown, stdin=yaml.safe_dump(manifest))

    def push(self, version: str, *, fails: bool = False) -> str:
        """Push the chart in a version; its digest."""
        self.digests[version] = push(self.n.cluster, self.work, version, application=self.stack, fails=fails)
        return self.digests[version]

    def release(self, version: str, *options: str, evidence: Sequence[str] = EVIDENCE) -> str:
        """Create a release of the pushed chart as CI does; its name."""
        chart = f"oci://{self.n.cluster.registry}/charts/{self.stack}"
        results = [word for kind in evidence for word in ("--evidence", f"{kind}=Passed")]
        named = ("--application", self.stack, "--version", version)
        bytes_ = ("--chart", chart, "--digest", self.digests[version])
        source = ("--branch", "main", "--tag", f"v{version}")
        self.lockflight("robot-ci", "release", "create", *named, *bytes_, *source, *results, *options)
        return f"{self.stack}-{version}"

    def promote(self, release: str, environment: str) -> str:
        """Ask for a release in an environment; the promotion's name."""
        self.lockflight("jo", "promote", release, environment)
        return f"{release}-{environment}"

    def sign(self, person: str, promotion: str, role: str) -> None:
        """Sign a promotion off with stock kubectl, and wait for its end."""
        self._append(person, "lfpromo", promotion, "signOffs", role)
        self.passed(promotion, "Succeeded")

    def approve(self, person: str, kind: str, name: str, *, refused: bool = False) -> None:
        """Approve as the board does, with stock kubectl."""
        self._append(person, kind, name, "approvals", "cab", refused=refused)

    def _append(self, person: str, kind: str, name: str, entries: str, role: str, *, refused: bool = False) -> None:
        value = {"role": role, "decision": "Approved"}
        patch = json.dumps([{"op": "add", "path": f"/status/{entries}/-", "value": value}])
        command = ["kubectl", "patch", kind, name, "-n", self.stack, "--subresource=status", "--type=json", "-p", patch]
        self.n.run(person, command, refused=refused)

    def through_uat(self, release: str) -> None:
        """Into UAT, and signed off there by business."""
        promotion = self.promote(release, "uat")
        self.passed(promotion, "AwaitingSignOff")
        self.sign("carol", promotion, "business")

    def planned(self, kind: str, name: str) -> None:
        """Wait until there is something to approve."""
        self.n.until("a plan to approve", lambda: bool(self.status(kind, name).get("planDigest")))

    def passed(self, promotion: str, phase: str) -> None:
        """Wait for a promotion's phase and say so."""
        self.n.until(f"promotion {promotion} to reach {phase}", lambda: self.phase(promotion) == phase, 120)
        self.n.because(f"promotion {promotion}: {phase}")

    def judged(self, promotion: str, gate: str, *reasons: str) -> str:
        """Wait until a gate gives one of these reasons; its message."""
        wanted = " or ".join(reasons)
        self.n.until(
            f"gate {gate} of {promotion} to say {wanted}", lambda: self.gate(promotion, gate)["reason"] in reasons
        )
        return str(self.gate(promotion, gate)["message"])

    def status(self, kind: str, name: str) -> dict[str, Any]:
        """An object's status."""
        found: dict[str, Any] = self.n.get(kind, self.stack, name).get("status", {})
        return found

    def phase(self, promotion: str) -> str:
        """A promotion's phase; empty before the first."""
        return str(self.status("lfpromo", promotion).get("phase", ""))

    def gate(self, promotion: str, gate: str) -> dict[str, Any]:
        """What a gate says; all empty before it was judged."""
        rows: Sequence[dict[str, Any]] = self.status("lfpromo", promotion).get("gates", [])
        return next((row for row in rows if row["name"] == gate), {"outcome": "", "reason": "", "message": ""})

    def condition(self, kind: str, name: str, wanted: str) -> str:
        """The status of a condition; empty before it was set."""
        rows = self.status(kind, name).get("conditions", [])
        return next((str(row["status"]) for row in rows if row["type"] == wanted), "")


def push(cluster: ClusterLike, work: Path, version: str, *, application: str = "payments", fails: bool = False) -> str:
    """Package the sample application's chart as ``application`` and push it; the digest of its OCI manifest."""
    folder = work / f"{application}-{version}"
    shutil.copytree(asset("charts/sample-app"), folder, dirs_exist_ok=True)
    meta = yaml.safe_load((folder / "Chart.yaml").read_text())
    (folder / "Chart.yaml").write_text(
        yaml.safe_dump(meta | {"name": application, "version": version, "appVersion": version})
    )
    values = yaml.safe_load((folder / "values.yaml").read_text())
    values.setdefault("test", {})["fail"] = fails
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    subprocess.run(["helm", "package", str(folder), "-d", str(work)], env=cluster.env, check=True, capture_output=True)
    done = subprocess.run(
        [
            "helm",
            "push",
            str(work / f"{application}-{version}.tgz"),
            f"oci://{cluster.registry}/charts",
            "--plain-http",
        ],
        env=cluster.env,
        check=True,
        capture_output=True,
        text=True,
    )
    return next(word for word in (done.stdout + done.stderr).split() if word.startswith("sha256:"))
