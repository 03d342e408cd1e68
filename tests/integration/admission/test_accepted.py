"""What people and the operator may do, with stock kubectl where people would use it."""

import json
import subprocess
from contextlib import suppress
from typing import Any

import pytest
import yaml

from lockflight.devcluster.providers import ClusterLike

from .world import API, MERGE_PATCH, STACK, TARGET, RefusedError, World, attempts, digest, entry


def kubectl(cluster: ClusterLike, who: str, *args: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["kubectl", "--kubeconfig", str(cluster.kubeconfig(who)), "-n", STACK, *args],
        env=cluster.env,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def append_by_kubectl(cluster: ClusterLike, who: str, kind: str, name: str, field: str, **value: str) -> None:
    patch = json.dumps([{"op": "add", "path": f"/status/{field}/-", "value": value}])
    kubectl(cluster, who, "patch", kind, name, "--subresource=status", "--type=json", "-p", patch)


def test_the_board_approves_with_one_kubectl_command(cluster: ClusterLike, world: World) -> None:
    change = world.planned(plan="first")
    append_by_kubectl(
        cluster, "alice", "lfchg", change.name, "approvals", role="cab", decision="Approved", comment="ok"
    )

    assert world.entries(change) == [
        {
            "role": "cab",
            "decision": "Approved",
            "comment": "ok",
            "by": "alice",
            "groups": ["cab", "system:authenticated"],
            "generation": 1,
            "planDigest": digest("first"),
        }
    ]


def test_a_deputy_and_a_system_of_record_decide_in_the_name_of_others(world: World) -> None:
    change = world.planned()
    world.add("dan", change, entry(onBehalfOf="alice"))
    world.add("relay", change, entry(onBehalfOf="bob"))

    assert [(e["by"], e["onBehalfOf"]) for e in world.entries(change)] == [
        ("dan", "alice"),
        ("system:serviceaccount:admission:relay", "bob"),
    ]


def test_whoever_holds_a_role_hands_it_over_and_takes_it_back(world: World) -> None:
    delegation = world.make("delegations", "alice")
    stored = world.send("admin", "GET", delegation.path)
    assert stored["metadata"]["annotations"] == {
        "lockflight.dev/creator": "alice",
        "lockflight.dev/creator-groups": "cab\nsystem:authenticated",
    }

    revoked = world.send("alice", "PATCH", delegation.path, {"spec": {"revoke": {"reason": "back"}}}, MERGE_PATCH)
    assert revoked["spec"]["revoke"] == {"reason": "back"}


def test_a_tester_signs_off_with_one_kubectl_command(cluster: ClusterLike, world: World) -> None:
    promotion = world.planned("promotions", plan="second")
    append_by_kubectl(cluster, "quinn", "lfpromo", promotion.name, "signOffs", role="qa", decision="Approved")

    (signed,) = world.entries(promotion)
    assert (signed["by"], signed["planDigest"], signed["generation"]) == ("quinn", digest("second"), 1)


def test_a_pipeline_attests_evidence_and_a_person_waives_it(cluster: ClusterLike, world: World) -> None:
    release = world.planned("releases", plan="the bytes")
    world.add("robot", release, {"type": "unit-tests", "result": "Failed"})
    append_by_kubectl(cluster, "quinn", "lfrel", release.name, "evidence", type="unit-tests", result="Passed")
    waiver = {"type": "pen-test", "result": "NotApplicable", "role": "test-lead", "reason": "not reachable"}
    world.add("tess", release, waiver)
    world.add("tess", release, {"type": "pen-test", "result": "Withdrawn", "role": "test-lead"})

    found = world.entries(release)
    assert [(e["by"], e["result"], e["releaseDigest"]) for e in found] == [
        ("system:serviceaccount:admission:robot", "Failed", digest("the bytes")),
        ("quinn", "Passed", digest("the bytes")),
        ("tess", "NotApplicable", digest("the bytes")),
        ("tess", "Withdrawn", digest("the bytes")),
    ]
    assert found[1]["groups"] == ["qa", "system:authenticated"]


def test_evidence_is_taken_while_the_operator_has_not_seen_a_hold_yet(world: World) -> None:
    release = world.planned("releases")
    world.send("jo", "PATCH", release.path, {"spec": {"hold": {"reason": "triage"}}}, MERGE_PATCH)
    world.add("quinn", release, {"type": "unit-tests", "result": "Passed"})
    assert [e["generation"] for e in world.entries(release)] == [2]


def test_the_groups_of_whoever_creates_a_release_are_kept(world: World) -> None:
    release = world.make("releases", "tess")
    forged = {"metadata": {"annotations": {"lockflight.dev/creator-groups": "pipelines"}}}
    world.send("tess", "PATCH", release.path, forged, MERGE_PATCH)
    stored = world.send("admin", "GET", release.path)
    assert stored["metadata"]["annotations"]["lockflight.dev/creator-groups"] == "developers\nqa\nsystem:authenticated"


def test_whoever_says_which_plan_was_seen_is_taken_at_the_word(world: World) -> None:
    change = world.planned(plan="seen")
    world.add("alice", change, entry(planDigest=digest("seen"), generation=1))
    assert len(world.entries(change)) == 1


def test_two_people_approve_and_one_takes_it_back(world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry())
    world.add("bob", change, entry())
    world.add("alice", change, entry(decision="Withdrawn", comment="saw the test report"))
    assert [(e["by"], e["decision"]) for e in world.entries(change)] == [
        ("alice", "Approved"),
        ("bob", "Approved"),
        ("alice", "Withdrawn"),
    ]


def test_the_creator_may_still_reject(world: World) -> None:
    change = world.planned(who="joan")
    world.add("joan", change, entry(decision="Rejected"))
    assert [e["decision"] for e in world.entries(change)] == ["Rejected"]


def test_an_edit_starts_a_generation_that_can_be_approved_anew(world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry())
    world.send("jo", "PATCH", change.path, {"spec": {"title": "Payments 2.4.0, again"}}, MERGE_PATCH)
    world.plan(change, "new plan", generation=2)
    world.add("alice", change, entry())
    assert [(e["generation"], e["planDigest"]) for e in world.entries(change)] == [
        (1, digest("the plan")),
        (2, digest("new plan")),
    ]


def test_server_side_apply_adds_an_entry_when_it_repeats_the_others(cluster: ClusterLike, world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry())
    head = {"apiVersion": "lockflight.dev/v1alpha1", "kind": "ChangeRequest", "metadata": {"name": change.name}}
    body = yaml.safe_dump({**head, "status": {"approvals": [*world.entries(change), entry(comment="by apply")]}})
    kubectl(
        cluster, "bob", "apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-", stdin=body
    )  # fmt: skip
    assert [e["by"] for e in world.entries(change)] == ["alice", "bob"]


def test_the_operator_writes_around_peoples_lists(world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry())
    world.observe(change, phase="Scheduled", waitsFor="1 of 2 approvals", inUse=True)
    assert [e["by"] for e in world.entries(change)] == ["alice"]


def test_creator_and_editors_are_stamped_and_cause_no_drift(cluster: ClusterLike, world: World) -> None:
    manifest = yaml.safe_dump(world.manifest("changerequests", "gitops"))

    def applied() -> dict[str, Any]:
        kubectl(cluster, "jo", "apply", "--server-side", "-f", "-", stdin=manifest)
        metadata: dict[str, Any] = json.loads(kubectl(cluster, "jo", "get", "lfchg", "gitops", "-o", "json"))[
            "metadata"
        ]
        return metadata

    assert applied()["annotations"] == {"lockflight.dev/creator": "jo"}
    # The second write stores the defaults of status; from then on there is nothing to write.
    assert applied()["resourceVersion"] == applied()["resourceVersion"]


def test_every_editor_is_named_once(world: World) -> None:
    change = world.make("changerequests")
    for who, title in (("joan", "a"), ("nosy", "b"), ("joan", "c"), ("jo", "d")):
        world.send(who, "PATCH", change.path, {"spec": {"title": title}}, MERGE_PATCH)
    annotations = world.send("admin", "GET", change.path)["metadata"]["annotations"]
    assert annotations == {"lockflight.dev/creator": "jo", "lockflight.dev/editors": "joan\nnosy"}


def test_labels_and_annotations_make_no_editor(world: World) -> None:
    change = world.make("changerequests")
    world.send("joan", "PATCH", change.path, {"metadata": {"labels": {"team": "a"}}}, MERGE_PATCH)
    assert world.send("admin", "GET", change.path)["metadata"]["annotations"] == {"lockflight.dev/creator": "jo"}


@pytest.mark.parametrize("plural", ["changerequests", "promotions", "releases"])
def test_what_is_not_in_use_can_be_deleted(world: World, plural: str) -> None:
    thing = world.make(plural)
    world.send("nosy", "DELETE", thing.path)
    with pytest.raises(RefusedError, match="not found"):
        world.send("admin", "GET", thing.path)


def test_the_operator_promotes_by_itself(world: World) -> None:
    promotion = world.make("promotions", who="operator")
    annotations = world.send("admin", "GET", promotion.path)["metadata"]["annotations"]
    assert annotations == {"lockflight.dev/creator": "system:serviceaccount:lockflight-system:lockflight"}


def test_the_board_declares_a_freeze_and_lifts_it(cluster: ClusterLike, world: World) -> None:
    freeze = world.make("freezewindows", who="alice")
    kubectl(cluster, "bob", "patch", "lffw", freeze.name, "--type=merge", "-p", '{"spec":{"lift":{"reason":"fixed"}}}')
    assert world.send("admin", "GET", freeze.path)["spec"]["lift"] == {"reason": "fixed"}


@pytest.mark.parametrize("who", ["gov", "super", "admin"])
def test_whoever_holds_govern_changes_the_rules(world: World, who: str) -> None:
    environment = world.make("environments", who=who)
    world.send(who, "PATCH", environment.path, {"spec": {"soak": "1h"}}, MERGE_PATCH)
    freeze = world.make("freezewindows", who=who)
    world.send(who, "PATCH", freeze.path, {"spec": {"end": "2030-12-20T00:00:00"}}, MERGE_PATCH)
    calendar = world.make("releasecalendars", who=who)
    world.send(who, "PATCH", calendar.path, {"spec": {"train": {"cutOff": "-5bd 12:00"}}}, MERGE_PATCH)
    for thing in (environment, freeze, calendar):
        world.send(who, "DELETE", thing.path)


def test_high_risk_is_approved_by_who_names_the_plan_and_rejected_by_anybody(world: World) -> None:
    change = world.planned()
    world.observe(change, planDigestDemanded=True)
    world.add("alice", change, entry(planDigest=digest("the plan")))
    world.add("bob", change, entry(decision="Rejected"))
    assert [e["planDigest"] for e in world.entries(change)] == [digest("the plan")] * 2


def test_the_board_approves_a_pattern_that_a_governor_wrote(cluster: ClusterLike, world: World) -> None:
    pattern = world.planned("standardchanges", who="gov")
    append_by_kubectl(cluster, "alice", "lfstd", pattern.name, "approvals", role="cab", decision="Approved")
    (given,) = world.entries(pattern)
    assert (given["by"], given["generation"], given["planDigest"]) == ("alice", 1, digest("the plan"))
    world.send("gov", "PATCH", pattern.path, {"spec": {"title": "More"}}, MERGE_PATCH)
    with pytest.raises(RefusedError, match="there is no plan yet for generation 2"):
        world.add("bob", pattern, entry())


@pytest.mark.parametrize(
    ("short", "plural"), [("lfenv", "environments"), ("lffw", "freezewindows"), ("lfcal", "releasecalendars")]
)
def test_the_board_approves_a_rule_and_again_after_an_edit(
    cluster: ClusterLike, world: World, short: str, plural: str
) -> None:
    rule = world.planned(plural, who="gov")
    append_by_kubectl(cluster, "alice", short, rule.name, "approvals", role="cab", decision="Approved")
    edit = {"freezewindows": {"reason": "More"}, "releasecalendars": {"timeZone": "Europe/Berlin"}}
    world.send("maker", "PATCH", rule.path, {"spec": edit.get(plural, {"soak": "1h"})}, MERGE_PATCH)
    with pytest.raises(RefusedError, match="there is no plan yet for generation 2"):
        world.add("bob", rule, entry())
    world.plan(rule, "as it is now", generation=2)
    world.add("bob", rule, entry(planDigest=digest("as it is now")))
    assert [(e["by"], e["generation"], e["planDigest"]) for e in world.entries(rule)] == [
        ("alice", 1, digest("the plan")),
        ("bob", 2, digest("as it is now")),
    ]
    found = world.send("admin", "GET", rule.path)["metadata"]["annotations"]
    assert (found["lockflight.dev/creator"], found.get("lockflight.dev/editors")) == ("gov", "maker")


def test_the_list_of_a_rule_has_room_for_many_edits(world: World) -> None:
    rule = world.planned("environments", who="gov")
    for number in range(40):
        world.send("gov", "PATCH", rule.path, {"spec": {"soak": f"{number + 1}h"}}, MERGE_PATCH)
        world.plan(rule, generation=number + 2)
        world.add("alice", rule, entry())
    assert len(world.entries(rule)) == 40


def test_a_freeze_that_is_over_and_approved_as_it_is_may_go(world: World) -> None:
    freeze = world.make("freezewindows", who="gov")
    approved = {
        "type": "Approved",
        "status": "True",
        "reason": "CountsAtOnce",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-24T12:00:00Z",
    }
    board = {"approvals": [{"role": "cab", "count": 2}]}
    world.observe(freeze, governance=board, phase="Ended", conditions=[approved])
    world.send("gov", "DELETE", freeze.path)


def test_whoever_may_read_a_secret_has_an_environment_read_it(cluster: ClusterLike, world: World) -> None:
    role = ["create", "role", "reads-passwords", "--verb=get", "--resource=secrets", "--resource-name=passwords"]
    cluster.kubectl("-n", STACK, *role)
    cluster.kubectl("-n", STACK, "create", "rolebinding", "reads-passwords", "--role=reads-passwords", "--user=maker")
    sources = [{"kind": "Secret", "name": "passwords"}, {"kind": "ConfigMap", "name": "settings"}]
    for _ in attempts("maker may read it"):
        with suppress(RefusedError):
            environment = world.make("environments", "maker", valuesFrom=sources)
            break
    # What it reads already is nobody's question any more.
    world.send("gov", "PATCH", environment.path, {"spec": {"soak": "2h"}}, MERGE_PATCH)
    cluster.kubectl("-n", STACK, "delete", "role,rolebinding", "reads-passwords")


def test_the_probe_asks_where_nothing_is_guarded(world: World) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "asked"}}
    path = f"/api/v1/namespaces/{STACK}/configmaps"
    world.send("admin", "POST", f"{path}?dryRun=All", body, as_user="lockflight:probe")
    with pytest.raises(RefusedError, match="only asks whether a guard holds"):
        world.send("admin", "POST", path, body, as_user="lockflight:probe")


