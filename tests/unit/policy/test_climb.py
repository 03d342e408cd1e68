"""The whole climb: each environment from where the last ends, judged by the very same gates."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.promotion import GateStatus, Outcome, Phase
from lockflight.policy.climb import Climb, climb
from lockflight.policy.outlook import SEEN, UNSEEN, Objects, as_of
from lockflight.policy.whynot import then
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    ROOT,
    STACK,
    calendar,
    change,
    environment,
    freeze,
    hours,
    passage,
    promotion,
    release,
)

MINUTE = timedelta(minutes=1)
NEW = release(passed=())
DAY = hours(24)


def objects(**given: Any) -> Objects:
    """Five environments with defaults, and a release that nobody promoted yet."""
    fields: dict[str, Any] = {"environments": FIVE, "releases": (NEW,)}
    return Objects(stack=STACK, root=ROOT, **{**fields, **given})


def to_production(known: Objects, now: datetime = NOW, **given: Any) -> Climb:
    """The climb of the first release."""
    return climb(known, known.releases[0], given.get("target", "production"), now)


def four(**production: Any) -> tuple[Any, ...]:
    """Integration to production; production as given."""
    return (
        environment("integration", "Integration", promotesFrom=[]),
        environment("system-test", "SystemTest"),
        environment("uat", "UAT", exit={"signOffs": [{"role": "business", "count": 1}]}),
        environment("production", **production),
    )


def test_every_gate_is_either_seen_or_left_to_the_operator() -> None:
    assert frozenset(reasons.GATES) == SEEN | UNSEEN
    assert not SEEN & UNSEEN


def test_it_climbs_from_the_bottom_each_where_the_last_ends() -> None:
    way = to_production(objects(environments=four()))
    assert [leg.environment for leg in way.legs] == ["integration", "system-test", "uat", "production"]
    assert [leg.start for leg in way.legs] == [NOW + n * hours(1 / 6) for n in range(4)]
    assert all(leg.reached == leg.start for leg in way.legs)
    assert way.next is way.legs[0]


def test_it_says_whose_turn_it_is_in_each() -> None:
    way = to_production(objects(environments=four()))
    uat, production = way.legs[2:]
    assert [(row.who, row.what) for row in uat.people] == [
        ("delivery team", "lockflight promote payments-2.4.0 uat"),
        ("business", "1 sign-offs, once it runs"),
    ]
    assert [row.who for row in production.people] == ["delivery team", "requester", "cab"]


def test_what_is_passed_is_not_climbed_again() -> None:
    rows = [passage(name) for name in ("integration", "system-test", "uat")]
    way = to_production(objects(environments=four(soak="72h"), releases=(release(passed=rows),)))
    assert [leg.passed is not None for leg in way.legs] == [True, True, True, False]
    assert way.start == NOW + DAY
    assert way.next is way.legs[-1]


def test_soak_begins_where_the_leg_before_ends() -> None:
    way = to_production(objects(environments=four(soak="24h")))
    uat, production = way.legs[2:]
    assert uat.end is not None
    assert production.start == uat.end + DAY
    assert [held.gate for held in production.held] == ["Soak"]


def test_a_change_that_is_there_is_counted_with_its_approvals() -> None:
    rows = [passage(name) for name in ("integration", "system-test", "uat")]
    known = objects(environments=four(), releases=(release(passed=rows),), changes=(change(),))
    assert [row.who for row in to_production(known).legs[-1].people] == ["delivery team"]
    half = objects(environments=four(), releases=(release(passed=rows),), changes=(change(approvals=[]),))
    assert [row.who for row in to_production(half).legs[-1].people] == ["delivery team", "cab"]


def test_trains_meetings_and_the_life_of_approvals_lie_on_the_way() -> None:
    tuesday = {"name": "tuesday", "rrule": "FREQ=WEEKLY;BYDAY=TU", "at": "14:00", "submitBy": "-2bd 12:00"}
    where = four(calendarRef={"name": "four-weekly"})
    rows = [passage(name) for name in ("integration", "system-test", "uat")]
    made = release(passed=rows)
    late = made.model_copy(update={"metadata": made.metadata.model_copy(update={"creation_timestamp": NOW})})
    known = objects(environments=where, releases=(late,), calendars=(calendar(cab={"meetings": [tuesday]}),))
    production = to_production(known).legs[-1]
    assert production.start is not None
    assert production.start > NOW + timedelta(days=20)
    words = [note.what for note in production.notes]
    assert any(text.startswith("CAB meeting tuesday") for text in words)
    assert any(text.startswith("train 2026.13 opens") for text in words)
    assert any("approvals last" in text for text in words)


def test_what_the_operator_refuses_ends_the_climb_there() -> None:
    said = GateStatus(name=reasons.ARTIFACTS, outcome=Outcome.DENIED, reason="ImageNotFromUpstream", message="no")
    waits = promotion(to="uat")
    waits = waits.model_copy(update={"status": waits.status.model_copy(update={"gates": (said,)})})
    rows = [passage(name) for name in ("integration", "system-test")]
    way = to_production(objects(environments=four(), releases=(release(passed=rows),), promotions=(waits,)))
    uat, production = way.legs[2:]
    assert uat.start is None
    assert uat.blocked is not None
    assert uat.blocked.gate == reasons.ARTIFACTS
    assert (production.reached, production.start, way.start) == (None, None, None)


def test_what_runs_and_waits_for_a_sign_off_says_whose() -> None:
    rows = [passage(name) for name in ("integration", "system-test")]
    there = promotion(
        to="uat", phase=Phase.AWAITING_SIGN_OFF, started=NOW - DAY, deployed=NOW - DAY, verified=NOW - DAY
    )
    known = objects(environments=four(), releases=(release(passed=rows),), promotions=(there,))
    way = to_production(known)
    assert [row.who for row in way.legs[2].people] == ["business"]
    assert way.legs[2].end == NOW
    assert way.start == NOW


def test_a_circle_of_environments_ends() -> None:
    round_ = (environment("a", "UAT", promotesFrom=["b"]), environment("b", "UAT", promotesFrom=["a"]))
    assert len(climb(objects(environments=round_), NEW, "a", NOW).legs) == 2


def test_at_a_later_time_it_says_what_stays_shut_whatever_people_do() -> None:
    rows = [passage(name) for name in ("integration", "system-test", "uat")]
    known = objects(environments=four(soak="72h"), releases=(release(passed=rows),), freezes=(freeze(),))
    way = to_production(known)
    asked = then(known, known.releases[0], "production", NOW + hours(1), way.legs[-1])
    assert {row.gate for row in asked.shut_anyway} == {reasons.FREEZE, reasons.SOAK}
    assert reasons.CHANGE_CONTROL in {row.gate for row in asked.shut}
    assert way.start is not None
    assert then(known, known.releases[0], "production", way.start, way.legs[-1]).shut_anyway == ()


def test_at_a_past_time_what_came_later_does_not_count() -> None:
    rows = [passage(name) for name in ("integration", "system-test", "uat")]
    known = objects(environments=four(), releases=(release(passed=rows),), changes=(change(),))
    before = as_of(known, NOW - hours(47))
    asked = then(before, before.releases[0], "production", NOW - hours(47))
    assert reasons.CHANGE_CONTROL in {row.gate for row in asked.shut}
    assert "0/2 cab" in next(row.verdict.message for row in asked.shut if row.gate == reasons.CHANGE_CONTROL)
    assert then(as_of(known, NOW), known.releases[0], "production", NOW).shut == ()


_FREEZES = st.lists(
    st.builds(
        lambda start, length, name: freeze(
            f"freeze-{name}", start=f"{start:%Y-%m-%dT%H:%M:00}", end=f"{start + length:%Y-%m-%dT%H:%M:00}"
        ),
        st.datetimes(datetime(2026, 11, 25), datetime(2027, 1, 31)),  # noqa: DTZ001 - wall clock of the freeze
        st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
        st.integers(0, 99),
    ),
    max_size=3,
    unique_by=lambda f: f.metadata.name,
)


@settings(max_examples=60, deadline=None)
@given(_FREEZES, st.sampled_from(["0s", "24h", "200h"]), st.integers(0, 3), st.booleans(), st.integers(0, 40000))
def test_each_leg_starts_when_its_gates_are_open_and_not_a_minute_before(
    freezes: list[Any], soak: str, passed: int, changed: bool, minutes: int
) -> None:
    where = four(**({"soak": soak} if soak != "0s" else {}))
    rows = [passage(e.metadata.name) for e in where[:passed]]
    known = objects(
        environments=where,
        releases=(release(passed=rows),),
        changes=(change(approvals=[]),) if changed else (),
        freezes=tuple(freezes),
    )
    now = NOW + minutes * MINUTE
    way = to_production(known, now)
    last = now
    for leg in way.legs:
        if leg.passed is not None:
            continue
        assert leg.start is not None
        assert leg.foreseen is not None
        assert leg.reached is not None
        assert last <= leg.reached <= leg.start
        assert leg.foreseen.open_at(leg.start)
        assert leg.start == leg.reached or not leg.foreseen.open_at(leg.start - MINUTE)
        assert leg.end is not None
        last = leg.end


@pytest.mark.parametrize("require", ["All", "Any"])
def test_where_any_upstream_is_enough_the_first_counts(require: str) -> None:
    where = (
        environment("fast", "UAT", promotesFrom=[]),
        environment("slow", "UAT", promotesFrom=[], timeout="5h"),
        environment("production", promotesFrom=["fast", "slow"], require=require),
    )
    way = to_production(objects(environments=where))
    assert way.legs[-1].reached == NOW + (hours(1 / 6) if require == "Any" else hours(5))
    assert replace(way, legs=way.legs[:1]).start == NOW
