"""Signatures on evidence, verified from what the environment trusts alone: nothing is fetched."""

import asyncio
import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from lockflight.api.trust import SigstoreTrust, Trust, TrustedKey
from lockflight.policy.signature import Signature, Signed, Signer, Unsigned

_BUNDLE: Final = "application/vnd.dev.sigstore.bundle"
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_MOST_KEPT: Final = 512
_MOST_SIGNATURES: Final = 8


class SignatureVerifier:
    """``Signatures`` for real; what was verified once under the same trust is remembered."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Signature] = OrderedDict()

    async def verified(self, attestation: str, trust: Trust) -> Signature:
        """Who signed it, of those whom ``trust`` names."""
        key = (attestation, trust.model_dump_json())
        found = self._known.get(key)
        if found is None:
            # Arithmetic of some milliseconds, and at first a library to load: the loop goes on meanwhile.
            found = self._known[key] = await asyncio.to_thread(verify, attestation, trust)
            if len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        return found


def verify(attestation: str, trust: Trust) -> Signature:
    """Who signed ``attestation``, a DSSE envelope or a Sigstore bundle as JSON; it says what is wrong with it."""
    try:
        document = json.loads(attestation)
        if not isinstance(document, dict):
            return Unsigned("holds no DSSE envelope and no Sigstore bundle")
        if not str(document.get("mediaType", "")).startswith(_BUNDLE):
            return _by_key(document, trust)
        if "publicKey" in (document.get("verificationMaterial") or {}):
            return _by_key(document.get("dsseEnvelope") or {}, trust)
        if trust.sigstore is None:
            return Unsigned("is signed by an identity, and entry.trust names no sigstore")
        return _by_identity(attestation, trust.sigstore)
    except Exception as problem:  # noqa: BLE001 - what cannot be verified does not count, whatever the cause
        return Unsigned(f"cannot be verified: {type(problem).__name__}: {str(problem)[:200]}")


def _by_key(envelope: Mapping[str, Any], trust: Trust) -> Signature:
    if not trust.keys:
        return Unsigned("is signed by a key, and entry.trust names none")
    payload_type, payload = str(envelope["payloadType"]), _decoded(envelope["payload"])
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        return Unsigned(f"has no signature, or more than {_MOST_SIGNATURES}")
    signed = _pae(payload_type, payload)
    raw = [_decoded(row["sig"]) for row in signatures]
    signers = tuple(_signer(key) for key in trust.keys if any(_holds(key, signature, signed) for signature in raw))
    if not signers:
        names = ", ".join(key.name for key in trust.keys)
        return Unsigned(f"is signed by none of the keys that entry.trust names ({names}), or was changed since")
    return Signed(payload_type, payload, signers)


def _signer(key: TrustedKey) -> Signer:
    return Signer(f"key {key.name}", key.types, key.not_after)


def _holds(key: TrustedKey, signature: bytes, signed: bytes) -> bool:
    public = load_pem_public_key(key.pem.encode())
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, signed)
        elif isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _HASHES:
            public.verify(signature, signed, ec.ECDSA(_HASHES[public.curve.name]))
        else:
            msg = f"key {key.name} of entry.trust is neither Ed25519 nor ECDSA"
            raise ValueError(msg)
    except InvalidSignature:
        return False
    return True


def _pae(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature is over (pre-authentication encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _decoded(text: Any) -> bytes:
    """Base64, standard or for URLs, as DSSE allows. Raises ValueError."""
    try:
        return base64.b64decode(str(text).replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as problem:
        msg = "it holds what is no base64"
        raise ValueError(msg) from problem


def _by_identity(bundle: str, trust: SigstoreTrust) -> Signature:
    # A second to load; most environments need it never.
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy
    from sigstore_models.trustroot.v1 import TrustedRoot as Root

    read = Bundle.from_json(bundle)
    verifier = Verifier(trusted_root=TrustedRoot(Root.from_json(trust.trusted_root)))
    named = [(one, policy.Identity(identity=one.subject, issuer=one.issuer)) for one in trust.identities]
    payload_type, payload = verifier.verify_dsse(read, policy.AnyOf([rule for _, rule in named]))

    def signers() -> Iterator[Signer]:
        for one, rule in named:
            try:
                rule.verify(read.signing_certificate)
            except Exception:  # noqa: BLE001, S112 - another one of the list matched
                continue
            yield Signer(f"{one.subject} of {one.issuer}", one.types)

    return Signed(payload_type, payload, tuple(signers()))
