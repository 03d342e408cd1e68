"""What freezes say about a target at a time: in force, and next. Remembered until time changes it."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lockflight.api.freezewindow import FreezeWindow
from lockflight.policy.lifting import lifted
from lockflight.policy.time.recurrence import Span
from lockflight.policy.time.zones import InvalidTime, both_clocks, zone
from lockflight.policy.windows import FOREVER, Target, occurrences, selects


@dataclass(frozen=True, slots=True)
class Spell:
    """One occurrence of a freeze."""

    freeze: FreezeWindow
    span: Span

    def clocks(self, when: datetime) -> str:
        """An instant in the window's zone and in UTC; the end of what has none in words."""
        return both_clocks(when, zone(self.freeze.spec.time_zone)) if when != FOREVER else "it is lifted"

    def __str__(self) -> str:
        return f"{called(self.freeze)} ({self.freeze.spec.reason})"


@dataclass(frozen=True, slots=True)
class Broken:
    """A freeze that cannot be judged: it holds what it selects."""

    freeze: FreezeWindow
    problem: str

    def __str__(self) -> str:
        return f"{called(self.freeze)}: {self.problem}; until mended it holds what it selects"


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is in force from ``since`` until just before ``until``."""

    since: datetime
    until: datetime
    active: tuple[Spell, ...]
    """By name."""
    ahead: tuple[Spell, ...]
    """The next occurrence of each window, soonest first."""
    broken: tuple[Broken, ...]


def called(freeze: FreezeWindow) -> str:
    """How messages name a freeze."""
    return f"freeze {freeze.metadata.namespace}/{freeze.metadata.name}"


def agenda(freezes: tuple[FreezeWindow, ...], target: Target, now: datetime) -> Agenda:
    """What ``freezes`` say about ``target``; the same tuple is looked through again once time changed something."""
    memory = _MEMORY.get(id(freezes))
    if memory is None or memory.freezes is not freezes:
        memory = _MEMORY[id(freezes)] = _Memory(freezes)
        while len(_MEMORY) > _TUPLES:
            _MEMORY.popitem(last=False)
    known = memory.agendas.get(target, ())
    found = next((each for each in known if each.since <= now < each.until), None)
    if found is None:
        if len(memory.agendas) >= _TARGETS:
            memory.agendas.clear()
        found = _look(freezes, target, now)
    # A forecast asks about later times in between: what was asked last is kept longest.
    memory.agendas[target] = (found, *(each for each in known if each is not found))[:_TIMES]
    return found


@dataclass(slots=True)
class _Memory:
    freezes: tuple[FreezeWindow, ...]
    """Kept, so that its id is not given to another tuple."""
    agendas: dict[Target, tuple[Agenda, ...]] = field(default_factory=dict)


_TUPLES: Final = 64
_TARGETS: Final = 1024
_TIMES: Final = 3
_MEMORY: OrderedDict[int, _Memory] = OrderedDict()


def _look(freezes: Sequence[FreezeWindow], target: Target, now: datetime) -> Agenda:
    active: list[Spell] = []
    ahead: list[Spell] = []
    broken: list[Broken] = []
    for freeze in freezes:
        if lifted(freeze) or not selects(freeze, target):
            continue
        try:
            around = occurrences(freeze).around(now)
        except InvalidTime as problem:
            broken.append(Broken(freeze, str(problem)))
            continue
        if around.current is not None:
            active.append(Spell(freeze, around.current))
        if around.next is not None:
            ahead.append(Spell(freeze, around.next))
    ahead.sort(key=lambda spell: spell.span.start)
    ends = [spell.span.end for spell in active]
    starts = [spell.span.start for spell in ahead[:1]]
    return Agenda(
        now,
        min((*ends, *starts), default=FOREVER),
        tuple(sorted(active, key=lambda spell: spell.freeze.metadata.name)),
        tuple(ahead),
        tuple(broken),
    )
