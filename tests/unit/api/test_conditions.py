"""Conditions: one a type, sorted, and the transition time moves only when the status flips."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.conditions import MESSAGE_LIMIT, Condition, condition, find, merge

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def ready(status: bool | None, *, now: datetime = NOW, reason: str = "Because", message: str = "") -> Condition:
    return condition("Ready", status, reason, message, generation=1, now=now)


CONDITIONS = st.builds(
    condition,
    st.sampled_from(["Ready", "Stalled", "Reconciling"]),
    st.sampled_from([True, False, None]),
    st.just("Because"),
    st.just(""),
    generation=st.integers(1, 5),
    now=st.sampled_from([NOW, LATER]),
)
LISTS = st.lists(CONDITIONS, max_size=4)
UNIQUE = st.lists(CONDITIONS, max_size=3, unique_by=lambda c: c.type)


@pytest.mark.parametrize(("status", "written"), [(True, "True"), (False, "False"), (None, "Unknown")])
def test_status_is_one_of_three_words(status: bool | None, written: str) -> None:
    assert ready(status).status == written


def test_an_unchanged_status_keeps_its_transition_time() -> None:
    (merged,) = merge([ready(True)], [ready(True, now=LATER, reason="StillBecause")])
    assert (merged.last_transition_time, merged.reason) == (NOW, "StillBecause")


def test_a_flipped_status_moves_its_transition_time() -> None:
    (merged,) = merge([ready(True)], [ready(None, now=LATER)])
    assert merged.last_transition_time == LATER


def test_an_overlong_message_is_cut_to_what_the_schema_takes() -> None:
    cut = ready(True, message="x" * (MESSAGE_LIMIT + 1)).message
    assert len(cut) == MESSAGE_LIMIT
    assert cut.endswith("…")


def test_a_condition_is_found_by_its_type() -> None:
    assert find([ready(True)], "Ready") == ready(True)
    assert find([ready(True)], "Stalled") is None


@given(LISTS, LISTS)
def test_merged_conditions_are_sorted_and_one_a_type(old: list[Condition], new: list[Condition]) -> None:
    types = [c.type for c in merge(old, new)]
    assert types == sorted(set(types)) == sorted({c.type for c in [*old, *new]})


@given(LISTS, LISTS)
def test_merging_twice_changes_nothing(old: list[Condition], new: list[Condition]) -> None:
    once = merge(old, new)
    assert merge(once, once) == once


@given(UNIQUE, UNIQUE)
def test_what_new_does_not_speak_of_stays(old: list[Condition], new: list[Condition]) -> None:
    merged = merge(old, new)
    for before in old:
        if find(new, before.type) is None:
            assert find(merged, before.type) == before
