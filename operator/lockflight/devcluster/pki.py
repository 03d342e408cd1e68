"""A small certificate authority, enough for one cluster on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lockflight.devcluster.files import write_private

_YEARS_10 = dt.timedelta(days=3650)
# Certificates start in the past so that a clock set back a little does not refuse them.
_SKEW = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files (the key is readable by its owner only)."""

    cert: Path
    key: Path

    @property
    def there(self) -> bool:
        """Whether both files exist."""
        return self.cert.is_file() and self.key.is_file()


def new_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key as unencrypted PKCS #8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half as PEM."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def subject(user: str, groups: tuple[str, ...] = ()) -> x509.Name:
    """A subject as the API server reads it: common name is the user, organizations are the groups."""
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        + [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    )


def signing_request(key: ec.EllipticCurvePrivateKey, user: str, groups: tuple[str, ...]) -> bytes:
    """A PEM certificate request for a client certificate."""
    request = x509.CertificateSigningRequestBuilder().subject_name(subject(user, groups)).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


class Authority:
    """A certificate authority in a folder: `<name>.crt`, `<name>.key` and what it issued."""

    def __init__(self, folder: Path, name: str) -> None:
        """Load the authority, or make it when the folder has none."""
        self.folder = folder
        self.pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
        if not self.pair.there:
            self._create(name)
        key = serialization.load_pem_private_key(self.pair.key.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101  written by _create
        self._key = key
        self._cert = x509.load_pem_x509_certificate(self.pair.cert.read_bytes())

    def client(self, file: str, user: str, groups: tuple[str, ...] = ()) -> Pair:
        """A client certificate for a user in groups; the one on disk when it is there."""
        return self._issue(file, subject(user, groups), [ExtendedKeyUsageOID.CLIENT_AUTH], ())

    def server(self, file: str, hosts: tuple[str, ...]) -> Pair:
        """A server certificate for host names and addresses that may also act as a client (etcd peers do both)."""
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issue(file, subject(file), usages, hosts)

    def _create(self, name: str) -> None:
        key = new_key()
        subject_name = subject(f"lockflight-dev-{name}")
        cert = (
            _builder(subject_name, subject_name, key.public_key(), key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        write_private(self.pair.key, key_pem(key))
        self.pair.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))

    def _issue(self, file: str, name: x509.Name, usages: list[x509.ObjectIdentifier], hosts: tuple[str, ...]) -> Pair:
        pair = Pair(self.folder / f"{file}.crt", self.folder / f"{file}.key")
        if pair.there and x509.load_pem_x509_certificate(pair.cert.read_bytes()).subject == name:
            return pair
        key = new_key()
        builder = (
            _builder(name, self._cert.subject, key.public_key(), self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(h) for h in hosts]), critical=False
            )
        write_private(pair.key, key_pem(key))
        pair.cert.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return pair


def _builder(
    name: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _YEARS_10)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
