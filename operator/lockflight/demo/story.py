"""The story that ``make demo`` tells."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from lockflight.assets import asset
from lockflight.demo.narrator import DemoError, Narrator
from lockflight.devcluster.providers import ClusterLike

STACK = "payments"
SWAPPED = "registry.example/elsewhere@sha256:" + "b" * 64

VALUES: dict[str, Any] = {
    "stack": STACK,
    "environments": [
        {"name": "local", "tier": "Local"},
        {"name": "integration", "tier": "Integration"},
        {
            "name": "system-test",
            "tier": "SystemTest",
            "spec": {"exit": {"verification": [{"name": "smoke", "helmTest": {"timeout": "1m"}}]}},
        },
        {"name": "uat", "tier": "UAT"},
        {
            "name": "production",
            "tier": "Production",
            "spec": {
                "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 2}]}},
                "exit": {
                    "verification": [{"name": "smoke", "helmTest": {"timeout": "1m"}}],
                    "signOffs": [{"role": "business", "count": 1}],
                },
            },
        },
    ],
    "people": {
        "releasers": [{"kind": "Group", "name": "developers"}, {"kind": "User", "name": "robot-ci"}],
        "approvers": {"cab": [{"kind": "Group", "name": "cab"}]},
        "signers": {
            "qa": [{"kind": "Group", "name": "qa"}],
            "business": [{"kind": "Group", "name": "business"}],
        },
        "governors": [{"kind": "Group", "name": "platform"}],
    },
}


def tell(n: Narrator, work: Path) -> None:
    """The whole story. Raises DemoError where it does not go as told."""
    _stack(n)
    charts = _charts(n, work)
    _climb(n, charts)
    _production(n)
    _broken(n, charts)
    _skip(n, charts)
    _swapped(n)
    _board(n)


def _stack(n: Narrator) -> None:
    n.chapter(
        "A platform engineer declares the stack",
        "Five environments, their namespaces, and who may do what. What is not said comes from the tier.",
    )
    n.run(
        "admin",
        [
            "helm",
            "upgrade",
            "--install",
            STACK,
            str(asset("charts/lockflight-stack")),
            "-n",
            "lockflight-system",
            "-f",
            "-",
        ],
        shown="lockflight stack init payments --values > payments.yaml; "
        "helm upgrade --install payments charts/lockflight-stack -n lockflight-system -f payments.yaml",
        stdin=yaml.safe_dump(VALUES),
        quiet=True,
    )
    n.until(
        "the environments to be governed", lambda: _condition(n.get("lfenv", STACK, "production"), "Ready") == "True"
    )
    n.run("jo", ["kubectl", "get", "lfenv", "-n", STACK])


def _charts(n: Narrator, work: Path) -> dict[str, str]:
    n.chapter(
        "CI builds charts and pushes them to the registry",
        "The bytes are named by digest: what passes one gate is what goes through the next.",
    )
    digests = {}
    for version, fails in (("1.0.0", False), ("1.1.0", True), ("1.2.0", False)):
        digests[version] = push(n.cluster, work, version, fails=fails)
        n.because(f"payments {version} is {digests[version][:19]}…" + (" (its test will fail)" if fails else ""))
    return digests


def push(cluster: ClusterLike, work: Path, version: str, *, fails: bool = False) -> str:
    """Package the sample application's chart as ``payments`` and push it; the digest of its OCI manifest."""
    folder = work / f"payments-{version}"
    shutil.copytree(asset("charts/sample-app"), folder, dirs_exist_ok=True)
    meta = yaml.safe_load((folder / "Chart.yaml").read_text())
    (folder / "Chart.yaml").write_text(
        yaml.safe_dump(meta | {"name": STACK, "version": version, "appVersion": version})
    )
    values = yaml.safe_load((folder / "values.yaml").read_text())
    values.setdefault("test", {})["fail"] = fails
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    subprocess.run(["helm", "package", str(folder), "-d", str(work)], env=cluster.env, check=True, capture_output=True)
    done = subprocess.run(
        ["helm", "push", str(work / f"{STACK}-{version}.tgz"), f"oci://{cluster.registry}/charts", "--plain-http"],
        env=cluster.env,
        check=True,
        capture_output=True,
        text=True,
    )
    return next(word for word in (done.stdout + done.stderr).split() if word.startswith("sha256:"))


