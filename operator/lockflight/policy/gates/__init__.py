"""The gates. All are evaluated and shown, always; one that cannot tell is closed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.promotion import Outcome
from lockflight.policy.gates import (
    artifacts,
    binding,
    change_control,
    change_window,
    concurrency,
    evidence,
    freeze,
    hold,
    order,
    rollback_plan,
    rules,
    soak,
    source,
    version,
)
from lockflight.policy.model import NamedVerdict, Snapshot, Verdict

Gate = Callable[[Snapshot, datetime], Verdict]

GATES: Final[Mapping[str, Gate]] = {
    reasons.BINDING: binding.evaluate,
    reasons.RULES: rules.evaluate,
    reasons.ORDER: order.evaluate,
    reasons.SOAK: soak.evaluate,
    reasons.SOURCE: source.evaluate,
    reasons.ARTIFACTS: artifacts.evaluate,
    reasons.EVIDENCE: evidence.evaluate,
    reasons.HOLD: hold.evaluate,
    reasons.VERSION: version.evaluate,
    reasons.FREEZE: freeze.evaluate,
    reasons.CHANGE_WINDOW: change_window.evaluate,
    reasons.CHANGE_CONTROL: change_control.evaluate,
    reasons.ROLLBACK_PLAN: rollback_plan.evaluate,
    reasons.CONCURRENCY: concurrency.evaluate,
}


def evaluate_all(s: Snapshot, now: datetime) -> tuple[NamedVerdict, ...]:
    """Every gate's verdict at ``now``, in the order in which they are shown."""
    return tuple(NamedVerdict(name, _judged(gate, s, now)) for name, gate in GATES.items())


def _judged(gate: Gate, s: Snapshot, now: datetime) -> Verdict:
    try:
        return gate(s, now)
    except Exception as problem:  # noqa: BLE001 - a gate that cannot tell is closed, whatever the cause
        return Verdict(Outcome.WAITING, "CannotTell", f"this gate could not be judged: {problem!r}")
