"""How the process is: what probes and gauges tell of it."""

from datetime import timedelta

from lockflight.handlers.health import Answer
from lockflight.handlers.listing import Lists
from lockflight.handlers.queue import WorkQueue
from lockflight.ports import Metrics
from lockflight.workflow.keys import Key
from lockflight.workflow.store import Store


class Vitals:
    """Read when asked, so that nothing has to be kept up to date."""

    def __init__(
        self, lists: Lists, queue: WorkQueue[Key], store: Store, metrics: Metrics, *, longest_silence: timedelta
    ) -> None:
        """``longest_silence``: how long a watch may go without having been seen current before a restart is due."""
        self._lists = lists
        self._queue = queue
        self._store = store
        self._metrics = metrics
        self._longest_silence = longest_silence
        self.listed = False
        """The store was filled."""
        self.leading = False
        """Work is being done here; else another process does it, or soon will."""

    def healthy(self) -> Answer:
        """Not so where a restart would help."""
        silent = sorted(kind for kind, age in self._lists.ages().items() if age > self._longest_silence)
        if silent:
            return Answer(well=False, words=f"no current watch of {', '.join(silent)}")
        return Answer(well=True, words="ok")

    def ready(self) -> Answer:
        """Ready as leader or as standby."""
        if not self.listed:
            return Answer(well=False, words="still listing")
        return Answer(well=True, words="leader" if self.leading else "standby")

    def record(self) -> None:
        """Set the gauges."""
        self._metrics.gauge("queue_depth", self._queue.depth)
        for kind, age in self._lists.ages().items():
            self._metrics.gauge("watch_staleness_seconds", age.total_seconds(), kind=kind)
        for kind, count in self._store.sizes().items():
            self._metrics.gauge("objects", count, kind=kind)
