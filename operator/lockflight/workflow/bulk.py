"""Reconcile a bulk change: the plans of all its stacks, one approval, and where it stands."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest, Conflict
from lockflight.api.conditions import find
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy import bulk
from lockflight.policy.bulk import BulkTarget
from lockflight.policy.change import assess
from lockflight.policy.conflicts import conflicts
from lockflight.policy.digest import change_digest
from lockflight.policy.entitlement import by_function
from lockflight.policy.model import Effective, PlanProblem
from lockflight.policy.override import named
from lockflight.ports import Severity
from lockflight.workflow import sealing
from lockflight.workflow.assessing import Assessed
from lockflight.workflow.assessing import assess as assess_target
from lockflight.workflow.bulkrights import entitled
from lockflight.workflow.calendars import critical_of
from lockflight.workflow.change import over, plans_of
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import bulk_changes, stack_effective
from lockflight.workflow.status import write

LOOK_AGAIN: Final = timedelta(minutes=1)
_APPROVED: Final = (ChangePhase.SCHEDULED, ChangePhase.IMPLEMENT)


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is of a target."""

    target: BulkTarget
    release: Release | None
    environment: Environment | None
    governed: Effective | None


async def reconcile(deps: Deps, change: ChangeRequest) -> datetime | None:
    """One pass; when to look again. Raises PortError."""
    if over(change):
        if await sealing.owed(deps, change):
            await sealing.change(deps, change)
        return None
    root, now = deps.options.root_namespace, deps.clock.now()
    wide, found = bulk.widened(change), tuple(_there(deps, target) for target in bulk.targets(change))
    governed = {row.target.name: row.governed for row in found if row.governed is not None}
    stacks = tuple(dict.fromkeys(row.target.stack for row in found))
    releases = {row.release.metadata.uid: row.release for row in found if row.release is not None}
    everybody = bulk.put_together(change, releases.values())
    plans, problems = plans_of(wide, everybody, await _assessed(deps, wide, found), governed)
    problems = (*_misplaced(change, root), *_missing(found), *problems)
    digest = change_digest(plans) if plans and not problems else None
    met = tuple(chain.from_iterable(_conflicts(deps, change, stack) for stack in stacks))[:64]
    shown = wide.status.model_copy(update={"plans": plans, "plan_digest": digest, "conflicts": met})
    wide = wide.model_copy(update={"status": shown})
    rights = await entitled(deps, change, stacks, function=by_function(tuple(governed.values())), fresh=False)
    verdict = assess(
        wide,
        governed,
        everybody,
        bulk.ran_under(change, deps.store.of(Promotion)),
        problems,
        rights,
        now,
        None,
        tuple(deps.store.of(Delegation, root)),
        _overridden(deps, change, found, now),
    )
    before, after = (find(status.conditions, reasons.APPROVED) for status in (change.status, verdict.status))
    written = await write(deps, change, verdict.status, guarded=True)
    await sealing.change(deps, written)
    if after is not None and (before is None or before.status != after.status):
        ended = verdict.status.phase is not None and verdict.status.phase.ended
        deps.events.emit(change, Severity.WARNING if ended else Severity.NORMAL, after.reason, after.message)
    times = [verdict.retry_at, now + deps.options.plan_retry if problems and not over(written) else None]
    # A stack sees its own quorum afresh, that of the others here: who left is noticed within a minute.
    times.append(now + LOOK_AGAIN if written.status.phase in _APPROVED else None)
    return min((time for time in times if time is not None), default=None)


def _there(deps: Deps, target: BulkTarget) -> _Found:
    environment = deps.store.get(Environment, target.stack, target.environment)
    governed = stack_effective(deps, environment) if environment is not None else None
    return _Found(target, deps.store.get(Release, target.stack, target.release), environment, governed)


def _conflicts(deps: Deps, change: ChangeRequest, stack: str) -> Iterator[Conflict]:
    """What a stack has scheduled for one of its targets at the same time."""
    mine = bulk.part(change, stack)
    if mine is None or change.spec.schedule is None:
        return
    others = (*deps.store.of(ChangeRequest, stack), *(part for _, part in bulk_changes(deps, stack)))
    applications = {r.metadata.name: r.spec.application for r in deps.store.of(Release, stack)}
    for found in conflicts(mine, others, applications):
        yield found.model_copy(update={"environment": bulk.qualified(stack, found.environment)})


def _misplaced(change: ChangeRequest, root: str) -> tuple[str, ...]:
    """Elsewhere the right to approve would be given by a stack for all the others."""
    if change.metadata.namespace == root:
        return ()
    return (f"a bulk change is raised in {root}, where it is approved for all stacks: this one permits nothing",)


def _missing(found: Iterable[_Found]) -> tuple[str, ...]:
    rows = (row.target for row in found if row.release is None)
    return tuple(dict.fromkeys(f"release {row.release} does not exist in {row.stack}" for row in rows))


async def _assessed(deps: Deps, wide: ChangeRequest, found: Iterable[_Found]) -> Mapping[str, Assessed | PlanProblem]:
    """Every target that there is, but those in which the change is done."""
    done = {use.environment for use in wide.status.used_by if use.finished}
    mine = {use.promotion_uid for use in wide.status.used_by}

    async def one(row: _Found) -> Assessed | PlanProblem | None:
        name, release, environment, governed = row.target.name, row.release, row.environment, row.governed
        if release is None or environment is None or governed is None or name in done:
            return None
        made = await assess_target(deps, release, environment, governed, mine)
        return replace(made, environment=name) if isinstance(made, Assessed) else made

    rows = tuple(found)
    made = await asyncio.gather(*(one(row) for row in rows))
    return {row.target.name: plan for row, plan in zip(rows, made, strict=True) if plan is not None}


def _overridden(deps: Deps, change: ChangeRequest, found: Iterable[_Found], now: datetime) -> tuple[FreezeWindow, ...]:
    """The freezes of any of its stacks that it asks to go past."""
    rows = tuple(found)
    places = dict.fromkeys((deps.options.root_namespace, *(row.target.stack for row in rows)))
    freezes = {f.metadata.uid: f for place in places for f in deps.store.of(FreezeWindow, place)}
    for row in rows:
        made = critical_of(deps, row.target.stack, [row.governed] if row.governed else [], now)
        freezes |= {freeze.metadata.uid: freeze for freeze in made}
    return named(change, tuple(freezes.values()))
