"""Count decisions of people: who counts, what they are bound to, whether the quorum is there. One place for all lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lockflight.api.changerequest import Approval, ChangeRequest
from lockflight.api.common import RoleCount, parse_duration
from lockflight.api.environment import NormalChange
from lockflight.api.promotion import SignOff
from lockflight.api.release import Release
from lockflight.policy.effective import DEFAULT_VALID_FOR

_NO_PEOPLE = ("system:", "lockflight:")


@dataclass(frozen=True, slots=True)
class Count:
    """Where a quorum stands."""

    needs: tuple[RoleCount, ...]
    by_role: Mapping[str, tuple[str, ...]]
    """People who count, by role; one person may stand in several roles but fills one place only."""
    complete: bool
    rejected_by: str = ""
    ignored: tuple[str, ...] = ()
    """Entries that do not count, and why."""

    @property
    def summary(self) -> str:
        """Such as ``1/2 cab``."""
        return ", ".join(f"{min(len(self.by_role.get(n.role, ())), n.count)}/{n.count} {n.role}" for n in self.needs)

    @property
    def missing(self) -> str:
        """Such as ``1 more of cab``; where everyone present is needed twice, it says so."""
        parts = [
            f"{n.count - len(self.by_role.get(n.role, ()))} more of role {n.role}"
            for n in self.needs
            if len(self.by_role.get(n.role, ())) < n.count
        ]
        return ", ".join(parts) or "other people: one person counts once across roles"


@dataclass(slots=True)
class _Tally:
    latest: dict[tuple[str, str], str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    rejected_by: str = ""


def is_person(user: str) -> bool:
    """Service accounts, nodes, controllers and our virtual users are not people."""
    return bool(user) and not user.startswith(_NO_PEOPLE)


def excluded(change: ChangeRequest, release: Release | None) -> Mapping[str, str]:
    """Who cannot approve this change, and why: four eyes."""
    who: dict[str, str] = {}
    if release is not None and release.spec.source is not None:
        who |= dict.fromkeys(release.spec.source.authors, "an author of the release")
    if change.spec.requested_by:
        who[change.spec.requested_by] = "the requester"
    who |= dict.fromkeys(change.metadata.editors, "an editor of the change")
    if change.metadata.creator:
        who[change.metadata.creator] = "the creator of the change"
    return who


def count(
    entries: Sequence[Approval | SignOff],
    needs: Sequence[RoleCount],
    *,
    generation: int,
    plan_digest: str | None,
    barred: Mapping[str, str],
) -> Count:
    """Count ``entries`` bound to exactly this generation and plan; the latest word of a person in a role holds."""
    tally = _Tally()
    for entry in entries:
        _take(tally, entry, generation, plan_digest, barred)
    people: dict[str, list[str]] = {}
    for (by, role), decision in tally.latest.items():
        if decision == "Approved":
            people.setdefault(role, []).append(by)
    by_role = {role: tuple(sorted(names)) for role, names in people.items()}
    return Count(
        needs=tuple(needs),
        by_role=by_role,
        complete=bool(needs) and not tally.rejected_by and quorum(by_role, needs),
        rejected_by=tally.rejected_by,
        ignored=tuple(tally.ignored),
    )


def quorum(by_role: Mapping[str, Sequence[str]], needs: Sequence[RoleCount]) -> bool:
    """Whether distinct people can fill every place: a maximum matching, so that nobody's choice of role spoils it."""
    places = [need.role for need in needs for _ in range(need.count)]
    taken: dict[str, int] = {}

    def seat(place: int, tried: set[str]) -> bool:
        for person in by_role.get(places[place], ()):
            if person in tried:
                continue
            tried.add(person)
            if person not in taken or seat(taken[person], tried):
                taken[person] = place
                return True
        return False

    return all(seat(place, set()) for place in range(len(places)))


def valid_until(change: ChangeRequest, rule: NormalChange, needed: Iterable[str], now: datetime) -> datetime:
    """Until when the approvals hold: the schedule's end, else ``validFor`` from when the first of them was seen."""
    if change.spec.schedule is not None:
        return change.spec.schedule.end
    people = set(needed)
    seen = [
        o.at
        for o in change.status.observed
        if o.index < len(change.status.approvals)
        and change.status.approvals[o.index].by in people
        and change.status.approvals[o.index].plan_digest == change.status.plan_digest
        and change.status.approvals[o.index].generation == change.metadata.generation
    ]
    return min(seen, default=now) + parse_duration(rule.valid_for or DEFAULT_VALID_FOR)


def back_out_until(change: ChangeRequest) -> datetime | None:
    """Until when a rollback needs no new change: as planned, else a day after the schedule's end or the last use."""
    plan = change.spec.rollback_plan
    if plan is not None and plan.until is not None:
        return plan.until
    if change.spec.schedule is not None:
        return change.spec.schedule.end + timedelta(hours=24)
    last = max((use.at for use in change.status.used_by), default=None)
    return last + timedelta(hours=24) if last is not None else None


def _take(
    tally: _Tally, entry: Approval | SignOff, generation: int, plan_digest: str | None, barred: Mapping[str, str]
) -> None:
    by = entry.by or ""
    if not is_person(by):
        tally.ignored.append(f"{by or 'nobody'} is no person" if by else "an entry without a stamped identity")
        return
    if entry.generation != generation or plan_digest is None or entry.plan_digest != plan_digest:
        tally.ignored.append(f"{by} ({entry.role}) spoke of an older plan")
        return
    if entry.decision == "Rejected":
        # Also from someone who may not approve: a no costs nobody anything, a lost no might.
        tally.rejected_by = tally.rejected_by or by
    elif by in barred and entry.decision == "Approved":
        tally.ignored.append(f"{by} is {barred[by]}")
        return
    tally.latest[by, entry.role] = entry.decision
