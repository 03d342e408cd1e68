"""Count decisions of people: who counts, what they are bound to, whether the quorum is there: for all lists."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr

from lockflight.api.changerequest import Approval, ChangeRequest
from lockflight.api.common import Meta, RoleCount
from lockflight.api.promotion import SignOff
from lockflight.api.release import Release
from lockflight.policy.quorum import quorum
from lockflight.policy.voices import Voices, is_person, on_behalf_of, one_hand, same_person, speaker

_OWN_VOICES = Voices()


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
    def people(self) -> tuple[str, ...]:
        """Everyone who counts, each once."""
        named = {same_person(person): person for names in self.by_role.values() for person in names}
        return tuple(sorted(named.values()))

    @property
    def summary(self) -> str:
        """Such as ``1/2 cab``."""
        return ", ".join(f"{min(self._have(n), n.count)}/{n.count} {n.role}" for n in self.needs)

    @property
    def missing(self) -> str:
        """Such as ``1 more of role cab``; where the same people would fill several places, it says so."""
        parts = [f"{n.count - self._have(n)} more of role {n.role}" for n in self.needs if self._have(n) < n.count]
        return ", ".join(parts) or "other people: one person counts once across roles"

    def missing_roles(self) -> tuple[tuple[str, str], ...]:
        """Role and how far it is, such as ``('cab', '1 of 2')``, for those that lack somebody."""
        short = [n for n in self.needs if self._have(n) < n.count] or [n for n in self.needs if not self.complete]
        return tuple((n.role, f"{min(self._have(n), n.count)} of {n.count}") for n in short)

    def _have(self, need: RoleCount) -> int:
        return len(self.by_role.get(need.role, ()))


def excluded(change: ChangeRequest, release: Release | None) -> Mapping[str, str]:
    """Who cannot approve this change, and why: four eyes. Keys are as ``same_person`` gives them."""
    who = dict(put_forward(release))
    if change.spec.requested_by:
        who[same_person(change.spec.requested_by)] = "the requester"
    who |= {same_person(e.by): "who submitted it" for e in change.status.submissions if e.by}
    who |= {same_person(editor): "an editor of the change" for editor in change.metadata.editors}
    if change.metadata.creator:
        who[same_person(change.metadata.creator)] = "the creator of the change"
    return who


def wrote(meta: Meta, noun: str) -> Mapping[str, str]:
    """Four eyes: who created or edited an object does not approve it. Keys are as ``same_person`` gives them."""
    who = {same_person(editor): f"an editor of {noun}" for editor in meta.editors}
    if meta.creator:
        who[same_person(meta.creator)] = f"the creator of {noun}"
    return who


def put_forward(release: Release | None) -> Mapping[str, str]:
    """Who brought a release on its way, and therefore does not judge it: its authors and its creator."""
    who: dict[str, str] = {}
    if release is None:
        return who
    if release.metadata.creator:
        who[same_person(release.metadata.creator)] = "the creator of the release"
    for author in release.spec.source.authors if release.spec.source else ():
        # Git writes 'Jo <jo@example>'; the API server knows the user as one or the other.
        for alias in (author, *parseaddr(author)):
            if alias:
                who[same_person(alias)] = "an author of the release"
    return who


@dataclass(slots=True)
class _Tally:
    latest: dict[tuple[str, str], int] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    rejected_by: str = ""


def count(
    entries: Sequence[Approval | SignOff],
    needs: Sequence[RoleCount],
    *,
    generation: int,
    plan_digest: str | None,
    barred: Mapping[str, str],
    unentitled: Mapping[int, str],
    lapsed: Collection[int] = (),
    outdated: Collection[int] = (),
    voices: Voices = _OWN_VOICES,
    seen: Mapping[int, datetime] | None = None,
) -> Count:
    """Count ``entries`` bound to exactly this generation and plan.

    The latest word of a person in a role holds, whatever it was bound to; any bound rejection is final.
    ``barred`` are people who do not count; ``unentitled`` are entries without the right, and why; ``lapsed`` are the
    indexes of entries whose time is over, ``outdated`` of those given when the risk was lower. ``voices`` says who may
    decide in another's name, by ``seen``, when each entry was first seen.
    """
    tally = _Tally()

    def bound(entry: Approval | SignOff) -> bool:
        return entry.generation == generation and plan_digest is not None and entry.plan_digest == plan_digest

    for index, entry in enumerate(entries):
        tally.latest[same_person(speaker(entry)), entry.role] = index
        # Also from someone who may not approve: a no costs nobody anything, a lost no might.
        if entry.decision == "Rejected" and bound(entry) and not tally.rejected_by:
            tally.rejected_by = _named(entry) or "somebody without a stamped identity"
    people: dict[str, list[str]] = {}
    counted: list[Approval | SignOff] = []
    for (key, role), index in tally.latest.items():
        entry = entries[index]
        by, person = entry.by or "", speaker(entry)
        if entry.decision != "Approved":
            continue
        objection = voices.objection(entry, (seen or {}).get(index))
        if objection is not None:
            tally.ignored.append(f"{_named(entry)} ({role}): {objection}")
        elif not is_person(person):
            tally.ignored.append(
                f"{by} ({role}) is no person" if by else f"an entry ({role}) without a stamped identity"
            )
        elif key in barred or same_person(by) in barred:
            tally.ignored.append(f"{_named(entry)} ({role}) is {barred.get(key) or barred[same_person(by)]}")
        elif not bound(entry):
            tally.ignored.append(f"{_named(entry)} ({role}) spoke of {_what(entry, generation)}")
        elif index in outdated:
            tally.ignored.append(f"{_named(entry)} ({role}) spoke of a lower risk: what runs changed since")
        elif index in unentitled:
            tally.ignored.append(f"{_named(entry)} ({role}) {unentitled[index]}")
        elif index in lapsed:
            tally.ignored.append(f"{_named(entry)} ({role}) spoke too long ago")
        else:
            people.setdefault(role, []).append(person)
            counted.append(entry)
    hands = one_hand(counted)
    by_role = {role: tuple(sorted(names)) for role, names in people.items()}
    distinct = {role: tuple(hands.get(p, p) for p in map(same_person, names)) for role, names in by_role.items()}
    return Count(
        needs=tuple(needs),
        by_role=by_role,
        complete=bool(needs) and not tally.rejected_by and quorum(distinct, needs),
        rejected_by=tally.rejected_by,
        ignored=tuple(tally.ignored),
    )


def _named(entry: Approval | SignOff) -> str:
    name = on_behalf_of(entry)
    return f"{entry.by} for {name}" if name else entry.by or ""


def _what(entry: Approval | SignOff, generation: int) -> str:
    if entry.generation is None or entry.plan_digest is None:
        return "no generation and plan in particular"
    return f"generation {entry.generation}" if entry.generation != generation else "another plan"
