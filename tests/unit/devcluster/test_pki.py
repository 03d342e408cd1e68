import ipaddress
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lockflight.devcluster.pki import Authority, Pair, new_key, signing_request


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


def read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.cert.read_bytes())


def values(name: x509.Name, oid: x509.ObjectIdentifier) -> list[str | bytes]:
    return [attribute.value for attribute in name.get_attributes_for_oid(oid)]


def test_a_client_certificate_says_who_and_in_which_groups(authority: Authority) -> None:
    cert = read(authority.client("alice", "alice", ("cab", "staff")))
    assert values(cert.subject, NameOID.COMMON_NAME) == ["alice"]
    assert values(cert.subject, NameOID.ORGANIZATION_NAME) == ["cab", "staff"]
    usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_certificates_are_signed_by_the_authority_and_are_no_authority(authority: Authority) -> None:
    cert = read(authority.client("alice", "alice"))
    cert.verify_directly_issued_by(read(authority.pair))
    assert not cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_server_certificate_holds_names_and_addresses(authority: Authority) -> None:
    names = read(authority.server("api", ("127.0.0.1", "localhost"))).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.value.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]


def test_only_the_owner_reads_a_key(authority: Authority) -> None:
    for pair in (authority.pair, authority.client("alice", "alice")):
        assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600


def test_a_certificate_is_issued_once(authority: Authority) -> None:
    first = read(authority.client("alice", "alice", ("cab",)))
    assert read(authority.client("alice", "alice", ("cab",))) == first


def test_new_groups_mean_a_new_certificate(authority: Authority) -> None:
    first = read(authority.client("alice", "alice", ("cab",)))
    second = read(authority.client("alice", "alice", ("qa",)))
    assert second.serial_number != first.serial_number
    assert values(second.subject, NameOID.ORGANIZATION_NAME) == ["qa"]


def test_an_authority_survives_a_restart(tmp_path: Path) -> None:
    old = Authority(tmp_path, "ca").client("alice", "alice")
    read(old).verify_directly_issued_by(read(Authority(tmp_path, "ca").pair))


def test_a_signing_request_asks_for_the_same_subject() -> None:
    request = x509.load_pem_x509_csr(signing_request(new_key(), "zoe", ("cab",)))
    assert values(request.subject, NameOID.COMMON_NAME) == ["zoe"]
    assert values(request.subject, NameOID.ORGANIZATION_NAME) == ["cab"]