@pytest.mark.parametrize("who", ["super", "admin"])
def test_administrators_bind_namespaces(world: World, who: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": f"bound-{who}", "labels": {"lockflight.dev/stack": "x"}},
    }
    world.send(who, "POST", "/api/v1/namespaces", body)
    world.send(who, "DELETE", f"/api/v1/namespaces/bound-{who}")


def test_namespaces_of_others_are_nobodys_business(world: World) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "free", "labels": {"a": "b"}}}
    world.send("nosy", "POST", "/api/v1/namespaces", body)
    world.send("nosy", "PATCH", "/api/v1/namespaces/free", {"metadata": {"labels": {"a": "c"}}}, MERGE_PATCH)
    world.send("nosy", "DELETE", "/api/v1/namespaces/free")


def test_other_labels_of_a_bound_namespace_stay_free(world: World) -> None:
    world.send("nosy", "PATCH", f"/api/v1/namespaces/{TARGET}", {"metadata": {"labels": {"team": "a"}}}, MERGE_PATCH)


def test_a_namespace_goes_with_what_is_in_use_in_it(cluster: ClusterLike, world: World) -> None:
    other = world.elsewhere("admission-doomed")
    cluster.kubectl("create", "namespace", other.namespace)
    release = other.make("releases", who="admin")
    other.observe(release, inUse=True)
    cluster.kubectl("delete", "namespace", other.namespace, "--timeout=50s")
    with pytest.raises(RefusedError, match="not found"):
        world.send("admin", "GET", f"{API}/namespaces/{other.namespace}/releases/{release.name}")


