"""The work queue: dedupe, one worker a key, wake-ups, back-off, stopping."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lockflight.handlers.queue import WorkQueue
from tests.fakes import FakeClock
from tests.fakes.clock import START

SECOND = timedelta(seconds=1)


async def settle() -> None:
    """Let every task go as far as it can without time passing."""
    for _ in range(12):
        await asyncio.sleep(0)


@dataclass
class Bench:
    """A queue whose passes last until the test ends them."""

    clock: FakeClock = field(default_factory=FakeClock)
    concurrency: int = 256
    started: list[tuple[str, datetime]] = field(default_factory=list)
    active: dict[str, asyncio.Future[datetime | None]] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    failures: list[tuple[str, str, timedelta]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue: WorkQueue[str] = WorkQueue(
            self._work,
            self.clock,
            concurrency=self.concurrency,
            failed=self._failed,
            rng=random.Random(7),  # noqa: S311
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        runner = asyncio.create_task(self.queue.run())
        await settle()
        yield
        await self.queue.stop(SECOND)
        await asyncio.wait_for(runner, 5)

    async def add(self, key: str) -> None:
        self.queue.add(key)
        await settle()

    async def end(self, key: str, again_at: datetime | None = None) -> None:
        self.active[key].set_result(again_at)
        await settle()

    async def fail(self, key: str, problem: Exception) -> None:
        self.active[key].set_exception(problem)
        await settle()

    async def advance(self, duration: timedelta) -> None:
        self.clock.advance(duration)
        await settle()

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.started]

    async def _work(self, key: str) -> datetime | None:
        assert key not in self.active, f"two workers on {key}"
        assert len(self.active) < self.concurrency, "more workers than allowed"
        self.started.append((key, self.clock.now()))
        self.active[key] = asyncio.get_running_loop().create_future()
        try:
            return await self.active[key]
        except asyncio.CancelledError:
            self.cancelled.append(key)
            raise
        finally:
            del self.active[key]

    def _failed(self, key: str, problem: Exception, pause: timedelta) -> None:
        self.failures.append((key, str(problem), pause))


async def test_a_key_added_many_times_before_the_start_is_worked_on_once() -> None:
    bench = Bench()
    for _ in range(5):
        bench.queue.add("a")
    assert bench.queue.depth == 1
    async with bench.running():
        await bench.end("a")
        assert bench.keys == ["a"]


async def test_a_key_added_while_it_is_worked_on_is_worked_on_once_more_afterwards() -> None:
    bench = Bench()
    async with bench.running():
        await bench.add("a")
        await bench.add("a")
        await bench.add("a")
        assert bench.keys == ["a"]
        await bench.end("a")
        assert bench.keys == ["a", "a"]
        await bench.end("a")
        assert bench.keys == ["a", "a"]


async def test_other_keys_go_on_while_one_is_worked_on() -> None:
    bench = Bench()
    async with bench.running():
        await bench.add("a")
        await bench.add("b")
        assert set(bench.active) == {"a", "b"}
        assert bench.queue.running == 2


async def test_no_more_keys_at_a_time_than_allowed_and_the_rest_in_order() -> None:
    bench = Bench(concurrency=2)
    async with bench.running():
        for key in "abcd":
            await bench.add(key)
        assert bench.keys == ["a", "b"]
        assert bench.queue.depth == 2
        await bench.end("b")
        assert bench.keys == ["a", "b", "c"]


async def test_a_pass_that_says_when_is_repeated_then_and_not_before() -> None:
    bench = Bench()
    async with bench.running():
        await bench.add("a")
        await bench.end("a", START + 100 * SECOND)
        await bench.advance(99 * SECOND)
        assert bench.keys == ["a"]
        await bench.advance(SECOND)
        assert bench.started == [("a", START), ("a", START + 100 * SECOND)]


async def test_the_earliest_of_several_wake_ups_wins() -> None:
    bench = Bench()
    async with bench.running():
        for seconds in (50, 10, 30):
            bench.queue.add_at("a", START + seconds * SECOND)
        await settle()
        await bench.advance(10 * SECOND)
        assert bench.keys == ["a"]
        await bench.end("a")
        await bench.advance(60 * SECOND)
        assert bench.keys == ["a"], "the pass said that nothing else is to come"


async def test_a_pass_replaces_the_wake_up_that_was_set_before() -> None:
    bench = Bench()
    async with bench.running():
        bench.queue.add_at("a", START + 10 * SECOND)
        await bench.add("a")
        await bench.end("a", START + 40 * SECOND)
        await bench.advance(20 * SECOND)
        assert bench.keys == ["a"]
        await bench.advance(20 * SECOND)
        assert bench.keys == ["a", "a"]


async def test_a_wake_up_in_the_past_is_now() -> None:
    bench = Bench()
    async with bench.running():
        bench.queue.add_at("a", START - SECOND)
        await settle()
        assert bench.keys == ["a"]


async def test_a_clock_that_is_set_forward_is_noticed_within_half_a_minute() -> None:
    class Jumping(FakeClock):
        """Sleep goes by the machine's ticks, which a jump of the wall clock does not move."""

        async def sleep(self, duration: timedelta) -> None:
            slept.append(duration)
            await ticking.wait()

    slept: list[timedelta] = []
    ticking = asyncio.Event()
    bench = Bench(clock=Jumping())
    async with bench.running():
        bench.queue.add_at("a", START + timedelta(hours=5))
        await settle()
        assert slept == [timedelta(seconds=30)]
        bench.clock.advance(timedelta(hours=6))
        ticking.set()
        await settle()
        assert bench.keys == ["a"]


