"""The audit commands with a part of the chain in an archive, checkpoints, and what is ordered of the trail."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lockflight.adapters.archive_folder import FolderArchive
from lockflight.api.auditrecord import AuditRecord
from lockflight.policy.archiving import archived, line, place
from lockflight.policy.audit import Head, following, head_of
from lockflight.policy.checkpoints import body, canonical, text
from tests.s3 import Bucket, served
from tests.unit.cli.fakes import STACK, FakeApi, data, run
from tests.unit.cli.test_audit import ROOT, api, manifests

__all__ = ["api"]
LATER = datetime(2027, 3, 1, tzinfo=UTC)
SPAN = ("--from", "2026-11-01", "--to", "2026-11-30")


def record(sequence: int) -> str:
    return f"{STACK}-{sequence:010}"


def parsed() -> list[AuditRecord]:
    return [AuditRecord.model_validate(one) for one in manifests()]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """All four records."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for one in parsed():
        asyncio.run(FolderArchive(folder).put(place(STACK, one.spec.sequence), line(one), LATER))
    return folder


@pytest.fixture
def pruned(api: FakeApi, archive: Path) -> FakeApi:
    """The first three are only in the archive, and a record says so."""
    records = parsed()
    entry = archived(records, records[:3], {})
    spec = following(STACK, head_of(records[-1].spec), entry, LATER)
    for sequence in (1, 2, 3):
        del api.objects["AuditRecord", ROOT, record(sequence)]
    meta = {"name": record(5), "namespace": ROOT}
    api.put({"kind": "AuditRecord", "metadata": meta, "spec": spec.dump()})
    return api


def test_what_is_left_in_the_cluster_is_whole_and_the_rest_is_named(pruned: FakeApi) -> None:
    result = run(pruned, "audit", "verify", "--chain-only")
    assert result.exit_code == 0, result.output
    assert "is in the archive: give it, --archive" in result.output


def test_with_the_archive_it_fits_from_the_first_record_on(pruned: FakeApi, archive: Path) -> None:
    result = run(pruned, "audit", "verify", "--archive", str(archive), "-o", "json")
    assert result.exit_code == 0, result.output
    assert data(result)["stacks"][0]["from"] == 1
    assert data(result)["stacks"][0]["to"] == 5


def test_the_archive_may_be_a_bucket(pruned: FakeApi, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "accessKey").write_text("AKID")
    (keys / "secretKey").write_text("s3cret")
    with served(Bucket("trail", "AKID", "s3cret")) as bucket:
        for one in parsed():
            bucket.objects["bank/" + place(STACK, one.spec.sequence)] = line(one)
        where = ("--archive", "s3://trail/bank", "--archive-endpoint", bucket.url, "--archive-keys", str(keys))
        result = run(pruned, "audit", "verify", *where, "-o", "json")
        assert result.exit_code == 0, result.output
        assert data(result)["stacks"][0]["from"] == 1
        (keys / "secretKey").write_text("another")
        result = run(pruned, "audit", "verify", *where)
        assert result.exit_code != 0
        assert "SignatureDoesNotMatch" in result.output


def test_a_start_that_was_cut_off_without_word_is_a_gap(api: FakeApi) -> None:
    for sequence in (1, 2):
        del api.objects["AuditRecord", ROOT, record(sequence)]
    result = run(api, "audit", "verify", "--chain-only", "-o", "json")
    assert result.exit_code == 1
    assert [f["flaw"] for f in data(result)["findings"]] == ["Gap"]


def test_an_archived_record_that_was_edited_is_named(pruned: FakeApi, archive: Path) -> None:
    path = archive / place(STACK, 2)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"alice", b"mallory"))
    result = run(pruned, "audit", "verify", "--archive", str(archive), "-o", "json")
    assert result.exit_code == 1
    assert ("Edited", record(2)) in {(f["flaw"], f["record"]) for f in data(result)["findings"]}


def test_what_archive_and_cluster_hold_differently_is_named(api: FakeApi, archive: Path) -> None:
    api.objects["AuditRecord", ROOT, record(2)]["spec"]["by"] = "mallory"
    result = run(api, "audit", "verify", "--archive", str(archive))
    assert result.exit_code == 1
    assert "the archive holds it with hash" in result.stdout


