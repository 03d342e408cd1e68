"""A chain tells every edit, drop, move and insertion; a whole one is whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditRecordSpec, AuditSubject, record_name
from lockflight.api.common import Meta
from lockflight.policy.audit import AuditEntry, Flaw, Head, following, genesis, hash_of, head_of, verify
from tests.documents import examples

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
STACK = "payments"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
facts = st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=3)


def entry(number: int, content: dict[str, Any] | None = None) -> AuditEntry:
    subject = AuditSubject(kind="Promotion", namespace=STACK, name=f"p{number}", uid=f"uid-{number}")
    return AuditEntry(AuditAction.FINISHED, subject, key="end", by="alice", groups=("cab",), facts=content or {})


def chain(*contents: dict[str, Any], stack: str = STACK) -> list[AuditRecord]:
    """Sealed one after the other."""
    head, records = genesis(stack), []
    for number, content in enumerate(contents):
        spec = following(stack, head, entry(number, content), NOW + timedelta(minutes=number))
        records.append(record(spec))
        head = head_of(spec)
    return records


def record(spec: AuditRecordSpec) -> AuditRecord:
    name = record_name(spec.stack, spec.sequence)
    return AuditRecord(metadata=Meta(name=name, namespace="lockflight-system"), spec=spec)


def changed(one: AuditRecord, **update: Any) -> AuditRecord:
    return one.model_copy(update={"spec": one.spec.model_copy(update=update)})


def flaws(records: list[AuditRecord], **bounds: Head | None) -> list[Flaw]:
    return [finding.flaw for finding in verify(STACK, records, **bounds)]


chains = st.lists(facts, min_size=3, max_size=6).map(lambda contents: chain(*contents))


@given(chains)
def test_what_was_sealed_one_after_the_other_is_whole(records: list[AuditRecord]) -> None:
    assert flaws(records, until=head_of(records[-1].spec)) == []


@given(chains)
def test_it_is_whole_again_when_read_back_from_json(records: list[AuditRecord]) -> None:
    assert flaws([AuditRecord.model_validate_json(one.model_dump_json(by_alias=True)) for one in records]) == []


EDITS: dict[str, Any] = {
    "stack": "other",
    "sequence": 9,
    "at": "2026-12-24T09:00:00Z",
    "action": AuditAction.APPLIED,
    "subject": AuditSubject(kind="Promotion", namespace=STACK, name="p1", uid="another"),
    "key": "another",
    "by": "mallory",
    "groups": ("cab", "ecab"),
    "facts": {"forged": True},
    "previous": "sha256:" + "0" * 64,
    "hash": "sha256:" + "0" * 64,
}


def test_every_field_of_a_record_is_tried() -> None:
    assert EDITS.keys() == AuditRecordSpec.model_fields.keys()


@pytest.mark.parametrize("field", EDITS)
@given(records=chains, data=st.data())
def test_an_edited_record_is_found(field: str, records: list[AuditRecord], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(records) - 1))
    records[place] = changed(records[place], **{field: EDITS[field]})
    assert Flaw.EDITED in flaws(records)


@given(records=chains, data=st.data())
def test_an_edit_with_a_new_hash_breaks_the_link_behind_it(records: list[AuditRecord], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(records) - 2))
    forged = changed(records[place], by="mallory")
    records[place] = changed(forged, hash=hash_of(forged.spec))
    assert flaws(records) == [Flaw.UNLINKED]


@given(records=chains, data=st.data())
def test_a_dropped_record_is_a_gap(records: list[AuditRecord], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(records) - 2))
    gone = records.pop(place)
    (finding,) = verify(STACK, records)
    assert finding.flaw is Flaw.GAP
    assert gone.metadata.name in finding.message


@given(records=chains, data=st.data())
def test_another_order_is_found(records: list[AuditRecord], data: st.DataObject) -> None:
    moved = data.draw(st.permutations(records).filter(lambda order: order != records))
    assert set(flaws(moved)) & {Flaw.GAP, Flaw.OUT_OF_ORDER}


@given(records=chains, data=st.data())
def test_an_inserted_record_is_found(records: list[AuditRecord], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(records) - 1))
    forged = record(following(STACK, head_of(records[place - 1].spec), entry(99), NOW))
    records.insert(place, forged)
    assert Flaw.OUT_OF_ORDER in flaws(records)


@given(records=chains)
def test_a_cut_end_is_found_by_a_checkpoint_kept_elsewhere(records: list[AuditRecord]) -> None:
    known = head_of(records[-1].spec)
    assert flaws(records[:-1]) == []
    assert flaws(records[:-1], until=known) == [Flaw.CUT_OFF]


@given(records=chains, data=st.data())
def test_a_chain_whose_beginning_was_archived_goes_on_from_there(
    records: list[AuditRecord], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(records) - 1))
    assert flaws(records[cut:], after=head_of(records[cut - 1].spec)) == []
    assert flaws(records[cut:])[0] is Flaw.GAP


def test_records_of_another_stack_do_not_fit() -> None:
    other = chain({}, {}, stack="ledger")
    assert {finding.flaw for finding in verify(STACK, other)} == {Flaw.MISNAMED, Flaw.UNLINKED}


def test_a_record_under_another_name_is_found() -> None:
    first, second = chain({}, {})
    renamed = second.model_copy(update={"metadata": first.metadata})
    assert flaws([first, renamed]) == [Flaw.MISNAMED]


def test_the_same_decision_twice_is_found() -> None:
    (first,) = chain({})
    again = record(following(STACK, head_of(first.spec), entry(0), NOW))
    assert flaws([first, again]) == [Flaw.REPEATED]


def test_empty_is_absent_so_that_new_fields_leave_old_hashes_alone() -> None:
    spec = following(STACK, genesis(STACK), replace(entry(1), key="", by=None, groups=(), facts={}), NOW)
    raw = {k: v for k, v in spec.dump().items() if k not in ("key", "groups", "facts")}
    assert hash_of(AuditRecordSpec.model_validate(raw)) == spec.hash


def test_facts_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="canonical JSON"):
        following(STACK, genesis(STACK), entry(1, {"large": 2**60}), NOW)


def test_the_documented_record_has_the_hash_it_shows() -> None:
    (shown,) = [e.obj for e in examples() if e.kind == "AuditRecord" and e.page == "docs/kinds/auditrecord.md"]
    spec = AuditRecordSpec.model_validate(shown["spec"])
    assert hash_of(spec) == spec.hash
