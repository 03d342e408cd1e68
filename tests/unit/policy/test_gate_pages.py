"""The pages of the gates have every reason that a gate gives, with the outcome it comes with, and no other."""

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from lockflight.api import reasons
from lockflight.api.promotion import Outcome
from lockflight.policy import catalogue, emergency, governance, pattern, plan, removal, upstream
from lockflight.policy.gates import GATES
from tests.documents import ROOT, examples

PAGES = ROOT / "docs" / "gates"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|", re.MULTILINE)
SAYS = {"passed": Outcome.PASSED, "waiting": Outcome.WAITING, "denied": Outcome.DENIED}
COMMON = {
    reasons.PASSED: Outcome.PASSED,
    reasons.BYPASSED: Outcome.PASSED,
    reasons.NOT_APPLICABLE: Outcome.NOT_APPLICABLE,
    reasons.RELEASE_MISSING: Outcome.WAITING,
    reasons.ENVIRONMENT_MISSING: Outcome.WAITING,
    reasons.PLAN_MISSING: Outcome.WAITING,
    reasons.CANNOT_TELL: Outcome.WAITING,
}
ALSO = {
    reasons.ORDER: (upstream,),
    reasons.BINDING: (plan, removal),
    reasons.CHANGE_CONTROL: (emergency,),
    reasons.RULES: (governance,),
    reasons.STANDARD_PATTERN: (catalogue, pattern),
}
"""Modules in which reasons of a gate are found besides its own."""


def page(gate: str) -> set[tuple[str, str]]:
    """(reason, outcome) as the page says."""
    return set(ROW.findall((PAGES / f"{gate.lower()}.md").read_text(encoding="utf-8")))


def said(module: ModuleType) -> Iterator[tuple[str, str]]:
    """(reason, outcome) as the code says: constants given to passed(), waiting() and denied(), and final problems."""
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        outcome = SAYS.get(call.func.id) or (Outcome.DENIED if call.func.id == "PlanProblem" else None)
        for argument in call.args if outcome else ():
            for node in ast.walk(argument):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "reasons":
                    yield getattr(reasons, node.attr), str(outcome)


def given(gate: str) -> set[tuple[str, str]]:
    """Everything a gate says, with what stands on the common page left out."""
    modules = (inspect.getmodule(GATES[gate]), *ALSO.get(gate, ()))
    return {row for module in modules if module is not None for row in said(module)} - set(COMMON.items())


@pytest.mark.parametrize("gate", reasons.GATES)
def test_the_page_has_every_reason_of_the_gate_with_its_outcome(gate: str) -> None:
    assert given(gate) - page(gate) == set()


@pytest.mark.parametrize("gate", reasons.GATES)
def test_the_page_has_no_reason_that_the_gate_does_not_give(gate: str) -> None:
    known = given(gate) | set(COMMON.items())
    if gate == reasons.CHANGE_CONTROL:
        # What became of the change is looked up, not written out.
        known |= {(reasons.CHANGE_REJECTED, "Denied"), (reasons.APPROVAL_EXPIRED, "Denied")}
    assert page(gate) - known == set()


def test_the_overview_has_what_any_gate_may_say_and_every_gate() -> None:
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    assert set(ROW.findall(text)) == {(reason, outcome.value) for reason, outcome in COMMON.items()}
    assert re.findall(r"^\| \[(\w+)\]", text, re.MULTILINE) == list(reasons.GATES)


@pytest.mark.parametrize("gate", reasons.GATES)
def test_the_gate_and_its_page_point_to_each_other(gate: str) -> None:
    assert f"docs/gates/{gate.lower()}.md" in (GATES[gate].__doc__ or "")
    assert (PAGES / f"{gate.lower()}.md").read_text(encoding="utf-8").startswith(f"# {gate}\n")


@pytest.mark.parametrize("gate", reasons.GATES)
def test_every_page_shows_an_object(gate: str) -> None:
    assert any(example.page == f"docs/gates/{gate.lower()}.md" for example in examples())