def test_an_archive_that_holds_more_than_the_cluster_is_named(api: FakeApi, archive: Path) -> None:
    del api.objects["AuditRecord", ROOT, record(4)]
    result = run(api, "audit", "verify", "--chain-only", "--archive", str(archive))
    assert result.exit_code == 1
    assert "CutOff: payments-0000000004" in result.stdout


def test_a_list_that_reaches_into_the_archive_is_complete_only_with_it(pruned: FakeApi, archive: Path) -> None:
    result = run(pruned, "audit", "population", *SPAN)
    assert result.exit_code == 1
    assert "NOT shown to be complete" in result.stdout
    result = run(pruned, "audit", "population", *SPAN, "--archive", str(archive))
    assert result.exit_code == 0, result.output
    assert "2.4.0" in result.stdout


def test_the_story_and_the_rules_need_the_archive(pruned: FakeApi, archive: Path) -> None:
    shown = run(pruned, "audit", "show", "chg-1042", "-n", STACK, "--archive", str(archive))
    assert "alice" in shown.stdout
    asked = ("audit", "rules", "-n", STACK, "--env", "production", "--on", "2026-12-01")
    assert "cannot be told from the cluster alone" in run(pruned, *asked).output
    assert run(pruned, *asked, "--archive", str(archive)).exit_code == 0


def test_a_pack_has_what_is_only_in_the_archive(pruned: FakeApi, archive: Path, tmp_path: Path) -> None:
    short = run(pruned, "audit", "export", "--to", str(tmp_path / "short"), "-n", STACK)
    assert "is in the archive: give it, --archive" in short.output
    made = run(pruned, "audit", "export", "--to", str(tmp_path / "whole"), "-n", STACK, "--archive", str(archive))
    assert made.exit_code == 0, made.output
    result = run(pruned, "audit", "verify-pack", str(tmp_path / "whole"), "-o", "json")
    (chain,) = data(result)["chains"]
    assert (result.exit_code, chain["from"], chain["records"]) == (0, 1, 5)


def test_an_archive_that_is_not_there_is_an_error(api: FakeApi, tmp_path: Path) -> None:
    result = run(api, "audit", "verify", "--archive", str(tmp_path / "nowhere"))
    assert result.exit_code != 0
    assert "not mounted" in result.output
    assert "give the folder that holds accessKey" in run(api, "audit", "verify", "--archive", "s3://b/p").output


