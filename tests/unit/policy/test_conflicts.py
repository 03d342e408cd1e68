"""Two changes for one target at one time: both know, and both know when else."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.policy.conflicts import conflicts, next_free
from tests.unit.policy.builders import NOW, change, hours

APPS = {"payments-2.4.0": "payments", "payments-2.5.0": "payments", "ledger-1.0.0": "ledger"}


def at(name: str, start: float, end: float, **given_: object) -> ChangeRequest:
    schedule = {"start": NOW + hours(start), "end": NOW + hours(end)}
    return change(name, schedule=schedule, **given_)  # type: ignore[arg-type]


def test_each_sees_the_other_and_who_goes_first() -> None:
    one, two = at("one", 1, 3), at("two", 2, 4, release_name="payments-2.5.0")
    (of_one,), (of_two,) = conflicts(one, [one, two], APPS), conflicts(two, [one, two], APPS)
    assert (of_one.change, of_one.goes_first) == ("two", False)
    assert (of_two.change, of_two.goes_first) == ("one", True)
    assert of_two.environment == "production"


def test_windows_that_touch_do_not_overlap() -> None:
    assert conflicts(at("one", 1, 2), [at("two", 2, 3)], APPS) == ()


def test_other_targets_and_ended_changes_are_no_matter() -> None:
    others = [
        at("other-app", 1, 3, release_name="ledger-1.0.0"),
        at("other-env", 1, 3, environments=["uat"]),
        at("over", 1, 3, phase=ChangePhase.CANCELLED),
        change("unscheduled"),
    ]
    assert conflicts(at("one", 1, 3), others, APPS) == ()


def test_the_next_free_slot_has_the_same_length_and_lies_behind_what_is_taken() -> None:
    mine, others = at("mine", 1, 3), [at("a", 2, 4), at("b", 5, 6), at("c", 8, 9)]
    slot = next_free(mine, others, APPS, NOW)
    assert slot is not None
    assert (slot.start, slot.end) == (NOW + hours(6), NOW + hours(8))


spans = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=6)


@given(st.integers(0, 10), st.integers(1, 5), spans)
def test_the_slot_is_the_first_that_a_search_hour_by_hour_finds(
    start: int, length: int, taken: Sequence[tuple[int, int]]
) -> None:
    others = [at(f"o{n}", begin, begin + long) for n, (begin, long) in enumerate(taken)]
    slot = next_free(at("mine", start, start + length), others, APPS, NOW)
    assert slot is not None

    def free(hour: int) -> bool:
        return all(hour + length <= begin or begin + long <= hour for begin, long in taken)

    assert (slot.start - NOW) / timedelta(hours=1) == next(h for h in range(start, 99) if free(h))
