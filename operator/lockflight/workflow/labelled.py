"""The classes of data that objects in a target are labelled with."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from lockflight.api import reasons
from lockflight.api.data import DATA_CLASS_LABEL
from lockflight.policy.facts import Ref
from lockflight.policy.labels import deployer
from lockflight.policy.model import Plan, PlanProblem
from lockflight.ports import PortError, RefusedError
from lockflight.workflow.deps import Deps

_SHOWN_FOR: Final = timedelta(seconds=30)


async def labelled(deps: Deps, target: str, plan: Plan, *, fresh: bool) -> Mapping[Ref, str] | PlanProblem:
    """Of what the plan works with: one request for each kind of object, every half minute, and whenever ``fresh``."""
    wanted = tuple(dict.fromkeys(use.ref for use in plan.data))
    if not wanted:
        return {}
    now = deps.clock.now()
    asked = deps.labelled.get((target, wanted))
    if asked is not None and not fresh and now - asked[0] < _SHOWN_FOR:
        return asked[1]
    found = await _read(deps, target, wanted)
    deps.labelled = {key: kept for key, kept in deps.labelled.items() if now - kept[0] < _SHOWN_FOR}
    deps.labelled[target, wanted] = (now, found)
    return found


async def _read(deps: Deps, target: str, wanted: tuple[Ref, ...]) -> Mapping[Ref, str] | PlanProblem:
    try:
        rows = await deps.cluster.labels(target, wanted)
    except RefusedError as refusal:
        kinds = ", ".join(sorted({f"{ref.kind}s" for ref in wanted}))
        words = f"{refusal}: give {deployer(target)} get and list on {kinds} (deployer.rules of chart lockflight-stack)"
        return PlanProblem(reasons.CANNOT_TELL, words)
    except PortError as problem:
        return PlanProblem(reasons.CANNOT_TELL, str(problem))
    return {ref: labels[DATA_CLASS_LABEL] for ref, labels in rows.items() if DATA_CLASS_LABEL in labels}
