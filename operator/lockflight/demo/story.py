"""The story that ``make demo`` tells."""

import json
from pathlib import Path
from typing import Any

from lockflight.demo import board, proof
from lockflight.demo.narrator import DemoError, Narrator
from lockflight.demo.steps import Steps

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
FREEZE = {
    "reason": "Quarter end",
    "timeZone": "Europe/Berlin",
    "start": "2026-01-01T00:00:00",
    "environments": {"tiers": ["Production"]},
}
CHANGE = {
    "type": "Normal",
    "title": "Payments 1.0.0",
    "reason": "First release to customers",
    "environments": ["production"],
    "risk": {"assessment": "A first release: nobody depends on it yet. Tried in UAT."},
    "rollbackPlan": {"strategy": "Uninstall", "steps": ["helm uninstall payments-app"]},
}


def tell(n: Narrator, work: Path) -> None:
    """The whole story. Raises DemoError where it does not go as told."""
    s = Steps(n, STACK, work)
    _stack(s)
    _charts(s)
    _climb(s)
    _production(s)
    _broken(s)
    _skip(s)
    _swapped(s)
    _end(s)
    board.tell(n, work)
    proof.tell(n, work)


def _stack(s: Steps) -> None:
    s.n.chapter(
        "A platform engineer declares the stack",
        "Five environments, their namespaces, and who may do what. What is not said comes from the tier.",
    )
    s.install(VALUES)
    s.kubectl("jo", "get", "lfenv")


def _charts(s: Steps) -> None:
    s.n.chapter(
        "CI builds charts and pushes them to the registry",
        "The bytes are named by digest: what passes one gate is what goes through the next.",
    )
    for version, fails in (("1.0.0", False), ("1.1.0", True), ("1.2.0", False)):
        digest = s.push(version, fails=fails)
        s.n.because(f"payments {version} is {digest[:19]}…" + (" (its test will fail)" if fails else ""))


def _climb(s: Steps) -> None:
    s.n.chapter(
        "Release 1.0.0 climbs to UAT",
        "Below UAT it promotes itself; testers and business sign off with one kubectl command.",
    )
    release = s.release("1.0.0")
    s.passed(f"{release}-integration", "Succeeded")
    s.passed(f"{release}-system-test", "AwaitingSignOff")
    s.kubectl("jo", "get", "lfpromo")
    s.sign("quinn", f"{release}-system-test", "qa")
    s.through_uat(release)


def _production(s: Steps) -> None:
    release = f"{STACK}-1.0.0"
    s.n.chapter("Production stays shut: no change names this release", "The promotion waits, and says for what.")
    promotion = s.promote(release, "production")
    s.n.until("the gates to be shown", lambda: bool(s.status("lfpromo", promotion).get("gates")))
    s.lockflight("jo", "why", promotion)

    s.n.chapter(
        "A freeze begins, and a change is raised", "Nothing moves to production while it lasts, whatever is approved."
    )
    s.write("alice", "FreezeWindow", "quarter-end", FREEZE)
    s.write("dora", "ChangeRequest", "chg-1042", CHANGE | {"releaseRef": {"name": release}})
    s.planned("lfchg", "chg-1042")
    s.lockflight("alice", "diff", "chg-1042")

    s.n.chapter(
        "The change board approves with plain kubectl",
        "Who approved is stamped by the API server; nobody can claim to be somebody else.",
    )
    s.approve("dora", "lfchg", "chg-1042", refused=True)
    s.n.because("dora sits on the board, but raised this change: four eyes")
    s.approve("alice", "lfchg", "chg-1042")
    s.approve("bob", "lfchg", "chg-1042")
    s.n.until("the approval to be counted", lambda: s.condition("lfchg", "chg-1042", "Approved") == "True")
    s.kubectl("bob", "get", "lfchg")
    s.n.until("the freeze to hold it", lambda: s.phase(promotion) == "OnHold")
    s.kubectl("jo", "get", "lfpromo", promotion)

    s.n.chapter(
        "The freeze is lifted",
        "The promotion comes back by itself: gates are judged again from fresh reads, then Helm applies.",
    )
    s.lockflight("alice", "freeze", "lift", "quarter-end", "--reason", "books are closed")
    s.passed(promotion, "AwaitingSignOff")
    s.sign("carol", promotion, "business")
    s.kubectl("jo", "get", "lfpromo", promotion)


def _broken(s: Steps) -> None:
    s.n.chapter(
        "1.1.0 fails its verification in system test", "The whole bundle goes back to what was verified there last."
    )
    promotion = f"{s.release('1.1.0')}-system-test"
    s.n.until(f"{promotion} to be rolled back", lambda: s.phase(promotion) == "RolledBack", 120)
    s.lockflight("jo", "why", promotion)
    s.n.run("admin", ["helm", "history", "payments-app", "-n", "payments-system-test"])


def _skip(s: Steps) -> None:
    s.n.chapter("1.2.0 tries to skip UAT", "Order is judged by digest: what was not passed upstream does not enter.")
    release = s.release("1.2.0")
    promotion = s.promote(release, "production")
    s.n.until("its gates", lambda: bool(s.status("lfpromo", promotion).get("gates")))
    gate = s.gate(promotion, "Order")
    if gate["outcome"] in ("Passed", "NotApplicable"):
        msg = f"Order let {release} skip UAT: {gate}"
        raise DemoError(msg)
    s.lockflight("jo", "why", promotion)


def _swapped(s: Steps) -> None:
    s.n.chapter(
        "An environment's values swap the image",
        "Configuration may differ between environments, bytes may not: images must be among those that passed.",
    )
    swap = json.dumps({"spec": {"values": {"image": SWAPPED}}})
    s.kubectl("petra", "patch", "lfenv", "production", "--type=merge", "-p", swap)
    name = f"{STACK}-1.0.0-again"
    spec = {"releaseRef": {"name": f"{STACK}-1.0.0"}, "environmentRef": {"name": "production"}}
    s.write("jo", "Promotion", name, spec)
    s.n.until("the swapped image to be seen", lambda: s.gate(name, "Artifacts")["outcome"] == "Denied")
    s.lockflight("jo", "why", name)
    back = '[{"op":"remove","path":"/spec/values"}]'
    s.kubectl("petra", "patch", "lfenv", "production", "--type=json", "-p", back)


def _end(s: Steps) -> None:
    s.n.chapter("Where everything stands", "The board, and Helm's own word.")
    s.lockflight("jo", "board")
    s.n.run("admin", ["helm", "list", "-A", "--filter", "payments-app"])
