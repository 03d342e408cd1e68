"""What is forged is overwritten: names, groups, creator and editors are the API server's to write."""

import pytest

from .world import API, JSON_PATCH, MERGE_PATCH, STACK, World, digest, entry

CREATOR, EDITORS = "lockflight.dev/creator", "lockflight.dev/editors"
GROUPS = "lockflight.dev/creator-groups"


def annotations(world: World, path: str) -> dict[str, str]:
    found: dict[str, str] = world.send("admin", "GET", path)["metadata"].get("annotations", {})
    return found


def test_a_forged_name_is_overwritten(world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry(by="bob"))
    assert [e["by"] for e in world.entries(change)] == ["alice"]


def test_forged_groups_are_overwritten(world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry(groups=["system:masters"]))
    assert [e["groups"] for e in world.entries(change)] == [["cab", "system:authenticated"]]


def test_the_comment_stays(world: World) -> None:
    change = world.planned()
    world.add("alice", change, entry(comment="seen"))
    assert [e["comment"] for e in world.entries(change)] == ["seen"]


@pytest.mark.parametrize("plural", ["changerequests", "promotions", "releases"])
def test_a_forged_creator_is_overwritten(world: World, plural: str) -> None:
    obj = world.manifest(plural)
    forged = {CREATOR: "somebody", EDITORS: "alice\nbob", GROUPS: "cab"}
    obj["metadata"]["annotations"] = {**forged, "kept": "yes"}
    made = world.send("jo", "POST", f"{API}/namespaces/{STACK}/{plural}", obj)
    # Whose word a claim of the release is depends on the groups, too.
    groups = {GROUPS: "developers\nsystem:authenticated"} if plural == "releases" else {}
    found = made["metadata"]["annotations"]
    assert {key: found[key] for key in found if key != GROUPS or groups} == {CREATOR: "jo", "kept": "yes", **groups}


@pytest.mark.parametrize("forged", [None, "somebody"])
def test_a_creator_stripped_or_changed_comes_back(world: World, forged: str | None) -> None:
    change = world.make("changerequests")
    world.send("nosy", "PATCH", change.path, {"metadata": {"annotations": {CREATOR: forged}}}, MERGE_PATCH)
    assert annotations(world, change.path) == {CREATOR: "jo"}


def test_all_annotations_stripped_come_back(world: World) -> None:
    change = world.make("changerequests")
    world.send("joan", "PATCH", change.path, {"spec": {"title": "b"}}, MERGE_PATCH)
    world.send("nosy", "PATCH", change.path, [{"op": "remove", "path": "/metadata/annotations"}], JSON_PATCH)
    assert annotations(world, change.path) == {CREATOR: "jo", EDITORS: "joan"}


def test_an_editor_cannot_leave_the_list_while_editing(world: World) -> None:
    change = world.make("changerequests")
    world.send("joan", "PATCH", change.path, {"spec": {"title": "b"}}, MERGE_PATCH)
    forged = {"metadata": {"annotations": {EDITORS: None}}, "spec": {"title": "c"}}
    world.send("nosy", "PATCH", change.path, forged, MERGE_PATCH)
    assert annotations(world, change.path)[EDITORS] == "joan\nnosy"


def test_a_status_given_at_birth_is_dropped(world: World) -> None:
    obj = world.manifest("changerequests")
    given = entry(by="alice", generation=1, planDigest=digest("x"))
    obj["status"] = {"phase": "Scheduled", "planDigest": digest("x"), "approvals": [given]}
    made = world.send("jo", "POST", f"{API}/namespaces/{STACK}/changerequests", obj)
    empty: dict[str, object] = {"observedGeneration": 0, "submissions": [], "approvals": [], "review": []}
    assert made.get("status", empty) == empty


def test_metadata_in_a_status_patch_is_dropped(world: World) -> None:
    change = world.planned()
    forged = [
        {"op": "add", "path": "/metadata/annotations/lockflight.dev~1creator", "value": "somebody"},
        {"op": "add", "path": "/status/approvals/-", "value": entry()},
    ]
    world.send("alice", "PATCH", change.status, forged, JSON_PATCH)
    assert annotations(world, change.path)[CREATOR] == "jo"
