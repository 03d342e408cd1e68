"""A hotfix goes by the calendar's shorter path while a change says so; the next release must contain it."""

import re
from datetime import UTC, datetime

from lockflight.api import reasons
from tests.e2e.stack import EVIDENCE, Stack, eventually

FOLLOWS = {"calendarRef": {"name": "yearly"}}


def _environments(**follows: object) -> list[dict[str, object]]:
    control = {"normal": {"approvals": [{"role": "cab", "count": 1}]}}
    return [
        {"name": "integration", "tier": "Integration"},
        {"name": "uat", "tier": "UAT", "spec": {"promotesFrom": ["integration"], **follows}},
        {
            "name": "production",
            "tier": "Production",
            "spec": {"promotesFrom": ["uat"], "changeControl": control, **follows},
        },
    ]


def _calendar(stack: Stack) -> None:
    """The next train is far away; a hotfix skips integration."""
    spec = {
        "timeZone": "UTC",
        "sprint": {"start": f"{datetime.now(UTC).date()}"},
        "train": {"sprints": 26},
        "hotfix": {"tiers": ["UAT", "Production"], "approvals": [{"role": "cab"}], "backMergeWithin": "120h"},
    }
    stack.create("ReleaseCalendar", "yearly", spec, person="petra")


def _said(stack: Stack, *arguments: str, person: str = "jo") -> str:
    done = stack.lockflight(*arguments, person=person)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _through_uat(stack: Stack, release: str) -> None:
    promotion = stack.promote(release, "uat")
    stack.reaches(promotion, "AwaitingSignOff")
    stack.sign("carol", promotion, "business")
    stack.reaches(promotion, "Succeeded")


def test_a_hotfix_by_the_shorter_path_and_a_later_release_without_it(stack: Stack) -> None:
    stack.install(_environments())
    running = stack.release("1.0.0")
    stack.reaches(f"{running}-integration", "Succeeded")
    _through_uat(stack, running)
    stack.change("chg-1", running)
    stack.approve("chg-1", "alice")
    stack.reaches(stack.promote(running, "production"), "Succeeded")
    _calendar(stack)
    stack.install(_environments(**FOLLOWS))

    place, digest = stack.chart("1.0.1")
    evidence = [word for kind in EVIDENCE for word in ("--evidence", f"{kind}=Passed")]
    _said(
        stack, "release", "create", "--application", stack.name, "--version", "1.0.1", "--hotfix-of", running,
        "--component", f"app={place}:1.0.1@{digest}", "--branch", "main", "--tag", "v1.0.1", *evidence,
    )  # fmt: skip
    fix = f"{stack.name}-1.0.1"
    promotion = stack.promote(fix, "uat")
    # The type alone gains nothing.
    message = stack.says(promotion, "Cadence", reasons.TRAIN_NOT_DUE)
    assert "no hotfix that goes without it: no open change says" in message
    _said(
        stack, "change", "new", "--release", fix, "--environment", "production", "--hotfix", "PAY-512",
        "--assessment", "one line", "--name", "chg-2",
    )  # fmt: skip
    _said(stack, "approve", "chg-2", "--role", "cab", "--yes", person="alice")
    stack.reaches(promotion, "AwaitingSignOff")
    assert "a hotfix, which calendar" in stack.gate(promotion, "Cadence")["message"]
    assert stack.gate(promotion, "Order")["message"].endswith(
        "spared integration as a hotfix: change chg-2 (PAY-512), approved by alice"
    )
    stack.sign("carol", promotion, "business")
    stack.reaches(promotion, "Succeeded")
    stack.reaches(stack.promote(fix, "production"), "Succeeded")
    message = stack.becomes("lfrel", fix, "BackMerged", reasons.BACK_MERGE_DUE)
    assert re.search(r"merge it by \d{4}-\d\d-\d\d", message)

    later = stack.release("1.1.0")
    refused = stack.promote(later, "production")
    stack.reaches(refused, "Rejected")
    assert stack.gate(refused, "Version")["reason"] == reasons.HOTFIX_NOT_INCLUDED
    whole = stack.release("1.2.0", includes=[fix])
    stack.becomes("lfrel", fix, "BackMerged", reasons.MERGED)
    held = stack.promote(whole, "production")
    eventually(lambda: stack.gate(held, "Version").get("reason") == reasons.PASSED, "gate Version to pass")