def _release(n: Narrator, version: str, digests: dict[str, str]) -> str:
    chart = f"oci://{n.cluster.registry}/charts/payments"
    command = [
        "lockflight",
        "-n",
        STACK,
        "release",
        "create",
        "--application",
        STACK,
        "--version",
        version,
        "--chart",
        chart,
        "--digest",
        digests[version],
        "--branch",
        "main",
        "--tag",
        f"v{version}",
    ]
    for kind in ("static-analysis", "unit-tests", "integration-tests"):
        command += ["--evidence", f"{kind}=Passed"]
    n.run("robot-ci", command)
    return f"{STACK}-{version}"


def _climb(n: Narrator, digests: dict[str, str]) -> None:
    n.chapter(
        "Release 1.0.0 climbs to UAT",
        "Below UAT it promotes itself; testers and business sign off with one kubectl command.",
    )
    release = _release(n, "1.0.0", digests)
    _passed(n, f"{release}-integration", "Succeeded")
    _passed(n, f"{release}-system-test", "AwaitingSignOff")
    n.run("jo", ["kubectl", "get", "lfpromo", "-n", STACK])
    _sign(n, "quinn", f"{release}-system-test", "qa")
    n.run("jo", ["lockflight", "-n", STACK, "promote", release, "uat"])
    _passed(n, f"{release}-uat", "AwaitingSignOff")
    _sign(n, "carol", f"{release}-uat", "business")


def _production(n: Narrator) -> None:
    release, promotion = f"{STACK}-1.0.0", f"{STACK}-1.0.0-production"
    n.chapter("Production stays shut: no change names this release", "The promotion waits, and says for what.")
    n.run("jo", ["lockflight", "-n", STACK, "promote", release, "production"])
    n.until("the gates to be shown", lambda: bool(n.get("lfpromo", STACK, promotion).get("status", {}).get("gates")))
    n.run("jo", ["lockflight", "-n", STACK, "why", promotion])

    n.chapter(
        "A freeze begins, and a change is raised", "Nothing moves to production while it lasts, whatever is approved."
    )
    n.run("alice", ["kubectl", "apply", "-f", "-"], shown="kubectl apply -f freeze.yaml", stdin=_freeze())
    n.run("dora", ["kubectl", "apply", "-f", "-"], shown="kubectl apply -f change.yaml", stdin=_change(release))
    n.until("a plan to approve", lambda: bool(n.get("lfchg", STACK, "chg-1042").get("status", {}).get("planDigest")))
    n.run("alice", ["lockflight", "-n", STACK, "diff", "chg-1042"])

    n.chapter(
        "The change board approves with plain kubectl",
        "Who approved is stamped by the API server; nobody can claim to be somebody else.",
    )
    _approve(n, "dora", refused=True)
    n.because("dora sits on the board, but raised this change: four eyes")
    _approve(n, "alice")
    _approve(n, "bob")
    n.until("the approval to be counted", lambda: _condition(n.get("lfchg", STACK, "chg-1042"), "Approved") == "True")
    n.run("bob", ["kubectl", "get", "lfchg", "-n", STACK])
    n.until("the freeze to hold it", lambda: _phase(n, promotion) == "OnHold")
    n.run("jo", ["kubectl", "get", "lfpromo", promotion, "-n", STACK])

    n.chapter(
        "The freeze is lifted",
        "The promotion comes back by itself: gates are judged again from fresh reads, then Helm applies.",
    )
    n.run("alice", ["lockflight", "-n", STACK, "freeze", "lift", "quarter-end", "--reason", "books are closed"])
    _passed(n, promotion, "AwaitingSignOff")
    _sign(n, "carol", promotion, "business")
    n.run("jo", ["kubectl", "get", "lfpromo", promotion, "-n", STACK])


def _approve(n: Narrator, person: str, *, refused: bool = False) -> None:
    patch = json.dumps([{"op": "add", "path": "/status/approvals/-", "value": {"role": "cab", "decision": "Approved"}}])
    command = ["kubectl", "patch", "lfchg", "chg-1042", "-n", STACK, "--subresource=status", "--type=json", "-p", patch]
    n.run(person, command, refused=refused)


def _broken(n: Narrator, digests: dict[str, str]) -> None:
    release = _chapter_release(
        n,
        "1.1.0 fails its verification in system test",
        "The whole bundle goes back to what was verified there last.",
        "1.1.0",
        digests,
    )
    promotion = f"{release}-system-test"
    n.until(f"{promotion} to be rolled back", lambda: _phase(n, promotion) == "RolledBack", 120)
    n.run("jo", ["lockflight", "-n", STACK, "why", promotion])
    n.run("admin", ["helm", "history", "payments-app", "-n", "payments-system-test"])


