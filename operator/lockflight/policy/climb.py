"""The way of a release up to an environment, as a timeline: each environment is forecast from where the last ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.environment import Require
from lockflight.api.promotion import Outcome, Phase, Promotion, WaitingFor
from lockflight.api.release import Passage, Release
from lockflight.policy.assume import with_passage
from lockflight.policy.expected import Expected, expected
from lockflight.policy.forecast import Foreseen, Held, foresee, rows_of
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import Effective, NamedVerdict, Snapshot, Verdict
from lockflight.policy.outlook import UNSEEN, Objects, snapshot
from lockflight.policy.upstream import passage, way
from lockflight.policy.verdicts import Subject
from lockflight.policy.waypoints import Note, waypoints


@dataclass(frozen=True, slots=True)
class Leg:
    """One environment of the climb."""

    environment: str
    tier: str
    reached: datetime | None = None
    """When everything upstream is passed; None: it never is."""
    start: datetime | None = None
    end: datetime | None = None
    takes: Expected | None = None
    passed: Passage | None = None
    """Set where the release passed it already."""
    promotion: Promotion | None = None
    """The open one, where there is one."""
    people: tuple[WaitingFor, ...] = ()
    held: tuple[Held, ...] = ()
    gates: tuple[NamedVerdict, ...] = ()
    """What the gates say when it is reached, with nothing assumed."""
    notes: tuple[Note, ...] = ()
    blocked: NamedVerdict | None = None
    foreseen: Foreseen | None = None


@dataclass(frozen=True, slots=True)
class Climb:
    """The legs in order; the last is the environment that was asked about."""

    release: str
    now: datetime
    legs: tuple[Leg, ...]

    @property
    def start(self) -> datetime | None:
        """The earliest start in the environment asked about, if everybody acts when it is their turn."""
        return self.legs[-1].start

    @property
    def next(self) -> Leg | None:
        """The leg that it is at now."""
        return next((leg for leg in self.legs if leg.passed is None), None)


def climb(objects: Objects, release: Release, target: str, now: datetime) -> Climb:
    """The climb of ``release`` to ``target``, which exists, from ``now`` on."""
    made, legs = release, dict[str, Leg]()
    for name in _order(objects, release, target, now):
        leg, made = _leg(objects, made, name, legs, now)
        legs[name] = leg
    return Climb(release.metadata.name, now, tuple(legs.values()))


def _order(objects: Objects, release: Release, target: str, now: datetime) -> Iterator[str]:
    """The environments on the way, upstream first, ``target`` last; a circle is walked once."""
    done: list[str] = []

    def visit(name: str, seen: frozenset[str]) -> None:
        for before in _before(objects, release, name, now):
            if before not in seen and before not in done and before in objects.governed:
                visit(before, seen | {before})
        if name not in done:
            done.append(name)

    visit(target, frozenset({target}))
    yield from done


def _before(objects: Objects, release: Release, name: str, now: datetime) -> Sequence[str]:
    """What must be passed directly before ``name``; a hotfix is spared some."""
    s = snapshot(objects, release, name)
    if s.environment is None or s.effective is None:
        return ()
    return way(Subject(s, release, s.environment, s.effective), now).names


def _leg(objects: Objects, release: Release, name: str, legs: dict[str, Leg], now: datetime) -> tuple[Leg, Release]:
    """The leg, and the release as it is once it passed."""
    s = snapshot(objects, release, name)
    governed, tier = objects.governed[name], objects.governed[name].spec.tier.value
    row = passage(s, name)
    if row is not None and row.signed_off_at is not None and row.signed:
        return Leg(name, tier, row.deployed_at, row.deployed_at, row.signed_off_at, passed=row), release
    reached = _reached(governed, _before(objects, release, name, now), legs, now)
    if reached is None:
        return Leg(name, tier), release
    open_, takes = objects.open_promotion(release.metadata.name, name), expected(s)
    if open_ is not None and open_.status.execution is not None:
        return _under_way(s, name, tier, open_, takes, now, release)
    gates = tuple(known(v, open_) for v in evaluate_all(s, reached))
    denied = next((v for v in gates if v.gate in UNSEEN and v.verdict.outcome is Outcome.DENIED), None)
    found = foresee(s, reached, given_at=now, taken=UNSEEN)
    people = (*_promotes(governed, release, name, open_), *found.people, *rows_of(_operators(gates)))
    start = found.start if denied is None else None
    leg = Leg(
        name, tier, reached, start, takes=takes, promotion=open_, people=tuple(dict.fromkeys(people)), held=found.held,
        gates=gates, blocked=denied or found.blocked, foreseen=found,
    )  # fmt: skip
    if start is None:
        return leg, release
    end = start + takes.duration
    leg = replace(leg, end=end, notes=waypoints(s, found, reached, start, now), people=(*leg.people, *_after(governed)))
    return leg, with_passage(release, _passage(s, name, end))


def _reached(governed: Effective, before: Sequence[str], legs: dict[str, Leg], now: datetime) -> datetime | None:
    ends = [max(now, end) if (end := legs[n].end) is not None else None for n in before if n in legs]
    there = [end for end in ends if end is not None]
    if governed.spec.require is Require.ANY and there:
        return min(there)
    return None if len(there) < len(ends) else max(there, default=now)


def _under_way(
    s: Snapshot, name: str, tier: str, promotion: Promotion, takes: Expected, now: datetime, release: Release
) -> tuple[Leg, Release]:
    """It was applied, or is being applied: what is left is verification and people's word."""
    status = promotion.status
    began = status.execution.started_at if status.execution else now
    end = max(now, began + takes.duration) if status.phase and status.phase.executing else now
    waits = (WaitingFor(who=_whose(s, status.phase), what=status.waits_for or f"{name} to be passed"),)
    leg = Leg(name, tier, began, began, end, takes, promotion=promotion, people=waits)
    row = passage(s, name)
    since = row.running_since if row is not None else None
    return leg, with_passage(release, _passage(s, name, end).model_copy(update={"running_since": since or end}))


