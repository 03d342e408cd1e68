"""The gates. All are evaluated and shown, always; one that cannot tell is closed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.promotion import Action
from lockflight.policy.bypass import bypass
from lockflight.policy.gates import (
    access_ladder,
    admission,
    artifacts,
    binding,
    cadence,
    change_control,
    change_window,
    concurrency,
    data_policy,
    drift,
    evidence,
    freeze,
    hold,
    order,
    requires,
    review_debt,
    risk,
    rollback_plan,
    rules,
    soak,
    source,
    standard_pattern,
    version,
)
from lockflight.policy.holds import held
from lockflight.policy.model import NamedVerdict, Snapshot, Verdict
from lockflight.policy.verdicts import Gate, not_applicable, waiting

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
    reasons.REQUIRES: requires.evaluate,
    reasons.CADENCE: cadence.evaluate,
    reasons.FREEZE: freeze.evaluate,
    reasons.CHANGE_WINDOW: change_window.evaluate,
    reasons.CHANGE_CONTROL: change_control.evaluate,
    reasons.STANDARD_PATTERN: standard_pattern.evaluate,
    reasons.RISK: risk.evaluate,
    reasons.ROLLBACK_PLAN: rollback_plan.evaluate,
    reasons.REVIEW_DEBT: review_debt.evaluate,
    reasons.DATA_POLICY: data_policy.evaluate,
    reasons.ACCESS_LADDER: access_ladder.evaluate,
    reasons.CONCURRENCY: concurrency.evaluate,
    reasons.DRIFT: drift.evaluate,
    reasons.ADMISSION: admission.evaluate,
}

EVEN_IN_LOCAL: Final = frozenset({reasons.BINDING, reasons.RULES, reasons.DATA_POLICY, reasons.CONCURRENCY})
"""What no tier does without: the rest is about proof, and passing a Local environment proves nothing."""


BRINGS_NOTHING: Final = frozenset(
    {
        reasons.ORDER,
        reasons.SOAK,
        reasons.SOURCE,
        reasons.ARTIFACTS,
        reasons.EVIDENCE,
        reasons.DATA_POLICY,
        reasons.VERSION,
        reasons.DRIFT,
    }
)
"""What a removal does without: they are about what comes in, and about what it would be compared with."""


def evaluate_all(s: Snapshot, now: datetime) -> tuple[NamedVerdict, ...]:
    """Every gate's verdict at ``now``, in the order in which they are shown, with what an emergency skips."""
    verdicts = {row.gate: row.verdict for row in evaluate(reasons.GATES, s, now)}
    skipping = bypass(s, verdicts[reasons.CHANGE_CONTROL])
    if skipping is not None:
        verdicts = skipping.applied(verdicts, now, judge)
    return tuple(NamedVerdict(name, verdict) for name, verdict in verdicts.items())


def evaluate(names: Iterable[str], s: Snapshot, now: datetime) -> tuple[NamedVerdict, ...]:
    """The verdicts of some gates at ``now``, whatever an emergency may skip."""
    return tuple(NamedVerdict(name, judge(name, s, now)) for name in names)


def _held(s: Snapshot) -> bool:
    """A person's hold on the environment counts in every tier."""
    application = s.release.spec.application if s.release is not None else ""
    return s.effective is not None and held(s.effective, application) is not None


def judge(name: str, s: Snapshot, now: datetime) -> Verdict:
    """What one gate says, whatever an emergency may skip."""
    local = s.effective is not None and s.effective.spec.tier is Tier.LOCAL
    if local and name not in EVEN_IN_LOCAL and not (name == reasons.HOLD and _held(s)):
        return not_applicable("a Local environment has no such gate")
    if s.promotion.spec.action is Action.REMOVE and name in BRINGS_NOTHING:
        return not_applicable("a removal brings nothing in")
    try:
        return GATES[name](s, now)
    except Exception as problem:  # noqa: BLE001 - a gate that cannot tell is closed, whatever the cause
        message = f"this gate could not be judged ({problem!r}) and is closed: report it, with the operator's log"
        return waiting(reasons.CANNOT_TELL, message)
