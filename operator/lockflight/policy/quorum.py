"""Whether enough distinct people stand behind something."""

from collections.abc import Iterable, Mapping, Sequence

from lockflight.api.common import RoleCount


def union(rules: Iterable[Sequence[RoleCount]]) -> tuple[RoleCount, ...]:
    """The roles of all rules, each with its largest count."""
    counts: dict[str, int] = {}
    for need in (need for rule in rules for need in rule):
        counts[need.role] = max(need.count, counts.get(need.role, 0))
    return tuple(RoleCount(role=role, count=count) for role, count in counts.items())


def quorum(by_role: Mapping[str, Sequence[str]], needs: Sequence[RoleCount]) -> bool:
    """Whether distinct people can fill every place.

    A maximum matching (augmenting paths): nobody's choice of role spoils it, and nobody counts twice.
    """
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
