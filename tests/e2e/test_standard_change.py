"""A standard change passes without anybody being asked; one that exceeds its pattern waits, and says why."""

from tests.e2e.stack import Stack, eventually

ENVIRONMENTS = [
    {"name": "integration", "tier": "Integration"},
    {
        "name": "production",
        "tier": "Production",
        "spec": {
            "promotesFrom": ["integration"],
            "changeControl": {
                "standard": {"catalogue": [{"role": "cab", "count": 2}]},
                "normal": {"approvals": [{"role": "cab", "count": 1}]},
            },
        },
    },
]


def _standard(stack: Stack, version: str, **values: object) -> str:
    """A release that passed integration, a standard change for it, and its promotion, which is returned."""
    release = stack.release(version, values=values)
    stack.reaches(f"{release}-integration", "Succeeded")
    stack.change(
        f"std-{version}",
        release,
        type="Standard",
        standardChangeRef={"name": "patch-upgrade"},
        rollbackPlan={"strategy": "HelmRollback"},
    )
    return stack.promote(release, "production")


def test_a_standard_change_passes_and_one_that_exceeds_its_pattern_says_so(stack: Stack) -> None:
    stack.install(ENVIRONMENTS)
    first = stack.release("1.0.0")
    stack.reaches(f"{first}-integration", "Succeeded")
    stack.change("chg-1", first)
    stack.approve("chg-1", "alice")
    stack.reaches(stack.promote(first, "production"), "Succeeded")
    pattern = {
        "applications": [stack.name],
        "environments": ["production"],
        # The page in the ConfigMap says the version.
        "kinds": ["Deployment", "ConfigMap"],
    }
    spec = {"title": "Patch upgrade", "pattern": pattern, "validUntil": "2099-12-31"}
    stack.create("StandardChange", "patch-upgrade", spec, person="petra")
    eventually(lambda: stack.status("lfstd", "patch-upgrade").get("planDigest"), "the pattern to be looked at")
    for person in ("alice", "bob"):
        stack.append(person, "lfstd", "patch-upgrade", "approvals", {"role": "cab", "decision": "Approved"})

    stack.reaches(_standard(stack, "1.0.1"), "Succeeded")
    assert stack.status("lfchg", "std-1.0.1")["usedBy"]
    eventually(lambda: stack.status("lfstd", "patch-upgrade").get("used") == 1, "the use to be on record")

    beyond = _standard(stack, "1.0.2", replicas=3)
    message = stack.says(beyond, "StandardPattern", "PatternExceeded")
    assert "values /replicas: pattern.mayChange is empty" in message
    assert message.endswith("raise a normal change")
    assert stack.status("lfpromo", beyond)["phase"] == "Waiting"
