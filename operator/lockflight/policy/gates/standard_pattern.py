"""StandardPattern: a standard change differs from what runs only as its pre-approved pattern allows."""

from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import ChangeType
from lockflight.policy.assessment import difference, risk_of
from lockflight.policy.backout import back_out
from lockflight.policy.model import Plan, Verdict
from lockflight.policy.pattern import Target, judge
from lockflight.policy.ruleentitled import unentitled_pattern
from lockflight.policy.verdicts import Subject, given, not_applicable, waiting


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/standardpattern.md."""
    change, control = on.snapshot.change, on.effective.spec.change_control
    if control is None or change is None or change.spec.type is not ChangeType.STANDARD:
        return not_applicable("for standard changes only")
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return not_applicable(way_back.message)
    if on.removal:
        return waiting(reasons.PATTERN_EXCEEDED, "no pattern is one of removing: raise a normal change")
    ref, standard = change.spec.standard_change_ref, on.snapshot.standard
    if ref is None or standard is None or control.standard is None:
        return waiting(
            reasons.STANDARD_CHANGE_MISSING,
            f"change {change.metadata.name} spec.standardChangeRef: standard change {ref.name if ref else '?'} exists "
            f"neither in {on.snapshot.stack} nor for all stacks: create it, or raise a normal change",
        )
    if not isinstance(on.snapshot.plan, Plan):
        return waiting(reasons.PLAN_MISSING, "there is no plan to compare: see gate Binding")
    target = Target(on.effective.name, on.release.spec.application, difference(on), risk_of(on).level)
    return judge(
        standard,
        control.standard,
        on.snapshot.standard_uses,
        target,
        now,
        unentitled=unentitled_pattern(standard, on.snapshot.stack, on.effective, on.snapshot.rule_rights),
        mine=on.snapshot.promotion.metadata.uid,
    )
