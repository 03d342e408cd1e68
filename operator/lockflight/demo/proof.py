"""The third act: what a release is let in on, and what happens to it once it runs."""

import json
from pathlib import Path
from typing import Any

from lockflight.demo.narrator import Narrator
from lockflight.demo.steps import Steps

STACK = "ledger"

BELOW_UAT = ("static-analysis", "unit-tests")
PEOPLE = {
    "releasers": [{"kind": "Group", "name": "developers"}, {"kind": "User", "name": "robot-ci"}],
    "approvers": {"cab": [{"kind": "Group", "name": "cab"}]},
    "signers": {"business": [{"kind": "Group", "name": "business"}]},
    "attesters": {kind: [{"kind": "User", "name": "robot-ci"}] for kind in BELOW_UAT},
    "governors": [{"kind": "Group", "name": "platform"}],
}
SMOKE = {"verification": [{"name": "smoke", "helmTest": {"timeout": "1m"}}]}
VALUES: dict[str, Any] = {
    "stack": STACK,
    "applications": [STACK],
    "environments": [
        {
            "name": "integration",
            "tier": "Integration",
            "spec": {"exit": SMOKE, "values": {"message": "Only a test"}},
        },
        {"name": "uat", "tier": "UAT", "spec": {"promotesFrom": ["integration"], "values": {"replicas": 2}}},
        {
            "name": "production",
            "tier": "Production",
            "spec": {
                "promotesFrom": ["uat"],
                "values": {"replicas": 3},
                "changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}},
                "drift": {"mode": "Detect", "interval": "1m"},
            },
        },
    ],
    "people": PEOPLE,
}


def tell(n: Narrator, work: Path) -> None:
    """The whole act. Raises DemoError where it does not go as told."""
    s = Steps(n, STACK, work)
    first = _evidence(s)
    _outlook(s, first)
    _configuration(s, first)
    _data(s)
    _second(s)
    _needs(s)
    _drift(s)
    _back(s)
    _documents(s, first)


def _evidence(s: Steps) -> str:
    s.n.chapter(
        "Third act: evidence comes after the fact",
        "The ledger team's CI creates the release first and attests when its tests are through.",
    )
    s.install(VALUES)
    auditor = ["--clusterrole=lockflight-auditor", "--group=platform", "-n", "lockflight-system"]
    s.n.run("admin", ["kubectl", "create", "rolebinding", "platform-reads", *auditor])
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        s.push(version)
    release = s.release("1.0.0", "--scope", "LED-17=Balances per day", evidence=())
    promotion = f"{release}-integration"
    s.n.because(s.judged(promotion, "Evidence", "EvidenceMissing"))
    report = _junit(s.work)
    s.lockflight("jo", "attest", release, "--junit", str(report), refused=True)
    s.lockflight("robot-ci", "attest", release, "--junit", str(report))
    s.lockflight("robot-ci", "attest", release, "--sarif", str(_sarif(s.work)))
    s.passed(promotion, "Succeeded")
    return release


def _outlook(s: Steps, release: str) -> None:
    s.n.chapter("How long will it take?", "The very gates are asked at later times, as if people acted now.")
    s.lockflight("petra", "plan", release, "--to", "production")


def _configuration(s: Steps, release: str) -> None:
    s.n.chapter("Where does this value come from?", "Values are layered; each one tells its source.")
    s.through_uat(release)
    s.lockflight("petra", "values", release, "--env", "uat")
    _into_production(s, release, "chg-1")
    s.lockflight("petra", "compare", "uat", "production")


def _data(s: Steps) -> None:
    s.n.chapter(
        "Customers' data does not leave production", "What a release brings is declared, and part of its digest."
    )
    chart = {"oci": f"oci://{s.n.cluster.registry}/charts/{STACK}", "version": "1.1.0", "digest": s.digests["1.1.0"]}
    component = {"name": "app", "chart": chart, "data": [{"name": "ledger-copy", "class": "Production"}]}
    release, promotion = f"{STACK}-1.1.0-copy", f"{STACK}-1.1.0-copy-integration"
    source = {"branch": "main", "tag": "v1.1.0"}
    s.write(
        "robot-ci",
        "Release",
        release,
        {"application": STACK, "version": "1.1.0-copy", "source": source, "components": [component]},
    )
    s.n.because(s.judged(promotion, "DataPolicy", "DataClassNotAllowed"))


