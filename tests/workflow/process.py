"""One life of the operator: the workflow with its store and who is woken by what, worked off one key at a time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from lockflight import ports
from lockflight.api.kinds import LIVING, AnyObject
from lockflight.handlers.store import LiveStore
from lockflight.handlers.wake import Waker
from lockflight.workflow.deps import Deps, Options
from lockflight.workflow.keys import Key, key_of
from lockflight.workflow.reconcile import reconcile
from lockflight.workflow.trail import AuditTrail
from tests.fakes import FakeAdmission

_MOST_PASSES = 400
_SOON = timedelta(seconds=1)


class Process:
    """``settle`` works until nothing is left that is due within a second."""

    def __init__(
        self,
        *,
        clock: ports.Clock,
        cluster: ports.Cluster,
        helm: ports.Helm,
        charts: ports.Charts,
        events: ports.Events,
        metrics: ports.Metrics,
        leadership: ports.Leadership,
        options: Options,
        admission: ports.Admission | None = None,
    ) -> None:
        self.store = LiveStore()
        self.deps = Deps(
            clock=clock,
            cluster=cluster,
            admission=admission or FakeAdmission(),
            helm=helm,
            charts=charts,
            events=events,
            metrics=metrics,
            leadership=leadership,
            audit=AuditTrail(cluster, clock, options.root_namespace),
            store=self.store,
            options=options,
        )
        self._waker = Waker(self.deps, cast("Any", self))
        self._ready: dict[Key, None] = {}
        self._due: dict[Key, datetime] = {}
        self.worked: list[Key] = []
        """Every pass there was."""

    def listen(self) -> None:
        """From now on every change wakes who depends on it; everything unfinished is looked at."""
        self.store.listen(self._waker.changed, self._waker.namespace_changed)
        self._waker.everything()

    def add(self, key: Key) -> None:
        """The queue's part that the waker uses."""
        self._ready[key] = None

    def add_at(self, key: Key, when: datetime) -> None:
        """The queue's other part: the earliest of several instants holds."""
        if self._due.get(key, when) >= when:
            self._due[key] = when

    def tell(self, objects: Iterable[AnyObject]) -> None:
        """All there is, as a list tells it: what is missing is gone."""
        watched = {kind.name for kind in LIVING}
        there = {key_of(obj): obj for obj in objects if obj.kind in watched}
        for obj in there.values():
            self.store.put(obj)
        for key in [key_of(obj) for kind in LIVING for obj in self.store.of(kind.model)]:
            if key not in there:
                self.store.remove(key)

    async def settle(self) -> None:
        """Work until nothing is due within a second. What a pass raises is raised."""
        for _ in range(_MOST_PASSES):
            key = await self._next()
            if key is None:
                return
            await self.one(key)
        msg = f"it never comes to rest; the last passes were {[str(k) for k in self.worked[-8:]]}"
        raise AssertionError(msg)

    async def one(self, key: Key) -> None:
        """One pass."""
        self.worked.append(key)
        again = await reconcile(self.deps, key)
        if again is not None:
            self.add_at(key, again)

    async def _next(self) -> Key | None:
        now = self.deps.clock.now()
        for key in [key for key, when in self._due.items() if when <= now]:
            del self._due[key]
            self.add(key)
        if not self._ready and self._due:
            key, when = min(self._due.items(), key=lambda item: (item[1], item[0]))
            if when - now <= _SOON:
                await self._until(when)
                return await self._next()
        key = next(iter(self._ready), None)
        if key is not None:
            del self._ready[key]
        return key

    async def _until(self, when: datetime) -> None:
        clock = self.deps.clock
        move = getattr(clock, "move_to", None)
        if move is not None:
            move(when)
        else:
            await clock.sleep(when - clock.now())