def _whose(s: Snapshot, phase: Phase | None) -> str:
    roles = [need.role for need in (s.effective.spec.exit.sign_offs if s.effective and s.effective.spec.exit else ())]
    return ", ".join(roles) if phase is Phase.AWAITING_SIGN_OFF and roles else "operator"


def known(row: NamedVerdict, promotion: Promotion | None) -> NamedVerdict:
    """What the operator says of a gate that the objects are not enough for."""
    if row.gate not in UNSEEN:
        return row
    said = next((g for g in (promotion.status.gates if promotion else ()) if g.name == row.gate), None)
    if said is None:
        return NamedVerdict(
            row.gate, Verdict(Outcome.NOT_APPLICABLE, "Unknown", "the operator judges it, once promoted")
        )
    return NamedVerdict(row.gate, Verdict(said.outcome, said.reason, said.message, said.retry_at))


def _operators(gates: Sequence[NamedVerdict]) -> list[NamedVerdict]:
    """Gates that the operator says are shut, and that nothing here is forecast of."""
    return [v for v in gates if v.gate in UNSEEN and not v.verdict.open and v.verdict.reason != reasons.NO_CHANGE]


def _promotes(governed: Effective, release: Release, name: str, promotion: Promotion | None) -> tuple[WaitingFor, ...]:
    if promotion is not None or governed.spec.auto_promote:
        return ()
    return (WaitingFor(who="delivery team", what=f"lockflight promote {release.metadata.name} {name}"),)


def _after(governed: Effective) -> tuple[WaitingFor, ...]:
    """Whose word it takes after the deployment."""
    out = governed.spec.exit
    signs = [WaitingFor(who=n.role, what=f"{n.count} sign-offs, once it runs") for n in (out.sign_offs if out else ())]
    checks = [
        WaitingFor(who=v.external.role, what=f"verification {v.name}, within {v.external.timeout} once it runs")
        for v in (out.verification if out else ())
        if v.external is not None
    ]
    return (*checks, *signs)


def _passage(s: Snapshot, name: str, end: datetime) -> Passage:
    digest = s.release.status.digest if s.release else None
    return Passage(
        name=name, environment_uid=s.upstream_uids.get(name, ""), digest=digest or "", deployed_at=end, verified_at=end,
        signed_off_at=end, running_since=end,
    )  # fmt: skip
