"""The main job: a release climbs through its gates, and what should not get through does not."""

from lockflight.api import reasons
from tests.e2e.stack import IMAGE, OTHER_IMAGE, SMOKE, Stack, eventually

FIVE = [
    {"name": "local", "tier": "Local"},
    {"name": "integration", "tier": "Integration"},
    {"name": "system-test", "tier": "SystemTest", "spec": {"exit": SMOKE}},
    {"name": "uat", "tier": "UAT"},
    {
        "name": "production",
        "tier": "Production",
        "spec": {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 2}]}}},
    },
]
TWO = [
    {"name": "integration", "tier": "Integration"},
    {
        "name": "production",
        "tier": "Production",
        "spec": {"changeControl": {"normal": {"approvals": [{"role": "cab", "count": 1}]}}},
    },
]
ONE = [{"name": "integration", "tier": "Integration"}]


def test_a_release_climbs_from_integration_to_production(stack: Stack) -> None:
    stack.install(FIVE)
    release = stack.release("1.0.0")

    stack.reaches(f"{release}-integration", "Succeeded")
    stack.reaches(f"{release}-system-test", "AwaitingSignOff")
    stack.sign("quinn", f"{release}-system-test", "qa")
    stack.reaches(f"{release}-system-test", "Succeeded")
    uat = stack.promote(release, "uat")
    stack.reaches(uat, "AwaitingSignOff")
    stack.sign("carol", uat, "business")
    stack.reaches(uat, "Succeeded")

    production = stack.promote(release, "production")
    assert "change create" in stack.says(production, "ChangeControl", reasons.NO_CHANGE)
    change = stack.change("chg-1", release)
    stack.approve(change, "alice")
    eventually(lambda: stack.status("lfchg", change).get("approvalsSummary") == "1/2 cab", "one of two approvals")
    assert stack.status("lfpromo", production)["phase"] == "Waiting"
    stack.approve(change, "bob")

    status = stack.reaches(production, "Succeeded")
    assert status["change"] == change
    assert [use["finished"] for use in eventually(lambda: _used(stack, change), "the use to be finished")] == [True]
    assert f"{stack.name}-app" in stack.deployed(f"{stack.name}-production")
    passed = {row["name"] for row in stack.status("lfrel", release)["environments"] if row.get("signedOffAt")}
    assert {"integration", "system-test", "uat", "production"} <= passed


def test_a_failed_verification_takes_the_bundle_back_to_what_was_verified_there(stack: Stack) -> None:
    stack.install([{"name": "integration", "tier": "Integration", "spec": {"exit": SMOKE}}])
    stack.chart("1.0.0", name="api")
    stack.chart("1.0.0", name="web")
    good = stack.release("1.0.0", components=("api", "web"))
    stack.reaches(f"{good}-integration", "Succeeded")

    stack.chart("1.1.0", name="api")
    stack.chart("1.1.0", name="web", fails=True)
    bad = stack.release("1.1.0", components=("api", "web"))

    status = stack.reaches(f"{bad}-integration", "RolledBack")
    assert status["verification"][0]["state"] == "Failed"
    deployed = stack.deployed(f"{stack.name}-integration")
    assert deployed == {f"{stack.name}-api": "api-1.0.0", f"{stack.name}-web": "web-1.0.0"}


def test_a_first_deployment_that_fails_is_uninstalled(stack: Stack) -> None:
    stack.install([{"name": "integration", "tier": "Integration", "spec": {"exit": SMOKE}}])
    stack.chart("1.0.0", fails=True)
    release = stack.release("1.0.0")

    stack.reaches(f"{release}-integration", "RolledBack")
    assert stack.deployed(f"{stack.name}-integration") == {}


def test_nothing_skips_an_environment(stack: Stack) -> None:
    stack.install(FIVE)
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-system-test", "AwaitingSignOff")

    production = stack.promote(release, "production")

    stack.says(production, "Order", reasons.NOT_PASSED)
    assert stack.status("lfpromo", production)["phase"] == "Waiting"
    assert stack.deployed(f"{stack.name}-production") == {}


def test_an_image_swapped_by_an_environments_values_is_refused(stack: Stack) -> None:
    swapped = [TWO[0], {**TWO[1], "spec": {**TWO[1]["spec"], "values": {"image": OTHER_IMAGE}}}]
    stack.install(swapped)
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")

    production = stack.promote(release, "production")

    stack.reaches(production, "Rejected")
    gate = stack.gate(production, "Artifacts")
    assert gate["outcome"] == "Denied"
    assert OTHER_IMAGE in gate["message"]


def test_a_freeze_holds_what_is_approved_until_it_is_lifted(stack: Stack) -> None:
    stack.install(TWO)
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")
    freeze = {
        "reason": "Year end",
        "timeZone": "Europe/Berlin",
        "start": "2020-01-01T00:00:00",
        "environments": {"tiers": ["Production"]},
    }
    stack.create("FreezeWindow", "year-end", freeze, person="alice")
    change = stack.change("chg-1", release)
    production = stack.promote(release, "production")
    stack.approve(change, "alice")

    stack.reaches(production, "OnHold")
    assert "year-end" in stack.gate(production, "Freeze")["message"]

    stack.kubectl(
        "patch", "lffw", "year-end", "--type=merge", "-p", '{"spec":{"lift":{"reason":"done"}}}', person="alice"
    )
    stack.reaches(production, "Succeeded")


