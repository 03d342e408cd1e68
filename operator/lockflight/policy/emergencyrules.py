"""What an environment asks of emergencies: its own rules under its baseline's, and defaults for what is left out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from lockflight.api.changerecords import Bypass, IncidentSeverity
from lockflight.api.common import RoleCount, Tier, parse_duration
from lockflight.api.emergency import EmergencyControl, Ratify
from lockflight.api.environment import ChangeControl
from lockflight.policy.quorum import union

DEFAULT_SEVERITIES: Final = (IncidentSeverity.SEV1,)
"""Incidents that an emergency may mend where nobody says otherwise; in tier Production nobody may."""
DEFAULT_RATIFY_WITHIN: Final = "72h"
DEFAULT_REVIEW_WITHIN: Final = "120h"

Refuse = Callable[[str, object, str], None]
Counts = Callable[[str, tuple[RoleCount, ...], tuple[RoleCount, ...]], tuple[RoleCount, ...]]
_WHERE: Final = "changeControl.emergency"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an environment asks of emergencies, with nothing left out."""

    approvals: tuple[RoleCount, ...]
    severities: tuple[IncidentSeverity, ...]
    bypass: frozenset[Bypass]
    order_down_to: Tier | None
    ratify: tuple[RoleCount, ...]
    ratify_within: timedelta
    review_within: timedelta


def terms(control: ChangeControl | None) -> Terms | None:
    """The terms of an environment; None: it accepts no emergencies."""
    rule = control.emergency if control else None
    if control is None or rule is None:
        return None
    ratify = rule.ratify or Ratify()
    return Terms(
        approvals=rule.approvals,
        severities=rule.severities or DEFAULT_SEVERITIES,
        bypass=frozenset(rule.bypass or ()),
        order_down_to=rule.order_down_to,
        ratify=ratify.approvals or (control.normal.approvals if control.normal else ()),
        ratify_within=parse_duration(ratify.within or DEFAULT_RATIFY_WITHIN),
        review_within=parse_duration(rule.review_within or DEFAULT_REVIEW_WITHIN),
    )


def stricter(
    mine: EmergencyControl | None, base: EmergencyControl | None, refuse: Refuse, counts: Counts
) -> EmergencyControl | None:
    """``mine`` under the rules of a baseline that has change control; what is looser goes to ``refuse``."""
    if mine is None:
        return base
    if base is None:
        refuse(_WHERE, "given", "absent: the baseline accepts no emergencies")
        return None
    severities, bypass = base.severities or DEFAULT_SEVERITIES, base.bypass or ()
    extra = [s for s in mine.severities or () if s not in severities]
    if extra:
        refuse(f"{_WHERE}.severities", ", ".join(extra), f"some of {', '.join(severities)}")
    beyond = [b for b in mine.bypass or () if b not in bypass]
    if beyond:
        refuse(f"{_WHERE}.bypass", ", ".join(beyond), f"some of {', '.join(bypass) or 'nothing'}")
    kept = tuple(b for b in bypass if mine.bypass is None or b in mine.bypass)
    down_to = max((t for t in (mine.order_down_to, base.order_down_to) if t), key=lambda t: t.rank, default=None)
    if mine.order_down_to and base.order_down_to and mine.order_down_to.rank < base.order_down_to.rank:
        refuse(f"{_WHERE}.orderDownTo", mine.order_down_to, f"{base.order_down_to} or higher")
    return EmergencyControl(
        approvals=counts(f"{_WHERE}.approvals", mine.approvals, base.approvals),
        severities=tuple(s for s in mine.severities or severities if s in severities) or severities,
        bypass=kept,
        order_down_to=down_to if Bypass.ORDER in kept else None,
        ratify=_ratify(mine.ratify, base.ratify, refuse, counts),
        review_within=_shorter(
            f"{_WHERE}.reviewWithin", mine.review_within, base.review_within, DEFAULT_REVIEW_WITHIN, refuse
        ),
    )


def _ratify(mine: Ratify | None, base: Ratify | None, refuse: Refuse, counts: Counts) -> Ratify | None:
    mine, base = mine or Ratify(), base or Ratify()
    where = f"{_WHERE}.ratify"
    both = counts(f"{where}.approvals", mine.approvals or (), base.approvals or ())
    within = _shorter(f"{where}.within", mine.within, base.within, DEFAULT_RATIFY_WITHIN, refuse)
    return Ratify(approvals=both or None, within=within)


def _shorter(where: str, mine: str | None, base: str | None, default: str, refuse: Refuse) -> str | None:
    """A default binds like what is written: a baseline that leaves it out means it."""
    if mine is None:
        return base
    most = base or default
    if parse_duration(mine) > parse_duration(most):
        refuse(where, mine, f"at most {most}")
    return min((mine, most), key=parse_duration)


def united(all_terms: Iterable[Terms]) -> Terms | None:
    """What several environments ask together: every role with its largest count, the shortest times; None of none."""
    found = tuple(all_terms)
    if not found:
        return None
    return Terms(
        approvals=union(t.approvals for t in found),
        severities=tuple(s for s in found[0].severities if all(s in t.severities for t in found)),
        bypass=frozenset.intersection(*(t.bypass for t in found)),
        order_down_to=max((t.order_down_to for t in found if t.order_down_to), key=lambda t: t.rank, default=None),
        ratify=union(t.ratify for t in found),
        ratify_within=min(t.ratify_within for t in found),
        review_within=min(t.review_within for t in found),
    )
