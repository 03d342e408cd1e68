"""Time on the real API server: the operator goes by a clock that these tests put forward, and by nothing else.

They follow one another on one clock, which is never put back: each story counts from what it shows when it begins.
"""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lockflight.api import reasons
from lockflight.devcluster.providers import ClusterLike
from tests.e2e.clocked import MovableClock
from tests.e2e.conftest import Operator, moved
from tests.e2e.slow import NEVER, helm_state, slow
from tests.e2e.stack import Stack, eventually

INTEGRATION = {"name": "integration", "tier": "Integration"}
CONTROL = {
    "standard": {"catalogue": [{"role": "cab", "count": 1}]},
    "normal": {"approvals": [{"role": "cab", "count": 1}]},
}


def _production(**spec: Any) -> dict[str, Any]:
    return {
        "name": "production",
        "tier": "Production",
        "spec": {"promotesFrom": ["integration"], "changeControl": CONTROL, **spec},
    }


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def z(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def wall(when: datetime, zone: str = "UTC") -> str:
    return f"{when.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}"


def schedule(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": z(start), "end": z(end)}


@pytest.fixture(scope="module")
def clock(operator: Operator, cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MovableClock]:
    """The clock of the operator that stands in for the session's meanwhile."""
    with moved(operator, cluster, tmp_path_factory.mktemp("clocked"), leaving=("rhythm", "board", "moves")) as clock:
        yield clock


def _whole(clock: MovableClock) -> datetime:
    """The minute that comes next: what people write down has no fractions."""
    return (clock.now() + timedelta(minutes=1)).replace(second=0, microsecond=0)


def _began(stack: Stack, promotion: str, seconds: float = 60) -> datetime:
    status = stack.reaches(promotion, "Succeeded", seconds)
    return datetime.fromisoformat(status["execution"]["startedAt"])


def test_a_cut_off_that_was_missed_means_the_next_train_and_a_standard_change_waits_for_its_window(
    clock: MovableClock, cluster: ClusterLike, tmp_path: Path
) -> None:
    stack = Stack(cluster, "rhythm", tmp_path)
    today = clock.now().date()
    leaves = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=9)
    opens = leaves + hours(3)
    at = "+0d 00:00"
    calendar = {
        "timeZone": "UTC",
        "sprint": {"start": f"{today - timedelta(days=9)}", "length": "9d"},
        "train": {"sprints": 1, "cutOff": at, "candidate": at, "production": at, "productionFor": "5d"},
        "changeWindows": [
            {"name": "mornings", "types": ["Standard"], "rrule": f"FREQ=DAILY;BYHOUR={opens.hour}", "duration": "2h"}
        ],
    }
    stack.install([INTEGRATION, _production(calendarRef={"name": "nine-days"})])
    stack.create("ReleaseCalendar", "nine-days", calendar, person="petra")
    left, train = eventually(
        lambda: [row["name"] for row in stack.status("lfcal", "nine-days").get("trains", [])][:2], "its trains"
    )
    first = stack.release("1.0.0")
    stack.reaches(f"{first}-integration", "Succeeded")
    stack.change("chg-1", first, schedule=schedule(leaves, leaves + hours(48)))
    stack.approve("chg-1", "alice")

    promotion = stack.promote(first, "production")

    message = stack.says(promotion, "Cadence", reasons.TRAIN_NOT_DUE)
    assert message.startswith(f"{first} is on train {train}, for it was made after the cut-off of {left} ({today}")
    assert stack.gate(promotion, "Cadence")["retryAt"] == z(leaves)
    assert stack.status("lfpromo", promotion)["phase"] == "Waiting"
    clock.put(leaves)
    assert _began(stack, promotion) >= leaves

    pattern = {"applications": ["rhythm"], "environments": ["production"], "kinds": ["Deployment", "ConfigMap"]}
    spec = {"title": "Patch upgrade", "pattern": pattern, "validUntil": f"{leaves.date() + timedelta(days=30)}"}
    stack.create("StandardChange", "patch-upgrade", spec, person="petra")
    eventually(lambda: stack.status("lfstd", "patch-upgrade").get("planDigest"), "the pattern to be looked at")
    stack.append("alice", "lfstd", "patch-upgrade", "approvals", {"role": "cab", "decision": "Approved"})
    second = stack.release("1.0.1")
    stack.reaches(f"{second}-integration", "Succeeded")
    how = {"standardChangeRef": {"name": "patch-upgrade"}, "rollbackPlan": {"strategy": "HelmRollback"}}
    stack.change("std-1", second, type="Standard", **how)

    promotion = stack.promote(second, "production")

    message = stack.says(promotion, "ChangeWindow", reasons.WINDOW_CLOSED)
    assert f"change windows mornings are closed: mornings opens {opens:%Y-%m-%d %H:%M} UTC" in message
    eventually(lambda: stack.gate(promotion, "StandardPattern").get("outcome") == "Passed", "the pattern to be met")
    assert stack.status("lfpromo", promotion)["phase"] == "Waiting"
    clock.put(opens)
    assert opens <= _began(stack, promotion) < opens + hours(2)


@pytest.fixture(scope="module")
def board(clock: MovableClock, cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack of two applications, with a production that asks the change board."""
    stack = Stack(cluster, "board", tmp_path_factory.mktemp("board"))
    stack.install([INTEGRATION, _production()], applications=["board", "other"])
    return stack


def _approved(stack: Stack, change: str, application: str, when: dict[str, str]) -> str:
    """A release with a change that was approved early; its promotion to production, which waits."""
    release = stack.release("1.0.0", application=application)
    stack.reaches(f"{release}-integration", "Succeeded")
    stack.change(change, release, schedule=when)
    stack.approve(change, "alice")
    promotion = stack.promote(release, "production")
    assert f"{change} is scheduled from" in stack.says(promotion, "ChangeWindow", reasons.SCHEDULE_NOT_BEGUN)
    assert stack.becomes("lfchg", change, "Approved", "Approved") == "approved by alice; waits for its schedule"
    assert stack.status("lfchg", change)["phase"] == "Scheduled"
    assert stack.status("lfpromo", promotion)["phase"] == "Waiting"
    return promotion


def test_an_early_approval_waits_for_its_schedule_and_a_recurring_freeze_comes_and_goes(
    board: Stack, clock: MovableClock
) -> None:
    now = _whole(clock)
    promotion = _approved(board, "chg-1", "board", schedule(now + hours(2), now + hours(6)))
    zone = "Asia/Kolkata"
    nightly = {
        "reason": "night batch",
        "timeZone": zone,
        "start": wall(now + hours(1), zone),
        "recurrence": {"rrule": "FREQ=DAILY", "duration": "2h"},
        "environments": {"names": ["production"]},
    }
    board.create("FreezeWindow", "nightly", nightly, person="alice")
    ahead = eventually(lambda: board.status("lffw", "nightly").get("next"), "its next occurrence")
    assert ahead == {"start": z(now + hours(1)), "end": z(now + hours(3))}

    clock.put(now + hours(1))
    board.reaches(promotion, "OnHold")
    ends = f"{wall(now + hours(3), zone)[:16].replace('T', ' ')} IST ({now + hours(3):%Y-%m-%d %H:%MZ})"
    assert board.gate(promotion, "Freeze")["message"] == f"freeze board/nightly (night batch) until {ends}"
    eventually(lambda: board.status("lffw", "nightly").get("affected") == [f"board/{promotion}"], "whom it holds")
    shown = board.status("lffw", "nightly")
    assert (shown["phase"], shown["nextTransition"]) == ("Active", z(now + hours(3)))

    clock.put(now + hours(2))
    eventually(lambda: board.gate(promotion, "ChangeWindow").get("outcome") == "Passed", "the schedule to begin")
    assert board.status("lfpromo", promotion)["phase"] == "OnHold"

    clock.put(now + hours(3))
    assert _began(board, promotion) >= now + hours(3)
    eventually(lambda: board.status("lffw", "nightly").get("affected") == [], "nobody to be held")
    shown = board.status("lffw", "nightly")
    assert (shown["phase"], shown["next"]["start"]) == ("Upcoming", z(now + hours(25)))


def test_the_line_is_stopped_at_once_one_named_change_goes_past_and_what_was_not_used_expires(
    board: Stack, clock: MovableClock, capsys: pytest.CaptureFixture[str]
) -> None:
    now = _whole(clock)
    inside = schedule(now + hours(1), now + hours(4))
    held = _approved(board, "chg-other", "other", inside)
    stop = {
        "reason": "incident",
        "timeZone": "UTC",
        "start": "2020-01-01T00:00:00",
        "environments": {"names": ["production"]},
        "override": {"approvals": [{"role": "cab", "count": 2}]},
    }

    took = _until_on_hold(board, held, lambda: board.create("FreezeWindow", "stop", stop, person="alice"))

    with capsys.disabled():
        print(f"\na stop-the-line freeze held a waiting promotion {took:.2f} s after its declaration returned")
    assert took < 1
    clock.put(now + hours(1))
    fix = board.release("1.0.1")
    board.reaches(f"{fix}-integration", "Succeeded")
    asks = {"windows": ["stop"], "justification": "it mends what the line was stopped for"}
    board.change("chg-fix", fix, schedule=inside, freezeOverride=asks)
    board.approve("chg-fix", "alice")
    past = board.promote(fix, "production")
    board.reaches(past, "OnHold")
    eventually(lambda: "1/2 cab" in board.gate(past, "Freeze").get("message", ""), "who is missing to be told")

    board.approve("chg-fix", "bob")

    board.reaches(past, "Succeeded")
    assert board.status("lfchg", "chg-fix")["usedBy"][0]["freezes"] == ["board/stop"]
    assert board.status("lfpromo", held)["phase"] == "OnHold"
    clock.put(now + hours(4))
    assert "its schedule ended before it was used" in board.becomes("lfchg", "chg-other", "Approved", "ScheduleOver")
    assert board.status("lfchg", "chg-other")["phase"] == "Expired"
    board.reaches(held, "Expired")
    assert board.deployed("other-production") == {}


def _until_on_hold(stack: Stack, promotion: str, act: Callable[[], None]) -> float:
    """Seconds from the return of ``act`` until a watch tells that ``promotion`` is on hold."""
    command = ["kubectl", "--kubeconfig", str(stack.cluster.kubeconfig("admin")), "-n", stack.name]
    command += ["get", "lfpromo", promotion, "--watch", "-o", 'jsonpath={.status.phase}{"\\n"}']
    with subprocess.Popen(command, env=stack.cluster.env, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        end = Timer(30, watching.kill)
        end.start()
        try:
            assert watching.stdout.readline().strip() == "Waiting"
            act()
            returned = monotonic()
            for phase in watching.stdout:
                if phase.strip() == "OnHold":
                    return monotonic() - returned
        finally:
            end.cancel()
            watching.kill()
    msg = f"{promotion} was not held within 30 s"
    raise AssertionError(msg)


@pytest.fixture(scope="module")
def moves(clock: MovableClock, cluster: ClusterLike, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack in which everything promotes by itself, an application a story."""
    stack = Stack(cluster, "moves", tmp_path_factory.mktemp("moves"))
    stack.install([INTEGRATION], applications=["horizon", "abort", "shift", "shelf"])
    return stack


def test_nothing_starts_that_is_expected_to_run_into_a_freeze(moves: Stack, clock: MovableClock) -> None:
    now = _whole(clock)
    soon = {
        "reason": "inventory",
        "timeZone": "UTC",
        "start": wall(now + timedelta(minutes=5)),
        "end": wall(now + timedelta(minutes=65)),
        "applications": ["horizon"],
    }
    moves.create("FreezeWindow", "inventory", soon, person="alice")
    eventually(lambda: moves.status("lffw", "inventory").get("phase") == "Upcoming", "the freeze to be looked at")
    release = moves.release("1.0.0", application="horizon")
    promotion = f"{release}-integration"

    message = moves.says(promotion, "Freeze", reasons.FREEZE_AHEAD)

    assert "before work that starts now is expected to end: nothing was measured here yet" in message
    assert moves.deployed("horizon-integration") == {}
    clock.put(now + timedelta(minutes=5))
    moves.reaches(promotion, "OnHold")
    clock.put(now + timedelta(minutes=65))
    assert _began(moves, promotion) >= now + timedelta(minutes=65)


@pytest.mark.embedded
def test_a_freeze_that_aborts_cancels_what_runs_when_its_time_comes(moves: Stack, clock: MovableClock) -> None:
    now = _whole(clock)
    moves.reaches(f"{moves.release('1.0.0', application='abort')}-integration", "Succeeded")
    evening = {
        "reason": "end of day",
        "timeZone": "UTC",
        "start": wall(now + hours(1)),
        "end": wall(now + hours(2)),
        "applications": ["abort"],
        "onRunning": "Abort",
    }
    moves.create("FreezeWindow", "evening", evening, person="alice")
    moves.chart("1.1.0", edit=slow(NEVER))
    promotion = f"{moves.release('1.1.0', application='abort')}-integration"
    eventually(lambda: helm_state(moves, "abort-integration") == "pending-upgrade", "Helm to be at work")
    moves.reaches(promotion, "Deploying")

    clock.put(now + hours(1))

    moves.reaches(promotion, "Aborted")
    assert "aborted by freeze moves/evening (end of day): spec.onRunning is Abort" in str(
        moves.condition("lfpromo", promotion, "Succeeded")["message"]
    )
    assert moves.deployed("abort-integration") == {"abort-app": "app-1.0.0"}


def _gap(zone: str, after: datetime) -> datetime:
    """The instant at which the clocks of ``zone`` are next put forward."""
    where, when = ZoneInfo(zone), after.replace(minute=0, second=0, microsecond=0)
    while (when + hours(1)).astimezone(where).utcoffset() <= when.astimezone(where).utcoffset():  # type: ignore[operator]
        when += hours(1)
    return when + hours(1)


def test_a_freeze_that_begins_at_an_hour_that_does_not_exist_begins_when_clocks_are_put_forward(
    moves: Stack, clock: MovableClock
) -> None:
    zone = "Europe/Berlin"
    gap = _gap(zone, clock.now() + hours(48))
    # 02:30, which the clocks jump over: 03:30, half an hour after the gap began.
    half = timedelta(minutes=30)
    skipped = f"{gap.astimezone(ZoneInfo(zone)):%Y-%m-%d}T02:30:00"
    nightly = {
        "reason": "statements",
        "timeZone": zone,
        "start": skipped,
        "recurrence": {"rrule": "FREQ=DAILY", "duration": "24h"},
        "applications": ["shift"],
    }
    moves.create("FreezeWindow", "statements", nightly, person="alice")
    ahead = eventually(lambda: moves.status("lffw", "statements").get("next"), "its next occurrence")
    assert ahead == {"start": z(gap + half), "end": z(gap + half + hours(24))}

    clock.put(gap + half)

    eventually(lambda: moves.status("lffw", "statements").get("phase") == "Active", "the freeze to begin")
    # The day after it begins at 02:30 as written, before a day has passed: there is no hole between the two.
    following = {"start": z(gap + half + hours(23)), "end": z(gap + half + hours(47))}
    assert moves.status("lffw", "statements")["next"] == following
    promotion = f"{moves.release('1.0.0', application='shift')}-integration"
    moves.reaches(promotion, "OnHold")
    assert f"03:30 CEST ({gap + half + hours(24):%Y-%m-%d %H:%MZ})" in moves.gate(promotion, "Freeze")["message"]


def test_what_was_refused_long_ago_leaves_once_a_higher_version_followed(moves: Stack, clock: MovableClock) -> None:
    failed = [{"type": "unit-tests", "result": "Failed"}]
    refused = f"{moves.release('1.0.0', application='shelf', evidence=failed)}-integration"
    moves.reaches(refused, "Rejected")
    followed = f"{moves.release('2.0.0', application='shelf')}-integration"
    moves.reaches(followed, "Succeeded")

    clock.put(clock.now() + timedelta(days=91))

    eventually(lambda: not moves.get("lfpromo", refused), f"{refused} to leave the cluster")
    assert moves.status("lfpromo", followed)["phase"] == "Succeeded"
