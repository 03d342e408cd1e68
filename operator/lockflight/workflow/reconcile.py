"""The one entry: reconcile whatever a key stands for."""

import random
from datetime import datetime, timedelta

import structlog

from lockflight.api.auditrecord import AuditRecord
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.kinds import AnyObject
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange
from lockflight.ports import ConflictError, GoneError, PortError
from lockflight.workflow import (
    access,
    bulk,
    calendar,
    change,
    delegation,
    environment,
    freeze,
    glass,
    promotion,
    release,
    rulekeeping,
    standard,
)
from lockflight.workflow.deps import Deps
from lockflight.workflow.keys import NAMESPACE, Key

log = structlog.get_logger()


async def reconcile(deps: Deps, key: Key) -> datetime | None:
    """One pass over one object; when to look again.

    What the cluster refuses or cannot answer is logged and tried again later; only a defect raises.
    """
    obj = deps.store.find(key)
    started = deps.clock.now()
    try:
        if key.kind == NAMESPACE:
            times = await glass.reconcile(deps, key.name), await access.reconcile(deps, key.name)
            return min(filter(None, times), default=None)
        if obj is None:
            await rulekeeping.gone(deps, key)
            return None
        again = await _pass(deps, obj)
        await rulekeeping.seal(deps, obj)
        return again
    except ConflictError:
        # Somebody wrote in between: decide again soon, but not all at the same instant.
        if key.kind != NAMESPACE:
            await _read_again(deps, key)
        return deps.clock.now() + timedelta(seconds=0.05 + random.random() * 0.2)  # noqa: S311
    except GoneError:
        return None
    except PortError as problem:
        log.warning("could not finish a pass", key=str(key), problem=str(problem))
        return deps.clock.now() + deps.options.plan_retry
    finally:
        deps.metrics.observe("reconcile_duration_seconds", (deps.clock.now() - started).total_seconds(), kind=key.kind)


async def _pass(deps: Deps, obj: AnyObject) -> datetime | None:
    match obj:
        case Promotion():
            return await promotion.reconcile(deps, obj)
        case ChangeRequest() if obj.spec.releases is not None:
            return await bulk.reconcile(deps, obj)
        case ChangeRequest():
            return await change.reconcile(deps, obj)
        case Release():
            return await release.reconcile(deps, obj)
        case Environment():
            return await environment.reconcile(deps, obj)
        case FreezeWindow():
            return await freeze.reconcile(deps, obj)
        case AuditRecord():
            return None
        case ReleaseCalendar():
            return await calendar.reconcile(deps, obj)
        case StandardChange():
            return await standard.reconcile(deps, obj)
        case Delegation():
            return await delegation.reconcile(deps, obj)


async def _read_again(deps: Deps, key: Key) -> None:
    """Know what conflicted, whether or not a watch tells; where it cannot be read now, the next pass finds out."""
    try:
        current = await deps.cluster.get(key.kind, key.namespace, key.name)
    except (PortError, ValueError) as problem:
        log.warning("could not read again what conflicted", key=str(key), problem=str(problem))
        return
    if current is not None:
        deps.store.put(current)


interrupt = promotion.interrupt
