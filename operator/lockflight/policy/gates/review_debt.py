"""ReviewDebt: nothing that is owed for this target is overdue."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.changerecords import Bypass
from lockflight.api.promotion import WaitingFor
from lockflight.policy.backout import back_out
from lockflight.policy.debts import next_due, overdue, words
from lockflight.policy.emergency import is_emergency
from lockflight.policy.emergencyrules import terms
from lockflight.policy.model import Verdict
from lockflight.policy.verdicts import Subject, given, not_applicable, passed, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/reviewdebt.md."""
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return not_applicable(f"{way_back.message}, whatever is owed")
    change, rule = on.snapshot.change, terms(on.effective.spec.change_control)
    if change is not None and is_emergency(change) and rule is not None and Bypass.REVIEW_DEBT not in rule.bypass:
        return not_applicable("what is owed here holds no emergency")
    others = [c for c in on.snapshot.owing if change is None or c.metadata.uid != change.metadata.uid]
    late = [(c.metadata.name, row) for c in others for row in overdue(c, now)]
    if late:
        names = tuple(dict.fromkeys(name for name, _ in late))
        owed = "; ".join(
            f"{name} owes {', '.join(words(row, now) for owner, row in late if owner == name)}" for name in names
        )
        asked = [WaitingFor(who="reviewers", what=f"what {name} owes") for name in names]
        message = f"{owed}: settle it, see status.debts there, or lockflight change review {names[0]}"
        return waiting(reasons.DEBT_OVERDUE, message, waiting_for=asked)
    times = [at for c in others if (at := next_due(c, now)) is not None]
    return passed("nothing that is owed here is overdue", retry_at=min(times, default=None))
