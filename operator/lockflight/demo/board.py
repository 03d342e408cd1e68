"""The second act: the rules that a change board lives by."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from lockflight.demo.narrator import DemoError, Narrator
from lockflight.demo.steps import Steps

STACK = "cards"

CONTROL: dict[str, Any] = {
    "standard": {"catalogue": [{"role": "cab", "count": 2}]},
    "normal": {"approvals": [{"role": "cab", "count": 1}]},
    "emergency": {
        "approvals": [{"role": "ecab", "count": 1}],
        "severities": ["Sev1"],
        "bypass": ["SignOffs"],
        "ratify": {"approvals": [{"role": "cab", "count": 1}], "within": "72h"},
        "reviewWithin": "120h",
    },
}
PEOPLE = {
    "releasers": [{"kind": "Group", "name": "developers"}, {"kind": "User", "name": "robot-ci"}],
    "approvers": {"cab": [{"kind": "Group", "name": "cab"}], "ecab": [{"kind": "Group", "name": "ecab"}]},
    "signers": {"business": [{"kind": "Group", "name": "business"}]},
    "governors": [{"kind": "Group", "name": "platform"}],
}
PATTERN = {
    "title": "Patch upgrade",
    "pattern": {
        "applications": [STACK],
        "environments": ["production"],
        "versionBump": "Patch",
        "kinds": ["Deployment", "ConfigMap"],
    },
    "maxUses": 20,
    "validUntil": "2099-12-31",
}


def tell(n: Narrator, work: Path) -> None:
    """The whole act. Raises DemoError where it does not go as told."""
    s = Steps(n, STACK, work)
    _first(s)
    _standard(s)
    _beyond(s)
    _emergency(s)
    hotfix = _hotfix(s)
    _without_it(s)
    _late(s, hotfix)
    _recurring(s)


def _values(**follows: object) -> dict[str, Any]:
    """Three environments; ``follows`` names their calendar."""
    uat = {"promotesFrom": ["integration"], **follows}
    production = {"promotesFrom": ["uat"], "changeControl": CONTROL, **follows}
    return {
        "stack": STACK,
        "environments": [
            {"name": "integration", "tier": "Integration"},
            {"name": "uat", "tier": "UAT", "spec": uat},
            {"name": "production", "tier": "Production", "spec": production},
        ],
        "people": PEOPLE,
    }


def _calendar() -> dict[str, Any]:
    """Two-week sprints, the last of which ends tomorrow: scope was cut off two days ago."""
    began = datetime.now(UTC).date() - timedelta(days=12)
    return {
        "timeZone": "UTC",
        "sprint": {"start": f"{began}", "length": "2w"},
        "train": {"sprints": 1, "cutOff": "-3d 00:00", "candidate": "+1d 09:00", "production": "+2d 09:00"},
        "hotfix": {"tiers": ["UAT", "Production"], "approvals": [{"role": "cab"}], "backMergeWithin": "120h"},
    }


def _change(s: Steps, name: str, release: str, *options: str) -> None:
    arguments = ("--release", release, "--environment", "production", "--name", name)
    s.lockflight("jo", "change", "new", *arguments, *options)


def _first(s: Steps) -> None:
    s.n.chapter(
        "Second act: another team, and the change board's rules",
        "cards 1.0.0 is in production, by a normal change that one of the board approved.",
    )
    s.install(_values())
    for version in ("1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.1.0", "1.2.0"):
        s.push(version)
    release = s.release("1.0.0")
    s.passed(f"{release}-integration", "Succeeded")
    s.through_uat(release)
    _change(s, "chg-1", release, "--assessment", "a first release: nobody depends on it yet")
    s.approve("alice", "lfchg", "chg-1")
    s.passed(s.promote(release, "production"), "Succeeded")


def _standard(s: Steps) -> None:
    s.n.chapter(
        "A standard change: the pattern was approved, so nobody is asked again",
        "The board approves a patch upgrade once. What stays within the pattern then passes by itself.",
    )
    s.write("petra", "StandardChange", "patch-upgrade", PATTERN)
    s.planned("lfstd", "patch-upgrade")
    for person in ("alice", "bob"):
        s.approve(person, "lfstd", "patch-upgrade")
    release = s.release("1.0.1")
    s.passed(f"{release}-integration", "Succeeded")
    s.through_uat(release)
    _change(s, "std-1", release, "--standard", "patch-upgrade")
    s.passed(s.promote(release, "production"), "Succeeded")
    s.kubectl("jo", "get", "lfstd")


def _beyond(s: Steps) -> None:
    s.n.chapter(
        "One that exceeds its pattern",
        "What runs is compared with what would run, value by value and object by object.",
    )
    values = s.work / "more.yaml"
    values.write_text(yaml.safe_dump({"replicas": 3}))
    release = s.release("1.0.2", "--values", str(values))
    s.passed(f"{release}-integration", "Succeeded")
    s.through_uat(release)
    _change(s, "std-2", release, "--standard", "patch-upgrade")
    promotion = s.promote(release, "production")
    s.n.because(s.judged(promotion, "StandardPattern", "PatternExceeded"))
    s.lockflight("jo", "change", "cancel", "std-2", "more replicas are a normal change")


def _emergency(s: Steps) -> None:
    s.n.chapter(
        "An emergency: what it skips is owed",
        "INC-77 at night. One command writes everything; one of the emergency board approves; business has not signed.",
    )
    release = s.release("1.0.3")
    s.passed(f"{release}-integration", "Succeeded")
    uat = s.promote(release, "uat")
    s.passed(uat, "AwaitingSignOff")
    s.lockflight("jo", "emergency", "--incident", "INC-77", "deploy", release, "production")
    change, promotion = f"inc-77-{release}-production", f"{release}-production"
    s.lockflight("erin", "approve", change, "--role", "ecab", "--yes")
    s.passed(promotion, "Succeeded")
    _owes(s, change)

    s.n.chapter("The morning after", "The sign-off is made up for, the board ratifies and reviews; then it closes.")
    s.sign("carol", uat, "business")
    s.approve("alice", "lfchg", change)
    said = ("--outcome", "Successful", "--summary", "cause found; the alert comes earlier now")
    s.lockflight("bob", "change", "review", change, "--role", "cab", *said, "--yes")
    s.n.until("the emergency to close", lambda: s.status("lfchg", change).get("phase") == "Closed")
    _owes(s, change)


def _owes(s: Steps, change: str) -> None:
    for row in s.status("lfchg", change).get("debts", []):
        s.n.because(f"{row['gate']}: " + (row.get("settledBy") or f"owed until {row['dueBy']}"))


def _hotfix(s: Steps) -> str:
    s.n.chapter(
        "A hotfix takes the shorter path",
        "The calendar lets a hotfix skip integration and its train, while an approved change says that it is one.",
    )
    s.write("petra", "ReleaseCalendar", "two-weekly", _calendar())
    s.install(_values(calendarRef={"name": "two-weekly"}))
    release = s.release("1.0.4", "--hotfix-of", f"{STACK}-1.0.3")
    promotion = s.promote(release, "uat")
    s.n.because(s.judged(promotion, "Cadence", "TrainNotDue"))
    _change(s, "chg-2", release, "--hotfix", "CARD-512", "--assessment", "one line, tried in UAT")
    s.approve("alice", "lfchg", "chg-2")
    s.passed(promotion, "AwaitingSignOff")
    s.sign("carol", promotion, "business")
    s.passed(s.promote(release, "production"), "Succeeded")
    s.n.until("its back-merge deadline", lambda: s.condition("lfrel", release, "BackMerged") == "False")
    s.kubectl("jo", "get", "lfrel", release)
    return release


def _without_it(s: Steps) -> None:
    s.n.chapter("The next release lacks the hotfix", "Nothing takes out of production what was mended there.")
    promotion = s.promote(s.release("1.1.0"), "production")
    s.n.because(s.judged(promotion, "Version", "HotfixNotIncluded"))


def _late(s: Steps, hotfix: str) -> None:
    s.n.chapter("A late release takes the next train", "Scope was cut off before it came.")
    release = s.release("1.2.0", "--includes", hotfix)
    s.n.until("its train", lambda: bool(s.status("lfrel", release).get("train")))
    promotion = s.promote(release, "production")
    message = s.judged(promotion, "Cadence", "TrainNotDue")
    leaving, its = s.status("lfcal", "two-weekly")["trains"][0]["name"], s.status("lfrel", release)["train"]
    if leaving == its:
        msg = f"{release} came after the cut-off of {leaving} and is on it"
        raise DemoError(msg)
    s.n.because(f"train {leaving} leaves next; {message}")


def _recurring(s: Steps) -> None:
    s.n.chapter(
        "A freeze that comes back every month", "What waits for production is on hold, and comes back by itself."
    )
    now = datetime.now(UTC) - timedelta(hours=1)
    freeze = {
        "reason": "Card settlement",
        "timeZone": "UTC",
        "start": f"{now:%Y-%m-%dT%H}:00:00",
        "recurrence": {"rrule": f"FREQ=MONTHLY;BYMONTHDAY={now.day}", "duration": "48h"},
        "environments": {"tiers": ["Production"]},
        "exempt": {"changeTypes": ["Emergency"], "hotfixes": True},
    }
    s.write("alice", "FreezeWindow", "settlement", freeze)
    s.n.until("it to be held", lambda: s.phase(f"{STACK}-1.2.0-production") == "OnHold")
    s.n.because(s.gate(f"{STACK}-1.2.0-production", "Freeze")["message"])
    s.kubectl("jo", "get", "lffw,lfpromo")
    s.lockflight("jo", "calendar")
