"""Signatures on evidence: what is forged, replayed, expired or by somebody unknown does not count, and says why."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lockflight.adapters.signatures import SignatureVerifier, verify
from lockflight.api.trust import Trust
from lockflight.policy.signature import Signed, Signer, Unsigned
from tests.signing import ISSUER, SUBJECT, Private, Sigstore, b64, envelope, p256, pem, statement

CHART = "sha256:" + "c" * 64
SAID = statement(CHART)
KEY = p256()
HOME = Sigstore()


def by_keys(**keys: Private) -> Trust:
    return Trust.model_validate({"keys": [{"name": name, "pem": pem(key)} for name, key in keys.items()]})


def by_identity(sigstore: Sigstore = HOME, subject: str = SUBJECT, issuer: str = ISSUER) -> Trust:
    identities = [{"issuer": issuer, "subject": subject}]
    return Trust.model_validate({"sigstore": {"trustedRoot": sigstore.trusted_root, "identities": identities}})


def refusal(document: Any, trust: Trust) -> str:
    found = verify(document if isinstance(document, str) else json.dumps(document), trust)
    assert isinstance(found, Unsigned), found
    return found.why


@pytest.mark.parametrize(
    "key",
    [KEY, ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())],
    ids=["p256", "ed", "p384"],
)
def test_what_a_trusted_key_signed_counts(key: Private) -> None:
    found = verify(json.dumps(envelope(key, SAID)), by_keys(other=p256(), ci=key))
    assert isinstance(found, Signed)
    assert (json.loads(found.payload), found.signers) == (SAID, (Signer("key ci"),))


def test_a_bundle_that_was_signed_by_a_key_counts_by_that_key() -> None:
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
        "dsseEnvelope": envelope(KEY, SAID),
    }
    assert isinstance(verify(json.dumps(bundle), by_keys(ci=KEY)), Signed)
    assert "none of the keys" in refusal(bundle, by_keys(ci=p256()))


def _changed(**fields: Any) -> dict[str, Any]:
    return {**envelope(KEY, SAID), **fields}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (envelope(p256(), SAID), "is signed by none of the keys that entry.trust names (ci), or was changed since"),
        (_changed(payload=b64(json.dumps(statement(CHART, result="FAILED")).encode())), "none of the keys"),
        (_changed(payloadType="text/plain"), "none of the keys"),
        (_changed(signatures=[]), "has no signature"),
        (_changed(signatures=[{"sig": b64(b"x")}] * 9), "or more than 8"),
        (_changed(signatures=[{"sig": "no base64!"}]), "cannot be verified"),
        (_changed(signatures="x"), "has no signature"),
        ({}, "cannot be verified"),
        ([], "holds no DSSE envelope"),
        ("no json", "cannot be verified"),
        ("[" * 20_000, "cannot be verified"),
        (SAID, "cannot be verified"),
    ],
    ids=lambda value: str(value)[:32],
)
def test_what_is_forged_or_changed_does_not_count(document: Any, says: str) -> None:
    assert says in refusal(document, by_keys(ci=KEY))


def test_a_key_of_another_kind_closes() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    trust = Trust.model_validate({"keys": [{"name": "old", "pem": pem(other)}]})  # type: ignore[arg-type]
    assert "is neither Ed25519 nor ECDSA" in refusal(envelope(KEY, SAID), trust)


def test_a_key_is_no_identity_and_an_identity_is_no_key() -> None:
    assert "entry.trust names none" in refusal(envelope(KEY, SAID), by_identity())
    assert "entry.trust names no sigstore" in refusal(HOME.bundle(SAID), by_keys(ci=KEY))


def test_a_sigstore_bundle_counts_by_who_its_certificate_names() -> None:
    found = verify(json.dumps(HOME.bundle(SAID)), by_identity())
    assert isinstance(found, Signed), found
    assert json.loads(found.payload) == SAID
    assert found.signers == (Signer(f"{SUBJECT} of {ISSUER}"),)


def _without_promise(bundle: dict[str, Any]) -> None:
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]


def _without_log(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["tlogEntries"] = []


def _other_time(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = str(int(HOME.now.timestamp()) + 120)


def _other_root(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["rootHash"] = b64(b"x" * 32)


def _other_payload(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payload"] = b64(json.dumps(statement(CHART, result="FAILED")).encode())


def _other_envelope(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"] = HOME.bundle(statement(CHART, kind="unit-tests"))["dsseEnvelope"]


def _other_entry(bundle: dict[str, Any]) -> None:
    """A log entry that is in the log, of something else."""
    bundle["verificationMaterial"]["tlogEntries"] = HOME.bundle(SAID)["verificationMaterial"]["tlogEntries"]


def _own_certificate(bundle: dict[str, Any]) -> None:
    """Somebody else's certificate over one's own signature."""
    bundle["verificationMaterial"]["certificate"] = HOME.bundle(SAID)["verificationMaterial"]["certificate"]


@pytest.mark.parametrize(
    "forge",
    [
        _without_promise,
        _without_log,
        _other_time,
        _other_root,
        _other_payload,
        _other_envelope,
        _other_entry,
        _own_certificate,
    ],
    ids=lambda forge: forge.__name__,
)
def test_a_forged_bundle_does_not_count(forge: Callable[[dict[str, Any]], None]) -> None:
    bundle = copy.deepcopy(HOME.bundle(SAID))
    assert isinstance(verify(json.dumps(bundle), by_identity()), Signed)
    forge(bundle)
    assert "cannot be verified" in refusal(bundle, by_identity())


def test_a_certificate_that_had_expired_when_it_signed_does_not_count() -> None:
    late = HOME.bundle(SAID, signed_at=HOME.now + timedelta(minutes=11))
    assert "cannot be verified" in refusal(late, by_identity())
    early = HOME.bundle(SAID, signed_at=HOME.now - timedelta(minutes=1))
    assert "cannot be verified" in refusal(early, by_identity())


def test_a_signature_of_long_ago_counts_still() -> None:
    old = HOME.bundle(SAID, certified_at=HOME.now - timedelta(days=90))
    assert isinstance(verify(json.dumps(old), by_identity()), Signed)


@pytest.mark.parametrize(
    "given", [{"subject": SUBJECT + "x"}, {"subject": SUBJECT[:-1]}, {"issuer": "https://other.example"}], ids=str
)
def test_another_identity_does_not_count(given: dict[str, str]) -> None:
    assert "cannot be verified" in refusal(HOME.bundle(SAID, **given), by_identity())


def test_another_sigstore_does_not_count() -> None:
    assert "cannot be verified" in refusal(Sigstore().bundle(SAID), by_identity())
    for part in ("ca", "ct", "rekor"):
        impostor = Sigstore(**{name: getattr(HOME, name) for name in {"ca", "ct", "rekor"} - {part}})
        assert "cannot be verified" in refusal(impostor.bundle(SAID), by_identity()), part


@pytest.mark.parametrize("root", ["{}", "no json", '{"mediaType": "x"}'])
def test_a_root_of_trust_that_cannot_be_read_closes(root: str) -> None:
    trust = Trust.model_validate(
        {"sigstore": {"trustedRoot": root, "identities": [{"issuer": ISSUER, "subject": SUBJECT}]}}
    )
    assert "cannot be verified" in refusal(HOME.bundle(SAID), trust)


async def test_what_was_verified_is_remembered_for_that_trust_alone() -> None:
    verifier, text = SignatureVerifier(), json.dumps(envelope(KEY, SAID))
    first = await verifier.verified(text, by_keys(ci=KEY))
    assert await verifier.verified(text, by_keys(ci=KEY)) is first
    assert isinstance(await verifier.verified(text, by_keys(ci=p256())), Unsigned)
