"""Freeze: no freeze covers this target now, and none begins before the expected end of the work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import ChangeType, parse_duration
from lockflight.api.freezewindow import FreezeWindow
from lockflight.policy import windows
from lockflight.policy.backout import back_out
from lockflight.policy.model import Verdict
from lockflight.policy.time.zones import InvalidTime, both_clocks, zone
from lockflight.policy.verdicts import Subject, given, not_applicable, passed, waiting


@dataclass(frozen=True, slots=True)
class _Spell:
    """A freeze as instants."""

    freeze: FreezeWindow
    start: datetime
    end: datetime | None

    def covers(self, now: datetime) -> bool:
        return self.start <= now and (self.end is None or now < self.end)

    def clocks(self, when: datetime) -> str:
        return both_clocks(when, zone(self.freeze.spec.time_zone))

    def __str__(self) -> str:
        return f"{_name(self.freeze)} ({self.freeze.spec.reason})"


@given
def evaluate(on: Subject, now: datetime) -> Verdict:
    """See docs/gates/freeze.md."""
    way_back = back_out(on.snapshot, now)
    if way_back is not None and way_back.covered:
        return not_applicable(f"{way_back.message}, which a freeze does not hold")
    spells: list[_Spell] = []
    invalid: list[str] = []
    for freeze in on.snapshot.freezes:
        if freeze.spec.lift is not None or not _selects(on, freeze) or _exempt(on, freeze):
            continue
        try:
            spells.append(_Spell(freeze, *windows.span(freeze)))
        except InvalidTime as problem:
            invalid.append(f"{_name(freeze)}: {problem}; until mended it holds what it selects")
    active = [spell for spell in spells if spell.covers(now)]
    if active or invalid:
        return _held(active, invalid)
    work = parse_duration(on.effective.spec.timeout or "10m")
    ahead = min((s for s in spells if now < s.start < now + work), key=lambda s: s.start, default=None)
    if ahead is not None:
        return waiting(
            reasons.FREEZE_AHEAD,
            f"{ahead} begins {ahead.clocks(ahead.start)}, before work that starts now would end: "
            f"spec.timeout is {on.effective.spec.timeout}",
            ahead.end,
        )
    return passed("no freeze", retry_at=min((s.start - work for s in spells if s.start > now), default=None))


def _held(active: Sequence[_Spell], invalid: Sequence[str]) -> Verdict:
    """All of them are named; the latest end counts, and without one only a person ends it."""
    parts = [
        f"{spell} until {spell.clocks(spell.end) if spell.end else 'it is lifted'}"
        for spell in sorted(active, key=lambda s: s.freeze.metadata.name)
    ]
    ends = [spell.end for spell in active]
    latest = max((end for end in ends if end is not None), default=None)
    return waiting(
        reasons.FREEZE_ACTIVE if active else reasons.FREEZE_INVALID,
        "; ".join([*parts, *invalid]),
        None if invalid or None in ends else latest,
    )


def _selects(on: Subject, freeze: FreezeWindow) -> bool:
    return windows.selects(
        freeze,
        environment=on.effective.name,
        tier=on.effective.spec.tier,
        application=on.release.spec.application,
    )


def _exempt(on: Subject, freeze: FreezeWindow) -> bool:
    """By the type of its change, where ChangeControl accepts that type and so asks for its approvals."""
    change, control = on.snapshot.change, on.effective.spec.change_control
    return (
        freeze.spec.exempt is not None
        and change is not None
        and change.spec.type in freeze.spec.exempt.change_types
        and change.spec.type is ChangeType.NORMAL
        and control is not None
        and control.normal is not None
    )


def _name(freeze: FreezeWindow) -> str:
    return f"freeze {freeze.metadata.namespace}/{freeze.metadata.name}"
