"""Who approves the rules of an environment: its baseline's rule, which a stack may only make stricter."""

from collections.abc import Callable, Iterable

from lockflight.api.common import RoleCount, Tier
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.governance import Governance
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.model import Effective, Snapshot
from lockflight.policy.quorum import union

RuleObject = Environment | FreezeWindow | ReleaseCalendar
"""What governance approves; the catalogue of standard changes has approvals of its own."""

Refuse = Callable[[str, object, str], None]


def more_governed(mine: Governance | None, base: Governance | None, refuse: Refuse) -> Governance | None:
    """Both together. ``refuse`` is told of what is looser, and of a rule that no baseline asks for.

    Whoever edits an environment could take a rule of its own away again, so it would bind nobody.
    """
    if mine is None:
        return base
    if base is None:
        refuse("governance", "given", "nothing: the baseline of the tier asks for it first")
        return mine
    known = {need.role: need.count for need in base.approvals}
    for need in mine.approvals:
        if need.count < known.get(need.role, 0):
            refuse(f"governance.approvals[{need.role}].count", need.count, f"at least {known[need.role]}")
    return Governance(approvals=union([base.approvals, mine.approvals]))


def needs_of(governed: Effective) -> tuple[RoleCount, ...]:
    """Whose approvals the rules of an environment need; empty: nobody's.

    The baseline's rule counts as it is written, and as it was when last approved: who takes it away does not escape it.
    """
    return union([*baseline_rules(governed.baseline), _approvals(governed.spec.governance)])


def bound_by(snapshot: Snapshot) -> tuple[RuleObject, ...]:
    """The rule objects that bind a promotion and take approval: of freezes those that were edited, whatever they
    select now, for nobody knows what they selected before.
    """
    governed = snapshot.effective
    if governed is None or snapshot.environment is None or not needs_of(governed):
        return ()
    rules = (governed.baseline, snapshot.environment, snapshot.calendar)
    return (*(rule for rule in rules if rule is not None), *filter(edited, snapshot.freezes))


def edited(freeze: FreezeWindow) -> bool:
    """Whether it is not any more as it was declared; a new freeze counts at once."""
    return freeze.metadata.generation > 1


def baseline_of(baselines: Iterable[Environment], tier: Tier) -> Environment | None:
    """The baseline of a tier; of several the oldest."""
    return min((b for b in baselines if b.spec.tier is tier), key=_age, default=None)


def baseline_rules(baseline: Environment | None) -> tuple[tuple[RoleCount, ...], ...]:
    """What a baseline asks for, as written and as last in force."""
    if baseline is None:
        return ()
    return _approvals(baseline.spec.governance), _approvals(baseline.status.governance)


def _age(environment: Environment) -> tuple[str, str]:
    created = environment.metadata.creation_timestamp
    return (created.isoformat() if created else "", environment.metadata.name)


def _approvals(rule: Governance | None) -> tuple[RoleCount, ...]:
    return rule.approvals if rule else ()
