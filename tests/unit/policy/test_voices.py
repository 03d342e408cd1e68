"""Decisions in another's name: deputies, relays, and one pair of hands."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.common import RoleCount
from lockflight.api.delegation import Delegation
from lockflight.policy.approvals import Count, count
from lockflight.policy.voices import Voices
from tests.unit.policy.builders import NOW, approval, digest, meta

PLAN = digest("p")
TWO = (RoleCount(role="cab", count=2),)
RELAY = "system:serviceaccount:itsm:servicenow"


def delegation(
    principal: str = "alice",
    deputy: str = "dan",
    *,
    creator: str | None = None,
    made: timedelta = timedelta(0),
    **spec: Any,
) -> Delegation:
    """Alice's for dan, around NOW."""
    full = {
        "from": principal,
        "to": deputy,
        "roles": ["cab"],
        "start": NOW - timedelta(days=1),
        "end": NOW + timedelta(days=1),
        "reason": "leave",
        **spec,
    }
    created = NOW - timedelta(days=2) + made
    return Delegation.model_validate(
        {"metadata": meta("d", creator=creator or principal, created=created), "spec": full}
    )


def counted(*entries: tuple[str, str | None], voices: Voices, barred: dict[str, str] | None = None) -> Count:
    """Who counts, of approvals written by the first in the name of the second, seen now."""
    rows = [
        approval(by, plan_digest=PLAN, generation=1, **({"on_behalf_of": name} if name else {})) for by, name in entries
    ]
    seen = dict.fromkeys(range(len(rows)), NOW)
    return count(
        rows, TWO, generation=1, plan_digest=PLAN, barred=barred or {}, voices=voices, seen=seen, unentitled={}
    )


def test_a_deputys_decision_counts_as_that_of_the_one_who_handed_over() -> None:
    found = counted(("dan", "alice"), ("bob", None), voices=Voices([delegation()]))
    assert found.complete
    assert found.people == ("alice", "bob")


def test_without_a_delegation_it_counts_for_nothing() -> None:
    found = counted(("dan", "alice"), ("bob", None), voices=Voices())
    assert not found.complete
    assert found.ignored == ("dan for alice (cab): no delegation of alice makes dan a deputy for cab",)


def test_a_delegation_covers_its_time_roles_and_people_only() -> None:
    late = delegation(start=NOW + timedelta(seconds=1))
    over = delegation(end=NOW)
    role = delegation(roles=["ecab"])
    other = delegation(deputy="eve")
    revoked = delegation(revoke={"reason": "back"})
    forged = delegation(creator="dan")
    backdated = delegation(made=timedelta(days=2, seconds=1))
    for each in (late, over, role, other, revoked, forged, backdated):
        assert not counted(("dan", "alice"), ("bob", None), voices=Voices([each])).complete
    assert counted(("dan", "alice"), ("bob", None), voices=Voices([delegation(start=NOW)])).complete


def test_one_pair_of_hands_fills_one_place() -> None:
    voices = Voices([delegation(), delegation("carol")])
    assert not counted(("dan", "alice"), ("dan", None), voices=voices).complete
    assert not counted(("dan", "alice"), ("dan", "carol"), voices=voices).complete
    assert counted(("dan", "alice"), ("dan", "carol"), ("bob", None), voices=voices).complete


def test_four_eyes_hold_for_both() -> None:
    voices = Voices([delegation()])
    for who in ("alice", "dan"):
        found = counted(("dan", "alice"), ("bob", None), voices=voices, barred={who: "an editor of the change"})
        assert found.ignored == ("dan for alice (cab) is an editor of the change",)


def test_the_principals_own_later_word_replaces_the_deputys() -> None:
    rows = [
        approval("dan", plan_digest=PLAN, on_behalf_of="alice"),
        approval("bob", plan_digest=PLAN),
        approval("alice", decision="Withdrawn", plan_digest=PLAN),
    ]
    seen = dict.fromkeys(range(3), NOW)
    found = count(
        rows, TWO, generation=1, plan_digest=PLAN, barred={}, voices=Voices([delegation()]), seen=seen, unentitled={}
    )
    assert found.people == ("bob",)


def test_a_relay_counts_where_the_environment_allows_it() -> None:
    entries = ((RELAY, "alice"), (RELAY, "bob"))
    assert counted(*entries, voices=Voices(relays={RELAY})).complete
    refused = counted(*entries, voices=Voices())
    assert not refused.complete
    assert "is no relay of the environments named" in refused.ignored[0]
    robots = counted((RELAY, RELAY), ("bob", None), voices=Voices(relays={RELAY}))
    assert not robots.complete


HANDS = st.sampled_from(("dan", "eve"))
NAMES = st.sampled_from((None, "alice", "bob", "carol"))


@given(st.lists(st.tuples(HANDS, NAMES), max_size=8))
def test_never_more_places_than_hands(entries: list[tuple[str, str | None]]) -> None:
    voices = Voices([delegation(p, d) for p in ("alice", "bob", "carol") for d in ("dan", "eve")])
    if counted(*entries, voices=voices).complete:
        assert len({by for by, _ in entries}) == 2
