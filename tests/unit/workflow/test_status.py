"""What is written of a status: what changed, and never what people wrote."""

from typing import Any

import pytest

from lockflight.workflow.status import PEOPLES_LISTS, difference, write
from tests.fakes import FakeCluster
from tests.unit.policy.builders import approval, change, promotion, release
from tests.unit.workflow.deps import make_deps

_MERGES = [
    ({"a": 1}, {"a": 1}, {}),
    ({}, {"a": 1}, {"a": 1}),
    ({"a": 1}, {}, {"a": None}),
    ({}, {"a": []}, {}),
    ({"a": [1]}, {"a": []}, {"a": []}),
    ({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}}, {"a": {"x": 3, "y": None}}),
    ({"a": {"x": 1}}, {"a": None}, {"a": None}),
    ({"a": [1, 2]}, {"a": [2]}, {"a": [2]}),
]


@pytest.mark.parametrize(("old", "new", "patch"), _MERGES)
def test_the_patch_names_what_changed(old: dict[str, Any], new: dict[str, Any], patch: dict[str, Any]) -> None:
    assert difference(old, new) == patch


@pytest.mark.parametrize("people", sorted(PEOPLES_LISTS))
def test_peoples_lists_are_never_named(people: str) -> None:
    assert difference({people: [1]}, {people: [1, 2], "phase": "New"}) == {"phase": "New"}
    assert difference({people: [1]}, {}) == {}


def test_every_list_that_people_write_is_known() -> None:
    """Their entries carry who wrote them; nothing the operator writes does."""
    lists = set()
    for obj in (change(), promotion(), release()):
        properties = type(obj.status).model_json_schema(by_alias=True)
        for name, field in properties["properties"].items():
            entry = str(field.get("items", {}).get("$ref", "")).rpartition("/")[2]
            if "by" in properties.get("$defs", {}).get(entry, {}).get("properties", {}):
                lists.add(name)
    assert lists == PEOPLES_LISTS


async def test_an_entry_written_meanwhile_survives_an_unguarded_write() -> None:
    cluster = FakeCluster()
    deps = make_deps(cluster=cluster)
    read = cluster.put(change(approvals=()))
    raw = read.dump()
    raw["status"]["approvals"] = [approval("alice@example").dump()]
    cluster.put(raw)
    await write(deps, read, read.status.model_copy(update={"waits_for": "somebody"}))
    status = cluster.raw("ChangeRequest", "payments", "chg-1042")["status"]
    assert (status["waitsFor"], [a["by"] for a in status["approvals"]]) == ("somebody", ["alice@example"])


async def test_nothing_changed_is_no_request() -> None:
    cluster = FakeCluster()
    read = cluster.put(promotion())
    assert await write(make_deps(cluster=cluster), read, read.status, guarded=True) == read
    assert cluster.requests == []
