"""Freeze: no freeze covers this target now, and none begins before the expected end of the work."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lockflight.api import reasons
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import WaitingFor
from lockflight.policy.agenda import Broken, Spell
from lockflight.policy.backout import back_out
from lockflight.policy.expected import expected
from lockflight.policy.model import Verdict
from lockflight.policy.override import Overriding, frozen, lets_through, overriding
from lockflight.policy.time.zones import InvalidTime
from lockflight.policy.verdicts import Subject, given, not_applicable, passed, waiting
from lockflight.policy.windows import FOREVER, Target


@dataclass(frozen=True, slots=True)
class _Following:
    """The spells ahead that hold, soonest first; of a thousand only those that are looked at are judged."""

    spells: Sequence[Spell]
    holds: Callable[[FreezeWindow], bool]

    def __iter__(self) -> Iterator[Spell]:
        return (spell for spell in self.spells if self.holds(spell.freeze))


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/freeze.md."""
    s = on.snapshot
    way_back = back_out(s, now)
    if way_back is not None and way_back.covered:
        return not_applicable(f"{way_back.message}, which a freeze does not hold")
    target = Target(on.effective.name, on.effective.spec.tier, on.release.spec.application)
    try:
        found = frozen(s, target, now)
    except InvalidTime as problem:
        return waiting(reasons.FREEZE_INVALID, f"critical dates of the calendar: {problem}; until mended they hold")
    active = [spell for spell in found.active if not lets_through(s, spell.freeze, now)]
    broken = [b for b in found.broken if not lets_through(s, b.freeze, now)]
    work = expected(s)
    following = _Following(found.ahead, lambda freeze: not lets_through(s, freeze, now))
    if active or broken:
        return _held(on, active, broken, following, work.duration, now)
    first = next(iter(following), None)
    soon = first if first is not None and first.span.start < now + work.duration else None
    if soon is not None:
        _, opens = _reopening([soon], following, work.duration)
        return waiting(
            reasons.FREEZE_AHEAD,
            f"{soon} begins {soon.clocks(soon.span.start)}, before work that starts now is expected to end: {work.why}",
            opens,
        )
    past = [str(spell) for spell in found.active]
    words = f"goes past {'; '.join(past)}" if past else "no freeze"
    return passed(words, retry_at=first.span.start - work.duration if first is not None else None)


def _held(
    on: Subject,
    active: Sequence[Spell],
    broken: Sequence[Broken],
    ahead: Iterable[Spell],
    work: timedelta,
    now: datetime,
) -> Verdict:
    """All of them are named, and what follows without a gap; without an end only a person ends it."""
    held: list[Spell | Broken] = [*active, *broken]
    asked = {id(each): overriding(on.snapshot, each.freeze, now) for each in held}

    def words(each: Spell | Broken) -> str:
        text = f"{each} until {each.clocks(each.span.end)}" if isinstance(each, Spell) else str(each)
        override = asked[id(each)]
        return f"{text}; {override.why}" if override is not None else text

    then, opens = _reopening(active, ahead, work)
    parts = [
        *map(words, active),
        *(f"then {spell} until {spell.clocks(spell.span.end)}" for spell in then),
        *map(words, broken),
    ]
    return waiting(
        reasons.FREEZE_ACTIVE if active else reasons.FREEZE_INVALID,
        "; ".join(parts),
        None if broken else opens,
        waiting_for=_approvers(on, list(asked.values())),
    )


def _reopening(active: Sequence[Spell], ahead: Iterable[Spell], work: timedelta) -> tuple[list[Spell], datetime | None]:
    """Those that begin before work could end in between, and when the last of all ends; None: nobody knows."""
    end, then = max((spell.span.end for spell in active), default=FOREVER), []
    for spell in ahead:
        if end == FOREVER or spell.span.start >= end + work:
            break
        if spell.span.end > end:
            then.append(spell)
            end = spell.span.end
    return then, None if end == FOREVER else end


def _approvers(on: Subject, asked: Sequence[Overriding | None]) -> list[WaitingFor]:
    """Who could let it through now, where its change asks for that."""
    change = on.snapshot.change
    return [
        WaitingFor(who=role, what=f"{have} approvals of {change.metadata.name} to go past the freeze")
        for override in asked
        if change is not None and override is not None and override.count is not None
        for role, have in override.count.missing_roles()
    ]