def test_a_person_puts_forward_what_a_robot_wrote_and_another_approves(cluster: ClusterLike, world: World) -> None:
    change = world.planned(who="operator")
    append_by_kubectl(cluster, "jo", "lfchg", change.name, "submissions", role="requester")
    world.add("alice", change, entry())

    (submitted,) = world.send("admin", "GET", change.path)["status"]["submissions"]
    assert (submitted["by"], submitted["generation"]) == ("jo", 1)
    assert [e["by"] for e in world.entries(change)] == ["alice"]


def test_the_board_reviews_with_one_kubectl_command(cluster: ClusterLike, world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry())
    world.observe(change, phase="Review", inUse=True)
    said = {"role": "cab", "outcome": "WithIssues", "summary": "slow at first"}
    append_by_kubectl(cluster, "alice", "lfchg", change.name, "review", **said)

    (given,) = world.send("admin", "GET", change.path)["status"]["review"]
    assert given == {**said, "by": "alice", "groups": ["cab", "system:authenticated"], "generation": 1}


def test_the_board_accepts_what_an_emergency_owes_with_its_review(world: World) -> None:
    incident = {"id": "INC-77", "severity": "Sev1", "openedAt": "2026-11-24T12:00:00Z"}
    change = world.planned(type="Emergency", incident=incident)
    world.add("erin", change, entry("ecab"))
    world.observe(change, phase="Review", inUse=True)
    said = {"role": "cab", "outcome": "Successful", "summary": "tried by hand", "accepts": ["Evidence", "Soak"]}
    world.append("alice", change, "review", said)
    # The board ratifies what is done.
    world.add("alice", change, entry())

    found = world.send("admin", "GET", change.path)["status"]
    assert found["review"][0]["accepts"] == ["Evidence", "Soak"]
    assert [(e["role"], e["by"]) for e in found["approvals"]] == [("ecab", "erin"), ("cab", "alice")]


def test_the_operator_records_what_nobody_permitted(world: World) -> None:
    incident = {"id": "INC-77", "severity": "Sev1", "openedAt": "2026-11-24T12:00:00Z"}
    mark = {"application": "payments"}
    record = world.make("changerequests", who="operator", type="Emergency", unauthorised=mark, releaseRef=None)
    world.send("jo", "PATCH", record.path, {"spec": {"incident": incident}}, MERGE_PATCH)
    assert world.send("admin", "GET", record.path)["spec"]["unauthorised"] == mark
