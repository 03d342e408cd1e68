"""Risk: a normal change says what may go wrong; what is computed is known, and the higher of both picks the quorum."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import ChangeType
from lockflight.policy.assessment import difference, effective_risk, risk_of
from lockflight.policy.backout import back_out
from lockflight.policy.model import Plan, Verdict
from lockflight.policy.risk import declared
from lockflight.policy.verdicts import Subject, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/risk.md."""
    change = on.snapshot.change
    if on.effective.spec.change_control is None or change is None or change.spec.type is not ChangeType.NORMAL:
        return not_applicable("for normal changes only")
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return not_applicable(way_back.message)
    name, said = change.metadata.name, change.spec.risk
    if said is None or not (said.assessment or "").strip():
        return waiting(
            reasons.ASSESSMENT_MISSING,
            f"change {name} spec.risk.assessment is absent: say what may go wrong, and how that was looked into",
        )
    if not isinstance(on.snapshot.plan, Plan):
        return waiting(reasons.PLAN_MISSING, "there is no plan to assess: see gate Binding")
    found = difference(on)
    if isinstance(found, str):
        return waiting(reasons.CANNOT_TELL, f"the risk cannot be computed: {found}")
    mine = risk_of(on)
    level = effective_risk(change, {on.effective.name: mine.level})
    words = declared(said)
    parts = [f"computed {mine.level} here", *([f"declared {words}"] if words else []), *mine.reasons]
    return passed(f"risk {level}: {'; '.join(parts)}")
