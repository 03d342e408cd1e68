"""Broken glass, as a Namespace's annotations tell of it."""

from datetime import UTC, datetime, timedelta

from lockflight.policy.glass import broken

UNTIL = datetime(2026, 3, 3, 12, tzinfo=UTC)
ANNOTATIONS = {
    "lockflight.dev/break-glass": "jo",
    "lockflight.dev/break-glass-reason": "INC-1",
    "lockflight.dev/break-glass-until": "2026-03-03T12:00:00Z",
}


def test_a_namespace_whose_glass_is_whole_says_nothing() -> None:
    assert broken({"lockflight.dev/guard-writers": "user:jo delete pods"}) is None


def test_who_broke_it_why_and_until_when() -> None:
    glass = broken(ANNOTATIONS)
    assert glass is not None
    assert str(glass) == "by jo until 2026-03-03T12:00:00Z: INC-1"


def test_it_is_over_at_the_instant_that_was_said() -> None:
    glass = broken(ANNOTATIONS)
    assert glass is not None
    assert [glass.over(UNTIL + timedelta(seconds=s)) for s in (-1, 0, 1)] == [False, True, True]


def test_an_end_that_nobody_understands_is_over() -> None:
    glass = broken({"lockflight.dev/break-glass-until": "tomorrow"})
    assert glass is not None
    assert glass.over(UNTIL)
    assert str(glass) == "by somebody until ?: "
