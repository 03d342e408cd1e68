"""What pages name is there: tests, attempts, fields, gates, kinds."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from lockflight.api import reasons
from lockflight.api.kinds import BY_NAME
from tests.documents import ROOT
from tests.integration.admission.attacks import ATTACKS

THREATS, COMPLIANCE = ROOT / "docs/threat-model.md", ROOT / "docs/compliance.md"
BAD_INPUT = ROOT / "docs/bad-input.md"


def rows(page: Path) -> list[list[str]]:
    """The cells of every row of every table, without heads."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {index - 1 for index, row in enumerate(cells) if set("".join(row)) == {"-"}}
    return [row for index, row in enumerate(cells) if index not in heads and index - 1 not in heads]


def defined() -> set[str]:
    """Every test there is."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return set(re.findall(r"def (test_\w+)\(", text))


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", THREATS.read_text(encoding="utf-8")))
    assert named
    assert named - defined() == set()


def test_every_kind_of_bad_input_is_shown_by_tests_that_exist() -> None:
    shown = {row[0]: set(re.findall(r"`(test_\w+)`", row[-1])) for row in rows(BAD_INPUT)}
    assert shown
    assert {name: tests - defined() for name, tests in shown.items() if not tests or tests - defined()} == {}


def test_every_attempt_that_the_threat_model_names_is_made() -> None:
    named = {text for row in rows(THREATS) for text in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", row[-1])}
    assert named
    assert named - {attack.name for attack in ATTACKS} == set()


def test_every_way_round_is_stopped_by_something_shown_or_plainly_by_nothing() -> None:
    silent = [row[0] for row in rows(THREATS) if not row[2] and not row[1].startswith("nothing in the API server")]
    assert rows(THREATS)
    assert silent == []


FIELDS = sorted(set(re.findall(r"`([A-Z]\w+\.(?:spec|status)[\w.]*)`", COMPLIANCE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_that_the_compliance_page_names_exists(field: str) -> None:
    kind, *steps = field.split(".")
    model: Any = BY_NAME[kind].model
    for step in steps:
        assert isinstance(model, type)
        assert issubclass(model, BaseModel), f"{step}: {model} has no fields"
        found = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        assert step in found, f"{step} is none of {sorted(found)}"
        model = _model(found[step])


def _model(annotation: Any) -> Any:
    """The model in an annotation such as ``Model | None``."""
    inner = [arg for arg in getattr(annotation, "__args__", ()) if isinstance(arg, type) and issubclass(arg, BaseModel)]
    return inner[0] if inner else annotation


def test_every_gate_that_the_compliance_page_names_exists() -> None:
    text = COMPLIANCE.read_text(encoding="utf-8")
    phrases = re.findall(r"gates? ((?:`\w+`(?:, | and )?)+)", text)
    named = {name for phrase in phrases for name in re.findall(r"`(\w+)`", phrase)}
    assert named
    assert named - set(reasons.GATES) == set()


def test_every_kind_that_the_compliance_page_names_exists() -> None:
    text = COMPLIANCE.read_text(encoding="utf-8")
    named = {row for row in re.findall(r"`([A-Z]\w+)`", text) if row not in reasons.GATES}
    assert named - set(BY_NAME) == set()


@pytest.mark.parametrize("subject", ["SOX", "DORA", "PCI DSS", "ITIL"])
def test_the_compliance_page_covers(subject: str) -> None:
    assert re.search(rf"^## {re.escape(subject)}", COMPLIANCE.read_text(encoding="utf-8"), re.MULTILINE)
