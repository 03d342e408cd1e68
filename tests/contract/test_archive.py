"""The Archive port: the fake, a folder, and a bucket behind an honest S3 server."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lockflight.adapters.archive_folder import FolderArchive
from lockflight.adapters.archive_s3 import S3Archive
from lockflight.ports import Archive, PortError, RefusedError, TamperedError, UnreachableError
from tests.fakes import FakeArchive
from tests.s3 import Bucket, served

UNTIL = datetime(2033, 12, 1, tzinfo=UTC)
NAMES = [f"records/payments/payments-{number:010}.jsonl" for number in range(1, 9)]
BESIDE = "records/payments-2/payments-2-0000000001.jsonl"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "accessKey").write_text("AKIDLOCKFLIGHT\n")
    (folder / "secretKey").write_text("not-for-the-logs\n")
    return folder


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with served(Bucket("trail", "AKIDLOCKFLIGHT", "not-for-the-logs")) as found:
        yield found


@pytest.fixture(params=["fake", "folder", "s3"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    """Which of them is under test."""
    if request.param == "fake":
        return FakeArchive()
    if request.param == "folder":
        (tmp_path / "archive").mkdir()
        return FolderArchive(tmp_path / "archive")
    bucket, keys = request.getfixturevalue("bucket"), request.getfixturevalue("keys")
    return S3Archive(bucket.url, "eu-central-1", "trail", "/bank one/", keys)


async def test_what_was_put_is_there(archive: Archive) -> None:
    assert await archive.get(NAMES[0]) is None
    await archive.put(NAMES[0], b"one\n", UNTIL)
    assert await archive.get(NAMES[0]) == b"one\n"


async def test_putting_the_same_again_changes_nothing(archive: Archive) -> None:
    await archive.put(NAMES[0], b"one\n", UNTIL)
    await archive.put(NAMES[0], b"one\n", UNTIL)
    assert await archive.names("records/payments/") == NAMES[:1]


async def test_nothing_is_put_over_something_else(archive: Archive) -> None:
    await archive.put(NAMES[0], b"one\n", UNTIL)
    with pytest.raises(TamperedError, match="something else"):
        await archive.put(NAMES[0], b"two\n", UNTIL)
    assert await archive.get(NAMES[0]) == b"one\n"


async def test_names_are_those_of_the_folder_behind_a_name(archive: Archive) -> None:
    assert list(await archive.names("records/payments/")) == []
    for name in [*reversed(NAMES), BESIDE]:
        await archive.put(name, name.encode(), UNTIL)
    assert list(await archive.names("records/payments/")) == NAMES
    assert list(await archive.names("records/payments/", NAMES[4])) == NAMES[5:]
    assert list(await archive.names("records/payments/", NAMES[-1])) == []


async def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "nowhere")
    for ask in (archive.put(NAMES[0], b"one\n", UNTIL), archive.names("records/payments/")):
        with pytest.raises(UnreachableError, match="not mounted"):
            await ask
    assert not (tmp_path / "nowhere").exists()


async def test_a_file_in_the_folder_is_whole_and_nobody_writes_it(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    await archive.put(NAMES[0], b"one\n", UNTIL)
    path = tmp_path / NAMES[0]
    assert path.stat().st_mode & 0o222 == 0
    assert [found.name for found in path.parent.iterdir()] == [path.name], "nothing is left beside it"
    (path.parent / ".new-half").write_bytes(b"on")
    assert list(await archive.names("records/payments/")) == NAMES[:1], "what a killed process left is no record"


async def test_a_lock_is_asked_for_with_its_end(bucket: Bucket, keys: Path) -> None:
    archive = S3Archive(bucket.url, "eu-central-1", "trail", "", keys, "Compliance")
    await archive.put(NAMES[0], b"one\n", UNTIL)
    (lock,) = bucket.locks.values()
    assert (lock[0], lock[1][:19]) == ("COMPLIANCE", "2033-12-01T00:00:00")
    await archive.put(NAMES[0], b"one\n", UNTIL)


@pytest.mark.parametrize(
    ("spoiled", "value", "code"),
    [
        ("secretKey", "another", "SignatureDoesNotMatch"),
        ("accessKey", "AKIDSOMEBODY", "InvalidAccessKeyId"),
    ],
)
async def test_wrong_keys_are_refused_and_never_told(
    bucket: Bucket, keys: Path, spoiled: str, value: str, code: str
) -> None:
    archive = S3Archive(bucket.url, "eu-central-1", "trail", "", keys)
    (keys / spoiled).write_text(value)
    with pytest.raises(RefusedError, match=code) as refused:
        await archive.put(NAMES[0], b"one\n", UNTIL)
    assert "not-for-the-logs" not in str(refused.value)
    assert bucket.objects == {}
    # Keys rotate: the next request reads them again.
    (keys / "accessKey").write_text("AKIDLOCKFLIGHT")
    (keys / "secretKey").write_text("not-for-the-logs")
    await archive.put(NAMES[0], b"one\n", UNTIL)


async def test_what_cannot_be_had_is_said_and_never_taken_for_nothing(bucket: Bucket, keys: Path) -> None:
    elsewhere = S3Archive(bucket.url, "eu-central-1", "other", "", keys)
    with pytest.raises(RefusedError, match="NoSuchBucket"):
        await elsewhere.get(NAMES[0])
    nobody = S3Archive("http://127.0.0.1:9", "eu-central-1", "trail", "", keys)
    with pytest.raises(UnreachableError, match="does not answer"):
        await nobody.get(NAMES[0])
    os.unlink(keys / "secretKey")  # noqa: PTH108
    with pytest.raises(PortError):
        await S3Archive(bucket.url, "eu-central-1", "trail", "", keys).get(NAMES[0])


@pytest.mark.parametrize("endpoint", ["s3.example.com", "ftp://x", "https://host/path", "https://"])
def test_an_endpoint_is_the_url_of_a_host(endpoint: str, keys: Path) -> None:
    with pytest.raises(ValueError, match="is no endpoint"):
        S3Archive(endpoint, "r", "b", "", keys)
