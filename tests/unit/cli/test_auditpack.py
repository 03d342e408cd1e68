"""`audit export` and `audit verify-pack`: evidence that leaves the cluster, and verifies without it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.unit.cli.fakes import FakeApi, change, data, promotion, run
from tests.unit.cli.test_audit import manifests


def api() -> FakeApi:
    return FakeApi(change(), promotion("2.4.0", "production"), *manifests())


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """A private key and its public key, in files."""
    private = Ed25519PrivateKey.generate()
    secret, public = tmp_path / "key.pem", tmp_path / "public.pem"
    secret.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(secret), str(public)


@pytest.mark.parametrize("name", ["pack.tar.gz", "pack"])
def test_a_pack_verifies_without_a_cluster(tmp_path: Path, name: str) -> None:
    pack = str(tmp_path / name)
    assert run(api(), "audit", "export", "--to", pack).exit_code == 0

    result = run(FakeApi(), "audit", "verify-pack", pack, "-o", "json")
    assert result.exit_code == 0
    (chain,) = data(result)["chains"]
    assert (chain["stack"], chain["records"]) == ("payments", len(manifests()))


def test_the_report_says_what_was_deployed_and_who_approved(tmp_path: Path) -> None:
    run(api(), "audit", "export", "--to", str(tmp_path / "pack"))
    report = (tmp_path / "pack" / "report.md").read_text()
    assert "| production | payments | 2.4.0 | Deploy | chg-1042 | alice (cab) | Succeeded |" in report


def test_a_signed_pack_names_its_maker(tmp_path: Path, keys: tuple[str, str]) -> None:
    secret, public = keys
    pack = str(tmp_path / "pack.tgz")
    run(api(), "audit", "export", "--to", pack, "--sign", secret)
    assert run(FakeApi(), "audit", "verify-pack", pack, "--key", public).exit_code == 0


def test_a_pack_without_that_signature_is_refused(tmp_path: Path, keys: tuple[str, str]) -> None:
    pack = str(tmp_path / "pack.tgz")
    run(api(), "audit", "export", "--to", pack)
    result = run(FakeApi(), "audit", "verify-pack", pack, "--key", keys[1])
    assert result.exit_code == 1
    assert "no signature of that key" in result.stderr


def test_a_pack_that_was_touched_is_refused_and_says_where(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    run(api(), "audit", "export", "--to", str(pack))
    report = pack / "report.md"
    report.write_text(report.read_text().replace("alice", "bob"))
    result = run(FakeApi(), "audit", "verify-pack", str(pack))
    assert result.exit_code == 1
    assert "Edited: report.md" in result.stdout


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    result = run(api(), "audit", "export", "--to", str(tmp_path / "pack"))
    assert result.exit_code == 1
    assert "exists: give a new name" in result.stderr


def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "key.pem"
    wrong.write_text("nothing")
    result = run(api(), "audit", "export", "--to", str(tmp_path / "pack"), "--sign", str(wrong))
    assert "openssl genpkey -algorithm ed25519" in result.stderr


def test_something_else_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    result = run(FakeApi(), "audit", "verify-pack", str(tmp_path / "pack"))
    assert "manifest.json is missing" in result.stderr