async def test_an_unexpected_error_is_told_and_tried_again_ever_later_until_it_works() -> None:
    bench = Bench()
    async with bench.running():
        await bench.add("a")
        for attempt in range(12):
            await bench.fail("a", ValueError(f"defect {attempt}"))
            pause = bench.failures[-1][2]
            longest = min(SECOND * 2**attempt, timedelta(minutes=5))
            assert longest / 2 <= pause <= longest
            await bench.advance(pause)
            assert len(bench.started) == attempt + 2
        assert bench.failures[0][:2] == ("a", "defect 0")
        await bench.end("a")
        await bench.add("a")
        await bench.fail("a", ValueError("again"))
        assert bench.failures[-1][2] <= SECOND, "success forgives"


async def test_one_key_failing_does_not_hold_up_another() -> None:
    bench = Bench()
    async with bench.running():
        await bench.add("a")
        await bench.fail("a", RuntimeError("defect"))
        await bench.add("b")
        assert bench.keys == ["a", "b"]


async def test_a_failing_key_that_changes_is_tried_at_once() -> None:
    bench = Bench()
    async with bench.running():
        await bench.add("a")
        await bench.fail("a", RuntimeError("defect"))
        await bench.add("a")
        assert bench.keys == ["a", "a"]


async def test_stopping_cancels_what_runs_and_starts_nothing_more() -> None:
    bench = Bench(concurrency=1)
    async with bench.running():
        await bench.add("a")
        await bench.add("b")
        assert await bench.queue.stop(SECOND) == 0
        await bench.add("c")
        assert bench.cancelled == ["a"]
        assert bench.keys == ["a"]


async def test_stopping_says_how_many_do_not_end_in_time() -> None:
    async def stubborn(key: str) -> None:
        for _ in range(2):
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    over = asyncio.Event()
    queue: WorkQueue[str] = WorkQueue(stubborn, FakeClock(), concurrency=4, failed=lambda *_: None)
    runner = asyncio.create_task(queue.run())
    queue.add("a")
    await settle()
    assert await queue.stop(timedelta(milliseconds=10)) == 1
    over.set()
    await asyncio.wait_for(runner, 5)
    await settle()
    assert queue.running == 0


async def test_replaced_wake_ups_do_not_pile_up() -> None:
    bench = Bench()
    async with bench.running():
        for round_ in range(1_000):
            await bench.add("a")
            await bench.end("a", START + timedelta(days=1, seconds=round_))
        assert len(bench.queue._heap) <= 2 * len(bench.queue._due) + 65
        await bench.advance(timedelta(days=2))
        assert len(bench.keys) == 1_001


KEYS = st.sampled_from("abc")
DELAYS = st.integers(0, 20).map(lambda seconds: seconds * SECOND)
OPERATIONS = st.one_of(
    st.tuples(st.just("add"), KEYS),
    st.tuples(st.just("add_at"), KEYS, DELAYS),
    st.tuples(st.just("end"), KEYS, st.none() | DELAYS),
    st.tuples(st.just("fail"), KEYS),
    st.tuples(st.just("advance"), DELAYS),
)


@settings(max_examples=300, deadline=None)
@given(operations=st.lists(OPERATIONS, max_size=40), concurrency=st.integers(1, 3))
def test_whatever_happens_nothing_is_lost_nothing_is_early_and_no_key_has_two_workers(
    operations: list[tuple[object, ...]], concurrency: int
) -> None:
    """The last and the limit are asserted inside every pass."""
    asyncio.run(_play(operations, concurrency))


async def _play(operations: list[tuple[object, ...]], concurrency: int) -> None:
    bench = Bench(concurrency=concurrency)
    # A request: key, number of passes begun before it, and the instant it is for.
    requests: list[tuple[str, int, datetime]] = []

    def ask(key: str, due: datetime) -> None:
        requests.append((key, len(bench.started), due))

    async with bench.running():
        for operation, *given_ in operations:
            now = bench.clock.now()
            match operation, given_:
                case "add", [str(key)]:
                    ask(key, now)
                    await bench.add(key)
                case "add_at", [str(key), timedelta() as delay]:
                    ask(key, now + delay)
                    bench.queue.add_at(key, now + delay)
                    await settle()
                case "end", [str(key), None] if key in bench.active:
                    await bench.end(key)
                case "end", [str(key), timedelta() as delay] if key in bench.active:
                    ask(key, now + delay)
                    await bench.end(key, now + delay)
                case "fail", [str(key)] if key in bench.active:
                    bench.active[key].set_exception(RuntimeError("defect"))
                    before = len(bench.started)
                    await settle()
                    requests.append((key, before, now + bench.failures[-1][2]))
                case "advance", [timedelta() as duration]:
                    await bench.advance(duration)
        for _ in range(2_000):
            if not bench.active and bench.queue.depth == 0 and not bench.queue._due:
                break
            for key in list(bench.active):
                await bench.end(key)
            await bench.advance(SECOND)
        assert not bench.queue._due
        assert bench.queue.depth == 0

    for key, begun, due in requests:
        assert any(each == key for each, _ in bench.started[begun:]), f"{key}, due {due}, was lost"
    for number, (key, at) in enumerate(bench.started):
        assert any(each == key and begun <= number and due <= at for each, begun, due in requests), f"{key} came early"
    assert len(bench.started) <= len(requests)
