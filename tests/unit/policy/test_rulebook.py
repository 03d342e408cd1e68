"""What is said to have changed in a rule, and by whom."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.auditrecord import AuditRecord, record_name
from lockflight.api.common import CREATOR_ANNOTATION, EDITORS_ANNOTATION, Meta
from lockflight.api.freezewindow import FreezeWindow
from lockflight.policy.audit import following, genesis
from lockflight.policy.rulebook import differences, rule_changed, rule_gone, rule_rows
from tests.unit.policy.test_audit import NOW, json_values

objects = st.dictionaries(st.text(max_size=3), json_values, max_size=4)


def freeze(reason: str = "Year end", generation: int = 1, editors: str = "", creator: str = "gov") -> FreezeWindow:
    annotations = {CREATOR_ANNOTATION: creator, EDITORS_ANNOTATION: editors}
    meta = Meta(name="f", namespace="payments", uid="u1", generation=generation, annotations=annotations)
    spec = {"reason": reason, "timeZone": "UTC", "start": "2026-12-18T18:00:00"}
    return FreezeWindow.model_validate({"metadata": meta.model_dump(by_alias=True), "spec": spec})


def sealed(rule: FreezeWindow) -> AuditRecord:
    spec = following("payments", genesis("payments"), rule_changed(rule, None), NOW)
    return AuditRecord(metadata=Meta(name=record_name("payments", 1), namespace="root"), spec=spec)


def patched(old: Any, rows: list[dict[str, Any]]) -> Any:
    """The differences, carried out."""
    for row in rows:
        if row["path"] == "":
            return row["to"]
        *way, last = [s.replace("~1", "/").replace("~0", "~") for s in row["path"].split("/")[1:]]
        place = old
        for step in way:
            place = place[step]
        if "to" in row:
            place[last] = row["to"]
        else:
            del place[last]
    return old


@given(old=objects, new=objects)
def test_the_differences_lead_from_the_old_to_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    rows = list(differences(old, new))
    assert patched(old, rows) == new


@given(objects)
def test_nothing_differs_from_itself(same: dict[str, Any]) -> None:
    assert list(differences(same, same)) == []


@pytest.mark.parametrize(
    ("now", "by"),
    [
        (freeze("x", 2), "gov"),
        (freeze("x", 2, "petra"), "petra"),
        (freeze("x", 3, "petra"), None),
        (freeze("x", 2, "petra\nmallory"), None),
    ],
    ids=["its creator", "the first new editor", "one of several edits", "one of two"],
)
def test_the_editor_is_named_only_where_the_stamps_leave_no_doubt(now: FreezeWindow, by: str | None) -> None:
    entry = rule_changed(now, sealed(freeze()))
    assert entry.by == by
    assert entry.facts["diff"] == [{"path": "/reason", "from": "Year end", "to": "x"}]


def test_whoever_edited_before_may_have_edited_again() -> None:
    entry = rule_changed(freeze("x", 2, "petra"), sealed(freeze(editors="petra")))
    assert entry.by is None
    assert entry.facts["editors"] == ["petra"]


def test_a_rule_that_is_gone_is_sealed_with_what_it_said() -> None:
    before = sealed(freeze())
    entry = rule_gone(before)
    assert entry.facts == {
        "digest": before.spec.facts["digest"],
        "spec": before.spec.facts["spec"],
        "deleted": True,
    }


def test_rules_in_force_are_named_by_digest() -> None:
    (row,) = rule_rows([freeze()])
    assert row == {
        "kind": "FreezeWindow",
        "namespace": "payments",
        "name": "f",
        "uid": "u1",
        "generation": 1,
        "digest": sealed(freeze()).spec.facts["digest"],
    }
