"""The legal steps of a change's life. Whatever was observed, no other is ever taken."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from lockflight.api.changerequest import ChangePhase

_P = ChangePhase

STEPS: Final[Mapping[ChangePhase, frozenset[ChangePhase]]] = {
    _P.NEW: frozenset({_P.ASSESS, _P.AUTHORIZE, _P.ON_HOLD, _P.EXPIRED, _P.CANCELLED}),
    _P.ASSESS: frozenset({_P.NEW, _P.AUTHORIZE, _P.ON_HOLD, _P.EXPIRED, _P.CANCELLED, _P.REJECTED}),
    _P.AUTHORIZE: frozenset({_P.NEW, _P.ASSESS, _P.SCHEDULED, _P.ON_HOLD, _P.EXPIRED, _P.CANCELLED, _P.REJECTED}),
    _P.SCHEDULED: frozenset(
        {_P.NEW, _P.ASSESS, _P.AUTHORIZE, _P.IMPLEMENT, _P.ON_HOLD, _P.EXPIRED, _P.CANCELLED, _P.REJECTED}
    ),
    _P.ON_HOLD: frozenset({_P.NEW, _P.ASSESS, _P.AUTHORIZE, _P.SCHEDULED, _P.EXPIRED, _P.CANCELLED, _P.REJECTED}),
    _P.EXPIRED: frozenset({_P.NEW}),
    _P.IMPLEMENT: frozenset({_P.REVIEW}),
    _P.REVIEW: frozenset({_P.IMPLEMENT, _P.CLOSED}),
    _P.CLOSED: frozenset(),
    _P.REJECTED: frozenset(),
    _P.CANCELLED: frozenset(),
}
"""Single steps. What was implemented can only be reviewed and closed; another schedule lets an expired change begin
anew; a rejection, a cancellation and a closing are final."""

BEGINNINGS: Final = (_P.NEW, _P.REVIEW)
"""A change begins as new; one that happened without permission is there already, and begins with its review."""


@cache
def reachable(phase: ChangePhase | None) -> frozenset[ChangePhase]:
    """Every phase that single steps lead to, the phase itself included: one look may see several steps at once."""
    seen: set[ChangePhase] = set(BEGINNINGS) if phase is None else {phase}
    look = list(seen)
    while look:
        new = STEPS[look.pop()] - seen
        seen |= new
        look += new
    return frozenset(seen)


def legal(before: ChangePhase | None, after: ChangePhase) -> bool:
    """Whether a change that was ``before`` may be ``after``; None: it was not looked at yet."""
    return after in reachable(before)