def test_a_rejection_ends_the_promotion_and_is_not_a_failure(stack: Stack) -> None:
    stack.install(TWO)
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")
    change = stack.change("chg-1", release)
    production = stack.promote(release, "production")
    stack.approve(change, "alice", decision="Rejected")

    stack.reaches(production, "Rejected")
    # Nothing failed, and yet it never gets there: what waits for it must not go on.
    stalled = stack.condition("lfpromo", production, "Stalled")
    assert (stalled["status"], stalled["reason"]) == (
        "True",
        stack.condition("lfpromo", production, "Succeeded")["reason"],
    )
    eventually(lambda: stack.status("lfchg", change).get("phase") == "Rejected", "the change to be rejected")


def test_a_change_of_configuration_voids_the_approvals(stack: Stack) -> None:
    stack.install(TWO)
    release = stack.release("1.0.0")
    stack.reaches(f"{release}-integration", "Succeeded")
    change = stack.change("chg-1", release)
    before = stack.status("lfchg", change)["planDigest"]
    freeze = {"reason": "hold it", "timeZone": "UTC", "start": "2020-01-01T00:00:00"}
    stack.create("FreezeWindow", "now", freeze, person="alice")
    stack.approve(change, "alice")
    eventually(lambda: stack.condition("lfchg", change, "Approved").get("status") == "True", "the approval to count")

    stack.kubectl(
        "patch", "lfenv", "production", "--type=merge", "-p", '{"spec":{"values":{"message":"other"}}}', person="petra"
    )
    eventually(lambda: stack.status("lfchg", change).get("planDigest") not in (None, before), "another plan")
    eventually(lambda: stack.condition("lfchg", change, "Approved").get("status") != "True", "the approval to be void")


def test_a_newer_release_supersedes_one_that_waits_without_a_change(stack: Stack) -> None:
    stack.install([ONE[0], {"name": "uat", "tier": "UAT"}])
    old = stack.release("1.0.0")
    stack.reaches(f"{old}-integration", "Succeeded")
    freeze = {
        "reason": "hold it",
        "timeZone": "UTC",
        "start": "2020-01-01T00:00:00",
        "environments": {"tiers": ["UAT"]},
    }
    stack.create("FreezeWindow", "now", freeze, person="alice")
    first = stack.promote(old, "uat")
    stack.reaches(first, "OnHold")
    new = stack.release("1.1.0")
    stack.reaches(f"{new}-integration", "Succeeded")

    stack.promote(new, "uat")

    stack.reaches(first, "Superseded")


def test_a_rollback_promotion_needs_no_new_change_while_its_change_is_in_review(stack: Stack) -> None:
    stack.install(TWO)
    old = stack.release("1.0.0")
    stack.reaches(f"{old}-integration", "Succeeded")
    change = stack.change("chg-1", old)
    first = stack.promote(old, "production")
    stack.approve(change, "alice")
    stack.reaches(first, "Succeeded")
    new = stack.release("1.1.0")
    stack.reaches(f"{new}-integration", "Succeeded")
    change = stack.change("chg-2", new, rollbackPlan={"strategy": "HelmRollback"})
    second = stack.promote(new, "production")
    stack.approve(change, "bob")
    stack.reaches(second, "Succeeded")

    back = stack.promote(old, "production", name="back", action="Rollback", changeRequestRef={"name": "chg-2"})

    stack.reaches(back, "Succeeded")
    assert stack.deployed(f"{stack.name}-production") == {f"{stack.name}-app": "app-1.0.0"}


def test_a_component_that_the_next_release_does_not_have_is_removed(stack: Stack) -> None:
    stack.install(ONE)
    stack.chart("1.0.0", name="api")
    stack.chart("1.0.0", name="web")
    both = stack.release("1.0.0", components=("api", "web"))
    stack.reaches(f"{both}-integration", "Succeeded")
    stack.chart("1.1.0", name="api")
    one = stack.release("1.1.0", components=("api",))

    stack.reaches(f"{one}-integration", "Succeeded")
    assert stack.deployed(f"{stack.name}-integration") == {f"{stack.name}-api": "api-1.1.0"}


def test_a_job_verifies(stack: Stack) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "check", "image": IMAGE, "command": ["true"]}]}
    job = {
        "verification": [
            {"name": "regression", "job": {"timeout": "1m", "template": {"spec": {"template": {"spec": pod}}}}}
        ]
    }
    stack.install([{"name": "integration", "tier": "Integration", "spec": {"exit": job}}])
    release = stack.release("1.0.0")

    status = stack.reaches(f"{release}-integration", "Succeeded")
    assert status["verification"][0]["state"] == "Passed"


def _used(stack: Stack, change: str) -> list[dict[str, object]]:
    uses = stack.status("lfchg", change).get("usedBy", [])
    return uses if uses and all(use.get("finished") for use in uses) else []
