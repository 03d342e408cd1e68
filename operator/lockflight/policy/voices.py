"""Whose decision an entry is: the person's own, a deputy's, or one that a system of record relays."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from unicodedata import normalize

from lockflight.api.changerequest import Approval
from lockflight.api.delegation import Delegation
from lockflight.api.promotion import SignOff

_NO_PEOPLE = ("system:", "lockflight:")


def is_person(user: str) -> bool:
    """Service accounts, nodes, controllers and our virtual users are not people."""
    return bool(user.strip()) and not user.startswith(_NO_PEOPLE)


def same_person(user: str) -> str:
    """What tells people apart: neither case nor the way in which Unicode composes a letter does."""
    return normalize("NFKC", normalize("NFKC", user).casefold()).strip()


@dataclass(frozen=True, slots=True)
class Voices:
    """Who may decide in somebody else's name."""

    delegations: Sequence[Delegation] = ()
    relays: Collection[str] = ()
    """Accounts through which a system of record writes people's decisions down."""

    def objection(self, entry: Approval | SignOff, seen: datetime | None) -> str | None:
        """Why an entry in somebody else's name does not count; None: it does, or it is the person's own.

        ``seen`` is when the operator first saw it: a delegation made or begun later does not cover it.
        """
        by, name = entry.by or "", on_behalf_of(entry)
        if name is None:
            return None
        if not is_person(name):
            return f"{name} is no person"
        if not is_person(by):
            return None if by in self.relays else f"{by} is no relay of the environments named (changeControl.relays)"
        if any(_covers(d, by, name, entry.role, seen) for d in self.delegations):
            return None
        return f"no delegation of {name} makes {by} a deputy for {entry.role}"


def on_behalf_of(entry: Approval | SignOff) -> str | None:
    """In whose name somebody else wrote the entry; None: in their own."""
    return entry.on_behalf_of if isinstance(entry, Approval) else None


def speaker(entry: Approval | SignOff) -> str:
    """The person whose decision the entry is; empty where nobody is known."""
    return on_behalf_of(entry) or entry.by or ""


def one_hand(entries: Sequence[Approval | SignOff]) -> Mapping[str, str]:
    """A person to one who stands for them: whoever decides, and in whose name, fill one place together.

    So a deputy never makes two people of one: not with a decision of their own, not for two absent ones.
    """
    leader: dict[str, str] = {}

    def find(person: str) -> str:
        while leader.setdefault(person, person) != person:
            person = leader[person]
        return person

    for entry in entries:
        by, name = entry.by or "", on_behalf_of(entry)
        if name is not None and is_person(by):
            leader[find(same_person(by))] = find(same_person(name))
    return {person: find(person) for person in tuple(leader)}


def _covers(delegation: Delegation, by: str, name: str, role: str, seen: datetime | None) -> bool:
    spec, made = delegation.spec, delegation.metadata.creation_timestamp
    return (
        spec.revoke is None
        and same_person(spec.from_) == same_person(name)
        # Who made it is stamped; a claim is no hand-over.
        and same_person(delegation.metadata.creator or "") == same_person(name)
        and same_person(spec.to) == same_person(by)
        and role in spec.roles
        and seen is not None
        and made is not None
        and max(made, spec.start) <= seen < spec.end
    )