def _second(s: Steps) -> None:
    s.n.chapter("1.1.0 follows into production", "The same gates, the same bytes everywhere.")
    release = s.release("1.1.0", "--scope", "LED-21=Month-end totals", evidence=BELOW_UAT)
    s.passed(f"{release}-integration", "Succeeded")
    s.through_uat(release)
    _into_production(s, release, "chg-2")


def _needs(s: Steps) -> None:
    s.n.chapter(
        "A release that needs another application", "It waits until that one runs, verified, in the same environment."
    )
    release = s.release("1.2.0", "--requires", "rates=>=2.0.0", evidence=BELOW_UAT)
    s.n.because(s.judged(f"{release}-integration", "Requires", "RequirementMissing"))


def _drift(s: Steps) -> None:
    target = f"{STACK}-production"
    s.n.chapter(
        "Somebody scales production by hand at night",
        "Only through broken glass, which is recorded. What runs is compared with what was promoted, field by field.",
    )
    _firefighters(s, target)
    scale = ["kubectl", "scale", "deployment/ledger-app", "--replicas=7", "-n", target]
    s.n.run("gus", scale, refused=True)
    s.lockflight("ines", "guard", "open", target, "--reason", "INC-91: month-end is slow")
    s.n.until("the glass to be open", lambda: s.n.succeeds("gus", [*scale, "--dry-run=server"]))
    s.n.run("gus", scale)
    s.lockflight("ines", "guard", "close", target)
    s.n.until("the drift to be seen", lambda: bool(s.status("lfenv", "production").get("drift")), 150)
    s.lockflight("jo", "drift", "show", "production")


def _back(s: Steps) -> None:
    s.n.chapter(
        "Back to what was verified",
        "The way back was approved with the change: it needs none of its own, and it puts the replicas back, too.",
    )
    said = s.lockflight("jo", "rollback", STACK, "--env", "production")
    promotion = said.split("/", 1)[1].split()[0]
    s.passed(promotion, "Succeeded")
    s.n.until("the drift to be gone", lambda: not s.status("lfenv", "production").get("drift"), 150)
    s.kubectl("jo", "get", "lfenv")


def _firefighters(s: Steps, target: str) -> None:
    job, may = "lockflight-incident-manager", ["--clusterrole=edit", "--group=lockflight-break-glass"]
    s.n.run("admin", ["kubectl", "create", "clusterrolebinding", job, f"--clusterrole={job}", "--group=incident"])
    s.n.run("admin", ["kubectl", "create", "rolebinding", "firefighters", *may, "-n", target])


def _documents(s: Steps, release: str) -> None:
    s.n.chapter("What the auditor gets", "From the objects and the audit trail alone.")
    s.lockflight("petra", "report", "release", release, "--file", str(s.work / "ledger-1.0.0.pdf"))
    s.lockflight("petra", "report", "environment", "production")


def _into_production(s: Steps, release: str, change: str) -> None:
    arguments = ("--release", release, "--environment", "production", "--name", change)
    s.lockflight("jo", "change", "new", *arguments, "--assessment", "tried in UAT")
    s.approve("alice", "lfchg", change)
    s.passed(s.promote(release, "production"), "Succeeded")


def _junit(work: Path) -> Path:
    path = work / "junit.xml"
    path.write_text('<testsuite name="ledger" tests="1"><testcase classname="ledger" name="balances"/></testsuite>\n')
    return path


def _sarif(work: Path) -> Path:
    path = work / "lint.sarif"
    run = {"tool": {"driver": {"name": "lint"}}, "results": []}
    path.write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    return path