# Checkpoints.


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Ed25519PrivateKey, Path]:
    made, path = Ed25519PrivateKey.generate(), tmp_path / "public.pem"
    path.write_bytes(made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return made, path


def checkpoint(folder: Path, key: Ed25519PrivateKey, **heads: Head) -> str:
    content = body(heads, ROOT, LATER)
    path = folder / f"checkpoint-{len(list(folder.glob('checkpoint-*')))}.json"
    path.write_bytes(text(content, key.sign(canonical(content))))
    return str(path)


def test_a_chain_that_holds_its_checkpoint_fits(
    api: FakeApi, tmp_path: Path, keys: tuple[Ed25519PrivateKey, Path]
) -> None:
    file = checkpoint(tmp_path, keys[0], payments=head_of(parsed()[2].spec))
    result = run(api, "audit", "verify", "--checkpoint", file, "--key", str(keys[1]))
    assert result.exit_code == 0, result.output


def test_an_end_that_was_cut_off_is_named(api: FakeApi, tmp_path: Path, keys: tuple[Ed25519PrivateKey, Path]) -> None:
    file = checkpoint(tmp_path, keys[0], payments=head_of(parsed()[3].spec))
    del api.objects["AuditRecord", ROOT, record(4)]
    result = run(api, "audit", "verify", "--chain-only", "--checkpoint", file, "--key", str(keys[1]))
    assert result.exit_code == 1
    assert "CutOff: payments-0000000004" in result.stdout


def test_a_chain_of_which_nothing_is_left_is_named(
    api: FakeApi, tmp_path: Path, keys: tuple[Ed25519PrivateKey, Path]
) -> None:
    file = checkpoint(tmp_path, keys[0], ledger=Head(7, "sha256:" + "a" * 64))
    result = run(api, "audit", "verify", "--chain-only", "--checkpoint", file, "--key", str(keys[1]))
    assert result.exit_code == 1
    assert "CutOff: ledger-0000000007" in result.stdout


def test_a_checkpoint_of_somebody_else_is_refused(
    api: FakeApi, tmp_path: Path, keys: tuple[Ed25519PrivateKey, Path]
) -> None:
    file = checkpoint(tmp_path, Ed25519PrivateKey.generate(), payments=head_of(parsed()[3].spec))
    result = run(api, "audit", "verify", "--checkpoint", file, "--key", str(keys[1]))
    assert result.exit_code != 0
    assert "is not signed by that key" in result.output


# Orders.


def annotations(api: FakeApi) -> dict[str, str]:
    found: dict[str, str] = api.read_namespace(ROOT)["metadata"].get("annotations") or {}
    return found


@pytest.fixture
def rooted(api: FakeApi) -> FakeApi:
    api.put({"kind": "Namespace", "metadata": {"name": ROOT, "namespace": ""}})
    return api


@pytest.mark.parametrize(("args", "key"), [((STACK,), STACK), (("--all",), "all.stacks")])
def test_a_hold_says_who_and_why_and_is_lifted(rooted: FakeApi, args: tuple[str, ...], key: str) -> None:
    result = run(rooted, "audit", "hold", *args, "--reason", "case 7")
    assert result.exit_code == 0, result.output
    who = rooted.whoami().user
    assert annotations(rooted) == {f"legal-hold.lockflight.dev/{key}": f"{who}: case 7"}
    assert "hold lifted" in run(rooted, "audit", "unhold", *args).stdout
    assert annotations(rooted) == {}
    assert "nothing was held" in run(rooted, "audit", "unhold", *args).stdout


def test_a_hold_is_of_a_stack_or_of_all(rooted: FakeApi) -> None:
    assert "name a stack, or give --all" in run(rooted, "audit", "hold", "--reason", "x").output
    assert "name a stack, or give --all" in run(rooted, "audit", "hold", STACK, "--all", "--reason", "x").output


def test_a_restore_is_ordered_with_the_head_that_was_verified(
    rooted: FakeApi, archive: Path, tmp_path: Path, keys: tuple[Ed25519PrivateKey, Path]
) -> None:
    head = head_of(parsed()[-1].spec)
    file = checkpoint(tmp_path, keys[0], payments=head)
    args = ("audit", "restore", STACK, "--archive", str(archive), "--checkpoint", file, "--key", str(keys[1]))
    assert run(rooted, *args, "--dry-run").exit_code == 0
    assert annotations(rooted) == {}
    result = run(rooted, *args)
    assert result.exit_code == 0, result.output
    assert "payments-0000000005" in result.stdout
    who = rooted.whoami().user
    assert annotations(rooted) == {"restore.lockflight.dev/payments": f"{who}: 4 {head.hash}"}


@pytest.mark.parametrize("how", ["edited", "cut in the middle", "cut off behind a checkpoint", "empty"])
def test_nothing_is_ordered_where_the_archive_does_not_hold_together(
    rooted: FakeApi, archive: Path, tmp_path: Path, keys: tuple[Ed25519PrivateKey, Path], how: str
) -> None:
    file = checkpoint(tmp_path, keys[0], payments=head_of(parsed()[-1].spec))
    if how == "edited":
        path = archive / place(STACK, 2)
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"alice", b"mallory"))
    for sequence in {"cut in the middle": (2,), "cut off behind a checkpoint": (4,), "empty": (1, 2, 3, 4)}.get(
        how, ()
    ):
        (archive / place(STACK, sequence)).unlink()
    args = ("--archive", str(archive), "--checkpoint", file, "--key", str(keys[1]))
    result = run(rooted, "audit", "restore", STACK, *args)
    assert result.exit_code != 0
    assert "nothing is ordered" in result.output
    assert annotations(rooted) == {}
