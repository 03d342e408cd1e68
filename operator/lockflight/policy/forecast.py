"""When a promotion could start if people act now: the very same gates, time moved, people's part assumed. Pure.

Time is moved along what the gates themselves say (``retry_at``), never minute by minute, and the search is bounded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.promotion import Forecast, Outcome, WaitingFor
from lockflight.policy.assume import assume, renewed
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import NamedVerdict, Snapshot
from lockflight.policy.windows import FOREVER

HORIZON: Final = timedelta(days=366)
"""A start that lies further ahead is none."""
MOST_LOOKS: Final = 200
"""So often the gates are asked at most; a year of weekly freezes takes some fifty."""
FEW_LOOKS: Final = 12
"""The same where the operator does it at every pass."""

TIMED: Final = frozenset({reasons.ORDER, reasons.SOAK, reasons.CADENCE, reasons.FREEZE, reasons.CHANGE_WINDOW})
"""Gates that are always asked at the time in question; others may be taken as mended by whoever they wait for."""
_CLOCKED: Final = TIMED | {reasons.CHANGE_CONTROL, reasons.REVIEW_DEBT}
"""Gates whose ``retry_at`` is a time on the clock, and not when to ask again."""
_NEVER: Final = (reasons.NO_CHANGE, reasons.PLAN_MISSING, reasons.RETIRED)
"""What nobody mends: it repeats what another gate says, or nothing enters any more."""
_OPERATORS: Final = (reasons.PLAN_MISSING, reasons.PLAN_CHANGED)
"""Reasons that go away without a person: the operator plans."""
_RENEWABLE: Final = frozenset(
    {
        reasons.APPROVAL_EXPIRED,
        reasons.SCHEDULE_OVER,
        reasons.APPROVAL_USED,
        reasons.ATTEMPTS_EXHAUSTED,
        reasons.CHANGE_REJECTED,
        reasons.CHANGE_ENDED,
    }
)
_ROWS: Final = 32

_WHO: Final = {
    reasons.BINDING: "platform team",
    reasons.RULES: "platform team",
    reasons.ORDER: "upstream",
    reasons.SOAK: "clock",
    reasons.HOLD: "whoever holds it",
    reasons.CADENCE: "clock",
    reasons.FREEZE: "freeze",
    reasons.CHANGE_WINDOW: "clock",
    reasons.CHANGE_CONTROL: "change board",
    reasons.ROLLBACK_PLAN: "requester",
    reasons.RISK: "requester",
    reasons.REVIEW_DEBT: "reviewers",
    reasons.CONCURRENCY: "other promotion",
    reasons.ADMISSION: "platform team",
    reasons.DRIFT: "requester",
}


@dataclass(frozen=True, slots=True)
class Held:
    """A clock that keeps it: which gate, from when to when, in its own words."""

    gate: str
    since: datetime
    until: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Foreseen:
    """``start`` None: it cannot be foreseen, and ``blocked`` says why."""

    start: datetime | None
    assumed: Snapshot
    """The snapshot with what people are assumed to give."""
    taken: frozenset[str] = frozenset()
    """Gates that are taken as mended: nothing that could be handed to them would open them."""
    people: tuple[WaitingFor, ...] = ()
    """Who has to do what for it, in the order of the gates."""
    held: tuple[Held, ...] = ()
    """What the clock keeps it with, in the order of time."""
    blocked: NamedVerdict | None = None

    def open_at(self, when: datetime) -> bool:
        """Whether every gate would be open then, with all that people are assumed to give."""
        return all(row.verdict.open or row.gate in self.taken for row in evaluate_all(self.assumed, when))


@dataclass(slots=True)
class _Search:
    s: Snapshot
    at: datetime
    given_at: datetime
    taken: set[str]
    renew: bool
    people: dict[WaitingFor, None] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)

    def look(self, rows: Iterable[NamedVerdict]) -> NamedVerdict | bool | None:
        """True: open. None: look again, for something was given or time has gone on. Else what nobody can open."""
        shut = [row for row in rows if not row.verdict.open and row.gate not in self.taken]
        if not shut:
            return True
        denied = next((row for row in shut if row.verdict.outcome is Outcome.DENIED), None)
        if denied is not None:
            return self._denied(denied)
        stuck: NamedVerdict | None = None
        given = False
        for row in shut:
            if _until(row, self.at) is not None:
                continue
            if self._given(row):
                given = True
            elif stuck is None:
                stuck = row
        if given:
            return None
        if stuck is None:
            self._wait(shut)
        return stuck

    def _denied(self, row: NamedVerdict) -> NamedVerdict | None:
        if not self.renew or row.verdict.reason not in _RENEWABLE or not self.s.changes:
            return row
        self.people |= dict.fromkeys(rows_of([row]))
        self.s = renewed(self.s)
        return None

    def _given(self, row: NamedVerdict) -> bool:
        changed = assume(row.gate, self.s, row.verdict, self.given_at, self.at)
        if changed is None and (row.gate in TIMED or row.verdict.reason in _NEVER):
            return False
        if row.verdict.reason not in _OPERATORS:
            self.people |= dict.fromkeys(rows_of([row]))
        if changed is None:
            self.taken.add(row.gate)
        else:
            self.s = changed
        return True

    def _wait(self, shut: Sequence[NamedVerdict]) -> None:
        times = {row.gate: _until(row, self.at) or self.at for row in shut}
        for row in shut:
            if not self.held or (row.gate, times[row.gate]) not in {(h.gate, h.until) for h in self.held}:
                self.held.append(Held(row.gate, self.at, times[row.gate], row.verdict.message))
        self.at = max(times.values())


def foresee(
    s: Snapshot,
    now: datetime,
    *,
    given_at: datetime | None = None,
    taken: Iterable[str] = (),
    renew: bool = True,
    looks: int = MOST_LOOKS,
    verdicts: Sequence[NamedVerdict] | None = None,
) -> Foreseen:
    """The earliest start after ``now`` if whoever it waits for acts at ``given_at`` (default ``now``).

    ``taken`` are gates that are not asked. ``renew``: where a change opens nothing any more, another one is raised.
    ``verdicts`` are those of ``now``, where they are known. It asks the gates ``looks`` times at most.
    """
    search = _Search(s, now, given_at or now, set(taken), renew)
    blocked: NamedVerdict | None = None
    start: datetime | None = None
    for look in range(looks):
        rows = verdicts if look == 0 and verdicts is not None else evaluate_all(search.s, search.at)
        found = search.look(rows)
        if found is True:
            start = search.at
            break
        if isinstance(found, NamedVerdict):
            blocked = found
            break
        if search.at > now + HORIZON:
            break
    return Foreseen(start, search.s, frozenset(search.taken), tuple(search.people), tuple(search.held), blocked)


def _until(row: NamedVerdict, at: datetime) -> datetime | None:
    """When time alone may open it; None: time does not."""
    until = row.verdict.retry_at
    return until if row.gate in _CLOCKED and until is not None and at < until < FOREVER else None


def rows_of(shut: Iterable[NamedVerdict]) -> tuple[WaitingFor, ...]:
    """Who has to do what about these gates."""
    return tuple(
        row
        for v in shut
        for row in v.verdict.waiting_for
        or (WaitingFor(who=_WHO.get(v.gate, "delivery team"), what=f"{v.gate}: {v.verdict.message}"[:1024]),)
    )


def shown(
    s: Snapshot, verdicts: Sequence[NamedVerdict], now: datetime, shut: Sequence[NamedVerdict] | None = None
) -> Forecast:
    """What the operator writes at every pass: steady while nothing changes. ``shut`` are the gates to speak of.

    What people give counts from the full hour on, or each pass would put the start off a little and be written; a
    start that only they keep is not written, for it is whenever they act.
    """
    keeping = [row for row in verdicts if not row.verdict.open] if shut is None else shut
    return Forecast(earliest_start=_start(s, verdicts, now), waiting_for=rows_of(keeping)[:_ROWS])


def _start(s: Snapshot, verdicts: Sequence[NamedVerdict], now: datetime) -> datetime | None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    try:
        found = foresee(s, now, given_at=hour, renew=False, looks=FEW_LOOKS, verdicts=verdicts)
    except Exception:  # noqa: BLE001 - what may come is a courtesy: it never keeps a decision from being written
        return None
    return found.start if found.start is not None and found.start > now else None


__all__ = ["HORIZON", "Foreseen", "Held", "foresee", "rows_of", "shown"]
