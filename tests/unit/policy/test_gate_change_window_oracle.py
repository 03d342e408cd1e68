"""The gate ChangeWindow, every minute, against windows that were read off a clock: around changes of clocks."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lockflight.api import reasons
from tests.unit.policy.builders import calendar, change, environment, verdict, world
from tests.unit.policy.time.oracle import MINUTE, SHIFTS, begins, dial

Spans = list[tuple[datetime, datetime]]
CONTROL = {
    "standard": {"catalogue": [{"role": "cab", "count": 2}]},
    "normal": {"approvals": [{"role": "cab", "count": 2}]},
}


@st.composite
def calendars(draw: st.DrawFn) -> tuple[str, str, dict[str, Any], Spans]:
    """A zone, a day, a calendar there, and when its windows are open for standard changes."""
    name, day = draw(st.sampled_from(SHIFTS))
    middle = datetime.fromisoformat(day)
    holiday = draw(st.sampled_from([None, *(middle.date() + timedelta(days=n) for n in (-1, 0, 1))]))
    windows, spans = [], []
    for number in range(draw(st.integers(1, 3))):
        hour, minute, lasts = draw(st.integers(0, 23)), draw(st.integers(0, 59)), draw(st.integers(1, 30 * 60))
        hourly, closed = draw(st.booleans()), draw(st.booleans())
        types = draw(st.sampled_from([["Standard"], ["Normal"], ["Standard", "Normal"]]))
        rule = f"FREQ=HOURLY;BYMINUTE={minute}" if hourly else f"FREQ=DAILY;BYHOUR={hour};BYMINUTE={minute}"
        window = {"name": f"w{number}", "types": types, "rrule": rule, "duration": f"{lasts}m"}
        windows.append({**window, "onHolidays": "Closed" if closed else "Open"})
        if "Standard" in types:
            found = begins(
                name,
                day,
                lambda reading, h=hour, m=minute, each=hourly: reading.minute == m and (each or reading.hour == h),
            )
            shown = dict(dial(name, day))
            spans += [
                (begin, begin + lasts * MINUTE)
                for begin in found
                if not (closed and begin in shown and shown[begin].date() == holiday)
            ]
    spec = {"timeZone": name, "sprint": {"start": f"{middle.date() - timedelta(days=20)}"}, "changeWindows": windows}
    return name, day, spec | ({"holidays": {"dates": [f"{holiday}"]}} if holiday else {}), spans


@settings(max_examples=30, deadline=None)
@given(calendars(), st.lists(st.integers(2 * 1440, 4 * 1440), min_size=3, max_size=3))
def test_it_is_open_in_the_minutes_of_any_window_that_lists_the_type(
    given_: tuple[str, str, dict[str, Any], Spans], minutes: list[int]
) -> None:
    name, day, spec, spans = given_
    listed = any("Standard" in window["types"] for window in spec["changeWindows"])
    asked = world(
        environment=environment(changeControl=CONTROL),
        changes=(change(type="Standard", schedule=None),),
        calendar=calendar(**spec),
    )
    clock = [at for at, _ in dial(name, day)]
    edges = {clock.index(at) for span in spans[-6:-2] for at in span if at in clock[2 * 1440 :]}

    def may_start(at: datetime) -> bool:
        return not listed or any(begin <= at < end for begin, end in spans)

    for minute in (*minutes, *sorted(edges)):
        now = clock[minute]
        found = verdict(reasons.CHANGE_WINDOW, asked, now)
        assert found.open is may_start(now), (now, found)
        until = min(found.retry_at or clock[-1], clock[-1])
        for later in clock[minute + 1 :]:
            if later >= until:
                break
            assert may_start(later) is found.open, (now, later, found)
