"""An evidence pack verifies without a cluster, and nothing in it can be changed unseen."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.auditrecord import AuditAction, AuditRecord, AuditSubject, record_name
from lockflight.api.common import Meta
from lockflight.policy.audit import AuditEntry, Flaw, following, genesis, head_of
from lockflight.policy.auditpack import MANIFEST, InvalidPack, chains_of, check, pack, records_file

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def chain(stack: str = "payments", count: int = 4) -> list[AuditRecord]:
    """That many records."""
    head, found = genesis(stack), []
    for number in range(count):
        subject = AuditSubject(kind="Promotion", namespace=stack, name=f"p-{number}", uid=f"uid-{number}")
        facts = {"application": "payments", "note": "ü|\n"}
        spec = following(stack, head, AuditEntry(AuditAction.APPLIED, subject, facts=facts), NOW)
        name = record_name(stack, spec.sequence)
        found.append(AuditRecord(metadata=Meta(name=name, namespace="lockflight-system"), spec=spec))
        head = head_of(spec)
    return found


def made() -> dict[str, bytes]:
    return pack({"payments": chain()}, {"payments": [{"kind": "Release"}]}, "# Report", NOW)


def test_a_pack_is_whole_and_the_same_each_time() -> None:
    assert check(made()) == ()
    assert made() == made()


def test_a_chain_whose_first_part_was_archived_is_whole_in_itself() -> None:
    files = pack({"payments": chain()[2:]}, {}, "", NOW)
    assert check(files) == ()
    (found,) = chains_of(files)
    assert (found.after.sequence, found.head.sequence) == (2, 4)


@given(st.integers(min_value=0), st.integers(0, 255))
def test_no_byte_of_the_records_changes_unseen(place: int, byte: int) -> None:
    files = made()
    content = bytearray(files[records_file("payments")])
    if content[place % len(content)] == byte:
        return
    content[place % len(content)] = byte
    assert _refused({**files, records_file("payments"): bytes(content)})


def _refused(files: dict[str, bytes]) -> bool:
    try:
        return bool(check(files))
    except InvalidPack:
        return True


def test_a_record_left_out_is_found_even_with_a_manifest_made_to_fit() -> None:
    records = chain()
    forged = pack({"payments": [*records[:1], *records[2:]]}, {}, "", NOW)
    assert {finding.flaw for finding in check(forged)} == {Flaw.GAP}


def test_files_that_are_missing_or_added_are_named() -> None:
    files = made()
    missing = {name: content for name, content in files.items() if name != "report.md"}
    assert [(f.flaw, f.record) for f in check(missing)] == [(Flaw.GAP, "report.md")]
    added = {**files, "more.txt": b"x"}
    assert [(f.flaw, f.record) for f in check(added)] == [(Flaw.MISNAMED, "more.txt")]


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (None, "is missing: this is no evidence pack"),
        (b"{", "cannot be read"),
        (json.dumps({"format": "v9", "chains": [], "files": []}).encode(), "format is 'v9'"),
    ],
)
def test_what_is_no_pack_is_named(manifest: bytes | None, says: str) -> None:
    files = {**made(), MANIFEST: manifest} if manifest is not None else {}
    with pytest.raises(InvalidPack, match=says):
        check(files)
