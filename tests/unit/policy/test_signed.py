"""What a verified signature makes of evidence: for these bytes, this type, by somebody trusted still."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.promotion import Outcome
from lockflight.api.trust import Trust
from lockflight.policy.effective import effective
from lockflight.policy.model import Snapshot, Verdict
from lockflight.policy.signature import Signature, Signed, Signer, Unsigned
from lockflight.policy.signed import PAYLOAD_TYPE
from tests.signing import ISSUER, SUBJECT, p256, pem, statement
from tests.unit.policy.builders import NOW, digest, environment, verdict, world
from tests.unit.policy.test_effective import baseline
from tests.unit.policy.test_evidence import KIND, attested, waiver, word

PEM = pem(p256())
TRUST: dict[str, Any] = {"keys": [{"name": "ci", "pem": PEM}]}
SIGNED = environment(entry={"signed": [KIND], "waivable": [KIND], "trust": TRUST})
CHART = digest("chart")


def signature(*signers: Signer, **said: Any) -> Signed:
    payload = json.dumps(statement(*said.pop("of", (CHART,)), **said)).encode()
    return Signed(PAYLOAD_TYPE, payload, signers or (Signer("key ci"),))


def snapshot(found: Signature | None, where: Any = SIGNED) -> Snapshot:
    signatures: Mapping[str, Signature] = {"{}": found} if found else {}
    return world(environment=where, release=attested(word(attestation="{}")), signatures=signatures)


def judged(found: Signature | None, where: Any = SIGNED) -> Verdict:
    return verdict(reasons.EVIDENCE, snapshot(found, where))


def test_signed_evidence_opens_the_gate_and_a_bare_word_does_not() -> None:
    assert judged(signature()).open
    bare = verdict(reasons.EVIDENCE, world(environment=SIGNED, release=attested(word())))
    assert (bare.outcome, bare.reason) == (Outcome.WAITING, reasons.EVIDENCE_UNSIGNED)
    assert "ci did not sign it (entry.signed)" in bare.message


def test_what_is_to_be_signed_is_asked_for() -> None:
    found = verdict(reasons.EVIDENCE, world(environment=SIGNED, release=attested()))
    assert found.reason == reasons.EVIDENCE_MISSING


def test_what_the_build_claims_is_signed_by_nobody() -> None:
    claimed = attested(evidence=[{"type": KIND, "result": "Passed"}])
    assert verdict(reasons.EVIDENCE, world(environment=SIGNED, release=claimed)).reason == reasons.EVIDENCE_UNSIGNED


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "could not be verified"),
        (Unsigned("is signed by none of the keys"), "is signed by none of the keys"),
        (signature(of=(digest("another"),)), "signed other bytes: the chart of app is none of the subjects"),
        (signature(kind="unit-tests"), f"predicate.configuration names no {KIND}"),
        (signature(result="FAILED"), "signed the result FAILED"),
        (signature(result="WARNED"), "signed the result WARNED"),
        (signature(predicateType="https://slsa.dev/provenance/v1"), "signed no test-result statement"),
        (signature(_type="https://in-toto.io/Statement/v0.1"), "signed no test-result statement"),
        (signature(subject=[]), "signed no test-result statement"),
        (signature(predicate={"result": "PASSED"}), "signed no test-result statement"),
        (replace(signature(), payload=b"[]"), "signed no test-result statement"),
        (replace(signature(), payload=b"["), "signed no test-result statement"),
        (replace(signature(), payload_type="text/plain"), "signed a payload of type text/plain"),
        (signature(Signer("key scanner", ("security-scan",))), f"key scanner, who may not sign {KIND}"),
        (signature(Signer("key old", None, NOW)), "is signed by what is trusted no longer: key old since"),
        (
            signature(Signer("key old", None, NOW), Signer("key scanner", ("security-scan",))),
            "is signed by what is trusted no longer: key old since",
        ),
    ],
)
def test_what_does_not_fit_closes_with_a_reason(found: Signature | None, says: str) -> None:
    said = judged(found)
    assert said.reason == reasons.EVIDENCE_UNSIGNED
    assert says in said.message
    # Also where a word alone would do: what somebody signed has to hold.
    optional = environment(entry={"evidence": [KIND], "trust": TRUST})
    assert says in judged(found, optional).message


def test_every_chart_of_the_release_must_be_a_subject() -> None:
    two = attested(word(attestation="{}"), components=[{"name": n, "chart": _chart(n)} for n in ("app", "web")])
    charts = [{"name": n, "chartDigest": digest(n)} for n in ("app", "web")]
    status = type(two.status).model_validate({**two.status.dump(), "components": charts})
    two = two.model_copy(update={"status": status})
    s = world(environment=SIGNED, release=two)
    one = replace(s, signatures={"{}": signature(of=(digest("app"),))})
    assert "the chart of web is none of the subjects" in verdict(reasons.EVIDENCE, one).message
    both = replace(s, signatures={"{}": signature(of=(digest("web"), digest("app"), digest("image")))})
    assert verdict(reasons.EVIDENCE, both).open


def _chart(name: str) -> dict[str, str]:
    return {"oci": f"oci://registry.example/{name}", "version": "2.4.0", "digest": digest(name)}


def test_a_key_whose_time_runs_out_closes_the_gate_then() -> None:
    end = NOW + timedelta(hours=1)
    s = snapshot(signature(Signer("key ci", None, end)))
    open_now = verdict(reasons.EVIDENCE, s)
    assert (open_now.open, open_now.retry_at) == (True, end)
    assert verdict(reasons.EVIDENCE, s, end).reason == reasons.EVIDENCE_UNSIGNED
    assert judged(signature(Signer("key ci", None, end), Signer("key next"))).retry_at is None


def test_without_trust_a_signature_adds_nothing_and_takes_nothing() -> None:
    assert judged(None, environment(entry={"evidence": [KIND]})).open


def test_a_waiver_needs_no_signature() -> None:
    waived = world(environment=SIGNED, release=attested(waiver()))
    assert verdict(reasons.EVIDENCE, waived).open


IDENTITY = {"issuer": ISSUER, "subject": SUBJECT}
SIGSTORE = {"trustedRoot": "{}", "identities": [IDENTITY]}
BASE: dict[str, Any] = {"keys": [{"name": "ci", "pem": PEM}, {"name": "scan", "pem": PEM}], "sigstore": SIGSTORE}


@pytest.mark.parametrize(
    ("mine", "problem"),
    [
        (None, None),
        ({"keys": [{"name": "ci", "pem": PEM}]}, None),
        ({"sigstore": SIGSTORE}, None),
        ({"keys": [{"name": "mine", "pem": PEM}]}, "spec.entry.trust.keys is mine"),
        ({"keys": [{"name": "ci", "pem": pem(p256())}]}, "spec.entry.trust.keys is ci"),
        ({"keys": [{"name": "ci", "pem": PEM, "notAfter": "2030-01-01T00:00:00Z"}]}, "spec.entry.trust.keys is ci"),
        ({"sigstore": {**SIGSTORE, "trustedRoot": "{ }"}}, "spec.entry.trust.sigstore.trustedRoot"),
        (
            {"sigstore": {**SIGSTORE, "identities": [{**IDENTITY, "subject": "x"}]}},
            "spec.entry.trust.sigstore.identities",
        ),
    ],
)
def test_a_stack_trusts_nobody_whom_the_baseline_does_not(mine: dict[str, Any] | None, problem: str | None) -> None:
    base = baseline("Integration", entry={"signed": [KIND], "trust": BASE})
    mine_env = environment("integration", "Integration", entry={"trust": mine} if mine else {})
    found = effective(mine_env, base, (mine_env,))
    assert found.spec.entry is not None
    assert found.spec.entry.signed == (KIND,)
    if problem is None:
        assert not found.problems
        assert found.spec.entry.trust == Trust.model_validate(mine or BASE)
    else:
        assert any(text.startswith(problem) for text in found.problems)
        assert found.spec.entry.trust == Trust.model_validate(BASE)


def test_signed_evidence_without_trust_is_not_governed() -> None:
    where = environment("integration", "Integration", entry={"signed": [KIND]})
    assert any("spec.entry.trust is absent" in text for text in effective(where, None, (where,)).problems)


@pytest.mark.parametrize(
    ("mine", "kept", "refused"),
    [
        (None, ("a", "b"), False),
        ([], (), False),
        (["a"], ("a",), False),
        (["c"], ("c",), True),
        (["d"], ("d",), False),
    ],
)
def test_a_stack_lets_nobody_waive_more(mine: list[str] | None, kept: tuple[str, ...], refused: bool) -> None:
    base = baseline("Integration", entry={"evidence": ["a", "b", "c"], "waivable": ["a", "b"]})
    entry = {"evidence": ["d"]} if mine is None else {"evidence": ["d"], "waivable": mine}
    where = environment("integration", "Integration", entry=entry)
    found = effective(where, base, (where,))
    assert found.spec.entry is not None
    assert (found.spec.entry.waivable, any("entry.waivable" in p for p in found.problems)) == (kept, refused)
