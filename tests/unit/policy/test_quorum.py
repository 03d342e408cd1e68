"""Counting people, against every way of seating them."""

from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.changerequest import Approval
from lockflight.api.common import RoleCount
from lockflight.policy.approvals import count, is_person
from lockflight.policy.effective import union
from lockflight.policy.quorum import quorum
from tests.unit.policy.builders import approval, digest

ROLES = ("cab", "security", "business")
PEOPLE = ("ann", "bob", "cem", "dee", "eve")

crowds = st.dictionaries(st.sampled_from(ROLES), st.sets(st.sampled_from(PEOPLE)))
rules = st.dictionaries(st.sampled_from(ROLES), st.integers(1, 2), min_size=1).map(
    lambda counts: tuple(RoleCount(role=role, count=n) for role, n in counts.items())
)


def can_be_seated(by_role: dict[str, set[str]], needs: tuple[RoleCount, ...]) -> bool:
    """The oracle: try every order of all people on all places."""
    places = [need.role for need in needs for _ in range(need.count)]
    everyone = sorted({person for people in by_role.values() for person in people})
    return any(
        all(person in by_role.get(role, ()) for person, role in zip(order, places, strict=True))
        for order in permutations(everyone, len(places))
    )


@given(crowds, rules)
def test_a_quorum_is_there_exactly_when_distinct_people_can_fill_every_place(
    by_role: dict[str, set[str]], needs: tuple[RoleCount, ...]
) -> None:
    assert quorum({role: sorted(people) for role, people in by_role.items()}, needs) == can_be_seated(by_role, needs)


def test_nobodys_choice_of_role_spoils_it() -> None:
    needs = (RoleCount(role="cab", count=1), RoleCount(role="security", count=1))
    assert quorum({"cab": ("ann", "bob"), "security": ("ann",)}, needs)


BOUND: dict[str, Any] = {"generation": 1, "plan_digest": digest("p")}
entry_of_one = st.builds(
    lambda by, role, decision, generation: approval(by, role, decision, generation=generation, plan_digest=digest("p")),
    st.sampled_from((*PEOPLE, None, "system:serviceaccount:x:y")),
    st.sampled_from(ROLES),
    st.sampled_from(("Approved", "Approved", "Withdrawn")),
    st.sampled_from((1, 1, 1, 2)),
)
entries = st.lists(entry_of_one, max_size=12)
PLAN = digest("p")


@given(entries, rules, st.sets(st.sampled_from(PEOPLE)))
def test_whoever_counts_is_a_person_not_barred_whose_last_word_is_a_bound_approval(
    given_: list[Approval], needs: tuple[RoleCount, ...], barred: set[str]
) -> None:
    found = count(given_, needs, generation=1, plan_digest=PLAN, unentitled={}, barred=dict.fromkeys(barred, "barred"))
    for role, people in found.by_role.items():
        for person in people:
            last = [entry for entry in given_ if (entry.by, entry.role) == (person, role)][-1]
            assert (last.decision, last.generation) == ("Approved", 1)
            assert person not in barred
            assert is_person(person)


@given(entries, rules, st.sampled_from(PEOPLE))
def test_a_rejection_outweighs_everything_wherever_it_stands(
    given_: list[Approval], needs: tuple[RoleCount, ...], by: str
) -> None:
    for place in range(len(given_) + 1):
        no = approval(by, "cab", "Rejected", **BOUND)
        found = count(
            [*given_[:place], no, *given_[place:]], needs, generation=1, plan_digest=PLAN, unentitled={}, barred={}
        )
        assert (found.complete, found.rejected_by) == (False, by)


@given(entries, rules)
def test_without_a_plan_nobody_counts(given_: list[Approval], needs: tuple[RoleCount, ...]) -> None:
    assert not count(given_, needs, generation=1, plan_digest=None, unentitled={}, barred={}).complete


@given(entries, rules)
def test_one_more_withdrawal_never_completes_a_quorum(given_: list[Approval], needs: tuple[RoleCount, ...]) -> None:
    before = count(given_, needs, generation=1, plan_digest=PLAN, unentitled={}, barred={})
    out = approval("ann", "cab", "Withdrawn", **BOUND)
    after = count([*given_, out], needs, generation=1, plan_digest=PLAN, unentitled={}, barred={})
    assert before.complete or not after.complete


def counts_for(given_: list[Approval], role: str, person: str, without: dict[str, set[Any]]) -> bool:
    """The oracle, for one person in one role: their last word there is an approval of just this, with every right."""
    mine = [index for index, entry in enumerate(given_) if (entry.by, entry.role) == (person, role)]
    if not mine:
        return False
    last = given_[mine[-1]]
    return (
        (last.decision, last.generation, last.plan_digest) == ("Approved", 1, PLAN)
        and person not in without["barred"]
        and mine[-1] not in without["unentitled"] | without["lapsed"] | without["outdated"]
    )


stale = st.builds(
    lambda by, role: approval(by, role, generation=1, plan_digest=digest("older")),
    *(st.sampled_from(PEOPLE), st.sampled_from(ROLES)),
)
refusals = st.builds(
    lambda by, role, generation: approval(by, role, "Rejected", generation=generation, plan_digest=PLAN),
    st.sampled_from(PEOPLE),
    st.sampled_from(ROLES),
    st.sampled_from((1, 2)),
)
indexes = st.sets(st.integers(0, 15), max_size=4)


@given(
    st.lists(st.one_of(entry_of_one, stale), max_size=12),
    st.lists(refusals, max_size=1),
    st.lists(rules, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {
            "barred": st.sets(st.sampled_from(PEOPLE), max_size=2),
            "unentitled": indexes,
            "lapsed": indexes,
            "outdated": indexes,
        }
    ),
)
def test_several_rules_at_once_are_met_exactly_when_counting_by_hand_says_so(
    words: list[Approval], no: list[Approval], several: list[tuple[RoleCount, ...]], without: dict[str, set[Any]]
) -> None:
    given_ = [*words, *no]
    needs = union(several)
    # The union of the roles, each with the largest of its counts.
    wanted = {role: max((n.count for rule in several for n in rule if n.role == role), default=0) for role in ROLES}
    assert {need.role: need.count for need in needs} == {role: n for role, n in wanted.items() if n}

    found = count(
        given_,
        needs,
        generation=1,
        plan_digest=PLAN,
        barred=dict.fromkeys(without["barred"], "barred"),
        unentitled=dict.fromkeys(without["unentitled"], "left"),
        lapsed=without["lapsed"],
        outdated=without["outdated"],
    )

    by_hand = {role: {p for p in PEOPLE if counts_for(given_, role, p, without)} for role in ROLES}
    assert {role: set(people) for role, people in found.by_role.items()} == {r: p for r, p in by_hand.items() if p}
    rejected = any((entry.decision, entry.generation) == ("Rejected", 1) for entry in given_)
    assert found.complete is (not rejected and can_be_seated(by_hand, needs))
    assert bool(found.rejected_by) is rejected
    # What does not count is shown, each entry with its reason.
    last = {(e.by, e.role): e for e in given_}
    shown = [key for key, e in last.items() if e.decision == "Approved" and key[0] not in by_hand[key[1]]]
    assert len(found.ignored) == len(shown)


def test_no_rule_is_no_quorum() -> None:
    assert not count([approval("ann", **BOUND)], (), generation=1, plan_digest=PLAN, unentitled={}, barred={}).complete
