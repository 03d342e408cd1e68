"""AccessLadder: nobody may do more here than upstream, or than the tier allows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.access import AccessLevel
from lockflight.policy.ladder import CEILING, Ladder, bound, highest, operations
from lockflight.policy.model import PlanProblem, Verdict
from lockflight.policy.rbac import Holding
from lockflight.policy.verdicts import ASK_AGAIN, Subject, given, not_applicable, passed, waiting

_MANY: Final = 8


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/accessladder.md."""
    tier, found = on.effective.spec.tier, on.snapshot.ladder
    if CEILING[tier] is AccessLevel.ADMIN and not on.effective.promotes_from:
        return not_applicable(f"tier {tier} has no ceiling, and nothing comes before it")
    if found is None:
        return waiting(reasons.CANNOT_TELL, "who may do what in the target was not read yet", now + ASK_AGAIN)
    if isinstance(found, PlanProblem):
        return waiting(reasons.CANNOT_TELL, f"who may do what cannot be read: {found.message}", now + ASK_AGAIN)
    namespace = on.environment.target_namespace(on.release.spec.application)
    spared = operations(on.effective.spec.access or ())
    both = [str(who) for who in (*spared, *sorted(found.spared)) if who in found.releasers]
    if both:
        return waiting(
            reasons.OPERATIONS_RELEASE,
            f"{_few(both)} of purpose Operations may create Releases in {on.snapshot.stack}: whoever keeps it running "
            "does not decide what runs; take the one or the other away",
            now + ASK_AGAIN,
        )
    held = tuple(bound(found, namespace, spared))
    above = [f"{row.who} has {row.level} by {row.via}" for row in held if row.level.rank > CEILING[tier].rank]
    if above:
        return waiting(
            reasons.ACCESS_ABOVE_CEILING,
            f"{_few(above)} in {namespace}: tier {tier} allows at most {CEILING[tier]}; take that away, or name those "
            "who keep it running in spec.access with purpose Operations",
            now + ASK_AGAIN,
        )
    more = list(_above_upstream(found, held))
    if more:
        return waiting(
            reasons.ACCESS_ABOVE_UPSTREAM,
            f"{_few(more)}: access gets stricter towards production; take that away in {namespace}, or give as much "
            "upstream",
            now + ASK_AGAIN,
        )
    return passed(f"{len(highest(held))} subject(s) have access, none more than {CEILING[tier]} or than upstream")


def _above_upstream(ladder: Ladder, held: Sequence[Holding]) -> Iterator[str]:
    """Those who may do more here than in any environment before."""
    if not ladder.upstream:
        return
    before = highest(row for rows in ladder.upstream.values() for row in rows)
    where = ", ".join(sorted(ladder.upstream))
    for row in held:
        there = before.get(row.who)
        if there is None or there.rank < row.level.rank:
            yield f"{row.who} has {row.level} by {row.via}, and {there or 'nothing'} in {where}"


def _few(found: Sequence[str]) -> str:
    more = len(found) - _MANY
    return "; ".join(found[:_MANY]) + (f"; and {more} more" if more > 0 else "")
