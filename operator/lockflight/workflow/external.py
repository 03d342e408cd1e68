"""Steps of a bundle that others take: said to be open, waited for, and ended by somebody's word.

The wait holds no process: the pass ends, and the promotion is taken up again when something is said, or time is up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.conditions import condition, merge
from lockflight.api.promotion import Action, Attestation, PromotionStatus, StepStatus
from lockflight.policy.external import asked, authorized, open_step, word
from lockflight.policy.model import PlannedStep
from lockflight.ports import Severity
from lockflight.workflow import sealing
from lockflight.workflow.judge import shut_by_people
from lockflight.workflow.progress import text_of
from lockflight.workflow.rights import answers
from lockflight.workflow.run import Failure, Forward

LOOK_AGAIN: Final = timedelta(minutes=1)
"""While others are at it: whether people took back what let it start."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Others have to act; ``until`` is when to look at the latest."""

    until: datetime


async def take(work: Forward, step: PlannedStep) -> Failure | Pause | None:
    """One pass over a step: done, failed, or open and waited for. Raises PortError."""
    if work.promotion.spec.action is Action.ROLLBACK:
        # Going back takes no step again; whoever took it takes it back.
        return None
    row = _row(work, step)
    if row.state == "Done":
        return None
    if work.running.aborted.is_set():
        return Failure(work.running.words, aborted=True)
    now = work.deps.clock.now()
    if row.state == "Authorized":
        rights = await answers(work.deps, work.promotion.metadata.namespace, asked(work.promotion), fresh=True)
        await sealing.promotion(work.deps, work.promotion)
        said = word(work.promotion, step, rights)
        if said.entry is not None:
            return await _said(work, row, said.entry.result == "Passed", _words(said.entry))
        if row.due_by is not None and now >= row.due_by:
            return await _said(work, row, False, f"nobody said by {row.due_by:%Y-%m-%d %H:%MZ} how it went")  # noqa: FBT003
    shut = await shut_by_people(work.deps, work.promotion)
    if shut is not None:
        return Failure(f"before step {step.name}: {shut}")
    if row.state != "Authorized":
        row = authorized(row, step, now)
    await _open(work, row, step, now)
    return Pause(min(now + LOOK_AGAIN, row.due_by or now + LOOK_AGAIN))


def _words(entry: Attestation) -> str:
    return f"says {entry.by}{f': {entry.comment}' if entry.comment else ''}"


async def _open(work: Forward, row: StepStatus, step: PlannedStep, now: datetime) -> None:
    """Say that it may be taken; once, however often it is looked at."""
    name, due = work.promotion.metadata.name, f"{row.due_by:%Y-%m-%d %H:%MZ}" if row.due_by else "?"
    words = text_of(
        f"step {step.name} may be taken, until {due}: {step.description}; then somebody who may speak as {step.role} "
        f"says how it went: lockflight attest {name} {step.name} --role {step.role} --result Passed",
        512,
    )
    opened = row not in work.status.steps
    generation = work.promotion.metadata.generation
    status = _said_of(_with(work.status, row), words, now, open_=True, generation=generation)
    await work.save(status.model_copy(update={"waits_for": words}))
    if opened:
        work.deps.events.emit(work.promotion, Severity.NORMAL, reasons.AUTHORIZED, words)


async def _said(work: Forward, row: StepStatus, passed: bool, words: str) -> Failure | None:  # noqa: FBT001
    """It is over: on it goes, or back."""
    if not passed:
        return Failure(f"step {row.name} failed: {words}")
    done = _with(work.status, row.model_copy(update={"state": "Done", "message": text_of(words)}))
    now, generation = work.deps.clock.now(), work.promotion.metadata.generation
    text = f"step {row.name} is done, {words}"
    await work.save(_said_of(done, text, now, open_=False, generation=generation))
    return None


def closed(status: PromotionStatus, words: str, now: datetime, *, generation: int) -> PromotionStatus:
    """The status of a promotion that goes no further: nobody takes the step that was open any more."""
    row = open_step(status.steps)
    if row is None:
        return status
    over = row.model_copy(update={"state": "Failed", "message": row.message or text_of(words)})
    return _said_of(_with(status, over), words, now, open_=False, generation=generation)


def _row(work: Forward, step: PlannedStep) -> StepStatus:
    known = next((row for row in work.status.steps if row.name == step.name), None)
    return known or StepStatus(name=step.name, state="Pending", role=step.role)


def _with(status: PromotionStatus, row: StepStatus) -> PromotionStatus:
    known = any(other.name == row.name for other in status.steps)
    rows = tuple(row if other.name == row.name else other for other in status.steps)
    return status.model_copy(update={"steps": rows if known else (*rows, row)})


def _said_of(status: PromotionStatus, words: str, now: datetime, *, open_: bool, generation: int) -> PromotionStatus:
    """The condition Authorized: what a pipeline waits for."""
    reason = reasons.AUTHORIZED if open_ else reasons.NOT_AUTHORISED
    said = condition(reasons.AUTHORIZED, open_, reason, text_of(words), generation=generation, now=now)
    return status.model_copy(update={"conditions": merge(status.conditions, [said])})
