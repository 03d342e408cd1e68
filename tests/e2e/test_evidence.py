"""Evidence that arrives after the release: who may say so, and whose signature counts, on a real API server."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.stack import Stack, eventually
from tests.signing import ISSUER, SUBJECT, Sigstore, envelope, p256, pem, statement

KIND = "integration-tests"
OURS, HOME = p256(), Sigstore()
TRUST = {
    "keys": [{"name": "ci", "pem": pem(OURS), "types": [KIND]}],
    "sigstore": {"trustedRoot": HOME.trusted_root, "identities": [{"issuer": ISSUER, "subject": SUBJECT}]},
}
ENTRY = {"evidence": ["unit-tests"], "signed": [KIND], "waivable": ["pen-test"], "trust": TRUST}
ENVIRONMENTS = [{"name": "integration", "tier": "Integration", "spec": {"entry": ENTRY, "autoPromote": False}}]
BUILT = [{"type": kind, "result": "Passed"} for kind in ("static-analysis", "unit-tests")]
PEOPLE = {
    "attesters": {
        **{kind: [{"kind": "Group", "name": "developers"}] for kind in ("static-analysis", "unit-tests")},
        KIND: [{"kind": "User", "name": "petra"}],
    }
}


def _attest(stack: Stack, work: Path, release: str, signed: dict[str, Any], person: str = "petra") -> str:
    """What the command says against it; empty where it was taken."""
    file = work / "signed.json"
    file.write_text(json.dumps(signed))
    done = stack.lockflight("attest", release, "--attestation", str(file), person=person)
    return done.stderr if done.returncode else ""


def _hears(stack: Stack, promotion: str, words: str) -> None:
    eventually(lambda: words in stack.gate(promotion, "Evidence").get("message", ""), f"gate Evidence to say: {words}")


def test_only_what_somebody_entitled_signed_for_these_bytes_lets_it_in(stack: Stack, tmp_path: Path) -> None:
    stack.install(ENVIRONMENTS, people=PEOPLE)
    _, digest = stack.chart("1.0.0")
    release = stack.release("1.0.0", evidence=BUILT)
    promotion = stack.promote(release, "integration")
    stack.says(promotion, "Evidence", "EvidenceMissing")

    # Who may not, and a bare word.
    good = envelope(OURS, statement(digest))
    assert f"ask for verb attest on evidencetypes/{KIND}" in _attest(stack, tmp_path, release, good, person="jo")
    said = stack.lockflight("attest", release, "--type", KIND, "--result", "Passed", person="petra")
    assert said.returncode == 0, said.stderr
    _hears(stack, promotion, "petra did not sign it")

    # Forged, of another build, of another type, and by another Sigstore.
    assert not _attest(stack, tmp_path, release, envelope(p256(), statement(digest)))
    _hears(stack, promotion, "is signed by none of the keys that entry.trust names")
    assert not _attest(stack, tmp_path, release, envelope(OURS, statement("sha256:" + "0" * 64)))
    _hears(stack, promotion, "signed other bytes: the chart of app is none of the subjects")
    assert not _attest(stack, tmp_path, release, Sigstore().bundle(statement(digest)))
    _hears(stack, promotion, "cannot be verified")
    assert stack.gate(promotion, "Evidence")["reason"] == "EvidenceUnsigned"
    assert not stack.deployed(f"{stack.name}-integration")

    assert not _attest(stack, tmp_path, release, HOME.bundle(statement(digest)))
    stack.reaches(promotion, "Succeeded")
    assert f"{KIND} Passed by petra" in stack.says(promotion, "Evidence", "Passed")

    # The same signature for other bytes.
    _, other = stack.chart("1.1.0")
    following = stack.release("1.1.0", evidence=BUILT)
    second = stack.promote(following, "integration")
    assert not _attest(stack, tmp_path, following, good)
    _hears(stack, second, "signed other bytes: the chart of app is none of the subjects")
    assert not _attest(stack, tmp_path, following, envelope(OURS, statement(other)))
    stack.reaches(second, "Succeeded")
