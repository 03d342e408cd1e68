"""The gate Freeze, every minute, against spans that were read off a clock: around days on which clocks are changed."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lockflight.api import reasons
from tests.unit.policy.builders import freeze, verdict, world
from tests.unit.policy.time.oracle import MINUTE, SHIFTS, begins, dial

WORK = timedelta(minutes=10)
"""Nothing was measured: the environment's timeout."""

Spans = list[tuple[datetime, datetime]]


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, str, list[dict[str, Any]], Spans]:
    """A zone, a day, freezes there, and when they are in force."""
    name, day = draw(st.sampled_from(SHIFTS))
    specs, spans = [], []
    for _ in range(draw(st.integers(1, 3))):
        start = datetime.fromisoformat(day) + draw(st.integers(-2 * 1440, 1440)) * MINUTE
        lasts = draw(st.integers(1, 1440)) * MINUTE
        spec = {"timeZone": name, "start": start.isoformat(), "end": None, "environments": None}
        kind = draw(st.sampled_from(["once", "daily", "hourly"]))
        if kind == "once":
            end = start + lasts
            (begin, *_), (over, *_) = (
                list(begins(name, day, lambda reading, at=at: reading == at)) or [None] for at in (start, end)
            )
            # What daylight saving leaves nothing of is invalid, and another test's.
            assume(begin is not None and over is not None and begin < over)
            spans.append((begin, over))
            spec["end"] = end.isoformat()
        else:
            found = begins(
                name,
                day,
                lambda reading, s=start, k=kind: (
                    reading >= s and reading.minute == s.minute and (k == "hourly" or reading.hour == s.hour)
                ),
            )
            spans += [(begin, begin + lasts) for begin in found]
            minutes = f"{lasts // MINUTE}m"
            spec["recurrence"] = {"rrule": f"FREQ={kind.upper()}", "duration": minutes}
        specs.append(spec)
    return name, day, specs, spans


def may_start(at: datetime, spans: Spans) -> bool:
    """The oracle: none of the minutes that the work would take is frozen."""
    return all(over <= at or at + WORK <= begin for begin, over in spans)


@settings(max_examples=30, deadline=None)
@given(windows(), st.lists(st.integers(1440 // 2, 4 * 1440), min_size=3, max_size=3))
def test_it_is_open_in_the_minutes_from_which_on_nothing_is_frozen_and_looks_again_in_time(
    given_: tuple[str, str, list[dict[str, Any]], Spans], minutes: list[int]
) -> None:
    name, day, specs, spans = given_
    frozen = world(freezes=tuple(freeze(f"f{number}", **spec) for number, spec in enumerate(specs)))
    clock = [at for at, _ in dial(name, day)]
    edges = {clock.index(at) for span in spans[:4] for at in (span[0] - WORK, *span) if at in clock}
    for minute in (*minutes, *sorted(edges)):
        now = clock[minute]
        found = verdict(reasons.FREEZE, frozen, now)
        assert found.open is may_start(now, spans), (now, found)
        assert found.retry_at is None or found.retry_at > now or found.open
        # Until it looks again nothing that it said can have become untrue.
        until = min(found.retry_at or clock[-1], clock[-1])
        for later in clock[minute + 1 :]:
            if later >= until:
                break
            assert may_start(later, spans) is found.open, (now, later, found)
