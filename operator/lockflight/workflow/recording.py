"""No Helm action of a promotion without its record."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lockflight.policy.external import open_step
from lockflight.policy.records import applied
from lockflight.ports import PortError, Severity
from lockflight.workflow import sealing
from lockflight.workflow.gather import Gathered
from lockflight.workflow.progress import text_of
from lockflight.workflow.run import Run

WAITS_FOR_HELM: Final = "Helm"


async def seal_first(work: Run, gathered: Gathered, removes: Sequence[str]) -> None:
    """Seal what is about to be done. Raises PortError where that cannot be: then nothing is done."""
    s = gathered.snapshot
    entry = applied(replace(s, promotion=work.promotion), gathered.rules, removes)
    try:
        if s.change is not None:
            # The word of those who let it in comes before what it let in.
            await sealing.change(work.deps, s.whole or s.change)
        await work.deps.audit.seal(work.promotion.metadata.namespace, entry)
    except PortError as problem:
        words = text_of(f"the audit trail cannot be written, so nothing is applied: {problem}", 512)
        if work.status.waits_for != words:
            work.deps.events.emit(work.promotion, Severity.WARNING, "AuditRecordMissing", words)
            await work.save(work.status.model_copy(update={"waits_for": words}))
        raise
    if work.status.waits_for != WAITS_FOR_HELM and open_step(work.status.steps) is None:
        await work.save(work.status.model_copy(update={"waits_for": WAITS_FOR_HELM}))