def _skip(n: Narrator, digests: dict[str, str]) -> None:
    release = _chapter_release(
        n,
        "1.2.0 tries to skip UAT",
        "Order is judged by digest: what was not passed upstream does not enter.",
        "1.2.0",
        digests,
    )
    n.run("jo", ["lockflight", "-n", STACK, "promote", release, "production"])
    promotion = f"{release}-production"
    n.until("its gates", lambda: bool(n.get("lfpromo", STACK, promotion).get("status", {}).get("gates")))
    gate = _gate(n, promotion, "Order")
    if gate.get("outcome") in ("Passed", "NotApplicable"):
        msg = f"Order let {release} skip UAT: {gate}"
        raise DemoError(msg)
    n.run("jo", ["lockflight", "-n", STACK, "why", promotion])


def _swapped(n: Narrator) -> None:
    n.chapter(
        "An environment's values swap the image",
        "Configuration may differ between environments, bytes may not: images must be among those that passed.",
    )
    swap = json.dumps({"spec": {"values": {"image": SWAPPED}}})
    n.run("petra", ["kubectl", "patch", "lfenv", "production", "-n", STACK, "--type=merge", "-p", swap])
    name = f"{STACK}-1.0.0-again"
    manifest = {
        "apiVersion": "lockflight.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"name": name, "namespace": STACK},
        "spec": {"releaseRef": {"name": f"{STACK}-1.0.0"}, "environmentRef": {"name": "production"}},
    }
    n.run("jo", ["kubectl", "create", "-f", "-"], shown="kubectl create -f promotion.yaml", stdin=json.dumps(manifest))
    n.until("the swapped image to be seen", lambda: _gate(n, name, "Artifacts").get("outcome") == "Denied")
    n.run("jo", ["lockflight", "-n", STACK, "why", name])
    n.run(
        "petra",
        [
            "kubectl",
            "patch",
            "lfenv",
            "production",
            "-n",
            STACK,
            "--type=json",
            "-p",
            '[{"op":"remove","path":"/spec/values"}]',
        ],
    )


def _board(n: Narrator) -> None:
    n.chapter("Where everything stands", "The board, and Helm's own word.")
    n.run("jo", ["lockflight", "-n", STACK, "board"])
    n.run("admin", ["helm", "list", "-A", "--filter", "payments-app"])


def _chapter_release(n: Narrator, title: str, why: str, version: str, digests: dict[str, str]) -> str:
    n.chapter(title, why)
    return _release(n, version, digests)


def _sign(n: Narrator, person: str, promotion: str, role: str) -> None:
    patch = json.dumps([{"op": "add", "path": "/status/signOffs/-", "value": {"role": role, "decision": "Approved"}}])
    n.run(
        person,
        ["kubectl", "patch", "lfpromo", promotion, "-n", STACK, "--subresource=status", "--type=json", "-p", patch],
    )
    _passed(n, promotion, "Succeeded")


def _passed(n: Narrator, promotion: str, phase: str) -> None:
    n.until(f"promotion {promotion} to reach {phase}", lambda: _phase(n, promotion) == phase, 120)
    n.because(f"promotion {promotion}: {phase}")


def _phase(n: Narrator, promotion: str) -> str:
    return str(n.get("lfpromo", STACK, promotion).get("status", {}).get("phase", ""))


def _gate(n: Narrator, promotion: str, gate: str) -> dict[str, Any]:
    rows = n.get("lfpromo", STACK, promotion).get("status", {}).get("gates", [])
    return next((row for row in rows if row["name"] == gate), {})


def _condition(obj: dict[str, Any], kind: str) -> str:
    rows = obj.get("status", {}).get("conditions", [])
    return next((str(row["status"]) for row in rows if row["type"] == kind), "")


def _freeze() -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "lockflight.dev/v1alpha1",
            "kind": "FreezeWindow",
            "metadata": {"name": "quarter-end", "namespace": STACK},
            "spec": {
                "reason": "Quarter end",
                "timeZone": "Europe/Berlin",
                "start": "2026-01-01T00:00:00",
                "environments": {"tiers": ["Production"]},
            },
        }
    )


def _change(release: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "lockflight.dev/v1alpha1",
            "kind": "ChangeRequest",
            "metadata": {"name": "chg-1042", "namespace": STACK},
            "spec": {
                "type": "Normal",
                "title": "Payments 1.0.0",
                "reason": "First release to customers",
                "releaseRef": {"name": release},
                "environments": ["production"],
                "risk": {"assessment": "A first release: nobody depends on it yet. Tried in UAT."},
                "rollbackPlan": {"strategy": "Uninstall", "steps": ["helm uninstall payments-app"]},
            },
        }
    )
