"""Legal holds and restores, as those order them who may; and the one way by which a record leaves the cluster."""

import pytest

from lockflight.policy.archiving import LEGAL_HOLD_PREFIX, RESTORE_PREFIX, order, ordered, orders
from lockflight.policy.audit import Head

from .attacks_archive import HELD
from .world import API, MERGE_PATCH, STACK, RefusedError, World, attempts, digest

HEAD = Head(120, digest("the head"))


def annotate(world: World, who: str, **annotations: str | None) -> dict[str, str]:
    body = {"metadata": {"annotations": annotations}}
    changed = world.send(who, "PATCH", f"/api/v1/namespaces/{STACK}", body, MERGE_PATCH)
    found: dict[str, str] = changed["metadata"].get("annotations") or {}
    return found


def removing(world: World, path: str) -> str:
    """What the operator is told."""
    try:
        world.send("operator", "DELETE", path)
    except RefusedError as refused:
        return refused.message
    return "removed"


def test_who_holds_the_right_orders_a_hold_and_lifts_it(world: World) -> None:
    assert orders(annotate(world, "counsel", **{HELD: "counsel: case 7"})).holds == {"held": "counsel: case 7"}
    assert HELD not in annotate(world, "counsel", **{HELD: None})


def test_who_holds_the_right_orders_a_restore(world: World) -> None:
    key = RESTORE_PREFIX + "ledger"
    found = orders(annotate(world, "counsel", **{key: order("counsel", HEAD)}))
    assert ordered(found.restores["ledger"]) == ("counsel", HEAD)
    annotate(world, "counsel", **{key: None})


def test_a_person_without_orders_changes_other_annotations(world: World) -> None:
    assert annotate(world, "nosy", note="x")["note"] == "x"


def test_the_operator_removes_a_record_unless_it_is_held(world: World) -> None:
    key = LEGAL_HOLD_PREFIX + "held"
    annotate(world, "counsel", **{key: "counsel: case 7"})
    obj = world.record()
    obj["metadata"]["name"] = name = obj["metadata"]["name"].replace("admission-", "held-")
    obj["spec"]["stack"] = "held"
    path = f"{API}/namespaces/{STACK}/auditrecords"
    world.send("operator", "POST", path, obj)
    for _ in attempts("the hold is known"):
        if "a legal hold is on these audit records" in removing(world, f"{path}/{name}?dryRun=All"):
            break
    annotate(world, "counsel", **{key: None})
    for _ in attempts("the hold is known to be lifted"):
        if removing(world, f"{path}/{name}") == "removed":
            break
    with pytest.raises(RefusedError, match="not found"):
        world.send("admin", "GET", f"{path}/{name}")
