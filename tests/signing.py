"""Signatures made in the test: by keys, and by a Sigstore of its own (Fulcio, CT log, Rekor) that nobody else knows."""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PAYLOAD_TYPE = "application/vnd.in-toto+json"
ISSUER = "https://ci.example"
SUBJECT = "https://git.example/payments/.ci/release.yaml@refs/heads/main"
ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def statement(*digests: str, kind: str = "integration-tests", result: str = "PASSED", **more: Any) -> dict[str, Any]:
    """An in-toto test-result statement on charts with these digests."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "chart", "digest": {"sha256": d.removeprefix("sha256:")}} for d in digests],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {"result": result, "configuration": [{"name": kind}], "url": "https://ci.example/381"},
        **more,
    }


def pem(key: Private) -> str:
    """The public key as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign(key: Private, data: bytes) -> bytes:
    """A signature as cosign and in-toto make it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    digest = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384()}[key.curve.name]
    return key.sign(data, ec.ECDSA(digest))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def envelope(key: Private, said: Mapping[str, Any], payload_type: str = PAYLOAD_TYPE) -> dict[str, Any]:
    """A DSSE envelope."""
    payload = json.dumps(said).encode()
    pae = f"DSSEv1 {len(payload_type)} {payload_type} {len(payload)} ".encode() + payload
    return {
        "payload": b64(payload),
        "payloadType": payload_type,
        "signatures": [{"keyid": "", "sig": b64(sign(key, pae))}],
    }


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _der(key: Private) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _id(key: Private) -> bytes:
    return hashlib.sha256(_der(key)).digest()


@dataclass
class Sigstore:
    """A certificate authority, a certificate log and a transparency log, as one file of trust describes them."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    ca: ec.EllipticCurvePrivateKey = field(default_factory=p256)
    ct: ec.EllipticCurvePrivateKey = field(default_factory=p256)
    rekor: ec.EllipticCurvePrivateKey = field(default_factory=p256)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fulcio.example")])
        public = self.ca.public_key()
        self.root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(public)
            .serial_number(1)
            .not_valid_before(self.now - timedelta(days=365))
            .not_valid_after(self.now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.ca, hashes.SHA256())
        )

    @property
    def trusted_root(self) -> str:
        """What a platform team configures."""
        start = (self.now - timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")

        def log(key: Private, url: str) -> dict[str, Any]:
            public = {"rawBytes": b64(_der(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": {"start": start}}
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": public,
                "logId": {"keyId": b64(_id(key))},
            }

        authority = {
            "subject": {"organization": "example", "commonName": "fulcio.example"},
            "uri": "https://fulcio.example",
            "certChain": {"certificates": [{"rawBytes": b64(self.root.public_bytes(Encoding.DER))}]},
            "validFor": {"start": start},
        }
        return json.dumps(
            {
                "mediaType": ROOT_TYPE,
                "tlogs": [log(self.rekor, "https://rekor.example")],
                "certificateAuthorities": [authority],
                "ctlogs": [log(self.ct, "https://ct.example")],
                "timestampAuthorities": [],
            }
        )

    def bundle(
        self,
        said: Mapping[str, Any],
        *,
        subject: str = SUBJECT,
        issuer: str = ISSUER,
        signed_at: datetime | None = None,
        certified_at: datetime | None = None,
    ) -> dict[str, Any]:
        """A bundle v0.3 by somebody with that identity: certificate, envelope, and its place in the log."""
        key = p256()
        certified = certified_at or self.now
        signed = signed_at or certified + timedelta(minutes=1)
        certificate = self._certificate(key, subject, issuer, certified)
        made = envelope(key, said)
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [self._logged(made, certificate, signed)],
            },
            "dsseEnvelope": made,
        }

    def _certificate(self, key: Private, subject: str, issuer: str, at: datetime) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.root.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at)
            .not_valid_after(at + timedelta(minutes=10))
            .add_extension(_usage(sign=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(subject)]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca.public_key()), critical=False)
            .add_extension(_text("1.3.6.1.4.1.57264.1.1", issuer.encode()), critical=False)
            .add_extension(_text("1.3.6.1.4.1.57264.1.8", _utf8(issuer)), critical=False)
        )
        precertificate = builder.sign(self.ca, hashes.SHA256()).tbs_certificate_bytes
        stamp = int(at.timestamp() * 1000)
        entry = _id(self.ca) + len(precertificate).to_bytes(3, "big") + precertificate
        signed = sign(self.ct, struct.pack("!BBQH", 0, 0, stamp, 1) + entry + b"\0\0")
        sct = (
            b"\0" + _id(self.ct) + struct.pack("!QH", stamp, 0) + b"\x04\x03" + struct.pack("!H", len(signed)) + signed
        )
        listed = struct.pack("!H", len(sct)) + sct
        value = struct.pack("!H", len(listed)) + listed
        octets = b"\x04" + _length(len(value)) + value
        return builder.add_extension(
            x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), octets), critical=False
        ).sign(self.ca, hashes.SHA256())

    def _logged(self, made: Mapping[str, Any], certificate: x509.Certificate, at: datetime) -> dict[str, Any]:
        (row,) = made["signatures"]
        whole = json.dumps(made, separators=(",", ":")).encode()
        body = rfc8785.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(whole).hexdigest()},
                    "payloadHash": {
                        "algorithm": "sha256",
                        "value": hashlib.sha256(base64.b64decode(made["payload"])).hexdigest(),
                    },
                    "signatures": [{"signature": row["sig"], "verifier": b64(certificate.public_bytes(Encoding.PEM))}],
                },
            }
        )
        # A log of one entry: the leaf is the root.
        root = hashlib.sha256(b"\0" + body).digest()
        seconds = int(at.timestamp())
        promise = rfc8785.dumps(
            {"body": b64(body), "integratedTime": seconds, "logID": _id(self.rekor).hex(), "logIndex": 0}
        )
        note = f"rekor.example - 1\n1\n{b64(root)}\n"
        signature = b64(_id(self.rekor)[:4] + sign(self.rekor, note.encode()))
        return {
            "logIndex": "0",
            "logId": {"keyId": b64(_id(self.rekor))},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": b64(sign(self.rekor, promise))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": b64(root),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": f"{note}\n\u2014 rekor.example {signature}\n"},
            },
            "canonicalizedBody": b64(body),
        }


def _usage(*, sign: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    wanted: Sequence[str] = ("digital_signature",) if sign else ("key_cert_sign", "crl_sign")
    return x509.KeyUsage(**{name: name in wanted for name in names})


def _text(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), value)


def _utf8(text: str) -> bytes:
    return b"\x0c" + _length(len(text)) + text.encode()


def _length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw
