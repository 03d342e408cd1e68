"""The forecast: the very same gates, asked at another time, with what people would give."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.policy.forecast import HORIZON, Foreseen, foresee, shown
from lockflight.policy.gates import evaluate_all
from lockflight.policy.model import PlanProblem, Snapshot
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    TWO_OF_CAB,
    approval,
    calendar,
    change,
    environment,
    freeze,
    hours,
    passage,
    release,
    verdict,
    world,
)

MINUTE = timedelta(minutes=1)


def who(found: Foreseen) -> list[str]:
    return [row.who for row in found.people]


def held(found: Foreseen) -> list[str]:
    return [row.gate for row in found.held]


def soaking(asked: str = "72h", **given: Any) -> Snapshot:
    """Production asks for a stay in UAT that ends on 2 December at noon."""
    return world(environment=environment(soak=asked), **given)


def test_what_is_open_starts_now() -> None:
    found = foresee(world(), NOW)
    assert (found.start, found.people, found.held, found.blocked) == (NOW, (), (), None)


def test_time_alone_is_waited_for_to_the_minute() -> None:
    found = foresee(soaking(), NOW)
    assert found.start == NOW + hours(24)
    assert (held(found), found.people) == (["Soak"], ())
    assert found.open_at(NOW + hours(24))
    assert not found.open_at(NOW + hours(24) - MINUTE)


def test_people_are_named_with_what_they_have_to_do_and_then_taken_as_done() -> None:
    found = foresee(soaking(changes=(change(approvals=[approval("alice@example")]),)), NOW)
    assert [(row.who, row.what) for row in found.people] == [("cab", "1 of 2 approvals of chg-1042")]
    assert found.start == NOW + hours(24)


def test_without_a_change_the_lead_time_counts_from_now() -> None:
    s = world(
        changes=(),
        environment=environment(calendarRef={"name": "four-weekly"}),
        calendar=calendar(
            cab={"meetings": [], "minLeadTime": {"Normal": "3d"}}, train={"sprints": 1, "productionFor": "20bd"}
        ),
    )
    found = foresee(s, NOW)
    assert who(found)[:2] == ["requester", "cab"]
    assert found.start is not None
    assert found.start >= NOW + timedelta(days=3)
    assert "Cadence" in held(found)


def test_a_freeze_that_ends_is_waited_for_and_one_without_an_end_is_lifted_by_people() -> None:
    ends = foresee(world(freezes=(freeze(),)), NOW)
    assert ends.start == datetime(2026, 12, 4, 23, tzinfo=UTC)
    endless = foresee(world(freezes=(freeze(end=None),)), NOW)
    assert (endless.start, who(endless)) == (NOW, ["freeze"])
    both = foresee(world(freezes=(freeze(), freeze("stop", end=None))), NOW)
    assert (both.start, who(both), held(both)) == (ends.start, ["freeze"], ["Freeze"])


def test_what_lies_upstream_counts_as_passed_from_now_and_soaks_from_then() -> None:
    s = world(release=release(passed=()), environment=environment(soak="24h"))
    found = foresee(s, NOW)
    assert found.start == NOW + hours(24)
    assert "upstream" in who(found)


def test_a_release_that_does_not_run_upstream_any_more_soaks_again() -> None:
    row = passage().model_copy(update={"running_since": None, "longest_soak": "1h"})
    found = foresee(soaking(release=release(passed=(row,))), NOW)
    assert found.start == NOW + hours(72)


def test_an_approval_that_runs_out_before_the_start_opens_nothing() -> None:
    s = world(freezes=(freeze(end="2026-12-20T00:00:00"),))
    alone = foresee(s, NOW, renew=False)
    assert alone.start is None
    assert alone.blocked is not None
    assert alone.blocked.verdict.reason == reasons.APPROVAL_EXPIRED
    again = foresee(s, NOW)
    assert again.start == datetime(2026, 12, 19, 23, tzinfo=UTC)
    assert who(again) == ["change board", "requester", "cab"]


def test_a_schedule_that_ends_before_is_not_waited_for() -> None:
    scheduled = change(schedule={"start": "2026-12-01T08:00:00Z", "end": "2026-12-02T00:00:00Z"})
    found = foresee(world(changes=(scheduled,), freezes=(freeze(),)), NOW, renew=False)
    assert found.blocked is not None
    assert found.blocked.verdict.reason in (reasons.SCHEDULE_OVER, reasons.APPROVAL_EXPIRED)


def test_what_only_a_new_release_mends_has_no_start() -> None:
    s = world(release=release(evidence=[]), environment=environment(entry={"evidence": ["unit-tests"]}))
    found = foresee(s, NOW)
    shut = [row for row in evaluate_all(s, NOW) if row.gate == reasons.EVIDENCE and not row.verdict.open]
    assert shut
    assert found.start is None or "Evidence" in found.taken


def test_what_the_platform_team_mends_is_taken_as_mended() -> None:
    s = world(deployer_may=None, plan=PlanProblem("RegistryUnreachable", "the registry does not answer"))
    found = foresee(s, NOW)
    assert found.start == NOW
    assert reasons.BINDING in found.taken
    assert "platform team" in who(found)


def test_a_hold_is_taken_out_by_whoever_holds_it() -> None:
    found = foresee(soaking(release=release(hold={"reason": "triage"})), NOW)
    assert (found.start, "whoever holds it" in who(found)) == (NOW + hours(24), True)


def test_what_never_opens_ends_the_search() -> None:
    always = freeze(start="2026-01-01T00:00:00", end=None, recurrence={"rrule": "FREQ=DAILY", "duration": "25h"})
    found = foresee(world(freezes=(always,)), NOW)
    assert found.start is None
    often = freeze(start="2026-01-01T00:00:30", end=None, recurrence={"rrule": "FREQ=HOURLY", "duration": "59m50s"})
    assert foresee(world(freezes=(often,)), NOW).start is None


def test_the_status_says_the_same_all_hour_long() -> None:
    s = world(release=release(passed=()), environment=environment(soak="24h"))
    said = {shown(s, evaluate_all(s, at), at) for at in (NOW + minutes * MINUTE for minutes in range(0, 60, 7))}
    assert len({row.earliest_start for row in said}) == 1


def test_the_status_names_no_start_where_people_alone_keep_it() -> None:
    s = world(changes=(change(approvals=[]),))
    assert shown(s, evaluate_all(s, NOW), NOW).earliest_start is None
    both = soaking(changes=(change(approvals=[]),))
    assert shown(both, evaluate_all(both, NOW), NOW).earliest_start == NOW + hours(24)


WEEKLY = {"name": "w", "types": ["Normal"], "rrule": "FREQ=WEEKLY;BYDAY=TU;BYHOUR=9", "duration": "6h"}
YEAR_END = {
    "name": "year-end",
    "date": "12-31",
    "freeze": {"before": "8bd", "after": "2bd"},
    "tiers": ["Production"],
}
_SOAKS = st.sampled_from([None, "24h", "49h", "100h", "240h"])
_FREEZES = st.lists(
    st.builds(
        lambda start, length, name: freeze(
            f"freeze-{name}", start=f"{start:%Y-%m-%dT%H:%M:00}", end=f"{start + length:%Y-%m-%dT%H:%M:00}"
        ),
        st.datetimes(datetime(2026, 11, 25), datetime(2027, 1, 31)),  # noqa: DTZ001 - wall clock of the freeze
        st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
        st.integers(0, 99),
    ),
    max_size=4,
    unique_by=lambda f: f.metadata.name,
)
_CALENDARS = st.sampled_from(
    [
        None,
        {"train": {"sprints": 1, "productionFor": "9bd"}},
        {"cab": {"meetings": [], "minLeadTime": {"Normal": "5bd"}}},
        {"changeWindows": [WEEKLY]},
        {"criticalDates": [YEAR_END]},
    ]
)
_CHANGES = st.sampled_from([(), (change(),), (change(approvals=[]),), (change(approvals=TWO_OF_CAB[:1]),)])
_RELEASES = st.sampled_from([release(), release(passed=()), release(hold={"reason": "triage"})])


@settings(max_examples=150, deadline=None)
@given(_SOAKS, _FREEZES, _CALENDARS, _CHANGES, _RELEASES, st.integers(0, 60 * 24 * 30))
def test_at_the_start_it_is_open_and_a_minute_before_it_was_not(
    soak: str | None, freezes: list[Any], rides: dict[str, Any] | None, changes: Any, made: Any, offset: int
) -> None:
    spec = {**({"soak": soak} if soak else {}), **({"calendarRef": {"name": "four-weekly"}} if rides else {})}
    s = world(
        environment=environment(**spec),
        freezes=tuple(freezes),
        calendar=calendar(**rides) if rides else None,
        changes=changes,
        release=made,
    )
    now = NOW + offset * MINUTE
    found = foresee(s, now)
    if found.start is None:
        assert found.blocked is not None or (found.held and found.held[-1].until > now + HORIZON)
        return
    assert found.open_at(found.start)
    assert now <= found.start <= now + HORIZON
    assert found.start == now or not found.open_at(found.start - MINUTE)
    # Nothing was handed over behind a gate's back: what is open as it is stays open.
    if verdict(reasons.FREEZE, s, found.start).open:
        assert reasons.FREEZE not in found.taken
    assert not found.taken & {reasons.SOAK, reasons.FREEZE, reasons.CADENCE, reasons.CHANGE_WINDOW, reasons.ORDER}


@pytest.mark.parametrize("tier", [e.spec.tier.value for e in FIVE])
def test_every_tier_can_be_foreseen(tier: str) -> None:
    where = next(e for e in FIVE if e.spec.tier.value == tier)
    assert foresee(world(environment=where, release=release(passed=())), NOW).start == NOW


@pytest.mark.parametrize(
    "given",
    [
        {"release": None},
        {"release": release(), "plan": None, "changes": ()},
        {"changes": (change(), change("chg-2"))},
        {"changes": (change(release_name="payments-9.9.9"),)},
        {"changes": (change(creator=None),)},
        {"changes": (change(creator="system:serviceaccount:ci:robot"),)},
        {"changes": (change(risk=None, rollbackPlan=None),)},
        {"namespace": None, "deployer_may": None, "plan": None, "revisions": (), "admission": None},
    ],
    ids=str,
)
def test_whatever_the_world_is_like_the_search_ends(given: dict[str, Any]) -> None:
    s = world(**given)
    found = foresee(s, NOW)
    assert found.start is None or found.open_at(found.start)
    assert shown(s, evaluate_all(s, NOW), NOW).waiting_for or found.start == NOW


def test_a_forecast_that_fails_keeps_nothing_from_being_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        msg = "surprise"
        raise RuntimeError(msg)

    monkeypatch.setattr("lockflight.policy.forecast.foresee", broken)
    s = soaking()
    said = shown(s, evaluate_all(s, NOW), NOW)
    assert (said.earliest_start, [row.who for row in said.waiting_for]) == (None, ["clock"])


def test_a_window_that_lists_no_normal_change_is_met_by_a_schedule() -> None:
    s = world(
        changes=(),
        environment=environment(calendarRef={"name": "four-weekly"}, entry={"requireWindow": True}),
        calendar=calendar(),
        release=release(),
    )
    found = foresee(s, NOW)
    assert found.assumed.change is not None
    assert found.assumed.change.spec.schedule is not None


def test_an_environment_upstream_that_is_retired_is_passed_by_nobody() -> None:
    stack = tuple(e if e.metadata.name != "uat" else environment("uat", "UAT", retired=True) for e in FIVE)
    found = foresee(world(stack_environments=stack, release=release(passed=())), NOW)
    assert found.start is None
    assert found.blocked is not None
    assert found.blocked.gate == reasons.ORDER
