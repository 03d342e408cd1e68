"""What is wrong with who holds what: evidence that is asked for and nobody may give."""

from typing import Any

from lockflight.cli.holders import Held, Right, Subject, findings

RULES: list[dict[str, Any]] = [{"spec": {"entry": {"evidence": ["unit-tests"], "signed": ["pen-test"]}}}, {"spec": {}}]
CI = Subject("ServiceAccount", "system:serviceaccount:payments:ci")


def _held(*types: str, wildcard: bool = False) -> Held:
    return Held(CI, tuple(Right("attest", "evidencetypes", kind) for kind in types), wildcard)


def _evidence(held: Held) -> list[str]:
    return [text.split(",")[0] for text in findings([held], RULES, "payments") if "evidence" in text]


def test_evidence_that_nobody_may_attest_is_found() -> None:
    assert _evidence(_held("unit-tests", "pen-test")) == []
    assert _evidence(_held("unit-tests")) == ["environments of payments ask for evidence pen-test"]


def test_who_attests_by_a_wildcard_is_nobody() -> None:
    assert len(_evidence(_held("unit-tests", "pen-test", wildcard=True))) == 2
