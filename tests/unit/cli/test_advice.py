"""Every closed gate comes with something to do."""

import re

import pytest

from lockflight.api import reasons
from lockflight.api.promotion import GateStatus, Outcome, Promotion
from lockflight.cli import advice
from lockflight.cli.advice import next_step
from tests.unit.cli.fakes import promotion

FOUND = Promotion.model_validate(promotion("2.4.0", "production"))


def _step(gate: str, reason: str) -> str:
    return next_step(GateStatus(name=gate, outcome=Outcome.WAITING, reason=reason), FOUND)


@pytest.mark.parametrize("gate", reasons.GATES)
def test_every_gate_has_a_step_that_is_ready_to_type(gate: str) -> None:
    step = _step(gate, "SomethingNew")
    assert step
    assert "{" not in step


@pytest.mark.parametrize("reason", list(advice._BY_REASON))
def test_every_reason_with_advice_of_its_own_is_ready_to_type(reason: str) -> None:
    assert "{" not in _step(reasons.ORDER, reason)


def test_no_change_gives_the_command_that_raises_one() -> None:
    step = _step(reasons.CHANGE_CONTROL, "NoChange")
    assert re.match(r"lockflight -n payments change create --release payments-2.4.0 --environment production ", step)


def test_a_gate_of_a_newer_operator_speaks_for_itself() -> None:
    assert _step("Weather", "Raining") == ""
