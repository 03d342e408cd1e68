"""A promotion being carried out by this process: what it works with, and how it writes down where it stands."""

from dataclasses import dataclass, replace
from datetime import timedelta

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.promotion import Phase, Promotion, PromotionStatus
from lockflight.api.release import Release
from lockflight.policy.model import Effective, Revision
from lockflight.ports import ConflictError, GoneError, HelmOutcome, HelmResult, NotLeaderError, Severity
from lockflight.workflow.deps import Deps, Running
from lockflight.workflow.plancache import Planned
from lockflight.workflow.progress import text_of
from lockflight.workflow.sources import scrubbed
from lockflight.workflow.status import write


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in words for people."""

    message: str
    aborted: bool = False


@dataclass(slots=True, kw_only=True)
class Run:
    """What the way back needs; what is not there any more is None."""

    deps: Deps
    promotion: Promotion
    status: PromotionStatus
    """The promotion's status as it should be; ``promotion`` has it as it was last written."""
    running: Running
    namespace: str
    application: str
    timeout: timedelta
    """Longest time for one Helm action."""
    revisions: tuple[Revision, ...]
    release: Release | None
    governed: Effective | None
    change: ChangeRequest | None

    async def save(self, status: PromotionStatus) -> None:
        """Write the promotion's status: what changed since the last time.

        What people wrote meanwhile is no obstacle. Raises NotLeaderError where another operator took over.
        """
        while True:
            try:
                self.promotion = await write(self.deps, self.promotion, status, guarded=True)
                break
            except ConflictError:
                self.promotion = await self._read_again()
        self.status = self.promotion.status

    async def fence(self) -> None:
        """Before every action: this process leads, and has led without a break since it took up this execution."""
        number = await self.deps.leadership.fence()
        execution = self.promotion.status.execution
        if execution is None or execution.fencing != number:
            msg = f"{self.deps.leadership.holder} leads as number {number}, not as the one that began this execution"
            raise NotLeaderError(msg)

    def note(self, name: str, state: str, *, revision: int, message: str) -> None:
        """Remember how it stands with a component; written with the next save."""
        rows = tuple(
            row.model_copy(update={"state": state, "revision": revision or row.revision, "message": text_of(message)})
            if row.name == name
            else row
            for row in self.status.components
        )
        self.status = self.status.model_copy(update={"components": rows})

    def announce(self, phase: Phase, message: str) -> None:
        """Tell people and Prometheus about a step."""
        bad = phase in (Phase.FAILED, Phase.ROLLED_BACK, Phase.ABORTED)
        self.deps.events.emit(self.promotion, Severity.WARNING if bad else Severity.NORMAL, phase.value, message)
        self.deps.metrics.count(
            "promotion_transitions_total",
            environment=self.promotion.spec.environment_ref.name,
            phase=phase.value,
        )

    def timed(self, action: str, result: HelmResult, seconds: float) -> HelmResult:
        """Record how long a Helm action took; its result as it may be shown."""
        self.deps.metrics.observe("helm_action_duration_seconds", seconds, action=action, result=result.outcome.value)
        return replace(result, message=self.shown(result.message))

    def shown(self, message: str) -> str:
        """A message as it may stand in status, events and logs."""
        return message

    async def _read_again(self) -> Promotion:
        meta = self.promotion.metadata
        current = await self.deps.cluster.get("Promotion", meta.namespace, meta.name)
        if not isinstance(current, Promotion) or current.metadata.uid != meta.uid:
            msg = f"promotion {meta.namespace}/{meta.name} was deleted"
            raise GoneError(msg)
        mine, theirs = self.promotion.status.execution, current.status.execution
        if mine is None or theirs is None or (mine.holder, mine.fencing) != (theirs.holder, theirs.fencing):
            msg = f"promotion {meta.namespace}/{meta.name} is carried out by {theirs.holder if theirs else 'nobody'}"
            raise NotLeaderError(msg)
        self.deps.store.put(current)
        return current


@dataclass(slots=True, kw_only=True)
class Forward(Run):
    """What the way forward needs besides."""

    release: Release
    governed: Effective
    planned: Planned

    def shown(self, message: str) -> str:
        """Without values from Secrets, which Helm and the API server like to quote."""
        return scrubbed(message, self.planned.secrets)


def succeeded(result: HelmResult) -> bool:
    """The action did what it should."""
    return result.outcome is HelmOutcome.SUCCEEDED
